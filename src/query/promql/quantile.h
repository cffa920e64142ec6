#pragma once

#include <vector>

namespace prom5::promql {

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
