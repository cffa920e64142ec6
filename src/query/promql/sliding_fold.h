#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"

namespace prom5::promql {

/// One sample of a column as parts of a fold take it.
struct FoldedSample {
  int64_t ms = 0;  ///< its time after the fold's origin, which lies near
  double value = 0;
  size_t index = 0;
};

/// Floats at their times; both must outlive this.
struct FloatColumn {
  std::span<const TimeMs> times;
  std::span<const double> values;

  [[nodiscard]] FoldedSample at(size_t i, size_t origin) const {
    return {(times[i] - times[origin]).ms, values[i], i};
  }
};

/// What a Part tells of all samples of a window, for windows of a column that mostly move forward:
/// each sample is taken in twice and each window joins two parts, however long windows are.
///
/// A window is split where the last one ended when its parts were made: before the split there is a
/// part for each sample, of it and all that follow up to the split; behind it there is one part
/// that grows. Nothing is ever taken out of a part, so nothing is lost by cancellation. When a
/// window begins behind the split, its end is the next split.
///
/// Part: default-constructed it is that of no samples; add() of what the column has at(), in any
/// order; join(Part).
template <typename Part, typename Column = FloatColumn>
class SlidingFold {
 public:
  explicit SlidingFold(Column column) : column_(column) {}

  /// `count` is not 0.
  Part of(size_t first, size_t count) {
    const size_t past = first + count;
    if (first >= split_ || first < begin_ || past < past_) split_at(first, past);
    for (; past_ < past; ++past_) after_.add(column_.at(past_, begin_));
    Part out = before_[first - begin_];
    out.join(after_);
    return out;
  }

  /// What times of samples are counted from.
  [[nodiscard]] TimeMs origin() const { return column_.times[begin_]; }

 private:
  void split_at(size_t first, size_t past) {
    begin_ = first;
    split_ = past_ = past;
    after_ = Part();
    before_.resize(past - first);
    Part part;
    for (size_t i = past; i-- > first;) {
      part.add(column_.at(i, begin_));
      before_[i - first] = part;
    }
  }

  Column column_;
  std::vector<Part> before_;  ///< of [i, split_), from i = begin_ on
  Part after_;                ///< of [split_, past_)
  size_t begin_ = 0;
  size_t split_ = 0;
  size_t past_ = 0;
};

}  // namespace prom5::promql
