#include "query/promql/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prom5::promql {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Differences below this share are taken for rounding errors of rates.
constexpr double kSmallDelta = 1e-12;

bool almost_equal(double a, double b) {
  if (a == b) return true;
  const double magnitude = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || magnitude < std::numeric_limits<double>::min()) {
    return difference < kSmallDelta * std::numeric_limits<double>::min();
  }
  return difference / std::min(magnitude, std::numeric_limits<double>::max()) < kSmallDelta;
}

/// Sorted by bound, equal bounds joined. False when there is no +Inf bucket.
bool prepare(std::vector<ClassicBucket>& buckets) {
  std::stable_sort(
      buckets.begin(), buckets.end(),
      [](const ClassicBucket& a, const ClassicBucket& b) { return a.upper_bound < b.upper_bound; });
  if (buckets.empty() || buckets.back().upper_bound != kInf) return false;
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper_bound == buckets[last].upper_bound) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
  return true;
}

void make_monotonic(std::vector<ClassicBucket>& buckets, ClassicQuantile& out) {
  out.min_bucket = kInf;
  out.max_bucket = -kInf;
  double previous = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    const double current = buckets[i].count;
    if (current == previous) continue;
    if (almost_equal(previous, current)) {
      buckets[i].count = previous;
    } else if (current < previous) {
      buckets[i].count = previous;
      out.forced_monotonic = true;
      out.min_bucket = std::min(out.min_bucket, buckets[i].upper_bound);
      out.max_bucket = std::max(out.max_bucket, buckets[i].upper_bound);
      out.max_difference = std::max(out.max_difference, previous - current);
    } else {
      previous = current;
    }
  }
}

}  // namespace

double quantile(double q, std::vector<double>& values) {
  const auto first = values.begin();
  const auto first_number =
      std::partition(first, values.end(), [](double v) { return std::isnan(v); });
  auto in_place = first_number;  // all before it are in their places, or NaN
  return quantile_of_sorted(q, values.size(), [&](size_t k) {
    const auto place = first + static_cast<std::ptrdiff_t>(k);
    if (place < in_place) return *place;
    if (place == in_place) {
      std::iter_swap(place, std::min_element(place, values.end()));
    } else {
      std::nth_element(in_place, place, values.end());
    }
    in_place = place + 1;
    return *place;
  });
}

ClassicQuantile classic_quantile(double q, std::vector<ClassicBucket>& buckets) {
  ClassicQuantile out;
  out.value = kNaN;
  if (std::isnan(q)) return out;
  if (q < 0 || q > 1) {
    out.value = q < 0 ? -kInf : kInf;
    return out;
  }
  if (!prepare(buckets)) return out;
  make_monotonic(buckets, out);
  const double observations = buckets.back().count;
  if (buckets.size() < 2 || observations == 0) return out;
  double rank = q * observations;
  const auto found =
      std::partition_point(buckets.begin(), buckets.end() - 1,
                           [&](const ClassicBucket& b) { return !(b.count >= rank); });
  const auto b = static_cast<size_t>(found - buckets.begin());
  if (b == buckets.size() - 1) {
    out.value = buckets[buckets.size() - 2].upper_bound;
    return out;
  }
  if (b == 0 && buckets[0].upper_bound <= 0) {
    out.value = buckets[0].upper_bound;
    return out;
  }
  double start = 0;
  double count = buckets[b].count;
  if (b > 0) {
    start = buckets[b - 1].upper_bound;
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  out.value = start + (buckets[b].upper_bound - start) * (rank / count);
  return out;
}

double classic_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (!prepare(buckets)) return kNaN;
  const double total = buckets.back().count;
  if (total == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;

  // The observations up to `value`, interpolated inside the bucket that holds it. Buckets without a
  // finite border cannot be interpolated in: the lowest counts whole, the highest not at all.
  const auto rank_of = [&](double value) {
    double below = 0;
    double start = buckets[0].upper_bound <= 0 ? -kInf : 0;
    for (const ClassicBucket& bucket : buckets) {
      if (value <= start) return below;
      if (value < bucket.upper_bound) {
        if (start == -kInf) return bucket.count;
        return below + (bucket.count - below) * (value - start) / (bucket.upper_bound - start);
      }
      below = bucket.count;
      start = bucket.upper_bound;
    }
    return total;
  };
  return (std::min(rank_of(upper), total) - std::min(rank_of(lower), total)) / total;
}

}  // namespace prom5::promql
