#include "ask/tools/proposals.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/episodes.h"
#include "analysis/forecast.h"
#include "ask/catalogue/recipe_query.h"
#include "ask/tools/range_frame.h"
#include "ask/tools/run_query.h"

namespace prom5::tools {

namespace {

constexpr DurationMs kTested = DurationMs::hours(24);
constexpr DurationMs kTestStep = DurationMs::minutes(1);
constexpr size_t kMaxEpisodes = 50;
constexpr size_t kMaxSeries = 100;
constexpr double kLongestHold = 30 * 86'400.0;

/// The first of the request's steps at which the metrics of a query have data; its end for none.
Result<TimeMs> data_since(query::Engine& engine, const std::string& expr,
                          const FrameRequest& request, const ToolContext& context) {
  std::string any;
  for (const std::string& name : catalogue::metrics_in(expr)) {
    if (!is_legacy_metric_name(name)) return request.start;
    any += (any.empty() ? "group(" : " or group(") + name + ")";
  }
  if (any.empty()) return request.start;
  const RangeFrame frame = TRY(range_frame(engine, any, request, context));
  for (size_t i = 0; i < frame.steps; ++i) {
    const bool has = std::ranges::any_of(
        frame.series, [&](const FrameSeries& one) { return std::isfinite(one.values[i]); });
    if (has) return frame.time_of(i);
  }
  return request.end;
}

struct Part {
  double mean = 0;
  double deviation = 0;
  size_t count = 0;
};

Part part_of(std::span<const double> values) {
  Part out;
  double squares = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    ++out.count;
    out.mean += value;
    squares += value * value;
  }
  if (out.count == 0) return out;
  const auto count = static_cast<double>(out.count);
  out.mean /= count;
  out.deviation = std::sqrt(std::max(0.0, squares / count - out.mean * out.mean));
  return out;
}

/// How much a series jumped from the first to the last quarter of what it has; 0 where that is no
/// more than it moves within them.
double jump_of(std::span<const double> values) {
  constexpr double kClear = 2;
  constexpr double kMuch = 0.1;  // of its size
  const auto first = std::ranges::find_if(values, [](double v) { return std::isfinite(v); });
  const auto skipped = static_cast<size_t>(first - values.begin());
  const std::span<const double> there = values.subspan(skipped);
  const size_t quarter = there.size() / 4;
  const Part early = part_of(there.first(quarter));
  const Part late = part_of(there.last(quarter));
  if (early.count < 2 || late.count < 2) return 0;
  const double jump = late.mean - early.mean;
  const bool clear =
      std::fabs(jump) > kClear * std::max(early.deviation, late.deviation) &&
      std::fabs(jump) > kMuch * std::max(std::fabs(early.mean), std::fabs(late.mean));
  return clear ? jump : 0;
}

/// Whether a line says more than noise: which way it goes, and how fast.
void add_trend(std::span<const double> values, std::span<const double> times, Json& item) {
  constexpr double kHardlyChance = 3;
  constexpr double kMostlyOneWay = 0.5;
  constexpr double kBetweenQuarters = 0.75;  // of the time
  constexpr double kNothing = 0.001;         // a day, of its size
  const auto line = analysis::trend(values, times);
  if (!line) return;
  double slope = line->slope;
  // What goes up step by step has an uncertain slope, and goes up for all that.
  const bool sure =
      std::fabs(line->mann_kendall) > kHardlyChance &&
      (line->slope_low > 0 || line->slope_high < 0 || std::fabs(line->monotony) >= kMostlyOneWay);
  const double size = std::max(std::fabs(line->start), std::fabs(line->end));
  const double jump = sure ? 0 : jump_of(values);
  if (jump != 0) slope = jump / (kBetweenQuarters * (times.back() - times.front()));
  const double change = slope * 86'400;
  item["moves"] = (!sure && jump == 0) || std::fabs(change) <= kNothing * size ? 0
                  : change > 0                                                 ? 1
                                                                               : -1;
  item["count"] = line->count;
  item["change_per_h"] = slope * 3600;
  item["change_per_d"] = change;
}

/// A rate grows while its window fills, though what it counts does not. A series that is there from
/// the start was there before.
void leave_out_filling(std::vector<double>& values, size_t steps) {
  const auto first = std::ranges::find_if(values, [](double v) { return std::isfinite(v); });
  if (first == values.begin()) return;
  const auto left = static_cast<size_t>(values.end() - first);
  std::fill_n(first, std::min(steps, left), NAN);
}

}  // namespace

ToolSpec ProposeAlert::spec() const {
  return {"propose_alert",
          "Back-tests an alert: when its condition would have fired in the last 24 hours, or since "
          "there is data (data_since). Creates nothing.",
          object_schema({{"expr", "string", "PromQL with its comparison"},
                         {"for_s?", "number", "how long the condition must hold"}})};
}

Result<Json> ProposeAlert::call(const Json& arguments, const ToolContext& context) {
  const std::string expr = TRY(text_of(arguments, "expr", "propose_alert"));
  const double hold = std::clamp(number_of(arguments, "for_s", 0), 0.0, kLongestHold);
  const FrameRequest request{context.now - kTested, context.now, kTestStep};
  const RangeFrame frame = TRY(range_frame(engine_, expr, request, context));
  show(expr, request, frame, context);
  const analysis::RuleTiming timing{kTestStep, {static_cast<int64_t>(hold * 1000)}, {}};
  std::vector<Json> found;
  size_t pending = 0;
  for (const FrameSeries& series : frame.series) {
    for (const analysis::Episode& episode : analysis::episodes(series.values, timing)) {
      if (!episode.firing) {
        ++pending;
        continue;
      }
      const TimeMs end = frame.time_of(episode.end.value_or(frame.steps - 1));
      found.push_back({{"labels", labels_json(series.labels)},
                       {"start", frame.time_of(*episode.firing).as_seconds()},
                       {"end", end.as_seconds()},
                       {"open", !episode.end.has_value()}});
    }
  }
  // How often each fired.
  std::map<std::string, size_t> times;
  for (const Json& one : found) ++times[one["labels"].dump()];
  for (Json& one : found) one["count"] = times[one["labels"].dump()];
  std::stable_sort(found.begin(), found.end(), [](const Json& a, const Json& b) {
    return a["start"].get<double>() > b["start"].get<double>();
  });
  const TimeMs since = TRY(data_since(engine_, expr, request, context));
  const size_t count = found.size();
  if (found.size() > kMaxEpisodes) found.resize(kMaxEpisodes);
  return Json{{"episodes", found},
              {"count", count},
              {"pending_only", pending},
              {"tested_s", (request.end - since).ms / 1000},
              {"data_since", since.as_seconds()},
              {"step_s", kTestStep.ms / 1000}};
}

ToolSpec ProposeSilence::spec() const {
  return {"propose_silence",
          "Shows which alerts that fire now a silence with these matchers would hit. Creates "
          "nothing.",
          object_schema({{"matchers", "object", "label: value"},
                         {"regex?", "array", "labels whose value is a regular expression"},
                         {"start?", "number", "Unix seconds, default now"},
                         {"duration_s?", "number", "how long"}})};
}

Result<Json> ProposeSilence::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object() || !arguments.contains("matchers") ||
      !arguments["matchers"].is_object() || arguments["matchers"].empty()) {
    return fail(ErrorCode::BadData, "propose_silence needs \"matchers\", an object");
  }
  const Json regex = array_of(arguments, "regex");
  query::QueryRequest request;
  request.text = R"(ALERTS{alertstate=~"firing|pending")";
  for (const auto& [name, value] : arguments["matchers"].items()) {
    if (!value.is_string()) return fail(ErrorCode::BadData, "matcher {} must be a text", name);
    request.text += "," + (is_legacy_label_name(name) ? name : catalogue::quoted(name));
    request.text += std::ranges::find(regex, Json(name)) == regex.end() ? "=" : "=~";
    request.text += catalogue::quoted(value.get_ref<const std::string&>());
  }
  request.text += "}";
  request.start = request.end = context.now;
  const query::QueryResult result = TRY(run_query(engine_, request, context));
  Json alerts = Json::array();
  Json rows = Json::array();
  for (const query::Series& series : std::get<query::VectorValue>(result.value).series) {
    alerts.push_back({{"labels", labels_json(series.labels)}});
    rows.push_back({{"metric", labels_json(series.labels)},
                    {"value", Json::array({context.now.as_seconds(), "1"})}});
  }
  if (context.evidence != nullptr) {
    context.evidence->push_back({request.text,
                                 false,
                                 context.now,
                                 context.now,
                                 {},
                                 {{"resultType", "vector"}, {"result", std::move(rows)}}});
  }
  const TimeMs start = time_of(arguments, "start", context.now);
  return Json{{"alerts", std::move(alerts)}, {"start", start.as_seconds()}};
}

ToolSpec ForecastSeries::spec() const {
  return {"forecast",
          "Foretells a query's series after horizon_s, with a 90 % interval, and when they reach "
          "a level; and whether and how fast they rise (moves 1) or fall (-1) over base_s.",
          object_schema({{"promql", "string", "the query"},
                         {"horizon_s?", "number", "default a day"},
                         {"level?", "number", "a value to be reached"},
                         {"base_s?", "number", "how much of the past to learn from, default 6 h"},
                         {"filling_s?", "number",
                          "how long the query's windows fill when a series begins: left out"},
                         {"end?", "number", "Unix seconds, default now"}})};
}

Result<Json> ForecastSeries::call(const Json& arguments, const ToolContext& context) {
  const std::string promql = TRY(text_of(arguments, "promql", "forecast"));
  const double horizon = std::clamp(number_of(arguments, "horizon_s", 86'400), 1.0, 3.2e8);
  const double base = std::clamp(number_of(arguments, "base_s", 21'600), 600.0, 2.6e6);
  FrameRequest request;
  request.end = time_of(arguments, "end", context.now);
  request.step = DurationMs{std::max<int64_t>(30'000, static_cast<int64_t>(base / 240) * 1000)};
  request.start = request.end - DurationMs{static_cast<int64_t>(base) * 1000};
  RangeFrame frame = TRY(range_frame(engine_, promql, request, context));
  show(promql, request, frame, context);
  std::vector<double> times(frame.steps);
  for (size_t i = 0; i < frame.steps; ++i) times[i] = frame.time_of(i).as_seconds();
  Json out = Json::array();
  const double filling = std::clamp(number_of(arguments, "filling_s", 0), 0.0, base);
  for (FrameSeries& series : frame.series) {
    leave_out_filling(series.values, static_cast<size_t>(filling / request.step.as_seconds()));
    Json item{{"labels", labels_json(series.labels)}};
    add_trend(series.values, times, item);
    const auto fitted = analysis::fit_forecast(series.values, times);
    if ((!fitted && !item.contains("moves")) || out.size() == kMaxSeries) continue;
    if (!fitted) {
      out.push_back(std::move(item));
      continue;
    }
    const analysis::Prediction then =
        analysis::predict(*fitted, request.end.as_seconds() + horizon);
    item.update({{"value", then.value},
                 {"low", then.low},
                 {"high", then.high},
                 {"slope_per_s", fitted->line.slope}});
    if (arguments.contains("level")) {
      const auto reach = analysis::time_to_reach(*fitted, number_of(arguments, "level", 0));
      if (reach) {
        item["reached_in_s"] = reach->seconds;
        item["earliest_s"] = reach->earliest;
        if (reach->latest) item["latest_s"] = *reach->latest;
      }
    }
    out.push_back(std::move(item));
  }
  return Json{{"series", std::move(out)}, {"total", frame.series.size()}};
}

}  // namespace prom5::tools
