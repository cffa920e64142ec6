#pragma once

#include <memory>
#include <span>

#include "base/error.h"
#include "model/histogram_buckets.h"

namespace prom5 {

/// Sum or mean of histograms with what rounding loses kept beside every count (Kahan-Neumaier), as
/// sum(), avg() and their *_over_time take them. A mean goes over to weighted steps before a sum
/// overflows. One thread.
class HistogramFold {
 public:
  enum class Kind : uint8_t { Sum, Mean };

  HistogramFold(Kind kind, const Histogram& first);

  /// Execution when one has exponential and the other custom buckets: nothing was added.
  Result<void> add(const Histogram& h);

  /// Adds all that `other` has added. Both are sums, of histograms alike().
  void join(const HistogramFold& other);

  [[nodiscard]] Histogram result() const;
  /// The mean of what was added to a sum, should that not have overflowed.
  [[nodiscard]] Histogram mean() const;

  /// Some said reset and others not reset.
  [[nodiscard]] bool reset_hints_collide() const { return reset_ && not_reset_; }
  /// Custom bounds differed; the common ones were taken.
  [[nodiscard]] bool bounds_reconciled() const { return bounds_reconciled_; }

 private:
  using Unpacked = buckets::Unpacked<KahanSum>;

  void note_hint(CounterResetHint hint);
  void add_weighted(Unpacked h);

  Kind kind_;
  Unpacked total_;  ///< the mean, once it is taken by weighted steps
  double count_ = 1;
  bool incremental_ = false;
  bool reset_ = false;
  bool not_reset_ = false;
  bool bounds_reconciled_ = false;
};

/// Whether all have the same schema, zero threshold and custom bounds, and counts and sums so small
/// that no sum of them overflows: what they add up to is the same in any order, but for what
/// rounding loses and KahanSum keeps.
bool alike(std::span<const std::shared_ptr<const Histogram>> histograms);

}  // namespace prom5
