#include "ask/tools/crossings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/episodes.h"
#include "ask/catalogue/recipe_query.h"
#include "ask/tools/data_since.h"
#include "ask/tools/range_frame.h"
#include "io/codec/number.h"

namespace prom5::tools {

namespace {

constexpr DurationMs kLooked = DurationMs::hours(24);
/// A day in steps of 15 s, the interval that most things are scraped at.
constexpr int64_t kMostSteps = 5760;
/// Of very many series less closely.
constexpr int64_t kFewSteps = 1440;
constexpr DurationMs kUsualInterval = DurationMs::minutes(1);
constexpr DurationMs kCounted = DurationMs::minutes(10);
constexpr size_t kMaxEpisodes = 50;
constexpr size_t kMaxSeries = 100;
/// How many moments are looked at more closely.
constexpr int kMostRefined = 8;

struct Condition {
  std::string op;
  double limit = 0;

  [[nodiscard]] bool holds(double value) const {
    if (std::isnan(value)) return false;
    if (op == ">") return value > limit;
    if (op == ">=") return value >= limit;
    if (op == "<") return value < limit;
    if (op == "<=") return value <= limit;
    return op == "==" ? value == limit : value != limit;
  }
};

/// The values on a grid that ends now.
struct Look {
  FrameRequest request;
  DurationMs interval;  ///< between samples
  TimeMs since;         ///< when data begins
  RangeFrame values;
};

DurationMs whole_seconds(int64_t ms) { return {std::max<int64_t>(1, (ms + 999) / 1000) * 1000}; }

/// How far apart samples are of late, by the series that has most.
Result<DurationMs> interval_of(query::Engine& engine, const std::string& selector, TimeMs since,
                               const ToolContext& context) {
  const DurationMs window = whole_seconds(std::min(kCounted, context.now - since).ms);
  const std::string promql =
      "max(count_over_time(" + selector + "[" + format_duration(window) + "]))";
  const FrameRequest once{context.now, context.now, DurationMs::seconds(1)};
  const RangeFrame frame = TRY(range_frame(engine, promql, once, context));
  if (frame.series.empty() || !(frame.series.front().values[0] > 1)) return kUsualInterval;
  return whole_seconds(
      static_cast<int64_t>(static_cast<double>(window.ms) / frame.series.front().values[0]) - 500);
}

FrameRequest grid_of(TimeMs since, DurationMs interval, int64_t most, TimeMs now) {
  const DurationMs length = now - since;
  const DurationMs step = std::max(interval, whole_seconds(length.ms / most));
  return {now - step * (length.ms / step.ms), now, step};
}

Result<Look> look_at(query::Engine& engine, const std::string& promql, const std::string& reads,
                     const ToolContext& context) {
  const TimeMs start = context.now - kLooked;
  Look out;
  out.since = start;
  out.interval = kUsualInterval;
  if (!reads.empty()) {
    const auto first = TRY(first_sample(engine, reads, {start, context.now}, context));
    out.since = std::clamp(first.value_or(context.now), start, context.now);
    out.interval = TRY(interval_of(engine, reads, out.since, context));
  }
  out.request = grid_of(out.since, out.interval, kMostSteps, context.now);
  auto frame = range_frame(engine, promql, out.request, context);
  if (!frame && frame.error().code == ErrorCode::LimitExceeded) {
    out.request = grid_of(out.since, out.interval, kFewSteps, context.now);
    frame = range_frame(engine, promql, out.request, context);
  }
  out.values = TRY(std::move(frame));
  return out;
}

/// What there is where the condition holds.
RangeFrame held(const RangeFrame& values, const Condition& condition) {
  RangeFrame out = values;
  for (FrameSeries& series : out.series) {
    for (double& value : series.values) {
      if (!condition.holds(value)) value = NAN;
    }
  }
  std::erase_if(out.series, [](const FrameSeries& series) {
    return std::ranges::none_of(series.values, [](double v) { return !std::isnan(v); });
  });
  return out;
}

/// A series between two moments of the grid, as often as it is scraped.
struct Closer {
  query::Engine& engine;
  const std::string& promql;
  const Look& look;
  const ToolContext& context;
  int left = kMostRefined;

  /// The first moment after `index - 1` at which the condition is what it is at `index`.
  Result<TimeMs> edge(const Labels& labels, size_t index, const Condition& condition, bool holds) {
    const TimeMs known = look.values.time_of(index);
    const DurationMs step = look.request.step;
    if (index == 0 || step <= look.interval || left-- <= 0) return known;
    const FrameRequest request{known - step, known, look.interval};
    const RangeFrame frame = TRY(range_frame(engine, promql, request, context));
    const auto same = std::ranges::find(frame.series, labels, &FrameSeries::labels);
    if (same == frame.series.end()) return known;
    // Backwards, as it may change more than once in between.
    size_t i = frame.steps;
    while (i > 0 && condition.holds(same->values[i - 1]) == holds) --i;
    return i < frame.steps ? std::min(known, frame.time_of(i)) : known;
  }
};

/// The newest of each series is told to the sample.
Result<Json> episodes_of(const FrameSeries& series, const Condition& condition, Closer& closer) {
  Json out = Json::array();
  const auto found = analysis::episodes(series.values, {closer.look.request.step, {}, {}});
  for (size_t i = 0; i < found.size(); ++i) {
    const analysis::Episode& one = found[i];
    const bool newest = i + 1 == found.size();
    const RangeFrame& values = closer.look.values;
    const size_t last = one.end.value_or(values.steps - 1);
    TimeMs start = values.time_of(one.pending);
    TimeMs end = values.time_of(last);
    if (newest) {
      start = TRY(closer.edge(series.labels, one.pending, condition, true));
      if (one.end) end = TRY(closer.edge(series.labels, last, condition, false));
    }
    out.push_back({{"labels", labels_json(series.labels)},
                   {"start", start.as_seconds()},
                   {"end", end.as_seconds()},
                   {"open", !one.end.has_value()}});
  }
  return out;
}

/// The lowest and highest of each, and when the first of any was.
Json extremes_of(Look& look) {
  Json out = Json::array();
  size_t first = look.values.steps;
  for (const FrameSeries& series : look.values.series) {
    double low = NAN;
    double high = NAN;
    for (size_t i = 0; i < series.values.size(); ++i) {
      const double value = series.values[i];
      if (!std::isfinite(value)) continue;
      first = std::min(first, i);
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    if (std::isnan(low) || out.size() == kMaxSeries) continue;
    out.push_back({{"labels", labels_json(series.labels)}, {"lowest", low}, {"highest", high}});
  }
  // A rate begins later than what it is of.
  if (first > 0 && first < look.values.steps) look.since = look.values.time_of(first);
  return out;
}

}  // namespace

ToolSpec Crossings::spec() const {
  return {"crossings",
          "When a query's values were beyond a limit in the last 24 hours, or since there is data "
          "(data_since): the stretches, the newest first, and each series' lowest and highest.",
          object_schema({{"promql", "string", "the query, without a comparison"},
                         {"op", "string", "one of > >= < <= == !="},
                         {"limit", "number", "what the values are compared with"},
                         {"reads?", "string",
                          "the selector whose samples tell how often to "
                          "look; default the query's first metric"}})};
}

Result<Json> Crossings::call(const Json& arguments, const ToolContext& context) {
  const std::string promql = TRY(text_of(arguments, "promql", "crossings"));
  const Condition condition{TRY(text_of(arguments, "op", "crossings")),
                            number_of(arguments, "limit", NAN)};
  constexpr std::string_view kOps[] = {">", ">=", "<", "<=", "==", "!="};
  if (std::ranges::find(kOps, condition.op) == std::end(kOps) || std::isnan(condition.limit)) {
    return fail(ErrorCode::BadData,
                "crossings needs \"op\", a comparison, and \"limit\", a number");
  }
  std::string reads = text_or(arguments, "reads", "");
  const auto names = catalogue::metrics_in(promql);
  if (reads.empty() && !names.empty() && is_legacy_metric_name(*names.begin())) {
    reads = *names.begin();
  }
  Look look = TRY(look_at(engine_, promql, reads, context));
  const RangeFrame found = held(look.values, condition);
  Closer closer{engine_, promql, look, context};
  std::vector<Json> all;
  for (const FrameSeries& series : found.series) {
    for (Json& one : TRY(episodes_of(series, condition, closer))) all.push_back(std::move(one));
  }
  std::ranges::stable_sort(all, std::greater(),
                           [](const Json& one) { return one["start"].get<double>(); });
  Json series = extremes_of(look);
  // Where nothing was beyond it, the values are what shows that.
  const std::string compared =
      fmt::format("({}) {} {}", promql, condition.op, codec::format_general(condition.limit));
  show(found.series.empty() ? promql : compared, look.request,
       found.series.empty() ? look.values : found, context);
  const size_t count = all.size();
  if (all.size() > kMaxEpisodes) all.resize(kMaxEpisodes);
  return Json{{"episodes", std::move(all)},
              {"count", count},
              {"series", std::move(series)},
              {"data_since", look.since.as_seconds()},
              {"interval_s", look.interval.as_seconds()},
              {"step_s", look.request.step.as_seconds()}};
}

}  // namespace prom5::tools
