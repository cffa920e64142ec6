#include "query/promql/range_window.h"

#include <algorithm>
#include <numeric>

namespace prom5::promql {

/// In steps that double, then by halves.
size_t SlidingRange::far_after(size_t from, TimeMs time) const {
  size_t low = from;
  size_t step = 1;
  while (low + step <= times_.size() && times_[low + step - 1] <= time) {
    low += step;
    step *= 2;
  }
  const auto begin = times_.begin() + static_cast<ptrdiff_t>(low);
  const auto end = times_.begin() + static_cast<ptrdiff_t>(std::min(low + step, times_.size()));
  return static_cast<size_t>(std::upper_bound(begin, end, time) - times_.begin());
}

void widen_to(const Tier& tier, Window& window) {
  const auto border_before = [&](TimeMs time) {
    const int64_t n = time.ms / tier.width.ms - (time.ms % tier.width.ms < 0 ? 1 : 0);
    return TimeMs{n * tier.width.ms};
  };
  window.start = border_before(window.start);
  if (window.end > tier.until) return;
  window.end = border_before(window.end);
  if (window.start == window.end) window.start = window.end - tier.width;
}

WindowSummary summarize(const Rollups& rollups, size_t first, size_t count,
                        std::span<const TimeMs> times, std::span<const double> values) {
  WindowSum sum;
  for (size_t i = first; i < first + count; ++i) sum.add(rollups, i);
  for (size_t i = 0; i < times.size(); ++i) sum.add(times[i], values[i]);
  return sum.total();
}

int64_t common_divisor_of_borders(const StepGrid& grid, TimeMs first_end, bool fixed,
                                  DurationMs range) {
  int64_t divisor = std::gcd(first_end.ms, range.ms);
  if (!fixed && grid.count > 1) divisor = std::gcd(divisor, grid.step.ms);
  return divisor;
}

}  // namespace prom5::promql
