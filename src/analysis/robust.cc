#include "analysis/robust.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prom5::analysis {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMadToSigma = 1.4826;

}  // namespace

std::vector<double> finite_values(std::span<const double> values) {
  std::vector<double> out;
  out.reserve(values.size());
  for (const double v : values) {
    if (std::isfinite(v)) out.push_back(v);
  }
  return out;
}

double median_of(std::span<double> values) {
  const size_t n = values.size();
  if (n == 0) return kNan;
  if (n == 1) return values[0];
  const auto middle = values.begin() + static_cast<ptrdiff_t>(n / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (n % 2 == 1) return *middle;
  // Halves first: the sum of two large values would overflow.
  return *std::max_element(values.begin(), middle) / 2 + *middle / 2;
}

double quantile_of(std::span<double> values, double q) {
  if (values.empty()) return kNan;
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const auto at = values.begin() + static_cast<ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  const double weight = position - static_cast<double>(below);
  if (weight == 0) return *at;
  return *at * (1 - weight) + *std::min_element(at + 1, values.end()) * weight;
}

double mad_scale_of(std::span<double> values, double centre) {
  for (double& v : values) v = std::fabs(v - centre);
  return kMadToSigma * median_of(values);
}

double lag_one_autocorrelation(std::span<const double> residuals) {
  if (residuals.size() < 3) return 0;
  double products = 0;
  double squares = residuals[0] * residuals[0];
  for (size_t i = 1; i < residuals.size(); ++i) {
    products += residuals[i] * residuals[i - 1];
    squares += residuals[i] * residuals[i];
  }
  return squares > 0 ? std::clamp(products / squares, -0.99, 0.99) : 0;
}

double effective_count(double count, double autocorrelation) {
  const double independent = count * (1 - autocorrelation) / (1 + autocorrelation);
  return std::clamp(independent, 1.0, std::max(count, 1.0));
}

double two_sided_p(double z) { return std::erfc(std::fabs(z) / std::sqrt(2.0)); }

}  // namespace prom5::analysis
