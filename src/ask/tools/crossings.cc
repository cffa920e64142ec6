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
/// A day in steps of 5 s, where nothing shall be missed.
constexpr int64_t kCloseSteps = 17'280;
/// Of very many series less closely.
constexpr int64_t kFewSteps = 1440;
constexpr DurationMs kUsualInterval = DurationMs::minutes(1);
constexpr DurationMs kCounted = DurationMs::minutes(10);
constexpr int64_t kPlacesCounted = 12;
/// Besides the newest of each series, which are always listed.
constexpr size_t kMaxEpisodes = 50;
constexpr size_t kMaxOfOne = 10;
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

/// What is looked at, and how closely at most.
struct Stretch {
  TimeRange time;
  bool closely = false;
};

/// The values on a grid that ends with the stretch.
struct Look {
  FrameRequest request;
  DurationMs interval;  ///< between samples
  DurationMs finest;    ///< how closely the moments that are told are looked at
  TimeMs since;         ///< when data begins
  RangeFrame values;
};

DurationMs whole_seconds(int64_t ms) { return {std::max<int64_t>(1, (ms + 999) / 1000) * 1000}; }

/// How far apart samples are, by the series that has most and where they are densest: there may
/// have been none for a while.
Result<DurationMs> interval_of(query::Engine& engine, const std::string& selector, TimeRange time,
                               const ToolContext& context) {
  const DurationMs window = whole_seconds(std::min(kCounted, time.end - time.start).ms);
  const std::string promql =
      "max(count_over_time(" + selector + "[" + format_duration(window) + "]))";
  const DurationMs step = whole_seconds((time.end - time.start - window).ms / kPlacesCounted);
  const int64_t places = std::max<int64_t>((time.end - time.start - window).ms / step.ms, 0);
  const RangeFrame frame =
      TRY(range_frame(engine, promql, {time.end - step * places, time.end, step}, context));
  double most = 0;
  for (const FrameSeries& series : frame.series) {
    for (const double count : series.values) most = std::fmax(most, count);
  }
  if (!(most > 1)) return kUsualInterval;
  return whole_seconds(static_cast<int64_t>(static_cast<double>(window.ms) / most) - 500);
}

FrameRequest grid_of(TimeMs since, DurationMs interval, int64_t most, TimeMs end) {
  const DurationMs length = end - since;
  const DurationMs step = std::max(interval, whole_seconds(length.ms / most));
  return {end - step * (length.ms / step.ms), end, step};
}

Result<Look> look_at(query::Engine& engine, const std::string& promql, const std::string& reads,
                     const Stretch& stretch, const ToolContext& context) {
  const auto [start, end] = stretch.time;
  Look out;
  out.since = start;
  out.interval = kUsualInterval;
  if (!reads.empty()) {
    const auto first = TRY(first_sample(engine, reads, stretch.time, context));
    out.since = std::clamp(first.value_or(end), start, end);
    out.interval = TRY(interval_of(engine, reads, {out.since, end}, context));
  }
  out.finest = stretch.closely ? DurationMs::seconds(1) : out.interval;
  out.request = grid_of(out.since, out.interval, stretch.closely ? kCloseSteps : kMostSteps, end);
  auto frame = range_frame(engine, promql, out.request, context);
  if (!frame && frame.error().code == ErrorCode::LimitExceeded) {
    out.request = grid_of(out.since, out.interval, kFewSteps, end);
    frame = range_frame(engine, promql, out.request, context);
  }
  out.values = TRY(std::move(frame));
  return out;
}

Result<Stretch> stretch_of(const Json& arguments, const ToolContext& context) {
  Stretch out;
  out.time.end = std::min(time_of(arguments, "end", context.now), context.now);
  out.time.start = time_of(arguments, "start", out.time.end - kLooked);
  if (out.time.start >= out.time.end) {
    return fail(ErrorCode::BadData, "crossings needs a \"start\" before its \"end\"");
  }
  out.closely = flag_of(arguments, "closely");
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

  /// The first moment after `index - 1` at which the condition is what it is at `index`; the one
  /// at `index` where looking more closely fails, as when the budget is used up.
  TimeMs edge(const Labels& labels, size_t index, const Condition& condition, bool holds) {
    const TimeMs known = look.values.time_of(index);
    const DurationMs step = look.request.step;
    if (index == 0 || step <= look.finest || left <= 0) return known;
    // It is not asked for where it would be turned away: that would be told of the question.
    const QueryBudget* budget = context.budget;
    if (budget != nullptr && budget->samples() >= budget->max_samples()) return known;
    --left;
    const FrameRequest request{known - step, known, look.finest};
    const auto frame = range_frame(engine, promql, request, context);
    if (!frame) {
      left = 0;
      return known;
    }
    const auto same = std::ranges::find(frame->series, labels, &FrameSeries::labels);
    if (same == frame->series.end()) return known;
    // Backwards, as it may change more than once in between.
    size_t i = frame->steps;
    while (i > 0 && condition.holds(same->values[i - 1]) == holds) --i;
    return i < frame->steps ? std::min(known, frame->time_of(i)) : known;
  }
};

/// What a series did beyond the limit.
struct Crossed {
  Labels labels;
  std::vector<Json> episodes;  ///< the newest first, not all of very many
  size_t count = 0;            ///< of all
  DurationMs total;            ///< how long all of them were together
};

/// The newest of each series is told to the sample.
Crossed crossed_by(const FrameSeries& series, const Condition& condition, Closer& closer) {
  const auto found = analysis::episodes(series.values, {closer.look.request.step, {}, {}});
  Crossed out{series.labels, {}, found.size(), {}};
  const RangeFrame& values = closer.look.values;
  for (const analysis::Episode& one : found) {
    const size_t last = one.end.value_or(values.steps - 1);
    out.total = out.total + values.step * static_cast<int64_t>(last - one.pending);
  }
  for (size_t i = found.size(); i-- > 0 && out.episodes.size() < kMaxOfOne;) {
    const analysis::Episode& one = found[i];
    const size_t last = one.end.value_or(values.steps - 1);
    TimeMs start = values.time_of(one.pending);
    TimeMs end = values.time_of(last);
    if (out.episodes.empty()) {
      start = closer.edge(series.labels, one.pending, condition, true);
      if (one.end) end = closer.edge(series.labels, last, condition, false);
    }
    out.episodes.push_back({{"labels", labels_json(series.labels)},
                            {"start", start.as_seconds()},
                            {"end", end.as_seconds()},
                            {"length_s", (end - start).as_seconds()},
                            {"open", !one.end.has_value()}});
  }
  return out;
}

void newest_first(std::vector<Json>& episodes) {
  std::ranges::stable_sort(episodes, std::greater(),
                           [](const Json& one) { return one["start"].get<double>(); });
}

/// The newest of each series, and of the others those that there is room for.
std::vector<Json> listed(const std::vector<Crossed>& crossed) {
  std::vector<Json> out;
  std::vector<Json> others;
  for (const Crossed& one : crossed) {
    for (size_t i = 0; i < one.episodes.size(); ++i) {
      (i == 0 ? out : others).push_back(one.episodes[i]);
    }
  }
  newest_first(others);
  for (size_t i = 0; i < others.size() && out.size() < kMaxEpisodes; ++i) {
    out.push_back(std::move(others[i]));
  }
  newest_first(out);
  return out;
}

/// Of each its lowest, its highest, how often it was beyond the limit and when last, when its first
/// value was where that is later than the stretch begins, and when the first of any was. Of too
/// many series those are left out that never were beyond it; `total`: how many there are.
Json series_of(Look& look, const std::vector<Crossed>& crossed, size_t& total) {
  std::map<Labels, const Crossed*> known;
  for (const Crossed& one : crossed) known.emplace(one.labels, &one);
  Json out = Json::array();
  Json never = Json::array();
  size_t all = 0;
  size_t first = look.values.steps;
  for (const FrameSeries& series : look.values.series) {
    double low = NAN;
    double high = NAN;
    size_t begin = look.values.steps;
    for (size_t i = 0; i < series.values.size(); ++i) {
      const double value = series.values[i];
      if (!std::isfinite(value)) continue;
      begin = std::min(begin, i);
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    const auto at = known.find(series.labels);
    if (std::isnan(low) && at == known.end()) continue;
    first = std::min(first, begin);
    ++all;
    Json& list = at == known.end() ? never : out;
    if (list.size() == kMaxSeries) continue;
    Json one{{"labels", labels_json(series.labels)}, {"count", 0}};
    if (begin > 0 && begin < look.values.steps) {
      one["since"] = look.values.time_of(begin).as_seconds();
    }
    if (!std::isnan(low)) one.update({{"lowest", low}, {"highest", high}});
    if (at != known.end()) {
      one["count"] = at->second->count;
      one["total_s"] = at->second->total.as_seconds();
      one["newest"] = at->second->episodes.front();
      one["newest"].erase("labels");
    }
    list.push_back(std::move(one));
  }
  for (size_t i = 0; i < never.size() && out.size() < kMaxSeries; ++i) {
    out.push_back(std::move(never[i]));
  }
  total = all;
  // A rate begins later than what it is of.
  if (first > 0 && first < look.values.steps) look.since = look.values.time_of(first);
  return out;
}

}  // namespace

ToolSpec Crossings::spec() const {
  return {
      "crossings",
      "When a query's values were beyond a limit in the last 24 hours, another time, or since "
      "there is data (data_since): the latest stretches, the newest first, and each series' "
      "lowest, highest, count of stretches, length of all of them and newest one, and its first "
      "value where that is later (since). Of very many series not all are listed: series_total "
      "there are, beyond_total of them were beyond the limit, never_total were not.",
      object_schema({{"promql", "string", "the query, without a comparison"},
                     {"op", "string", "one of > >= < <= == !="},
                     {"limit", "number", "what the values are compared with"},
                     {"start?", "number", "Unix seconds, default a day before the end"},
                     {"end?", "number", "Unix seconds, default now"},
                     {"closely?", "boolean",
                      "look at each sample of a day, and to the second at what is told"},
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
  const Stretch stretch = TRY(stretch_of(arguments, context));
  Look look = TRY(look_at(engine_, promql, reads, stretch, context));
  const RangeFrame found = held(look.values, condition);
  Closer closer{engine_, promql, look, context};
  std::vector<Crossed> crossed;
  size_t count = 0;
  for (const FrameSeries& series : found.series) {
    crossed.push_back(crossed_by(series, condition, closer));
    count += crossed.back().count;
  }
  size_t total = 0;
  Json series = series_of(look, crossed, total);
  // Where nothing was beyond it, the values are what shows that.
  const std::string compared =
      fmt::format("({}) {} {}", promql, condition.op, codec::format_general(condition.limit));
  show(found.series.empty() ? promql : compared, look.request,
       found.series.empty() ? look.values : found, context);
  return Json{{"episodes", listed(crossed)},
              {"count", count},
              {"series", std::move(series)},
              {"series_total", total},
              {"beyond_total", crossed.size()},
              {"never_total", total - crossed.size()},
              {"data_since", look.since.as_seconds()},
              {"interval_s", look.interval.as_seconds()},
              {"step_s", look.request.step.as_seconds()}};
}

}  // namespace prom5::tools
