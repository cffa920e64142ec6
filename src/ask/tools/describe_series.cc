#include "ask/tools/describe_series.h"

#include <algorithm>

#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {
constexpr size_t kMaxValues = 20;
}

ToolSpec DescribeSeries::spec() const {
  return {"describe_series", "Tells a metric's type, unit, help and labels with their values.",
          object_schema({{"metric", "string", "the metric's name"}})};
}

Result<Json> DescribeSeries::call(const Json& arguments, const ToolContext& context) {
  const std::string name = TRY(text_of(arguments, "metric", "describe_series"));
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  const catalogue::Metric* metric = snapshot->find(name);
  if (metric == nullptr) return fail(ErrorCode::NotFound, "there is no metric {}", name);
  Json labels = Json::array();
  for (const catalogue::LabelInfo& label : metric->labels) {
    Json values = Json::array();
    for (const std::string& value : label.values) {
      if (values.size() < kMaxValues) values.push_back(value);
    }
    labels.push_back({{"name", label.name},
                      {"values", std::move(values)},
                      {"total", label.values.size()},
                      {"more", label.cut}});
  }
  return Json{{"metric", metric->name},   {"type", std::string(to_string(metric->type))},
              {"unit", metric->unit},     {"help", metric->help},
              {"series", metric->series}, {"labels", std::move(labels)}};
}

}  // namespace prom5::tools
