#include "analysis/correlation.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>
#include <vector>

#include "analysis/robust.h"

namespace prom5::analysis {

namespace {

constexpr size_t kMaxAutocorrelationLag = 256;
constexpr size_t kMinOverlap = 8;
constexpr double kSameCoefficient = 1e-6;

/// A series made ready for sums of products: divided by its largest absolute value (so that
/// squares do not overflow), mean taken off, gaps zero.
struct Prepared {
  std::vector<double> values;   ///< 0 at gaps
  std::vector<double> present;  ///< 1 or 0
  double squares = 0;
  size_t count = 0;
  bool constant = true;
};

Prepared prepare(std::span<const double> series) {
  Prepared out;
  out.values.assign(series.size(), 0.0);
  out.present.assign(series.size(), 0.0);
  double largest = 0;
  for (const double v : series) {
    if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
  }
  // Where the inverse of a tiny one is infinite, the squares do not overflow either.
  const double scale = largest > 1e-300 ? 1 / largest : 1;
  double sum = 0;
  double low = 2;
  double high = -2;
  for (size_t i = 0; i < series.size(); ++i) {
    if (!std::isfinite(series[i])) continue;
    out.values[i] = series[i] * scale;
    out.present[i] = 1;
    ++out.count;
    sum += out.values[i];
    low = std::min(low, out.values[i]);
    high = std::max(high, out.values[i]);
  }
  // Rounding of a mean over constant values must not look like movement.
  out.constant = !(high - low > 1e-12);
  const double mean = out.count > 0 ? sum / static_cast<double>(out.count) : 0;
  for (size_t i = 0; i < series.size(); ++i) {
    out.values[i] = (out.values[i] - mean) * out.present[i];
    out.squares += out.values[i] * out.values[i];
  }
  return out;
}

/// Both prepared with the gaps of either, so that they are centred on the same pairs.
std::pair<Prepared, Prepared> prepare_pairs(std::span<const double> a, std::span<const double> b) {
  const size_t n = std::min(a.size(), b.size());
  std::vector<double> left(a.begin(), a.begin() + static_cast<ptrdiff_t>(n));
  std::vector<double> right(b.begin(), b.begin() + static_cast<ptrdiff_t>(n));
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(left[i])) right[i] = left[i];
    if (!std::isfinite(right[i])) left[i] = right[i];
  }
  return {prepare(left), prepare(right)};
}

double dot(const double* a, const double* b, size_t n) {
  // Four sums, for the processor to add them side by side.
  double s0 = 0;
  double s1 = 0;
  double s2 = 0;
  double s3 = 0;
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    s0 += a[i] * b[i];
    s1 += a[i + 1] * b[i + 1];
    s2 += a[i + 2] * b[i + 2];
    s3 += a[i + 3] * b[i + 3];
  }
  for (; i < n; ++i) s0 += a[i] * b[i];
  return (s0 + s1) + (s2 + s3);
}

double bartlett_count(const Prepared& a, const Prepared& b, size_t count) {
  const size_t n = a.values.size();
  const double pairs = static_cast<double>(count);
  if (a.constant || b.constant || count < 3) return pairs;
  double inflation = 1;
  for (size_t k = 1; k < std::min(n, kMaxAutocorrelationLag); ++k) {
    const double of_a = dot(a.values.data(), a.values.data() + k, n - k) / a.squares;
    const double of_b = dot(b.values.data(), b.values.data() + k, n - k) / b.squares;
    inflation += 2 * (1 - static_cast<double>(k) / static_cast<double>(n)) * of_a * of_b;
  }
  // Below one: alternating series would count for more pairs than there are.
  return std::clamp(pairs / std::max(inflation, 1.0), 1.0, pairs);
}

double p_of(double coefficient, double effective_count) {
  const double r = std::min(std::fabs(coefficient), 1 - 1e-15);
  const double z = std::atanh(r) * std::sqrt(std::max(effective_count - 3, 0.0));
  const double least = 2 * std::exp(-std::lgamma(effective_count + 1));
  return std::min(1.0, std::max(two_sided_p(z), least));
}

/// What the coefficient at one lag needs: sums over the pairs (a[i], b[i + lag]).
struct PairSums {
  double n = 0;
  double a = 0;
  double b = 0;
  double aa = 0;
  double bb = 0;
  double ab = 0;
};

double coefficient_of(const PairSums& s) {
  if (s.n < 3) return 0;
  const double var_a = s.aa - s.a * s.a / s.n;
  const double var_b = s.bb - s.b * s.b / s.n;
  // Values are at most 2 after preparation; what is smaller than this is rounding.
  if (!(var_a > 1e-20 * s.n) || !(var_b > 1e-20 * s.n)) return 0;
  return std::clamp((s.ab - s.a * s.b / s.n) / std::sqrt(var_a * var_b), -1.0, 1.0);
}

PairSums sums_with_gaps(const Prepared& a, const Prepared& b, size_t from_a, size_t from_b,
                        size_t n) {
  const double* x = a.values.data() + from_a;
  const double* y = b.values.data() + from_b;
  const double* has_x = a.present.data() + from_a;
  const double* has_y = b.present.data() + from_b;
  PairSums s;
  for (size_t i = 0; i < n; ++i) {
    s.n += has_x[i] * has_y[i];
    s.a += x[i] * has_y[i];
    s.b += y[i] * has_x[i];
    s.aa += x[i] * x[i] * has_y[i];
    s.bb += y[i] * y[i] * has_x[i];
    s.ab += x[i] * y[i];
  }
  return s;
}

/// Sums of values and squares up to each index: without gaps, a lag then needs one product sum.
struct Prefix {
  std::vector<double> sum;
  std::vector<double> squares;

  explicit Prefix(const std::vector<double>& values)
      : sum(values.size() + 1), squares(values.size() + 1) {
    for (size_t i = 0; i < values.size(); ++i) {
      sum[i + 1] = sum[i] + values[i];
      squares[i + 1] = squares[i] + values[i] * values[i];
    }
  }
};

Correlation correlate(const Prepared& a, const Prepared& b) {
  Correlation out{.count = a.count};
  if (a.constant || b.constant || a.count < 3) return out;
  const double products = dot(a.values.data(), b.values.data(), a.values.size());
  out.coefficient = std::clamp(products / std::sqrt(a.squares * b.squares), -1.0, 1.0);
  out.effective_count = bartlett_count(a, b, out.count);
  out.p_value = p_of(out.coefficient, out.effective_count);
  return out;
}

/// Ranks from 1 at the indices that have values; gaps stay.
std::vector<double> ranks_of(std::span<const double> series) {
  std::vector<size_t> order;
  for (size_t i = 0; i < series.size(); ++i) {
    if (std::isfinite(series[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return series[x] < series[y]; });
  std::vector<double> ranks(series.begin(), series.end());
  for (size_t first = 0; first < order.size();) {
    size_t end = first;
    while (end < order.size() && series[order[end]] == series[order[first]]) ++end;
    const double shared = static_cast<double>(first + end + 1) / 2;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = shared;
    first = end;
  }
  return ranks;
}

}  // namespace

Correlation pearson(std::span<const double> a, std::span<const double> b) {
  const auto [left, right] = prepare_pairs(a, b);
  return correlate(left, right);
}

Correlation spearman(std::span<const double> a, std::span<const double> b) {
  const size_t n = std::min(a.size(), b.size());
  std::vector<double> left(a.begin(), a.begin() + static_cast<ptrdiff_t>(n));
  std::vector<double> right(b.begin(), b.begin() + static_cast<ptrdiff_t>(n));
  for (size_t i = 0; i < n; ++i) {  // a rank counts only among the pairs
    if (!std::isfinite(left[i])) right[i] = left[i];
    if (!std::isfinite(right[i])) left[i] = right[i];
  }
  return correlate(prepare(ranks_of(left)), prepare(ranks_of(right)));
}

/// A side of a comparison at many lags.
struct LagSearch::Side {
  Prepared series;
  Prefix sums;

  explicit Side(std::span<const double> values) : series(prepare(values)), sums(series.values) {}

  [[nodiscard]] bool gaps() const { return series.count < series.values.size(); }
};

LagSearch::LagSearch(std::span<const double> a) : a_(std::make_unique<const Side>(a)) {}

LagSearch::~LagSearch() = default;

namespace {

/// The sums over the pairs (a[from_a + i], b[from_b + i]) of an overlap.
PairSums sums_at(const Prepared& a, const Prefix& of_a, const Prepared& b, const Prefix& of_b,
                 size_t from_a, size_t from_b, size_t overlap) {
  return {.n = static_cast<double>(overlap),
          .a = of_a.sum[from_a + overlap] - of_a.sum[from_a],
          .b = of_b.sum[from_b + overlap] - of_b.sum[from_b],
          .aa = of_a.squares[from_a + overlap] - of_a.squares[from_a],
          .bb = of_b.squares[from_b + overlap] - of_b.squares[from_b],
          .ab = dot(a.values.data() + from_a, b.values.data() + from_b, overlap)};
}

}  // namespace

LaggedCorrelation LagSearch::with(std::span<const double> b, size_t max_lag, double least) const {
  const Prepared& left = a_->series;
  LaggedCorrelation best;
  if (left.constant) return best;
  const Side other(b);
  const Prepared& right = other.series;
  if (right.constant) return best;
  const size_t n = left.values.size();
  const size_t fewest = std::max(kMinOverlap, (std::min(left.count, right.count) + 1) / 2);
  if (n < fewest) return best;
  const bool gaps = a_->gaps() || other.gaps();
  const auto furthest = static_cast<int64_t>(std::min(max_lag, n - fewest));
  // 0, 1, -1, 2, -2, …: of equals the nearest to zero comes first and stays.
  for (int64_t turn = 0; turn <= 2 * furthest; ++turn) {
    const int64_t lag = turn % 2 == 1 ? (turn + 1) / 2 : -(turn / 2);
    const auto shift = static_cast<size_t>(std::abs(lag));
    const size_t from_a = lag < 0 ? shift : 0;
    const size_t from_b = lag > 0 ? shift : 0;
    const PairSums s = gaps ? sums_with_gaps(left, right, from_a, from_b, n - shift)
                            : sums_at(left, a_->sums, right, other.sums, from_a, from_b, n - shift);
    if (s.n < static_cast<double>(fewest)) continue;
    const double r = coefficient_of(s);
    if (best.correlation.count == 0 ||
        std::fabs(r) > std::fabs(best.correlation.coefficient) + kSameCoefficient) {
      best.lag = lag;
      best.correlation.coefficient = r;
      best.correlation.count = static_cast<size_t>(s.n);
    }
  }
  Correlation& found = best.correlation;
  if (found.count == 0 || std::fabs(found.coefficient) < least) return best;
  const double share = static_cast<double>(found.count) / static_cast<double>(n);
  found.effective_count = std::max(1.0, bartlett_count(left, right, n) * share);
  // Neighbouring lags of slow series are one trial, not several.
  const double trials = static_cast<double>(2 * furthest + 1) * found.effective_count /
                        static_cast<double>(found.count);
  found.p_value =
      std::min(1.0, p_of(found.coefficient, found.effective_count) * std::max(1.0, trials));
  return best;
}

LaggedCorrelation best_lag(std::span<const double> a, std::span<const double> b, size_t max_lag,
                           double least) {
  const size_t n = std::min(a.size(), b.size());
  return LagSearch(a.first(n)).with(b.first(n), max_lag, least);
}

}  // namespace prom5::analysis
