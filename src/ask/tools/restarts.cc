#include "ask/tools/restarts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "ask/query_budget.h"
#include "ask/tools/data_since.h"
#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {

constexpr DurationMs kLooked = DurationMs::hours(24);
/// A day in steps of 15 s, the interval that most things are scraped at.
constexpr int64_t kMostSteps = 5760;
/// Of very many series less closely.
constexpr std::array<int64_t, 2> kFewerSteps{1440, 360};
constexpr DurationMs kClosest = DurationMs::seconds(15);
/// Over how much more is not looked again.
constexpr DurationMs kLongest = DurationMs::hours(1);
constexpr size_t kMostQueries = 40;
constexpr size_t kMostTimes = 10;
/// How many moments are looked at more closely.
constexpr int kMostRefined = 8;

/// A restart lies in it: behind `after`, and at the latest at `at`.
struct Within {
  TimeMs after;
  TimeMs at;
  const Json* selector = nullptr;  ///< of what shows it
};

struct Target {
  std::vector<Within> found;
  std::optional<TimeMs> started;  ///< as it says itself
  TimeMs since;                   ///< its first sample
  bool says_start = false;
};

using Targets = std::map<Labels, Target>;

Labels target_of(const Labels& labels) {
  LabelsBuilder out;
  for (const char* name : {"job", "instance"}) {
    if (labels.has(name)) out.set(name, labels.get(name));
  }
  return out.build();
}

/// What a selector's series are looked at with.
struct Look {
  FrameRequest request;
  TimeMs since;  ///< what is there at the grid's first moment is there since then, at the latest
  RangeFrame frame;
};

FrameRequest grid_of(TimeRange time, int64_t most) {
  const DurationMs length = time.end - time.start;
  const DurationMs step{std::max(kClosest.ms, length.ms / most / 1000 * 1000)};
  return {time.end - step * (length.ms / step.ms), time.end, step};
}

/// As closely as there is room for.
Result<Look> look_at(query::Engine& engine, const std::string& selector, TimeRange time,
                     const ToolContext& context) {
  FrameRequest request = grid_of(time, kMostSteps);
  auto frame = range_frame(engine, selector, request, context);
  if (!frame && frame.error().code == ErrorCode::LimitExceeded) {
    const auto first = first_sample(engine, selector, time, context);
    const TimeMs begin = first ? first->value_or(time.start) : time.start;
    time.start = std::max(time.start, std::min(begin, time.end - kClosest));
  }
  for (const int64_t most : kFewerSteps) {
    if (frame || frame.error().code != ErrorCode::LimitExceeded) break;
    request = grid_of(time, most);
    frame = range_frame(engine, selector, request, context);
  }
  return Look{request, time.start, TRY(std::move(frame))};
}

/// What a series tells of its target, `since` when the frame's first values are there. `starts`:
/// its values are the times that it started at.
void read_series(const FrameSeries& series, const RangeFrame& frame, TimeMs since, bool starts,
                 const Json& selector, Targets& targets) {
  std::optional<size_t> last;
  Target* target = nullptr;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const double value = series.values[i];
    if (!std::isfinite(value)) continue;
    if (target == nullptr) {
      const auto [at, fresh] = targets.try_emplace(target_of(series.labels));
      target = &at->second;
      const TimeMs begin = i == 0 ? since : frame.time_of(i);
      target->since = fresh ? begin : std::min(target->since, begin);
      target->says_start = target->says_start || starts;
    }
    const double before = last ? series.values[*last] : value;
    // Who computes its start from its age is a little off each time.
    const bool anew = starts ? value - before >= 1 : value < before;
    if (anew) target->found.push_back({frame.time_of(*last), frame.time_of(i), &selector});
    last = i;
  }
  if (!starts || !last) return;
  // A clock that is far off tells nothing.
  const double seconds = series.values[*last];
  if (seconds <= 0 || seconds > (frame.time_of(*last) + DurationMs::hours(24)).as_seconds()) return;
  const TimeMs started{static_cast<int64_t>(seconds * 1000)};
  target->started = std::max(target->started.value_or(started), started);
}

/// As few of the stretches as their ends hit all of them, ascending.
std::vector<Within> moments(std::vector<Within> found) {
  std::ranges::stable_sort(found, {}, &Within::at);
  std::vector<Within> out;
  for (const Within& one : found) {
    if (out.empty() || out.back().at <= one.after) out.push_back(one);
  }
  return out;
}

struct Closer {
  query::Engine& engine;
  const ToolContext& context;
  int left = kMostRefined;

  /// A restart to the second; as it was found where looking more closely fails, as when the budget
  /// is used up.
  TimeMs moment(const Labels& labels, const Within& found) {
    if (found.at - found.after > kLongest || left <= 0) return found.at;
    // It is not asked for where it would be turned away: that would be told of the question.
    const QueryBudget* budget = context.budget;
    if (budget != nullptr && budget->samples() >= budget->max_samples()) return found.at;
    --left;
    const FrameRequest request{found.after, found.at, DurationMs::seconds(1)};
    const auto frame =
        range_frame(engine, found.selector->get_ref<const std::string&>(), request, context);
    if (!frame) {
      left = 0;
      return found.at;
    }
    Targets targets;
    for (const FrameSeries& series : frame->series) {
      read_series(series, *frame, request.start, false, *found.selector, targets);
    }
    const auto same = targets.find(labels);
    if (same == targets.end() || same->second.found.empty()) return found.at;
    return moments(same->second.found).back().at;
  }
};

Json told(const Labels& labels, const Target& target, Closer& closer) {
  const std::vector<Within> found = moments(target.found);
  std::vector<TimeMs> times;
  for (const Within& one : found) times.push_back(one.at);
  if (!times.empty() && !target.says_start) {
    times.back() = closer.moment(labels, found.back());
  }
  // The process knows better than who looks now and then.
  if (!times.empty() && target.started) times.back() = std::min(times.back(), *target.started);
  Json listed = Json::array();
  for (size_t i = times.size(); i-- > 0 && listed.size() < kMostTimes;) {
    listed.push_back(times[i].as_seconds());
  }
  Json out{{"labels", labels_json(labels)},
           {"count", times.size()},
           {"times", std::move(listed)},
           {"since", target.since.as_seconds()},
           {"by", target.says_start ? "start" : "counters"}};
  if (target.started) out["started"] = target.started->as_seconds();
  return out;
}

}  // namespace

ToolSpec Restarts::spec() const {
  return {"restarts",
          "When targets (job, instance) started anew in the last 24 hours or another time, the "
          "newest first, and since when there is data of each.",
          object_schema({{"starts?", "array", "selectors of the times that processes started at"},
                         {"counters?", "array", "selectors of counters, where there are no such"},
                         {"start?", "number", "Unix seconds, default a day before the end"},
                         {"end?", "number", "Unix seconds, default now"}})};
}

Result<Json> Restarts::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object()) return fail(ErrorCode::BadData, "restarts takes an object");
  const Json starts = array_of(arguments, "starts");
  const Json counters = array_of(arguments, "counters");
  if (starts.empty() && counters.empty()) {
    return fail(ErrorCode::BadData, "restarts needs \"starts\" or \"counters\"");
  }
  const TimeMs end = std::min(time_of(arguments, "end", context.now), context.now);
  const TimeMs start = time_of(arguments, "start", end - kLooked);
  if (start >= end) {
    return fail(ErrorCode::BadData, "restarts needs a \"start\" before its \"end\"");
  }
  Targets targets;
  DurationMs step;
  size_t queries = 0;
  for (const Json* list : {&starts, &counters}) {
    for (const Json& selector : *list) {
      if (!selector.is_string()) return fail(ErrorCode::BadData, "a selector must be a text");
      if (++queries > kMostQueries) break;
      TRY(context.may_go_on());
      const auto text = selector.get<std::string>();
      const Look look = TRY(look_at(engine_, text, {start, end}, context));
      for (const FrameSeries& series : look.frame.series) {
        read_series(series, look.frame, look.since, list == &starts, selector, targets);
      }
      step = std::max(step, look.request.step);
      if (list == &starts || queries == 1) show(text, look.request, look.frame, context);
    }
  }
  Json out = Json::array();
  Closer closer{engine_, context};
  for (const auto& [labels, target] : targets) out.push_back(told(labels, target, closer));
  return Json{{"targets", std::move(out)}, {"step_s", step.as_seconds()}};
}

}  // namespace prom5::tools
