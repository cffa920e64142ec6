#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace prom5 {

/// What is known about a counter reset between this histogram and the one before.
enum class CounterResetHint : uint8_t { Unknown = 0, Reset = 1, NotReset = 2, Gauge = 3 };

/// A run of consecutive buckets: `offset` from the end of the run before (for the first: the index
/// of its first bucket), then `length` buckets.
struct HistogramSpan {
  int32_t offset = 0;
  uint32_t length = 0;

  friend bool operator==(const HistogramSpan&, const HistogramSpan&) = default;
};

/// One bucket with its borders, as the HTTP API shows it.
struct HistogramBucket {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  double count = 0;
};

/// A native histogram with float counts (prometheus model/histogram/float_histogram.go); integer
/// histograms are turned into it on arrival, exact up to 2^53.
///
/// schema -4..8: bucket i holds (base^(i-1), base^i], base = 2^(2^-schema), mirrored for negative
/// observations. kCustomSchema: `custom_bounds` are the upper borders, the last bucket is +Inf.
struct Histogram {
  static constexpr int32_t kCustomSchema = -53;

  CounterResetHint reset_hint = CounterResetHint::Unknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;  ///< kStale here makes the whole histogram a staleness marker
  std::vector<HistogramSpan> positive_spans;
  std::vector<HistogramSpan> negative_spans;
  std::vector<double> positive_counts;  ///< absolute, one for each bucket of the spans
  std::vector<double> negative_counts;
  std::vector<double> custom_bounds;

  [[nodiscard]] bool custom() const { return schema == kCustomSchema; }

  /// Non-empty buckets, ascending: negative, zero, positive.
  [[nodiscard]] std::vector<HistogramBucket> buckets() const;

  /// BadData naming the rule that is broken: schema out of range, spans and counts that do not
  /// fit, negative offsets or counts, custom bounds not ascending.
  [[nodiscard]] Result<void> validate() const;

  /// `{count:4, sum:3, [0.5,1):2, …}` as Prometheus prints it.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Histogram&, const Histogram&) = default;
};

/// Upper border of bucket `index` of an exponential schema; the one below is at index - 1.
double exponential_bound(int32_t index, int32_t schema);

}  // namespace prom5
