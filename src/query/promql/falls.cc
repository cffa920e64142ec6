#include "query/promql/falls.h"

#include <algorithm>
#include <cmath>

#include "query/promql/start_resets.h"

namespace prom5::promql {

Falls::Falls(std::span<const TimeMs> times, std::span<const double> values,
             std::span<const TimeMs> starts) {
  if (starts.empty() && std::ranges::is_sorted(values)) return;
  constexpr double kModerate = 1e280;
  uint32_t overlaps = 0;
  up_to_.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    bool fall = i > 0 && values[i] < values[i - 1];
    if (i > 0 && !starts.empty()) {
      const StartedAt before = started_at(times, starts, i - 1);
      const StartedAt sample = started_at(times, starts, i);
      fall = fall || is_start_reset(before, sample);
      if (promql::starts_overlap(before, sample)) ++overlaps;
    }
    if (fall) {
      lost_times_.push_back(times[i - 1]);
      lost_values_.push_back(values[i - 1]);
      moderate_ = moderate_ && std::fabs(values[i - 1]) < kModerate;
    }
    up_to_.push_back(static_cast<uint32_t>(lost_values_.size()));
    if (!starts.empty()) overlaps_up_to_.push_back(overlaps);
  }
}

double Falls::lost(size_t first, size_t count) {
  if (up_to_.empty()) return 0;
  // So few are added as they come.
  constexpr size_t kFew = 16;
  const size_t from = up_to_[first];
  const size_t falls = up_to_[first + count - 1] - from;
  if (falls > kFew && moderate_) {
    if (!sums_) sums_.emplace(FloatColumn{lost_times_, lost_values_});
    return sums_->of(from, falls).sum.total();
  }
  double sum = 0;
  for (size_t i = from; i < from + falls; ++i) sum += lost_values_[i];
  return sum;
}

}  // namespace prom5::promql
