#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace prom5::promql {

/// The q-quantile of `count` values in ascending order, of which `at(k)` is the k-th from 0 on,
/// interpolated between neighbours. NaN when there are none or q is NaN, -Inf below 0, +Inf above
/// 1. Asks for the lower neighbour, then for the upper one, which is the next or the same.
template <typename At>
double quantile_of_sorted(double q, size_t count, At at) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (count == 0 || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  const auto n = static_cast<double>(count);
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  const double below = at(static_cast<size_t>(lower));
  const double above = at(static_cast<size_t>(upper));
  return below * (1 - weight) + above * weight;
}

/// The q-quantile, interpolated between neighbours; NaN sorts first. NaN when there are no values
/// or q is NaN, -Inf below 0, +Inf above 1. Reorders `values`.
double quantile(double q, std::vector<double>& values);

/// One bucket of a classic histogram: observations up to `upper_bound`, cumulative.
struct ClassicBucket {
  double upper_bound = 0;
  double count = 0;
};

struct ClassicQuantile {
  double value = 0;
  bool forced_monotonic = false;  ///< counts decreased from bucket to bucket and were raised
  double min_bucket = 0;          ///< of the buckets that were raised
  double max_bucket = 0;
  double max_difference = 0;
};

/// histogram_quantile() over classic buckets (prometheus promql/quantile.go). NaN without a +Inf
/// bucket, with fewer than two buckets or without observations. Reorders `buckets`.
ClassicQuantile classic_quantile(double q, std::vector<ClassicBucket>& buckets);

/// histogram_fraction() over classic buckets. Reorders `buckets`.
double classic_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

}  // namespace prom5::promql
