#include "model/metadata.h"

#include "model/labels.h"

namespace prom5 {

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::Unknown: return "unknown";
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Histogram: return "histogram";
    case MetricType::GaugeHistogram: return "gaugehistogram";
    case MetricType::Summary: return "summary";
    case MetricType::Info: return "info";
    case MetricType::StateSet: return "stateset";
  }
  return "unknown";
}

MetricType parse_metric_type(std::string_view name) {
  using enum MetricType;
  for (const MetricType type :
       {Counter, Gauge, Histogram, GaugeHistogram, Summary, Info, StateSet}) {
    if (name == to_string(type)) return type;
  }
  return Unknown;
}

void set_type_and_unit(MetricType type, std::string_view unit, LabelsBuilder& labels) {
  if (type != MetricType::Unknown) labels.set(kTypeLabel, to_string(type));
  if (!unit.empty()) labels.set(kUnitLabel, unit);
}

}  // namespace prom5
