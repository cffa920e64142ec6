#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prom5 {

enum class MetricType : uint8_t {
  Unknown,
  Counter,
  Gauge,
  Histogram,
  GaugeHistogram,
  Summary,
  Info,
  StateSet,
};

/// "counter", "gaugehistogram", …; "unknown" for Unknown.
std::string_view to_string(MetricType type);
/// The type of that name; Unknown for what is none.
MetricType parse_metric_type(std::string_view name);

/// Labels that tell a series' type and unit beside its name (feature type-and-unit-labels).
inline constexpr std::string_view kTypeLabel = "__type__";
inline constexpr std::string_view kUnitLabel = "__unit__";

class LabelsBuilder;

/// Sets the two labels, instead of what they were; an unknown type or an empty unit leaves its
/// label as it is.
void set_type_and_unit(MetricType type, std::string_view unit, LabelsBuilder& labels);

/// What is known of a metric family beside its samples.
struct Metadata {
  MetricType type = MetricType::Unknown;
  std::string help;
  std::string unit;

  friend bool operator==(const Metadata&, const Metadata&) = default;
};

}  // namespace prom5
