#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/histogram.h"

namespace prom5::exposition {

/// Writes a page of length-delimited io.prometheus.client.MetricFamily messages. The caller writes
/// a family's metrics right after the family, and finish() at the end. One thread.
/// Source: prometheus/client_model, io/prometheus/client/metrics.proto.
class ProtobufWriter {
 public:
  /// The types by their numbers in the format.
  enum class Kind : uint8_t { Untyped = 3, Histogram = 4, GaugeHistogram = 5 };
  using Labels = std::vector<std::pair<std::string, std::string_view>>;

  explicit ProtobufWriter(std::string& out) : out_(out) {}

  void family(std::string_view name, Kind kind);
  void sample(const Labels& labels, double value, TimeMs time);
  /// A native one; the format has no custom buckets, which become classic ones.
  void histogram(const Labels& labels, const Histogram& histogram, TimeMs time);
  void finish();

 private:
  void metric(const Labels& labels, uint32_t field, std::string_view value, TimeMs time);

  std::string& out_;
  std::string family_;  ///< the message that is being written; empty: none
};

}  // namespace prom5::exposition
