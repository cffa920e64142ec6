#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "analysis/trend.h"

namespace prom5::analysis {

/// Where a series goes: a robust line through its recent regime (what came after its last jump or
/// bend), plus a daily rhythm when two days of data show one. Times are seconds, values as they
/// are. Pure; any thread.

struct ForecastOptions {
  double season_seconds = 86'400;  ///< length of the rhythm to look for; 0: none
};

struct Forecast {
  double regime_start = 0;  ///< time of the first value that the line goes through
  double last_time = 0;     ///< time of the last value
  Trend line;               ///< of the regime, rhythm taken off
  double bend = 0;          ///< |change of slope| at the regime's start; 0 when it is all there is
  /// Of the rhythm, at equal distances, the first at time 0 modulo season_seconds; empty: none.
  std::vector<double> season;
  double season_seconds = 0;
  double noise = 0;          ///< robust standard deviation of values about line and rhythm
  double carry = 0;          ///< how far the series lies off its line at the end
  double carry_seconds = 0;  ///< after so long, a factor e less of it is left
};

struct Prediction {
  double value = 0;
  double low = 0;  ///< 90 % interval
  double high = 0;
};

struct TimeToReach {
  double seconds = 0;            ///< after the last value
  double earliest = 0;           ///< 90 % interval
  std::optional<double> latest;  ///< nothing: perhaps never
};

/// times: ascending, one for each value; NaN and ±Inf are gaps. Nothing for fewer than eight values
/// or when they have one time only. A rhythm is used only where it makes the last period a fifth
/// less surprising, having been learnt from those before it. O(n) and what trend() takes.
std::optional<Forecast> fit_forecast(std::span<const double> values, std::span<const double> times,
                                     const ForecastOptions& options = {});

/// At a time, as a rule after last_time. A slope whose interval holds zero counts as none. The
/// interval widens with the uncertainty of the slope, and once the horizon is longer than the
/// regime, by the chance that the slope before comes back.
Prediction predict(const Forecast& forecast, double time);

/// When the line (its rhythm included) first reaches the level. Nothing when there is no trend to
/// speak of (its interval holds zero, |Mann-Kendall| < 3, or it has moved less than twice its
/// noise), when it leads away from the level or is already past it.
std::optional<TimeToReach> time_to_reach(const Forecast& forecast, double level);

}  // namespace prom5::analysis
