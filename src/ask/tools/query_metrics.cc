#include "ask/tools/query_metrics.h"

#include "io/codec/number.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxSeries = 10'000;

Json labels_json(const Labels& labels) {
  Json out = Json::object();
  for (const LabelView label : labels) out[std::string(label.name)] = std::string(label.value);
  return out;
}

Json point_json(TimeMs time, double value) {
  std::string text;
  codec::append_sample_value(text, value);
  return Json::array({time.as_seconds(), text});
}

Json series_json(const std::vector<query::Series>& list, bool range) {
  Json out = Json::array();
  for (const query::Series& series : list) {
    if (out.size() == kMaxSeries) break;  // "total" tells that there are more
    Json item{{"metric", labels_json(series.labels)}};
    Json values = Json::array();
    for (const query::Point& p : series.points) {
      if (!p.histogram) values.push_back(point_json(p.time, p.value));
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
  return {"query_metrics",
          "Evaluates PromQL now, or over the last range_s seconds in steps of step_s.",
          Json{{"type", "object"},
               {"properties",
                {{"promql", {{"type", "string"}}},
                 {"range_s", {{"type", "integer"}}},
                 {"step_s", {{"type", "integer"}}}}},
               {"required", {"promql"}}}};
}

Result<Json> QueryMetrics::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object() || !arguments.contains("promql") || !arguments["promql"].is_string()) {
    return fail(ErrorCode::BadData, "query_metrics needs \"promql\"");
  }
  query::QueryRequest request;
  request.text = arguments["promql"].get<std::string>();
  request.start = request.end = context.now;
  request.stop = context.stop;
  const int64_t range_s = arguments.value("range_s", int64_t{0});
  if (range_s > 0) {
    request.start = context.now - DurationMs::seconds(range_s);
    request.step = DurationMs::seconds(std::max<int64_t>(1, arguments.value("step_s", int64_t{1})));
  }
  const query::QueryResult result = TRY(engine_.run(request));
  Json out = value_json(result.value);
  out["start"] = request.start.as_seconds();
  out["end"] = request.end.as_seconds();
  out["step"] = request.step.as_seconds();
  return out;
}

}  // namespace prom5::tools
