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

/// What is known of a metric family beside its samples.
struct Metadata {
  MetricType type = MetricType::Unknown;
  std::string help;
  std::string unit;

  friend bool operator==(const Metadata&, const Metadata&) = default;
};

}  // namespace prom5
