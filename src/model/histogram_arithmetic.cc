#include "model/histogram_arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "model/histogram_buckets.h"

namespace prom5 {

namespace {

using Buckets = buckets::Buckets<double>;
using Unpacked = buckets::Unpacked<double>;
using buckets::pack;

Buckets unpack(const std::vector<HistogramSpan>& spans, const std::vector<double>& counts) {
  return buckets::unpack<double>(spans, counts);
}

Result<HistogramSum> combine(const Histogram& a, const Histogram& b, double sign) {
  if (a.custom() != b.custom()) {
    return fail(ErrorCode::Execution,
                "histograms with exponential and custom buckets cannot be combined");
  }
  Unpacked total(a);
  Unpacked other(b);
  if (sign < 0) other.change_all([](double& v) { v = -v; });
  HistogramSum out;
  out.reset_hints_collide = buckets::combine_hints(total.reset_hint, other.reset_hint);
  out.bounds_reconciled = buckets::add_to(total, std::move(other));
  out.histogram = total.packed();
  return out;
}

template <typename Change>
void change_all(Histogram& h, Change change) {
  for (double* v : {&h.zero_count, &h.count, &h.sum}) *v = change(*v);
  for (auto* counts : {&h.positive_counts, &h.negative_counts}) {
    for (double& v : *counts) v = change(v);
  }
}

/// Whether some bucket of `before` is greater than the one that holds it in `now`.
bool shrank(const Buckets& now, const Buckets& before) {
  size_t i = 0;
  for (const auto& [index, count] : before) {
    if (count == 0) continue;
    while (i < now.size() && now[i].first < index) ++i;
    if (i == now.size() || now[i].first != index || now[i].second < count) return true;
  }
  return false;
}

double middle(double lower, double upper, bool positive, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double geometric = std::sqrt(std::fabs(lower * upper));
  return positive ? geometric : -geometric;
}

/// What is left of one bucket: its count and the value that stands for its observations.
struct Remainder {
  double count = 0;
  double value = 0;
};

enum class Keep : uint8_t { Below, Above };

Remainder trim_infinite(const HistogramBucket& b, double limit, Keep keep) {
  // Nothing tells where in an infinite bucket its observations are. A lowest bucket with a positive
  // border is taken to begin at zero; otherwise what cannot be split goes.
  const bool from_zero = std::isinf(b.lower) && b.upper > 0 && !std::isinf(b.upper);
  if (keep == Keep::Below) {
    if (from_zero && limit > 0) return {b.count * limit / b.upper, limit / 2};
    return std::isinf(b.lower) && b.upper <= 0 ? Remainder{b.count, limit} : Remainder{};
  }
  if (from_zero && limit >= 0) {
    return {b.count * (1 - limit / b.upper), (limit + b.upper) / 2};
  }
  return std::isinf(b.lower) ? Remainder{} : Remainder{b.count, limit};
}

Remainder trim_bucket(const HistogramBucket& b, double limit, Keep keep, bool positive,
                      bool linear) {
  const bool all = keep == Keep::Below ? b.upper <= limit : b.lower >= limit;
  const bool none = keep == Keep::Below ? b.lower >= limit : b.upper <= limit;
  if (all) return {b.count, middle(b.lower, b.upper, positive, linear)};
  if (none) return {};
  if (std::isinf(b.lower) || std::isinf(b.upper)) return trim_infinite(b, limit, keep);
  const double under = b.count * fraction_below(b, limit, linear);
  if (keep == Keep::Below) return {under, middle(b.lower, limit, positive, linear)};
  return {b.count - under, middle(limit, b.upper, positive, linear)};
}

Histogram trimmed(const Histogram& h, double limit, Keep keep) {
  Histogram out = h;
  double count = 0;
  double sum = 0;
  bool changed = false;
  const auto settle = [&](double& bucket_count, Remainder left) {
    changed = changed || left.count != bucket_count;
    bucket_count = left.count;
    count += left.count;
    sum += left.value * left.count;
  };
  const auto side = [&](Buckets buckets, bool positive) {
    for (auto& [index, n] : buckets) {
      if (n == 0) continue;
      HistogramBucket b{};
      b.count = n;
      if (h.custom()) {
        const auto bound = [&](int32_t i) {
          if (i < 0) return -std::numeric_limits<double>::infinity();
          if (static_cast<size_t>(i) >= h.custom_bounds.size()) {
            return std::numeric_limits<double>::infinity();
          }
          return h.custom_bounds[static_cast<size_t>(i)];
        };
        b.lower = bound(index - 1);
        b.upper = bound(index);
      } else {
        b.lower = exponential_bound(index - 1, h.schema);
        b.upper = exponential_bound(index, h.schema);
        if (!positive) b = {-b.upper, -b.lower, false, false, n};
      }
      settle(n, trim_bucket(b, limit, keep, positive, h.custom()));
    }
    return buckets;
  };
  pack(side(unpack(h.positive_spans, h.positive_counts), true), out.positive_spans,
       out.positive_counts);
  pack(side(unpack(h.negative_spans, h.negative_counts), false), out.negative_spans,
       out.negative_counts);
  if (h.zero_count > 0) {
    const bool only_positive = h.negative_counts.empty() && !h.positive_counts.empty();
    const bool only_negative = h.positive_counts.empty() && !h.negative_counts.empty();
    const HistogramBucket zero{only_positive ? 0 : -h.zero_threshold,
                               only_negative ? 0 : h.zero_threshold, true, true, h.zero_count};
    settle(out.zero_count, trim_bucket(zero, limit, keep, true, true));
  }
  if (!changed) return h;
  out.count = count;
  out.sum = sum;
  return out;
}

}  // namespace

double fraction_below(const HistogramBucket& bucket, double value, bool linear) {
  if (linear || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return (value - bucket.lower) / (bucket.upper - bucket.lower);
  }
  const double log_lower = std::log2(std::fabs(bucket.lower));
  const double log_upper = std::log2(std::fabs(bucket.upper));
  const double log_value = std::log2(std::fabs(value));
  if (value > 0) return (log_value - log_lower) / (log_upper - log_lower);
  return 1 - (log_value - log_upper) / (log_lower - log_upper);
}

Histogram trimmed_above(const Histogram& h, double limit) { return trimmed(h, limit, Keep::Below); }
Histogram trimmed_below(const Histogram& h, double limit) { return trimmed(h, limit, Keep::Above); }

Histogram scaled(const Histogram& h, double factor) {
  Histogram out = h;
  change_all(out, [&](double v) { return v * factor; });
  if (factor < 0) out.reset_hint = CounterResetHint::Gauge;
  return out;
}

Histogram divided(const Histogram& h, double divisor) {
  Histogram out = h;
  change_all(out, [&](double v) { return v / divisor; });
  if (divisor < 0) out.reset_hint = CounterResetHint::Gauge;
  // Dividing by zero leaves nothing that buckets could show.
  if (divisor == 0) {
    out.positive_spans.clear();
    out.negative_spans.clear();
    out.positive_counts.clear();
    out.negative_counts.clear();
  }
  return out;
}

Result<HistogramSum> add(const Histogram& a, const Histogram& b) { return combine(a, b, 1); }

Result<HistogramSum> subtract(const Histogram& a, const Histogram& b) { return combine(a, b, -1); }

Histogram at_schema(const Histogram& h, int32_t schema) {
  if (h.custom() || schema >= h.schema) return h;
  Unpacked out(h);
  out.reduce_to(schema);
  return out.packed();
}

Histogram compacted(const Histogram& h) {
  Histogram out = h;
  pack(unpack(h.positive_spans, h.positive_counts), out.positive_spans, out.positive_counts);
  pack(unpack(h.negative_spans, h.negative_counts), out.negative_spans, out.negative_counts);
  return out;
}

bool is_counter_reset(const Histogram& now, const Histogram& before) {
  if (now.reset_hint == CounterResetHint::Reset) return true;
  if (now.reset_hint == CounterResetHint::NotReset) return false;
  if (now.count < before.count || now.custom() != before.custom()) return true;
  const Unpacked fresh(now);
  Unpacked old(before);
  if (now.custom()) {
    const auto bounds = buckets::common_bounds(now.custom_bounds, before.custom_bounds);
    return shrank(buckets::rebucketed(fresh.positive, now.custom_bounds, bounds),
                  buckets::rebucketed(old.positive, before.custom_bounds, bounds));
  }
  if (now.schema > before.schema || now.zero_threshold < before.zero_threshold) return true;
  if (now.zero_threshold > old.zero_threshold) {
    old.widen_zero_bucket(now.zero_threshold);
    // The new threshold cuts through an old bucket.
    if (old.zero_threshold != now.zero_threshold) return true;
  }
  if (now.zero_count < old.zero_count) return true;
  old.reduce_to(now.schema);
  return shrank(fresh.positive, old.positive) || shrank(fresh.negative, old.negative);
}

bool same_observations(const Histogram& a, const Histogram& b) {
  const auto same = [](double x, double y) {
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  };
  if (a.schema != b.schema || !same(a.count, b.count) || !same(a.sum, b.sum)) return false;
  if (a.custom() ? a.custom_bounds != b.custom_bounds
                 : a.zero_threshold != b.zero_threshold || !same(a.zero_count, b.zero_count)) {
    return false;
  }
  const Histogram x = compacted(a);
  const Histogram y = compacted(b);
  return x.positive_spans == y.positive_spans && x.negative_spans == y.negative_spans &&
         x.positive_counts == y.positive_counts && x.negative_counts == y.negative_counts;
}

}  // namespace prom5
