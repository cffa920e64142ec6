#include "ask/tools/proposals.h"

#include <algorithm>

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

}  // namespace

ToolSpec ProposeAlert::spec() const {
  return {"propose_alert",
          "Back-tests an alert: when its condition would have fired in the last 24 hours. Creates "
          "nothing.",
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
  std::stable_sort(found.begin(), found.end(), [](const Json& a, const Json& b) {
    return a["start"].get<double>() > b["start"].get<double>();
  });
  const size_t count = found.size();
  if (found.size() > kMaxEpisodes) found.resize(kMaxEpisodes);
  return Json{{"episodes", found},
              {"count", count},
              {"pending_only", pending},
              {"tested_s", kTested.ms / 1000},
              {"step_s", kTestStep.ms / 1000}};
}

ToolSpec ProposeSilence::spec() const {
  return {"propose_silence",
          "Shows which alerts that fire now a silence with these matchers would hit. Creates "
          "nothing.",
          object_schema({{"matchers", "object", "label: value"},
                         {"regex?", "array", "labels whose value is a regular expression"},
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
  return Json{{"alerts", std::move(alerts)}};
}

ToolSpec ForecastSeries::spec() const {
  return {
      "forecast",
      "Foretells a query's series after horizon_s, with a 90 % interval, and when they reach "
      "a level.",
      object_schema({{"promql", "string", "the query"},
                     {"horizon_s?", "number", "default a day"},
                     {"level?", "number", "a value to be reached"},
                     {"base_s?", "number", "how much of the past to learn from, default 6 h"}})};
}

Result<Json> ForecastSeries::call(const Json& arguments, const ToolContext& context) {
  const std::string promql = TRY(text_of(arguments, "promql", "forecast"));
  const double horizon = std::clamp(number_of(arguments, "horizon_s", 86'400), 1.0, 3.2e8);
  const double base = std::clamp(number_of(arguments, "base_s", 21'600), 600.0, 2.6e6);
  FrameRequest request;
  request.end = context.now;
  request.step = DurationMs{std::max<int64_t>(30'000, static_cast<int64_t>(base / 240) * 1000)};
  request.start = context.now - DurationMs{static_cast<int64_t>(base) * 1000};
  const RangeFrame frame = TRY(range_frame(engine_, promql, request, context));
  show(promql, request, frame, context);
  std::vector<double> times(frame.steps);
  for (size_t i = 0; i < frame.steps; ++i) times[i] = frame.time_of(i).as_seconds();
  Json out = Json::array();
  for (const FrameSeries& series : frame.series) {
    const auto fitted = analysis::fit_forecast(series.values, times);
    if (!fitted || out.size() == kMaxSeries) continue;
    const analysis::Prediction then =
        analysis::predict(*fitted, context.now.as_seconds() + horizon);
    Json item{{"labels", labels_json(series.labels)},
              {"value", then.value},
              {"low", then.low},
              {"high", then.high},
              {"slope_per_s", fitted->line.slope}};
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
