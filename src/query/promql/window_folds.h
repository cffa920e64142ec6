#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/kahan.h"

namespace prom5::promql {

/// Sums, or extremes, of any run of a column, from those of its runs of 16, 256, 4096 …: windows
/// that overlap cost the logarithm of their length, after one pass over the samples.
///
/// A sum is that of all values within the error of Kahan's summation, whatever the grouping. That
/// holds where nothing overflows, so only for columns of moderate, finite values: usable().
class WindowFolds {
 public:
  enum class Kind : uint8_t { None, Sum, Least, Greatest };

  /// `values` must outlive this.
  WindowFolds(std::span<const double> values, Kind kind);

  [[nodiscard]] bool usable() const { return usable_; }

  /// For Kind::Sum.
  [[nodiscard]] KahanSum sum(size_t first, size_t count) const;
  /// For Kind::Least and Greatest; `count` is not 0.
  [[nodiscard]] double extreme(size_t first, size_t count) const;

 private:
  static constexpr size_t kFanout = 16;

  struct Level {
    std::vector<double> values;
    std::vector<double> lost;  ///< of sums
  };

  void build_level(std::span<const double> below, std::span<const double> lost_below);
  template <typename Take>
  void walk(size_t first, size_t past, Take take) const;

  const std::span<const double> values_;
  const Kind kind_;
  bool usable_ = false;
  std::vector<Level> levels_;  ///< of runs of 16, 256, …
};

}  // namespace prom5::promql
