#pragma once

#include "base/error.h"
#include "model/histogram.h"

namespace prom5 {

// Arithmetic on native histograms, after prometheus model/histogram/float_histogram.go. Pure.

/// Every count and the sum times `factor`. A negative factor makes a gauge of it.
Histogram scaled(const Histogram& h, double factor);
/// Every count and the sum divided by `divisor`, which rounds otherwise than scaled(1 / divisor).
Histogram divided(const Histogram& h, double divisor);

/// What adding or subtracting had to settle.
struct HistogramSum {
  Histogram histogram;
  bool reset_hints_collide = false;  ///< one side says reset, the other not reset
  bool bounds_reconciled = false;    ///< custom bounds differed; the common ones were taken
};

/// a + b at the lower of the two resolutions, zero buckets widened to the greater threshold.
/// Execution when one has exponential and the other custom buckets.
Result<HistogramSum> add(const Histogram& a, const Histogram& b);
/// a - b, likewise; the result may have negative counts.
Result<HistogramSum> subtract(const Histogram& a, const Histogram& b);

/// The same histogram at a coarser exponential schema.
Histogram at_schema(const Histogram& h, int32_t schema);

/// Without empty buckets.
Histogram compacted(const Histogram& h);

/// Whether a counter was reset between `before` and `now`: by the hint, or because a bucket, the
/// zero bucket or the count shrank, or the layout cannot have come from `before`.
bool is_counter_reset(const Histogram& now, const Histogram& before);

/// Where in a bucket a value lies, as the share of its observations that are below: linear for
/// custom buckets and the zero bucket, else exponential.
double fraction_below(const HistogramBucket& bucket, double value, bool linear);

/// Without the observations above `limit` (below it), as far as buckets tell; the sum is estimated
/// from the middle of what is left of each bucket when anything went.
Histogram trimmed_above(const Histogram& h, double limit);
Histogram trimmed_below(const Histogram& h, double limit);

/// Equal as PromQL compares: layout, counts and sum, bit by bit for NaN; hints aside.
bool same_observations(const Histogram& a, const Histogram& b);

}  // namespace prom5
