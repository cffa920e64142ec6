#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace prom5::ingest {

// An ExportMetricsServiceRequest as both its encodings give it (opentelemetry-proto
// metrics/v1/metrics.proto). Times are nanoseconds since 1970; attributes are written out as texts.

using OtlpAttributes = std::vector<std::pair<std::string, std::string>>;

enum class OtlpTemporality : uint8_t { Unspecified, Delta, Cumulative };
enum class OtlpKind : uint8_t { None, Gauge, Sum, Histogram, ExponentialHistogram, Summary };

struct OtlpExemplar {
  OtlpAttributes attributes;
  uint64_t time = 0;
  double value = 0;
  std::string span_id;  ///< in hex, as the next
  std::string trace_id;
};

struct OtlpBuckets {
  int32_t offset = 0;
  std::vector<uint64_t> counts;
};

/// A data point of any kind: what its kind does not have is empty.
struct OtlpPoint {
  OtlpAttributes attributes;
  uint64_t start = 0;
  uint64_t time = 0;
  bool no_recorded_value = false;
  double value = 0;  ///< of gauges and sums
  uint64_t count = 0;
  std::optional<double> sum;
  std::vector<uint64_t> bucket_counts;
  std::vector<double> explicit_bounds;
  int32_t scale = 0;
  uint64_t zero_count = 0;
  OtlpBuckets positive;
  OtlpBuckets negative;
  std::vector<std::pair<double, double>> quantiles;  ///< and their values
  std::vector<OtlpExemplar> exemplars;
};

struct OtlpMetric {
  std::string name;
  std::string description;
  std::string unit;
  OtlpKind kind = OtlpKind::None;
  OtlpTemporality temporality = OtlpTemporality::Unspecified;
  bool monotonic = false;
  std::vector<OtlpPoint> points;
};

struct OtlpScope {
  std::string name;
  std::string version;
  std::string schema_url;
  OtlpAttributes attributes;
  std::vector<OtlpMetric> metrics;
};

struct OtlpResource {
  OtlpAttributes attributes;
  std::vector<OtlpScope> scopes;
};

using OtlpRequest = std::vector<OtlpResource>;

/// BadData that begins with "protobuf" or "JSON".
Result<OtlpRequest> parse_otlp_protobuf(std::string_view message);
Result<OtlpRequest> parse_otlp_json(std::string_view text);

/// A number as Go's JSON encoder writes it, which is how attributes show theirs.
std::string otlp_number(double value);

}  // namespace prom5::ingest
