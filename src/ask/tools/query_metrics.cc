#include "ask/tools/query_metrics.h"

#include <algorithm>
#include <cmath>

#include "ask/tools/range_frame.h"
#include "ask/tools/run_query.h"
#include "io/codec/number.h"

namespace prom5::tools {

namespace {

/// Of a longer result the extremes are told, and "total" how many there are.
constexpr size_t kMaxSeries = 1000;
/// Of a range query, fewer: so many values in all.
constexpr size_t kMaxValues = 250'000;
constexpr double kPoints = 240;
/// As /api/v1/query_range has it.
constexpr int64_t kMaxSteps = 11'000;

Json metric_json(const Labels& labels) {
  Json out = labels_json(labels);
  if (const std::string_view name = labels.get(kMetricName); !name.empty()) {
    out[std::string(kMetricName)] = std::string(name);
  }
  return out;
}

Json point_json(TimeMs time, double value) {
  std::string text;
  codec::append_sample_value(text, value);
  return Json::array({time.as_seconds(), text});
}

/// Which series of a long list are told: those with the highest and the lowest last values, in the
/// list's order. An arbitrary part of it would rank what is not at the top.
std::vector<const query::Series*> telling(const std::vector<query::Series>& list, size_t most) {
  std::vector<const query::Series*> out;
  out.reserve(list.size());
  for (const query::Series& series : list) out.push_back(&series);
  if (out.size() <= most) return out;
  const auto last = [](const query::Series* s) {
    const double value = s->points.empty() ? NAN : s->points.back().value;
    return std::isnan(value) ? -INFINITY : value;
  };
  std::stable_sort(out.begin(), out.end(), [&](const query::Series* a, const query::Series* b) {
    return last(a) > last(b);
  });
  const auto half = static_cast<ptrdiff_t>(most / 2);
  out.erase(out.begin() + half, out.end() - half);
  std::sort(out.begin(), out.end());  // they lie in one array, in its order
  return out;
}

Json series_json(const std::vector<query::Series>& list, bool range) {
  size_t longest = 1;
  for (const query::Series& series : list) longest = std::max(longest, series.points.size());
  const size_t most = std::clamp(kMaxValues / longest, size_t{2}, kMaxSeries);
  Json out = Json::array();
  for (const query::Series* told : telling(list, most)) {
    const query::Series& series = *told;
    Json item{{"metric", metric_json(series.labels)}};
    Json values = Json::array();
    for (size_t i = 0; i < series.points.size(); ++i) {
      const query::Point& p = series.points[i];
      if (series.histogram(i) == nullptr) values.push_back(point_json(p.time, p.value));
    }
    if (values.empty()) continue;
    if (range) {
      item["values"] = std::move(values);
    } else {
      item["value"] = values[0];
    }
    out.push_back(std::move(item));
  }
  return out;
}

Json value_json(const query::Value& value) {
  if (const auto* scalar = std::get_if<query::ScalarValue>(&value)) {
    return {{"resultType", "scalar"}, {"result", point_json(scalar->time, scalar->value)}};
  }
  if (const auto* vector = std::get_if<query::VectorValue>(&value)) {
    return {{"resultType", "vector"},
            {"result", series_json(vector->series, false)},
            {"total", vector->series.size()}};
  }
  if (const auto* matrix = std::get_if<query::MatrixValue>(&value)) {
    return {{"resultType", "matrix"},
            {"result", series_json(matrix->series, true)},
            {"total", matrix->series.size()}};
  }
  return {{"resultType", "string"}, {"result", std::get<query::StringValue>(value).value}};
}

}  // namespace

ToolSpec QueryMetrics::spec() const {
  return {"query_metrics", "Evaluates PromQL: at end, or from start to end in steps of step_s.",
          object_schema({{"promql", "string", "the query"},
                         {"start?", "number", "Unix seconds; with it the answer is over time"},
                         {"end?", "number", "Unix seconds, default now"},
                         {"step_s?", "number", "seconds, default a 240th of the time"}})};
}

Result<Json> QueryMetrics::call(const Json& arguments, const ToolContext& context) {
  query::QueryRequest request;
  request.text = TRY(text_of(arguments, "promql", "query_metrics"));
  const double step_s = number_of(arguments, "step_s", 0);
  request.start = request.end = time_of(arguments, "end", context.now);
  if (arguments.contains("start") || step_s > 0) {
    request.start = time_of(arguments, "start", request.end - DurationMs::hours(1));
    if (request.start > request.end) {
      return fail(ErrorCode::BadData, "query_metrics: \"start\" is after \"end\"");
    }
    const double longest = (request.end - request.start).as_seconds();
    const double step = step_s > 0 ? step_s : longest / kPoints;
    request.step =
        DurationMs{std::max<int64_t>(1000, static_cast<int64_t>(std::min(step, 1e12) * 1000))};
    if ((request.end - request.start).ms / request.step.ms >= kMaxSteps) {
      return fail(ErrorCode::BadData,
                  "query_metrics: from \"start\" to \"end\" there are more than {} steps of {}; "
                  "make \"step_s\" longer",
                  kMaxSteps, format_duration(request.step));
    }
  }
  const query::QueryResult result = TRY(run_query(engine_, request, context));
  Json out = value_json(result.value);
  out["start"] = request.start.as_seconds();
  out["end"] = request.end.as_seconds();
  out["step"] = request.step.as_seconds();
  return out;
}

}  // namespace prom5::tools
