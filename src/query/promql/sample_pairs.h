#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "query/promql/start_resets.h"
#include "query/promql/step_series.h"

namespace prom5::promql {

/// One sample of a series: a float, or a histogram where there is one.
struct AnySample {
  TimeMs time;
  double value = 0;
  const Histogram* histogram = nullptr;
  TimeMs start = kNoStart;

  [[nodiscard]] bool begins_anew_after(const AnySample& before) const {
    return is_start_reset({before.time, before.start}, {time, start});
  }
};

/// Columns of samples, floats and histograms apart; starts may be empty.
struct RangeColumns {
  std::span<const TimeMs> times;
  std::span<const double> values;
  std::span<const TimeMs> histogram_times;
  std::span<const HistogramPtr> histograms;
  std::span<const TimeMs> starts;
  std::span<const TimeMs> histogram_starts;
};

inline RangeColumns columns_of(const RangeSamples& s) {
  return {s.times, s.values, s.histogram_times, s.histograms, s.starts, s.histogram_starts};
}

/// All by time.
std::vector<AnySample> merged(const RangeColumns& columns);
/// The same of the last two alone; less where there are not so many.
std::vector<AnySample> last_two(const RangeColumns& columns);

/// What changes() and resets() count of samples that follow each other.
enum class PairKind : uint8_t { Change, Reset };
bool counts(PairKind kind, const AnySample& before, const AnySample& sample);
inline bool counts(PairKind kind, double before, double value) {
  if (kind == PairKind::Reset) return value < before;
  return before != value && !(std::isnan(before) && std::isnan(value));
}

/// How many such pairs any run of a series' samples has, from one pass over all.
class PairCounts {
 public:
  PairCounts(PairKind kind, const RangeColumns& columns);

  /// Of `count` samples from `first` on, floats and histograms together; `count` is not 0.
  [[nodiscard]] uint32_t of(size_t first, size_t count) const {
    return up_to_[first + count - 1] - up_to_[first];
  }

 private:
  std::vector<uint32_t> up_to_;  ///< of pairs that end at each sample or before
};

}  // namespace prom5::promql
