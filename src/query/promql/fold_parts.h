#pragma once

#include <cmath>
#include <cstddef>

#include "model/kahan.h"
#include "query/promql/sliding_fold.h"

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

/// The least value and the last sample that has it.
struct LeastPart {
  double value = HUGE_VAL;
  size_t last = 0;

  void add(const FoldedSample& s) { take(s.value, s.index); }
  void join(const LeastPart& later) { take(later.value, later.last); }
  void take(double other, size_t at) {
    const bool better = other < value || (other == value && at > last);
    value = better ? other : value;
    last = better ? at : last;
  }
};

/// The greatest value and the last sample that has it.
struct GreatestPart {
  double value = -HUGE_VAL;
  size_t last = 0;

  void add(const FoldedSample& s) { take(s.value, s.index); }
  void join(const GreatestPart& later) { take(later.value, later.last); }
  void take(double other, size_t at) {
    const bool better = other > value || (other == value && at > last);
    value = better ? other : value;
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

/// The same of times and values together, for the line through them by least squares.
struct LinePart {
  double count = 0;
  double mean_ms = 0;  ///< times are whole and near their origin
  KeptMean mean;
  double squares_ms = 0;
  double products = 0;  ///< of both distances
  double value = 0;     ///< of any sample
  bool constant = true;

  void add(const FoldedSample& s) {
    if (count == 0) value = s.value;
    constant = constant && s.value == value;
    ++count;
    const double distance_ms = s.ms - mean_ms;
    mean_ms += distance_ms / count;
    squares_ms += distance_ms * (s.ms - mean_ms);
    mean.move(mean.distance_of(s.value) / count);
    products += distance_ms * mean.distance_of(s.value);
  }
  void join(const LinePart& later) {
    if (later.count == 0) return;
    constant = constant && later.constant && value == later.value;
    const double both = count + later.count;
    const double share = later.count / both;
    const double distance_ms = later.mean_ms - mean_ms;
    const double distance = mean.distance_of(later.mean);
    mean_ms += distance_ms * share;
    mean.move(distance * share);
    squares_ms += later.squares_ms + (distance_ms * distance_ms * count * share);
    products += later.products + (distance_ms * distance * count * share);
    count = both;
  }
};

}  // namespace prom5::promql
