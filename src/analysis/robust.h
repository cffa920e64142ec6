#pragma once

#include <span>
#include <vector>

namespace prom5::analysis {

/// Statistics that a minority of wild values does not move. Pure; any thread. "Finite values only"
/// means that NaN and ±Inf have been left out before, as finite_values() does.

/// The values without NaN and ±Inf, in their order.
std::vector<double> finite_values(std::span<const double> values);

/// The median of finite values; the mean of the middle two when their number is even. NaN when
/// there are none. Puts the values into another order. O(n).
double median_of(std::span<double> values);

/// The q-quantile, 0 <= q <= 1, of finite values, interpolated between neighbours (Hyndman and
/// Fan's type 7, as PromQL's quantile). NaN when there are none. Reorders the values. O(n).
double quantile_of(std::span<double> values, double q);

/// The spread of finite values about `centre`: 1.4826 times the median absolute deviation, which
/// is the standard deviation for Gaussian noise (Hampel 1974). NaN when there are none. Overwrites
/// the values. O(n).
double mad_scale_of(std::span<double> values, double centre);

/// Correlation of residuals (of mean about zero) with their predecessors, in [-0.99, 0.99]; zero
/// for fewer than three and for all zeros.
double lag_one_autocorrelation(std::span<const double> residuals);

/// How many independent values `count` values are worth whose neighbours correlate by
/// `autocorrelation`, as of a first-order autoregression: at least one, at most `count`.
double effective_count(double count, double autocorrelation);

/// Probability of a Gaussian value at least `z` standard deviations from its mean, on either side.
double two_sided_p(double z);

}  // namespace prom5::analysis
