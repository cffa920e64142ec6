#include "ask/tools/restarts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {

constexpr DurationMs kLooked = DurationMs::hours(24);
/// A day in steps of 15 s, the interval that most things are scraped at.
constexpr int64_t kMostSteps = 5760;
constexpr DurationMs kClosest = DurationMs::seconds(15);
/// Over how much more is not looked again.
constexpr DurationMs kLongest = DurationMs::hours(1);
constexpr size_t kMostQueries = 40;
constexpr size_t kMostTimes = 10;

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

/// What a series tells of its target. `starts`: its values are the times that it started at.
void read_series(const FrameSeries& series, const RangeFrame& frame, bool starts,
                 const Json& selector, Targets& targets) {
  std::optional<size_t> last;
  Target* target = nullptr;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const double value = series.values[i];
    if (!std::isfinite(value)) continue;
    if (target == nullptr) {
      const auto [at, fresh] = targets.try_emplace(target_of(series.labels));
      target = &at->second;
      target->since = fresh ? frame.time_of(i) : std::min(target->since, frame.time_of(i));
      target->says_start = target->says_start || starts;
    }
    const double before = last ? series.values[*last] : value;
    // Who computes its start from its age is a little off each time.
    const bool anew = starts ? value - before >= 1 : value < before;
    if (anew) target->found.push_back({frame.time_of(*last), frame.time_of(i), &selector});
    last = i;
  }
  if (!starts || !last) return;
  const TimeMs started{static_cast<int64_t>(series.values[*last] * 1000)};
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

/// A restart to the second; as it was found where looking more closely fails.
TimeMs closer(query::Engine& engine, const Labels& labels, const Within& found,
              const ToolContext& context) {
  if (found.at - found.after > kLongest) return found.at;
  const FrameRequest request{found.after, found.at, DurationMs::seconds(1)};
  const auto frame =
      range_frame(engine, found.selector->get_ref<const std::string&>(), request, context);
  if (!frame) return found.at;
  Targets targets;
  for (const FrameSeries& series : frame->series) {
    read_series(series, *frame, false, *found.selector, targets);
  }
  const auto same = targets.find(labels);
  if (same == targets.end() || same->second.found.empty()) return found.at;
  return moments(same->second.found).back().at;
}

Json told(query::Engine& engine, const Labels& labels, const Target& target,
          const ToolContext& context) {
  const std::vector<Within> found = moments(target.found);
  std::vector<TimeMs> times;
  for (const Within& one : found) times.push_back(one.at);
  if (!times.empty() && !target.says_start) {
    times.back() = closer(engine, labels, found.back(), context);
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
  const DurationMs step{std::max(kClosest.ms, (end - start).ms / kMostSteps / 1000 * 1000)};
  const FrameRequest request{end - step * ((end - start).ms / step.ms), end, step};
  Targets targets;
  size_t queries = 0;
  for (const Json* list : {&starts, &counters}) {
    for (const Json& selector : *list) {
      if (!selector.is_string()) return fail(ErrorCode::BadData, "a selector must be a text");
      if (++queries > kMostQueries) break;
      TRY(context.may_go_on());
      const auto text = selector.get<std::string>();
      const RangeFrame frame = TRY(range_frame(engine_, text, request, context));
      for (const FrameSeries& series : frame.series) {
        read_series(series, frame, list == &starts, selector, targets);
      }
      if (list == &starts || queries == 1) show(text, request, frame, context);
    }
  }
  Json out = Json::array();
  for (const auto& [labels, target] : targets)
    out.push_back(told(engine_, labels, target, context));
  return Json{{"targets", std::move(out)}, {"step_s", step.as_seconds()}};
}

}  // namespace prom5::tools
