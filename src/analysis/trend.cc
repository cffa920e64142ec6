#include "analysis/trend.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/robust.h"
#include "base/rng.h"

namespace prom5::analysis {

namespace {

constexpr size_t kAllPairsUpTo = 128;
constexpr size_t kSampledPairs = 4096;
constexpr double kZ90 = 1.6449;

/// What pairs of values say: their slopes, and how many more rise than fall.
struct Pairs {
  std::vector<double> slopes;
  double concordance = 0;  ///< (rising - falling) / pairs
};

/// Pairs of values `lag` apart, from every so manieth on.
void add_pairs(const std::vector<double>& values, const std::vector<double>& times, size_t lag,
               size_t first, size_t stride, Pairs& pairs) {
  const size_t n = values.size() - lag;
  size_t count = pairs.slopes.size();
  pairs.slopes.resize(count + (n + stride - 1) / stride);
  int64_t rising = 0;
  // Without branches: which way a pair goes is what a processor cannot foresee.
  for (size_t i = first; i < n; i += stride) {
    const double dt = times[i + lag] - times[i];
    const double dv = values[i + lag] - values[i];
    const bool apart = dt > 0;
    pairs.slopes[count] = dv / dt;
    count += apart ? 1 : 0;
    rising += apart ? static_cast<int>(dv > 0) - static_cast<int>(dv < 0) : 0;
  }
  pairs.slopes.resize(count);
  pairs.concordance += static_cast<double>(rising);
}

/// All pairs, or of every so many lags one, drawn, and of every so many pairs with that lag one:
/// each lag counts as among all pairs.
Pairs pairs_of(const std::vector<double>& values, const std::vector<double>& times) {
  const size_t n = values.size();
  const size_t all = n * (n - 1) / 2;
  const bool sampled = n > kAllPairsUpTo;
  const size_t lags = sampled ? (n + kAllPairsUpTo - 1) / kAllPairsUpTo : 1;
  const size_t stride = sampled ? all / lags / kSampledPairs + 1 : 1;
  Pairs out;
  out.slopes.reserve(sampled ? kSampledPairs + n : all);
  Rng rng(n);
  for (size_t lag = 1; lag < n; lag += lags) {
    const size_t drawn = std::min(n - 1, lag + (sampled ? rng.below(lags) : 0));
    add_pairs(values, times, drawn, sampled ? rng.below(stride) : 0, stride, out);
  }
  if (!out.slopes.empty()) out.concordance /= static_cast<double>(out.slopes.size());
  return out;
}

/// Variance of Kendall's S under "no trend", corrected for ties (Kendall 1975).
double variance_of_s(std::vector<double> values) {
  const auto n = static_cast<double>(values.size());
  double variance = n * (n - 1) * (2 * n + 5);
  std::sort(values.begin(), values.end());
  for (size_t first = 0; first < values.size();) {
    size_t end = first;
    while (end < values.size() && values[end] == values[first]) ++end;
    const auto ties = static_cast<double>(end - first);
    variance -= ties * (ties - 1) * (2 * ties + 5);
    first = end;
  }
  return variance / 18;
}

}  // namespace

std::optional<Trend> trend(std::span<const double> series, std::span<const double> all_times) {
  std::vector<double> values;
  std::vector<double> times;
  for (size_t i = 0; i < std::min(series.size(), all_times.size()); ++i) {
    if (!std::isfinite(series[i])) continue;
    values.push_back(series[i]);
    times.push_back(all_times[i]);
  }
  const size_t n = values.size();
  if (n < 4 || times.front() == times.back()) return std::nullopt;
  Pairs pairs = pairs_of(values, times);
  Trend out{.slope = median_of(pairs.slopes), .monotony = pairs.concordance, .count = n};

  std::vector<double> residuals(n);
  for (size_t i = 0; i < n; ++i) residuals[i] = values[i] - out.slope * (times[i] - times[0]);
  std::vector<double> work = residuals;
  out.start = median_of(work);
  out.end = out.start + out.slope * (times.back() - times.front());
  for (double& r : residuals) r -= out.start;
  out.residual_autocorrelation = lag_one_autocorrelation(residuals);
  out.residual_scale = mad_scale_of(work, out.start);

  const auto count = static_cast<double>(n);
  const double alike = std::clamp(out.residual_autocorrelation, 0.0, 0.95);
  const double deviation = std::sqrt(variance_of_s(values) * (1 + alike) / (1 - alike));
  const double all_pairs = count * (count - 1) / 2;
  if (deviation > 0) out.mann_kendall = out.monotony * all_pairs / deviation;
  const double reach = std::min(0.5, kZ90 * deviation / (2 * all_pairs));
  if (pairs.slopes.size() < 3) {
    out.slope_low = out.slope_high = out.slope;
    return out;
  }
  // The median has parted the slopes: each end of the interval lies in its half. The upper one
  // first, as looking for the lower one moves the slope in the middle.
  const auto last = static_cast<double>(pairs.slopes.size() - 1);
  const size_t half = pairs.slopes.size() / 2;
  const std::span<double> below = std::span(pairs.slopes).first(half + 1);
  const std::span<double> above = std::span(pairs.slopes).subspan(half);
  const auto to_middle = static_cast<double>(half);
  out.slope_high = quantile_of(above, ((0.5 + reach) * last - to_middle) / (last - to_middle));
  out.slope_low = quantile_of(below, (0.5 - reach) * last / to_middle);
  return out;
}

}  // namespace prom5::analysis
