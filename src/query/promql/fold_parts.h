#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "query/promql/sliding_fold.h"
#include "query/promql/step_series.h"

namespace prom5::promql {

// Parts of SlidingFold. None is for NaN or infinities; WindowFolds says which values are good.

/// A sum within the error of Kahan's summation, whatever the grouping.
struct SumPart {
  KahanSum sum;

  void add(const FoldedSample& s) { sum.add(s.value); }
  void join(const SumPart& later) {
    sum.add(later.sum.sum);
    sum.lost += later.sum.lost;
  }
};

struct HistogramColumn {
  std::span<const HistogramPtr> histograms;

  [[nodiscard]] const Histogram& at(size_t i, size_t /*origin*/) const { return *histograms[i]; }
};

/// The sum of native histograms that are alike().
struct HistogramSumPart {
  std::optional<HistogramFold> fold;

  void add(const Histogram& h) {
    if (fold) {
      static_cast<void>(fold->add(h));  // fails for those that are not alike
    } else {
      fold.emplace(HistogramFold::Kind::Sum, h);
    }
  }
  void join(const HistogramSumPart& later) {
    if (!later.fold) return;
    if (fold) {
      fold->join(*later.fold);
    } else {
      fold = later.fold;
    }
  }
};
using HistogramSums = SlidingFold<HistogramSumPart, HistogramColumn>;

/// The least value, of 0 and -0 the first, and the last sample that has it.
struct LeastPart {
  double value = HUGE_VAL;
  size_t last = 0;

  void add(const FoldedSample& s) { take(s.value, s.index); }
  void join(const LeastPart& later) { take(later.value, later.last); }
  void take(double other, size_t at) {
    const bool better = other < value || (other == value && at > last);
    value = other < value ? other : value;
    last = better ? at : last;
  }
};

/// The greatest value, of 0 and -0 the first, and the last sample that has it.
struct GreatestPart {
  double value = -HUGE_VAL;
  size_t last = 0;

  void add(const FoldedSample& s) { take(s.value, s.index); }
  void join(const GreatestPart& later) { take(later.value, later.last); }
  void take(double other, size_t at) {
    const bool better = other > value || (other == value && at > last);
    value = other > value ? other : value;
    last = better ? at : last;
  }
};

/// A mean that keeps what rounding loses, so that distances from it are good to the last digits
/// even where they are small beside it.
struct KeptMean {
  double mean = 0;
  double lost = 0;

  [[nodiscard]] double distance_of(double value) const { return (value - mean) - lost; }
  [[nodiscard]] double distance_of(const KeptMean& other) const {
    return (other.mean - mean) + (other.lost - lost);
  }
  void move(double by) {
    // Knuth's two-sum: what `next` lacks, without a look at which of the two is greater.
    const double next = mean + by;
    const double moved = next - mean;
    lost += (mean - (next - moved)) + (by - moved);
    mean = next;
  }
};

/// Count, mean and sum of squared distances from it (Welford 1962), joined as by Chan, Golub and
/// LeVeque (1979). Equal values have the sum 0 exactly.
struct MomentsPart {
  double count = 0;
  KeptMean mean;
  double squares = 0;

  void add(const FoldedSample& s) {
    ++count;
    const double distance = mean.distance_of(s.value);
    mean.move(distance / count);
    squares += distance * mean.distance_of(s.value);
  }
  void join(const MomentsPart& later) {
    if (later.count == 0) return;
    const double both = count + later.count;
    const double distance = mean.distance_of(later.mean);
    const double share = later.count / both;
    mean.move(distance * share);
    squares += later.squares + (distance * distance * count * share);
    count = both;
  }
  [[nodiscard]] double variance() const { return squares / count; }
};

/// Sums of times, values and their products, for the line through them by least squares. Those of
/// times are exact. Those of values keep what rounding loses, so that a slope is good although it
/// is a small rest of them, and 0 where values of few digits make it so.
struct LinePart {
  int64_t count = 0;
  int64_t ms = 0;
  __int128 squares = 0;  ///< of milliseconds
  KahanSum values;
  KahanSum products;
  double value = 0;  ///< of any sample
  bool constant = true;

  void add(const FoldedSample& s) {
    if (count == 0) value = s.value;
    constant = constant && s.value == value;
    ++count;
    ms += s.ms;
    squares += static_cast<__int128>(s.ms) * s.ms;
    values.add(s.value);
    const auto at = static_cast<double>(s.ms);
    const double product = at * s.value;
    products.add(product);
    products.lost += std::fma(at, s.value, -product);
  }
  void join(const LinePart& later) {
    if (later.count == 0) return;
    constant = constant && later.constant && value == later.value;
    count += later.count;
    ms += later.ms;
    squares += later.squares;
    join(values, later.values);
    join(products, later.products);
  }
  /// By which the value grows in a millisecond; two samples at least.
  [[nodiscard]] double slope() const {
    const Product a(static_cast<double>(count), products);
    const Product b(static_cast<double>(ms), values);
    const double spread = static_cast<double>((static_cast<__int128>(count) * squares) -
                                              (static_cast<__int128>(ms) * ms));
    return ((a.high - b.high) + (a.low - b.low)) / spread;
  }
  /// Of the line, at a time after the fold's origin.
  [[nodiscard]] double at(double at_ms) const {
    const auto n = static_cast<double>(count);
    return (values.total() / n) + (slope() * (at_ms - (static_cast<double>(ms) / n)));
  }

 private:
  /// Of twice as many digits as a double has.
  struct Product {
    double high = 0;
    double low = 0;

    Product(double factor, const KahanSum& sum) {
      const double total = sum.sum + sum.lost;
      const double rest = (sum.sum - total) + sum.lost;
      high = factor * total;
      low = std::fma(factor, total, -high) + (factor * rest);
    }
  };

  static void join(KahanSum& sum, const KahanSum& later) {
    sum.add(later.sum);
    sum.lost += later.lost;
  }
};

}  // namespace prom5::promql
