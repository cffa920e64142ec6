#include "ask/tools/range_frame.h"

#include <cmath>

#include "ask/tools/run_query.h"
#include "io/codec/number.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxCells = 5'000'000;
constexpr size_t kMaxShown = 20;

}  // namespace

Result<RangeFrame> range_frame(query::Engine& engine, const std::string& promql,
                               const FrameRequest& request, const ToolContext& context) {
  query::QueryRequest query;
  query.text = promql;
  query.start = request.start;
  query.end = request.end;
  query.step = request.step;
  query::QueryResult result = TRY(run_query(engine, std::move(query), context));
  auto* matrix = std::get_if<query::MatrixValue>(&result.value);
  if (matrix == nullptr) {
    return fail(ErrorCode::BadData, "{} gives no series over time", promql);
  }
  RangeFrame frame{request.start, request.step, 0, {}};
  frame.steps = static_cast<size_t>((request.end - request.start).ms / request.step.ms) + 1;
  // The engine bounds the points there are; here a series takes room for those it lacks as well.
  if (matrix->series.size() > kMaxCells / frame.steps) {
    return fail(ErrorCode::LimitExceeded,
                "{} gives {} series of {} steps each, too many to analyse; narrow or aggregate it",
                promql, matrix->series.size(), frame.steps);
  }
  frame.series.reserve(matrix->series.size());
  for (query::Series& series : matrix->series) {
    FrameSeries out{std::move(series.labels), std::vector<double>(frame.steps, NAN)};
    size_t at = 0;
    for (size_t i = 0; i < series.points.size(); ++i, ++at) {
      const query::Point& point = series.points[i];
      // A division only where steps were left out.
      if (point.time != frame.time_of(at)) {
        at = static_cast<size_t>((point.time - request.start).ms / request.step.ms);
      }
      if (at < frame.steps && series.histogram(i) == nullptr) out.values[at] = point.value;
    }
    frame.series.push_back(std::move(out));
  }
  return frame;
}

void show(const std::string& promql, const FrameRequest& request,
          std::span<const SeriesView> series, const ToolContext& context) {
  if (context.evidence == nullptr) return;
  Json result = Json::array();
  for (const SeriesView& one : series.first(std::min(series.size(), kMaxShown))) {
    Json values = Json::array();
    for (size_t i = 0; i < one.values.size(); ++i) {
      if (std::isnan(one.values[i])) continue;
      const TimeMs time = request.start + request.step * static_cast<int64_t>(i);
      std::string text;
      codec::append_sample_value(text, one.values[i]);
      values.push_back(Json::array({time.as_seconds(), std::move(text)}));
    }
    result.push_back({{"metric", labels_json(one.labels)}, {"values", std::move(values)}});
  }
  context.evidence->push_back({promql,
                               true,
                               request.start,
                               request.end,
                               request.step,
                               {{"resultType", "matrix"}, {"result", std::move(result)}}});
}

void show(const std::string& promql, const FrameRequest& request, const RangeFrame& frame,
          const ToolContext& context) {
  std::vector<SeriesView> views;
  for (const FrameSeries& series : frame.series) views.push_back({series.labels, series.values});
  show(promql, request, views, context);
}

Json labels_json(const Labels& labels) {
  Json out = Json::object();
  for (const LabelView label : labels) {
    if (label.name != kMetricName) out[std::string(label.name)] = std::string(label.value);
  }
  return out;
}

double number_of(const Json& arguments, const char* key, double otherwise) {
  const auto found = arguments.find(key);
  return found != arguments.end() && found->is_number() ? found->get<double>() : otherwise;
}

TimeMs time_of(const Json& arguments, const char* key, TimeMs otherwise) {
  const auto found = arguments.find(key);
  if (found == arguments.end() || !found->is_number()) return otherwise;
  constexpr double kFarthest = 1e13;  // seconds; beyond it milliseconds do not fit
  return {static_cast<int64_t>(std::clamp(found->get<double>(), -kFarthest, kFarthest) * 1000)};
}

Result<std::string> text_of(const Json& arguments, const char* key, std::string_view tool) {
  if (!arguments.is_object() || !arguments.contains(key) || !arguments[key].is_string() ||
      arguments[key].get_ref<const std::string&>().empty()) {
    return fail(ErrorCode::BadData, "{} needs \"{}\", a text", tool, key);
  }
  return arguments[key].get<std::string>();
}

std::string text_or(const Json& arguments, const char* key, std::string_view otherwise) {
  const auto found = arguments.find(key);
  return found != arguments.end() && found->is_string() ? found->get<std::string>()
                                                        : std::string(otherwise);
}

bool flag_of(const Json& arguments, const char* key) {
  const auto found = arguments.find(key);
  return found != arguments.end() && found->is_boolean() && found->get<bool>();
}

Json array_of(const Json& arguments, const char* key) {
  const auto found = arguments.find(key);
  return found != arguments.end() && found->is_array() ? *found : Json::array();
}

Json object_schema(std::initializer_list<Field> fields) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Field& field : fields) {
    const bool optional = field.name.ends_with('?');
    const std::string name(field.name.substr(0, field.name.size() - (optional ? 1 : 0)));
    properties[name] = {{"type", std::string(field.type)},
                        {"description", std::string(field.description)}};
    if (field.type == "array") properties[name]["items"] = Json::object();
    if (!optional) required.push_back(name);
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", required},
          {"additionalProperties", false}};
}

}  // namespace prom5::tools
