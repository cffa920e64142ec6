#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/promql/sample_pairs.h"

namespace prom5::promql {

/// What a rate of native histograms must know of all samples of a window, for windows of a column
/// that mostly move forward: comparing two histograms costs as much as their buckets, so each pair
/// of neighbours is compared by the first window that has it, and not by each. One thread.
class HistogramFalls {
 public:
  /// Of the histograms of `columns`, which must outlive this.
  explicit HistogramFalls(const RangeColumns& columns) : columns_(columns) {}

  /// Samples of a window, by their place in the column, before each of which the counter began
  /// anew; of those behind its second. `count` is at least 2.
  std::span<const uint32_t> resets(size_t first, size_t count);
  /// Whether one of them is of a gauge.
  bool any_gauge(size_t first, size_t count);
  /// Whether some have exponential and some custom buckets.
  bool kinds_differ(size_t first, size_t count);
  /// The lowest resolution.
  int32_t least_schema(size_t first, size_t count);
  /// Whether a sample claims to count what the one before it counted already.
  bool starts_overlap(size_t first, size_t count);

 private:
  /// How many there are up to a sample, from the one after `begin_` on.
  struct UpTo {
    uint32_t resets = 0;
    uint32_t gauges = 0;
    uint32_t new_kinds = 0;    ///< samples of another kind than the one before
    uint32_t new_schemas = 0;  ///< of another schema
    uint32_t overlaps = 0;
  };
  /// Compares what a window has that none before it had.
  void reach(size_t first, size_t count);
  void compare(size_t i);
  [[nodiscard]] const UpTo& up_to(size_t i) const { return up_to_[i - begin_]; }

  const RangeColumns columns_;
  size_t begin_ = 0;  ///< what is known begins with this sample; before it lies a gap
  std::vector<UpTo> up_to_;
  std::vector<uint32_t> resets_;
  std::vector<uint32_t> new_schemas_;
};

}  // namespace prom5::promql
