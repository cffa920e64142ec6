#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "query/promql/fold_parts.h"
#include "query/promql/sliding_fold.h"

namespace prom5::promql {

/// Where a counter began again, and what it lost by that, for windows of a column that mostly move
/// forward: one pass over all samples, then a look at few numbers of each window. One thread.
class Falls {
 public:
  /// All must outlive this. `starts` may be empty; else a sample whose start timestamp tells of a
  /// reset is a fall, too.
  Falls(std::span<const TimeMs> times, std::span<const double> values,
        std::span<const TimeMs> starts);
  Falls(const Falls&) = delete;
  Falls& operator=(const Falls&) = delete;
  ~Falls() = default;

  /// The sum of the values before each fall of a window; `count` is not 0.
  double lost(size_t first, size_t count);
  /// Whether a sample of it claims to count what the one before it counted already.
  [[nodiscard]] bool starts_overlap(size_t first, size_t count) const {
    return !overlaps_up_to_.empty() && overlaps_up_to_[first + count - 1] != overlaps_up_to_[first];
  }

 private:
  // How many there are up to each sample; empty: none at all.
  std::vector<uint32_t> up_to_;
  std::vector<uint32_t> overlaps_up_to_;
  // Of each fall: the sample before it.
  std::vector<TimeMs> lost_times_;
  std::vector<double> lost_values_;
  bool moderate_ = true;  ///< no sum of them can overflow
  std::optional<SlidingFold<SumPart>> sums_;
};

}  // namespace prom5::promql
