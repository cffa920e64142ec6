#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/labels.h"
#include "query/functions.h"
#include "query/value.h"
#include "store/storage.h"

namespace prom5::promql {

using query::HistogramPtr;

/// The times at which an expression is evaluated: start, start + step, … up to end.
struct StepGrid {
  TimeMs start;
  DurationMs step;
  size_t count = 1;

  [[nodiscard]] TimeMs at(size_t i) const { return start + step * static_cast<int64_t>(i); }
  [[nodiscard]] TimeMs last() const { return at(count - 1); }
};

enum class PointKind : uint8_t { None, Float, Histogram };

/// One series of an instant vector over all steps, as columns: `kinds[i]` says whether there is a
/// value at step i and where it is.
struct StepSeries {
  Labels labels;
  bool drop_name = false;  ///< the metric name goes at the end (delayed name removal)
  std::vector<PointKind> kinds;
  std::vector<double> values;
  std::vector<HistogramPtr> histograms;  ///< empty while there is none

  explicit StepSeries(size_t steps = 0) : kinds(steps, PointKind::None), values(steps, 0) {}

  [[nodiscard]] size_t steps() const { return kinds.size(); }
  [[nodiscard]] bool has(size_t i) const { return kinds[i] != PointKind::None; }
  [[nodiscard]] const Histogram* histogram(size_t i) const {
    return kinds[i] == PointKind::Histogram ? histograms[i].get() : nullptr;
  }
  void set(size_t i, double value) {
    kinds[i] = PointKind::Float;
    values[i] = value;
  }
  void set(size_t i, HistogramPtr histogram) {
    if (histograms.empty()) histograms.resize(kinds.size());
    kinds[i] = PointKind::Histogram;
    histograms[i] = std::move(histogram);
  }
  void copy_point(size_t i, const StepSeries& from) {
    if (from.kinds[i] == PointKind::Histogram) {
      set(i, from.histograms[i]);
    } else if (from.kinds[i] == PointKind::Float) {
      set(i, from.values[i]);
    }
  }
  void clear(size_t i) { kinds[i] = PointKind::None; }
  /// For the next series, in the same memory where it was not moved away.
  void restart(size_t steps) {
    drop_name = false;
    kinds.assign(steps, PointKind::None);
    values.resize(steps);
    histograms.clear();
  }
  [[nodiscard]] bool empty() const;
};

using StepVector = std::vector<StepSeries>;

/// What a series with so many points counts for against the limit of samples: a histogram for its
/// size in units of 16 bytes, as in Prometheus; the room of steps without a point counts as well.
uint64_t weight_of(const StepSeries& series, uint64_t points);

/// What evaluating an expression gives: for a scalar one value for each step.
struct StepValue {
  query::ValueType type = query::ValueType::InstantVector;
  std::vector<double> scalar;
  StepVector vector;
  std::string string;
};

/// Samples of one series for functions over ranges, floats and histograms apart, staleness markers
/// taken out.
struct RangeSamples {
  std::vector<TimeMs> times;
  std::vector<double> values;
  std::vector<TimeMs> histogram_times;
  std::vector<HistogramPtr> histograms;
  std::vector<TimeMs> starts;  ///< of the floats; empty where none is known, as the next
  std::vector<TimeMs> histogram_starts;
  /// What stands for floats up to the tier's time.
  Tier tier;
  Rollups rollups;

  void clear() {
    times.clear();
    values.clear();
    histogram_times.clear();
    histograms.clear();
    starts.clear();
    histogram_starts.clear();
  }
};

}  // namespace prom5::promql
