#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace prom5::analysis {

/// How two series move together. Series are spans of equal length whose samples of the same index
/// are of the same time, at a fixed step; NaN and ±Inf are gaps, and a pair with a gap is left out.
/// What follows is pure, for any thread.
struct Correlation {
  double coefficient = 0;  ///< -1 … 1; 0 when either series is constant or there are < 3 pairs
  size_t count = 0;        ///< pairs that had both values
  /// How many independent pairs those are worth: samples of a slow series repeat each other.
  double effective_count = 0;
  /// Approximate probability of such a coefficient between series that have nothing to do with
  /// each other, 0 … 1. Two smooth ramps are alike by 1.0 and yet tell little: p is then high.
  double p_value = 1;
};

/// Of a straight-line relation (Pearson).
///
/// effective_count is Bartlett's (1935): count / (1 + 2 Σ (1 - k/n) ρa(k) ρb(k)). The p-value is
/// Fisher's on that count, and never below 2 / effective_count!, the least that any ordering of so
/// few values can prove.
/// O(n · min(n, 256)). Spans of unequal length are compared up to the shorter one's end.
Correlation pearson(std::span<const double> a, std::span<const double> b);

/// Of any monotone relation (Spearman): the same on ranks, ties sharing their mean rank.
Correlation spearman(std::span<const double> a, std::span<const double> b);

struct LaggedCorrelation {
  /// In samples. Positive: b follows a, that is, b[i + lag] goes with a[i]. Negative: b comes
  /// first.
  int64_t lag = 0;
  /// At that lag. p_value is corrected for having looked at many lags.
  Correlation correlation;
};

/// The lag in -max_lag … max_lag at which |Pearson's coefficient| is largest; among equals (to
/// 1e-6) the one nearest to zero. Lags whose overlap has fewer than max(8, half of the samples)
/// pairs are not looked at. Lag and coefficient are 0 when a series is constant or no lag
/// qualifies. What is weaker than `least` is not tried for significance, which takes most of the
/// time: it comes back without an effective_count, with a p_value of 1.
/// O(n · max_lag); allocates nothing inside the loop.
LaggedCorrelation best_lag(std::span<const double> a, std::span<const double> b, size_t max_lag,
                           double least = 0);

/// best_lag() of one series with many of the same length, which makes it ready once.
class LagSearch {
 public:
  explicit LagSearch(std::span<const double> a);
  ~LagSearch();

  /// As best_lag(a, b, max_lag, least); b is as long as a.
  [[nodiscard]] LaggedCorrelation with(std::span<const double> b, size_t max_lag,
                                       double least = 0) const;

 private:
  struct Side;
  std::unique_ptr<const Side> a_;
};

}  // namespace prom5::analysis
