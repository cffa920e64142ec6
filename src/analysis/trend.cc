#include "analysis/trend.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/robust.h"
#include "base/rng.h"

namespace prom5::analysis {

namespace {

constexpr size_t kAllPairsUpTo = 128;
constexpr size_t kSampledPairs = 8192;
constexpr double kZ90 = 1.6449;

/// What pairs of values say: their slopes, and how many more rise than fall.
struct Pairs {
  std::vector<double> slopes;
  double concordance = 0;  ///< (rising - falling) / pairs

  void add(double dt, double dv, double& rising) {
    if (dt < 0) {
      dt = -dt;
      dv = -dv;
    }
    if (dt == 0) return;
    slopes.push_back(dv / dt);
    rising += dv > 0 ? 1 : dv < 0 ? -1 : 0;
  }
};

Pairs pairs_of(const std::vector<double>& values, const std::vector<double>& times) {
  const size_t n = values.size();
  Pairs out;
  double rising = 0;
  if (n <= kAllPairsUpTo) {
    out.slopes.reserve(n * (n - 1) / 2);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        out.add(times[j] - times[i], values[j] - values[i], rising);
      }
    }
  } else {
    out.slopes.reserve(kSampledPairs);
    Rng rng(n);
    for (size_t k = 0; k < kSampledPairs; ++k) {
      const size_t i = rng.below(n);
      const size_t j = (i + 1 + rng.below(n - 1)) % n;
      out.add(times[j] - times[i], values[j] - values[i], rising);
    }
  }
  if (!out.slopes.empty()) out.concordance = rising / static_cast<double>(out.slopes.size());
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
  out.slope_low = quantile_of(pairs.slopes, 0.5 - reach);
  out.slope_high = quantile_of(pairs.slopes, 0.5 + reach);
  return out;
}

}  // namespace prom5::analysis
