#include <algorithm>
#include <cmath>

#include "io/codec/number.h"
#include "model/histogram_arithmetic.h"
#include "model/kahan.h"
#include "query/promql/slow_twin_parts_test.h"

// Quantiles and shares of classic and native histograms (promql/quantile.go, and their callers in
// functions.go).

namespace prom5::promql {

namespace {

/// A classic bucket: how many observations are at or below its bound.
struct Bucket {
  double bound = 0;
  double count = 0;
};

/// A vector's histograms of both kinds, by their labels without le.
struct Distributions {
  std::map<Labels, std::vector<Bucket>> classic;
  std::map<Labels, std::shared_ptr<const Histogram>> native;
};

Distributions distributions_of(const TwinVector& vector) {
  Distributions out;
  for (const auto& [labels, value] : vector) {
    if (!value.is_float()) {
      out.native[labels] = value.histogram;
    } else if (const auto bound = codec::parse_double(labels.get("le"))) {
      out.classic[labels.without("le")].push_back({*bound, value.number});
    }
  }
  // Where a series has both, neither counts.
  for (auto it = out.native.begin(); it != out.native.end();) {
    it = out.classic.erase(it->first) > 0 ? out.native.erase(it) : std::next(it);
  }
  return out;
}

/// Sorted, of one bound one; nothing unless the last one is +Inf.
std::vector<Bucket> in_order(std::vector<Bucket> buckets) {
  std::ranges::stable_sort(buckets, {}, &Bucket::bound);
  if (buckets.back().bound != kInf) return {};
  std::vector<Bucket> out;
  for (const Bucket& b : buckets) {
    if (!out.empty() && out.back().bound == b.bound) {
      out.back().count += b.count;
    } else {
      out.push_back(b);
    }
  }
  return out;
}

/// Whether counts differ by no more than rounding.
bool nearly_equal(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  const double sum = std::fabs(a) + std::fabs(b);
  constexpr double kSmallest = 0x1p-1022;
  constexpr double kTolerance = 1e-12;
  if (a == 0 || b == 0 || sum < kSmallest) return std::fabs(a - b) < kTolerance * kSmallest;
  return std::fabs(a - b) / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

/// No count less than the one before it, nor greater by rounding alone.
void smooth(std::vector<Bucket>& buckets) {
  double before = buckets[0].count;
  for (Bucket& b : buckets) {
    if (b.count < before || nearly_equal(before, b.count)) b.count = before;
    before = b.count;
  }
}

double classic_quantile(double q, const std::vector<Bucket>& unordered) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::vector<Bucket> buckets = in_order(unordered);
  if (buckets.size() < 2) return kNan;
  smooth(buckets);
  const double observations = buckets.back().count;
  if (observations == 0) return kNan;
  const double rank = q * observations;
  size_t b = 0;
  while (b + 1 < buckets.size() && !(buckets[b].count >= rank)) ++b;
  if (b + 1 == buckets.size()) return buckets[b - 1].bound;
  if (b == 0 && buckets[0].bound <= 0) return buckets[0].bound;
  const double start = b > 0 ? buckets[b - 1].bound : 0;
  const double below = b > 0 ? buckets[b - 1].count : 0;
  return start + (buckets[b].bound - start) * ((rank - below) / (buckets[b].count - below));
}

/// A bucket around 0 of a histogram that may have observations on one side of it only.
HistogramBucket within_side(HistogramBucket bucket, const Histogram& h) {
  if (h.negative_counts.empty() && !h.positive_counts.empty()) bucket.lower = 0;
  if (h.positive_counts.empty() && !h.negative_counts.empty()) bucket.upper = 0;
  return bucket;
}

double native_quantile(double q, const Histogram& h) {
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (h.count == 0 || std::isnan(q)) return kNan;
  std::vector<HistogramBucket> buckets = h.buckets();
  // From the nearer end; from below where NaN was observed, which no bucket holds.
  const bool ascending = std::isnan(h.sum) || q < 0.5;
  if (!ascending) std::ranges::reverse(buckets);
  double rank = (ascending ? q : 1 - q) * h.count;
  double count = 0;
  HistogramBucket bucket;
  for (const HistogramBucket& b : buckets) {
    bucket = b;
    count += b.count;
    if (count >= rank) break;
  }
  if (h.custom()) {
    if (bucket.lower == -kInf) {
      if (bucket.upper <= 0) return bucket.upper;
      bucket.lower = 0;
    } else if (bucket.upper == kInf) {
      return bucket.lower;
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    bucket = within_side(bucket, h);
  }
  count = std::min(count, h.count);
  if (count < rank) return std::isnan(h.sum) ? kNan : bucket.upper;
  rank = ascending ? rank - (count - bucket.count) : count - rank;
  const double share = rank / bucket.count;
  if (h.custom() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * share;
  }
  const double low = std::log2(std::fabs(bucket.lower));
  const double high = std::log2(std::fabs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(low + (high - low) * share);
  return -std::exp2(high + (low - high) * (1 - share));
}

/// How many observations are below a value, by walking buckets from the lowest.
class RankFinder {
 public:
  explicit RankFinder(double value) : value_(value) {}

  /// `below`: observations in the buckets before; `inside(value)`: up to a value in this bucket.
  template <typename Inside>
  void see(double lower, double upper, double below, Inside inside) {
    if (found_) return;
    found_ = lower >= value_ || upper > value_;
    if (found_) rank_ = lower >= value_ ? below : inside(value_);
  }

  [[nodiscard]] double rank(double count) const { return !found_ || rank_ > count ? count : rank_; }

 private:
  double value_;
  bool found_ = false;
  double rank_ = 0;
};

double classic_fraction(double lower, double upper, const std::vector<Bucket>& unordered) {
  const std::vector<Bucket> buckets = in_order(unordered);
  if (buckets.empty()) return kNan;
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  RankFinder low(lower);
  RankFinder high(upper);
  double from = buckets[0].bound <= 0 ? -kInf : 0;
  double below = 0;
  for (const Bucket& b : buckets) {
    const auto inside = [&](double v) {
      if (from == -kInf) return b.count;
      return below + (b.count - below) * (v - from) / (b.bound - from);
    };
    low.see(from, b.bound, below, inside);
    high.see(from, b.bound, below, inside);
    from = b.bound;
    below = b.count;
  }
  return (high.rank(count) - low.rank(count)) / count;
}

double native_fraction(double lower, double upper, const Histogram& h) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  RankFinder low(lower);
  RankFinder high(upper);
  double below = 0;
  for (const HistogramBucket& bucket : h.buckets()) {
    const bool around_zero = bucket.lower <= 0 && bucket.upper >= 0;
    const bool linear = h.custom() || around_zero;
    const HistogramBucket b = around_zero ? within_side(bucket, h) : bucket;
    const auto inside = [&](double v) {
      if (linear && b.lower == -kInf) return b.count;
      return below + b.count * fraction_below(b, v, linear);
    };
    low.see(b.lower, b.upper, below, inside);
    high.see(b.lower, b.upper, below, inside);
    below += b.count;
  }
  const double count = std::isnan(h.sum) ? below : h.count;
  return (high.rank(count) - low.rank(count)) / h.count;
}

}  // namespace

Result<TwinVector> histogram_quantile_of(double q, const TwinVector& vector) {
  const Distributions all = distributions_of(vector);
  TwinVector out;
  for (const auto& [labels, h] : all.native) {
    TRY(put(out, without_metadata(labels), {native_quantile(q, *h), nullptr}));
  }
  for (const auto& [labels, buckets] : all.classic) {
    TRY(put(out, without_metadata(labels), {classic_quantile(q, buckets), nullptr}));
  }
  return out;
}

Result<TwinVector> histogram_quantiles_of(const std::vector<double>& qs, std::string_view label,
                                          const TwinVector& vector) {
  TwinVector out;
  for (const double q : qs) {
    // OpenMetrics' floats: what looks like an integer gets a decimal place.
    std::string text = codec::format_general(q);
    if (std::isfinite(q) && text.find_first_of(".e") == std::string::npos) text += ".0";
    for (const auto& [labels, value] : TRY(histogram_quantile_of(q, vector))) {
      TRY(put(out, LabelsBuilder(labels).set(label, text).build(), value));
    }
  }
  return out;
}

Result<TwinVector> histogram_fraction_of(double lower, double upper, const TwinVector& vector) {
  const Distributions all = distributions_of(vector);
  TwinVector out;
  for (const auto& [labels, h] : all.native) {
    TRY(put(out, without_metadata(labels), {native_fraction(lower, upper, *h), nullptr}));
  }
  for (const auto& [labels, buckets] : all.classic) {
    TRY(put(out, without_metadata(labels), {classic_fraction(lower, upper, buckets), nullptr}));
  }
  return out;
}

double histogram_variance_of(const Histogram& h) {
  const double mean = h.sum / h.count;
  KahanSum total;
  for (const HistogramBucket& b : h.buckets()) {
    double middle = 0;
    if (h.custom()) {
      middle = (b.upper + b.lower) / 2;
    } else if (!(b.lower <= 0 && b.upper >= 0)) {
      middle = std::copysign(std::sqrt(b.upper * b.lower), b.upper);
    }
    const double delta = middle - mean;
    total.add(b.count * delta * delta);
  }
  return (total.sum + total.lost) / h.count;
}

}  // namespace prom5::promql
