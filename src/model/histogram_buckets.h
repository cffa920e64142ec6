#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "model/histogram.h"
#include "model/kahan.h"

namespace prom5::buckets {

// Native histograms taken apart, for arithmetic: buckets by their index in place of spans. `Value`
// is how counts are added up: double, or KahanSum where rounding is kept.

inline double number(double value) { return value; }
inline double number(const KahanSum& value) { return value.total(); }

inline void accumulate(double& to, double value) { to += value; }
inline void accumulate(KahanSum& to, const KahanSum& value) {
  to.add(value.sum);
  if (value.lost != 0) to.add(value.lost);
}

/// By index, ascending.
template <typename Value>
using Buckets = std::vector<std::pair<int32_t, Value>>;

template <typename Value>
Buckets<Value> unpack(const std::vector<HistogramSpan>& spans, const std::vector<double>& counts) {
  Buckets<Value> out;
  int32_t index = 0;
  size_t at = 0;
  for (const HistogramSpan& span : spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < counts.size(); ++k, ++index, ++at) {
      out.emplace_back(index, Value{counts[at]});
    }
  }
  return out;
}

/// Leaves empty buckets out.
template <typename Value>
void pack(const Buckets<Value>& buckets, std::vector<HistogramSpan>& spans,
          std::vector<double>& counts) {
  spans.clear();
  counts.clear();
  int32_t next = 0;
  for (const auto& [index, value] : buckets) {
    const double count = number(value);
    if (count == 0) continue;
    if (spans.empty() || index != next) spans.push_back({index - next, 0});
    ++spans.back().length;
    counts.push_back(count);
    next = index + 1;
  }
}

/// Adds to the last bucket or behind it.
template <typename Value>
void append(Buckets<Value>& buckets, int32_t index, const Value& count) {
  if (!buckets.empty() && buckets.back().first == index) {
    accumulate(buckets.back().second, count);
  } else {
    buckets.emplace_back(index, count);
  }
}

/// At a schema that is coarser by so much.
template <typename Value>
Buckets<Value> reduced(const Buckets<Value>& buckets, int32_t by) {
  if (by == 0) return buckets;
  Buckets<Value> out;
  for (const auto& [index, count] : buckets) append(out, ((index - 1) >> by) + 1, count);
  return out;
}

template <typename Value>
Buckets<Value> merged(const Buckets<Value>& a, const Buckets<Value>& b) {
  Buckets<Value> out;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const bool from_a = j == b.size() || (i < a.size() && a[i].first <= b[j].first);
    const auto& [index, count] = from_a ? a[i++] : b[j++];
    append(out, index, count);
  }
  return out;
}

/// Custom buckets under a subset of their bounds.
template <typename Value>
Buckets<Value> rebucketed(const Buckets<Value>& buckets, const std::vector<double>& from,
                          const std::vector<double>& to) {
  if (from == to) return buckets;
  Buckets<Value> out;
  for (const auto& [index, count] : buckets) {
    const double upper = static_cast<size_t>(index) < from.size()
                             ? from[static_cast<size_t>(index)]
                             : std::numeric_limits<double>::infinity();
    append(out, static_cast<int32_t>(std::ranges::lower_bound(to, upper) - to.begin()), count);
  }
  return out;
}

inline std::vector<double> common_bounds(const std::vector<double>& a,
                                         const std::vector<double>& b) {
  std::vector<double> out;
  std::ranges::set_intersection(a, b, std::back_inserter(out));
  return out;
}

template <typename Value>
struct Unpacked {
  CounterResetHint reset_hint = CounterResetHint::Unknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  Value zero_count{};
  Value count{};
  Value sum{};
  Buckets<Value> positive;
  Buckets<Value> negative;
  std::vector<double> custom_bounds;

  explicit Unpacked(const Histogram& h)
      : reset_hint(h.reset_hint),
        schema(h.schema),
        zero_threshold(h.zero_threshold),
        zero_count{h.zero_count},
        count{h.count},
        sum{h.sum},
        positive(unpack<Value>(h.positive_spans, h.positive_counts)),
        negative(unpack<Value>(h.negative_spans, h.negative_counts)),
        custom_bounds(h.custom_bounds) {}

  [[nodiscard]] Histogram packed() const {
    Histogram out;
    out.reset_hint = reset_hint;
    out.schema = schema;
    out.zero_threshold = zero_threshold;
    out.zero_count = number(zero_count);
    out.count = number(count);
    out.sum = number(sum);
    pack(positive, out.positive_spans, out.positive_counts);
    pack(negative, out.negative_spans, out.negative_counts);
    out.custom_bounds = custom_bounds;
    return out;
  }

  [[nodiscard]] bool custom() const { return schema == Histogram::kCustomSchema; }

  /// Calls `change(Value&)` for every count and the sum.
  template <typename Change>
  void change_all(Change change) {
    for (Value* v : {&zero_count, &count, &sum}) change(*v);
    for (auto* side : {&positive, &negative}) {
      for (auto& [index, v] : *side) change(v);
    }
  }

  void reduce_to(int32_t coarser) {
    positive = reduced(positive, schema - coarser);
    negative = reduced(negative, schema - coarser);
    schema = coarser;
  }

  /// Moves what lies within the threshold into the zero bucket. A bucket that reaches across the
  /// threshold widens it to its own border.
  void widen_zero_bucket(double threshold) {
    for (const auto* side : {&positive, &negative}) {
      for (const auto& [index, v] : *side) {
        const double lower = exponential_bound(index - 1, schema);
        const double upper = exponential_bound(index, schema);
        if (number(v) != 0 && lower < threshold && upper > threshold) threshold = upper;
      }
    }
    for (auto* side : {&positive, &negative}) {
      std::erase_if(*side, [&](const auto& bucket) {
        if (exponential_bound(bucket.first, schema) > threshold) return false;
        accumulate(zero_count, bucket.second);
        return true;
      });
    }
    zero_threshold = threshold;
  }
};

template <typename Value>
void reconcile_zero_buckets(Unpacked<Value>& a, Unpacked<Value>& b) {
  // Widening one may meet a bucket that asks for more, which the other then has to follow.
  while (a.zero_threshold != b.zero_threshold) {
    const double wanted = std::max(a.zero_threshold, b.zero_threshold);
    // NaN, from before it was refused at the doors, is wider than nothing.
    if (!(a.zero_threshold < wanted) && !(b.zero_threshold < wanted)) return;
    if (a.zero_threshold < wanted) a.widen_zero_bucket(wanted);
    if (b.zero_threshold < wanted) b.widen_zero_bucket(wanted);
  }
}

/// Adds b to a, at the lower of the two resolutions; both have exponential or both have custom
/// buckets. Result: whether custom bounds differed and the common ones were taken.
template <typename Value>
bool add_to(Unpacked<Value>& a, Unpacked<Value> b) {
  bool reconciled = false;
  if (a.custom()) {
    reconciled = a.custom_bounds != b.custom_bounds;
    std::vector<double> bounds =
        reconciled ? common_bounds(a.custom_bounds, b.custom_bounds) : a.custom_bounds;
    a.positive = merged(rebucketed(a.positive, a.custom_bounds, bounds),
                        rebucketed(b.positive, b.custom_bounds, bounds));
    a.custom_bounds = std::move(bounds);
  } else {
    reconcile_zero_buckets(a, b);
    const int32_t schema = std::min(a.schema, b.schema);
    a.reduce_to(schema);
    b.reduce_to(schema);
    a.positive = merged(a.positive, b.positive);
    a.negative = merged(a.negative, b.negative);
    accumulate(a.zero_count, b.zero_count);
  }
  accumulate(a.count, b.count);
  accumulate(a.sum, b.sum);
  return reconciled;
}

/// What adding `other` makes of a hint. Result: whether reset and not reset met.
inline bool combine_hints(CounterResetHint& hint, CounterResetHint other) {
  using enum CounterResetHint;
  if (hint == other || hint == Gauge) return false;
  if (other == Gauge) {
    hint = Gauge;
    return false;
  }
  const bool collide = hint != Unknown && other != Unknown;
  hint = Unknown;
  return collide;
}

}  // namespace prom5::buckets
