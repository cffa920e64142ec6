#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prom5::promql {

/// The values of a window in ascending order, for windows of a column that mostly move forward:
/// the column is sorted once, and then each sample's coming, its going and each look costs the
/// logarithm of the column's length.
///
/// Each sample has its own rank in the column, by value. A bit says of each rank whether its sample
/// is in the window, and sums over words of bits, as a binary indexed tree (Fenwick 1994), find
/// the k-th.
class RankWindow {
 public:
  /// No value is NaN.
  explicit RankWindow(std::span<const double> values);

  /// Samples [first, past) of the column, from now on.
  void move(size_t first, size_t past);
  [[nodiscard]] size_t size() const { return past_ - first_; }
  /// The value that has `k` others before it; k < size().
  [[nodiscard]] double at(size_t k) const;

 private:
  void put(uint32_t rank);
  void remove(uint32_t rank);
  void count(size_t word, uint32_t by);

  std::vector<double> sorted_;
  std::vector<uint32_t> ranks_;   ///< of each sample
  std::vector<uint64_t> bits_;    ///< by rank
  std::vector<uint32_t> counts_;  ///< of set bits of runs of words; from index 1 on
  size_t widest_ = 0;             ///< the longest run of words that has a count
  size_t first_ = 0;
  size_t past_ = 0;
};

/// Median and median absolute deviation of a window, as mad_over_time() has it.
double median_absolute_deviation(const RankWindow& window);

}  // namespace prom5::promql
