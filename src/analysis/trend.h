#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace prom5::analysis {

/// A line through values with times.
struct Trend {
  double slope = 0;                     ///< per second (Theil 1950, Sen 1968)
  double slope_low = 0;                 ///< 90 % interval of the slope, widened for
  double slope_high = 0;                ///< autocorrelation of the residuals
  double start = 0;                     ///< the line's value at the first time
  double end = 0;                       ///< and at the last
  double residual_scale = 0;            ///< robust standard deviation about the line
  double residual_autocorrelation = 0;  ///< of neighbours
  double monotony = 0;                  ///< Kendall's tau: 1 only rises, -1 only falls
  double mann_kendall = 0;              ///< its z-score; beyond ±3 hardly chance
  size_t count = 0;                     ///< values that were not gaps
};

/// times: seconds, ascending, one for each value; gaps in values are left out. Nothing for fewer
/// than four values, or when they have no more than one time.
/// Looks at all pairs up to 128 values and at about 4096 fixed pseudo-random ones beyond, spread
/// evenly over the distances: the same input gives the same output. A leak is a slope whose
/// interval excludes zero, |mann_kendall| > 3 and monotony near one.
std::optional<Trend> trend(std::span<const double> values, std::span<const double> times);

}  // namespace prom5::analysis
