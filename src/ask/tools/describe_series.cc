#include "ask/tools/describe_series.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "ask/tools/range_frame.h"
#include "io/codec/number.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxValues = 20;

/// A histogram or summary as a whole, from what its parts are known by: without `le`, and with as
/// many series as it has counts. Nothing where there is none of this name.
std::optional<catalogue::Metric> family(const std::string& name,
                                        const catalogue::Snapshot& snapshot) {
  const catalogue::Metric* count = snapshot.find(name + "_count");
  if (count == nullptr || snapshot.find(name + "_sum") == nullptr) return std::nullopt;
  catalogue::Metric out = *count;
  out.name = name;
  const catalogue::Metric* buckets = snapshot.find(name + "_bucket");
  out.type = buckets != nullptr ? MetricType::Histogram : MetricType::Summary;
  return out;
}

/// The bounds of a histogram's buckets, ascending; of others none.
Json bounds_of(const std::string& name, const catalogue::Snapshot& snapshot) {
  const catalogue::Metric* buckets = snapshot.find(name + "_bucket");
  const catalogue::LabelInfo* le = buckets == nullptr ? nullptr : buckets->label("le");
  std::set<double> bounds;
  for (size_t i = 0; le != nullptr && i < le->values.size(); ++i) {
    const auto bound = codec::parse_double(le->values[i]);
    if (bound && std::isfinite(*bound)) bounds.insert(*bound);
  }
  return Json(bounds);
}

}  // namespace

ToolSpec DescribeSeries::spec() const {
  return {"describe_series", "Tells a metric's type, unit, help and labels with their values.",
          object_schema({{"metric", "string", "the metric's name"}})};
}

Result<Json> DescribeSeries::call(const Json& arguments, const ToolContext& context) {
  const std::string name = TRY(text_of(arguments, "metric", "describe_series"));
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  const catalogue::Metric* metric = snapshot->find(name);
  const auto whole = metric == nullptr ? family(name, *snapshot) : std::nullopt;
  if (whole) metric = &*whole;
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
  Json out{{"metric", metric->name},   {"type", std::string(to_string(metric->type))},
           {"unit", metric->unit},     {"help", metric->help},
           {"series", metric->series}, {"labels", std::move(labels)}};
  if (whole) out["bounds"] = bounds_of(name, *snapshot);
  return out;
}

}  // namespace prom5::tools
