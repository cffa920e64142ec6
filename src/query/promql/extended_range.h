#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/sample.h"
#include "query/promql/functions.h"

namespace prom5::promql {

// Values at the borders of `smoothed` and `anchored` windows, which reach beyond them: the sample
// before the border, or what lies between the samples around it. Nothing is extrapolated. Source:
// prometheus promql/functions.go (extendedRate, extendedHistogramRate).

/// Where to tell of histograms that do not go together.
struct HistogramNotes {
  std::string_view metric;
  std::function<void(std::string)> warn;
  std::function<void(std::string)> inform;

  void mixed_types() const;
  void mixed_buckets() const;
};

/// On the line through two samples.
double interpolated(Sample before, Sample after, TimeMs time);

struct HistogramSample {
  TimeMs time;
  const Histogram* histogram = nullptr;
};

/// The same bucket by bucket; after a counter's reset as if it had begun at zero. Execution when
/// one has exponential and the other custom buckets.
Result<Histogram> interpolated(HistogramSample before, HistogramSample after, TimeMs time,
                               bool counter, const HistogramNotes& notes);

/// What rate, increase and delta look for.
struct ChangeKind {
  bool counter = false;
  bool per_second = false;
};

/// Their value over an extended window; nothing where it has no samples.
std::optional<StepPoint> extended_change(const Window& window, ChangeKind kind);

}  // namespace prom5::promql
