#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "query/promql/functions.h"
#include "query/promql/step_series.h"

namespace prom5::promql {

/// The part of a column that lies in (start, end], found by moving forward where possible.
class SlidingRange {
 public:
  explicit SlidingRange(std::span<const TimeMs> times) : times_(times) {}

  void move(TimeMs start, TimeMs end) {
    if (times_.empty()) return;
    if (start < last_start_) first_ = 0;
    if (end < last_end_) past_ = 0;
    first_ = first_after(first_, start);
    past_ = first_after(std::max(past_, first_), end);
    last_start_ = start;
    last_end_ = end;
  }
  [[nodiscard]] size_t first() const { return first_; }
  [[nodiscard]] size_t count() const { return past_ > first_ ? past_ - first_ : 0; }

 private:
  /// The first one after `time`, of those from `from` on. The next step's is mostly near.
  [[nodiscard]] size_t first_after(size_t from, TimeMs time) const {
    constexpr size_t kNear = 8;
    for (const size_t end = std::min(from + kNear, times_.size()); from < end; ++from) {
      if (times_[from] > time) return from;
    }
    return from == times_.size() ? from : far_after(from, time);
  }
  [[nodiscard]] size_t far_after(size_t from, TimeMs time) const;

  std::span<const TimeMs> times_;
  size_t first_ = 0;
  size_t past_ = 0;
  TimeMs last_start_ = TimeMs::min();
  TimeMs last_end_ = TimeMs::min();
};

/// Widens a window that reaches into what is summed up to borders of its rollups, and shifts its
/// end to the one before: less than a rollup's width each.
void widen_to(const Tier& tier, Window& window);

/// Rollups of a range, then samples.
WindowSummary summarize(const Rollups& rollups, size_t first, size_t count,
                        std::span<const TimeMs> times, std::span<const double> values);

/// The greatest length of which all borders of ranges that end at these steps are multiples; 0 when
/// there is none.
int64_t common_divisor_of_borders(const StepGrid& grid, TimeMs first_end, bool fixed,
                                  DurationMs range);

}  // namespace prom5::promql
