#include "analysis/forecast.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "analysis/change_point.h"
#include "analysis/robust.h"

namespace prom5::analysis {

namespace {

constexpr size_t kMinValues = 8;
constexpr size_t kMaxSeasonPlaces = 48;
constexpr size_t kMaxRegimes = 5;
constexpr double kSure = 0.999;
/// A rhythm has to foretell the last period better than no rhythm by this factor.
constexpr double kSeasonGain = 0.8;
constexpr double kZ90 = 1.6449;

struct Series {
  std::vector<double> values;  ///< NaN: gaps
  std::vector<double> times;
};

/// Which place of the season a time falls to, with its fraction.
double place_of(double time, double season_seconds, size_t places) {
  const double turns = time / season_seconds;
  return (turns - std::floor(turns)) * static_cast<double>(places);
}

double season_at(const std::vector<double>& season, double season_seconds, double time) {
  if (season.empty()) return 0;
  const double place = place_of(time, season_seconds, season.size());
  const auto below = std::min(static_cast<size_t>(place), season.size() - 1);
  const double weight = place - static_cast<double>(below);
  return season[below] * (1 - weight) + season[(below + 1) % season.size()] * weight;
}

/// Medians of the values about each place, their mean taken off; empty when a place has none.
std::vector<double> season_of(const Series& series, const Trend& line, double season_seconds,
                              size_t places, double until) {
  std::vector<std::vector<double>> at(places);
  for (size_t i = 0; i < series.values.size() && series.times[i] < until; ++i) {
    if (!std::isfinite(series.values[i])) continue;
    const double place = place_of(series.times[i], season_seconds, places);
    const double expected = line.start + line.slope * (series.times[i] - series.times.front());
    at[static_cast<size_t>(std::lround(place)) % places].push_back(series.values[i] - expected);
  }
  std::vector<double> season;
  double mean = 0;
  for (std::vector<double>& values : at) {
    if (values.empty()) return {};
    season.push_back(median_of(values));
    mean += season.back() / static_cast<double>(places);
  }
  for (double& v : season) v -= mean;
  return season;
}

double spread_of(const Series& series, const Trend& line, const std::vector<double>& season,
                 double season_seconds, double from) {
  std::vector<double> residuals;
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (series.times[i] < from || !std::isfinite(series.values[i])) continue;
    residuals.push_back(series.values[i] - line.slope * (series.times[i] - series.times.front()) -
                        season_at(season, season_seconds, series.times[i]));
  }
  std::vector<double> work = residuals;
  return mad_scale_of(residuals, median_of(work));
}

/// Takes a rhythm off the series, when there is one. `noise`: how well it foretold the last period.
std::vector<double> take_season(Series& series, double season_seconds, double& noise) {
  const double span = series.times.back() - series.times.front();
  const auto count = static_cast<double>(series.values.size());
  if (season_seconds <= 0 || span * count / std::max(count - 1, 1.0) < 2 * season_seconds * 0.999) {
    return {};
  }
  const double per_season = count * season_seconds / std::max(span, season_seconds);
  const auto places = static_cast<size_t>(
      std::clamp(std::round(per_season), 1.0, static_cast<double>(kMaxSeasonPlaces)));
  if (places < 4) return {};
  const auto line = trend(series.values, series.times);
  if (!line) return {};
  const double last_season = series.times.back() - season_seconds;
  const auto learnt = season_of(series, *line, season_seconds, places, last_season);
  if (learnt.empty()) return {};
  const double without = spread_of(series, *line, {}, season_seconds, last_season);
  const double with = spread_of(series, *line, learnt, season_seconds, last_season);
  if (!(with < kSeasonGain * without)) return {};
  noise = with;
  std::vector<double> season =
      season_of(series, *line, season_seconds, places, std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < series.values.size(); ++i) {
    series.values[i] -= season_at(season, season_seconds, series.times[i]);
  }
  return season;
}

/// Index of the first value of the last regime, which has at least so many values.
size_t last_regime(const Series& series, size_t fewest) {
  size_t first = 0;
  for (size_t i = 0; i < kMaxRegimes; ++i) {
    const auto rest = std::span<const double>(series.values).subspan(first);
    const auto change = change_of_line(rest);
    if (!change || change->confidence < kSure) break;
    size_t left = 0;
    for (const double v : rest.subspan(change->index)) left += std::isfinite(v) ? 1 : 0;
    if (left < fewest) break;
    first += change->index;
  }
  return first;
}

/// How far the end lies off the line, and for how long that lasts.
void fit_carry(const Series& series, size_t first, Forecast& forecast) {
  const double alike = std::clamp(forecast.line.residual_autocorrelation, 0.0, 0.98);
  const auto steps = static_cast<double>(series.times.size() - 1 - first);
  const double step = (series.times.back() - series.times[first]) / std::max(steps, 1.0);
  std::vector<double> last;
  for (size_t i = series.values.size(); i-- > first && last.size() < 3;) {
    if (!std::isfinite(series.values[i])) continue;
    const double expected =
        forecast.line.start + forecast.line.slope * (series.times[i] - forecast.regime_start);
    last.push_back(series.values[i] - expected);
  }
  if (alike < 0.1 || last.empty()) return;
  forecast.carry = alike * median_of(last);
  forecast.carry_seconds = -step / std::log(alike);
}

double line_at(const Forecast& forecast, double time, double slope) {
  // Slopes turn about the middle of the regime, where the line is known best.
  const double middle = (forecast.regime_start + forecast.last_time) / 2;
  const double level = (forecast.line.start + forecast.line.end) / 2;
  return level + slope * (time - middle);
}

/// The first time after now at which `value(time)` has reached the level, by steps and halving.
std::optional<double> first_crossing(const std::function<double(double)>& value, double level,
                                     double now, double first_step, bool up) {
  const auto reached = [&](double time) {
    return up ? value(time) >= level : value(time) <= level;
  };
  if (reached(now)) return 0;
  double before = 0;
  double step = first_step;
  // Steps stay short for as long as a rhythm may matter, then grow.
  for (int i = 0; i < 4000; ++i) {
    double after = before + step;
    if (!std::isfinite(now + after)) return std::nullopt;
    if (reached(now + after)) {
      for (int halving = 0; halving < 60; ++halving) {
        const double middle = (before + after) / 2;
        (reached(now + middle) ? after : before) = middle;
      }
      return after;
    }
    before = after;
    if (i > 1500) step *= 1.05;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Forecast> fit_forecast(std::span<const double> values, std::span<const double> times,
                                     const ForecastOptions& options) {
  const size_t n = std::min(values.size(), times.size());
  Series series{.values = {values.begin(), values.begin() + static_cast<ptrdiff_t>(n)},
                .times = {times.begin(), times.begin() + static_cast<ptrdiff_t>(n)}};
  while (!series.values.empty() && !std::isfinite(series.values.back())) {
    series.values.pop_back();
    series.times.pop_back();
  }
  if (finite_values(series.values).size() < kMinValues) return std::nullopt;
  if (!(series.times.back() > series.times.front())) return std::nullopt;

  Forecast out{.last_time = series.times.back(), .season_seconds = options.season_seconds};
  out.season = take_season(series, options.season_seconds, out.noise);
  // What a rhythm leaves over is itself a little rhythmic: short stretches of it look like bends.
  const double share = options.season_seconds / (series.times.back() - series.times.front());
  const double half_season = share * static_cast<double>(series.values.size()) / 2;
  const size_t first = last_regime(
      series,
      out.season.empty() ? kMinValues : std::max(kMinValues, static_cast<size_t>(half_season)));
  const auto of_regime = [&](size_t from, size_t end) {
    return trend(std::span<const double>(series.values).subspan(from, end - from),
                 std::span<const double>(series.times).subspan(from, end - from));
  };
  size_t first_value = first;
  while (!std::isfinite(series.values[first_value])) ++first_value;
  const auto line = of_regime(first_value, series.values.size());
  if (!line) return std::nullopt;
  out.line = *line;
  out.noise = std::max(out.noise, line->residual_scale);
  out.regime_start = series.times[first_value];
  if (first > 0) {
    const auto before = of_regime(0, first);
    if (before) out.bend = std::fabs(line->slope - before->slope);
  }
  fit_carry(series, first_value, out);
  return out;
}

Prediction predict(const Forecast& forecast, double time) {
  const Trend& line = forecast.line;
  const double horizon = std::max(0.0, time - forecast.last_time);
  double same = season_at(forecast.season, forecast.season_seconds, time);
  if (forecast.carry_seconds > 0) {
    same += forecast.carry * std::exp(-horizon / forecast.carry_seconds);
  }
  // A slope that may as well be none is not carried into the future.
  const bool flat = line.slope_low <= 0 && line.slope_high >= 0;
  const double value = line_at(forecast, time, flat ? 0 : line.slope);
  const double independent = effective_count(static_cast<double>(line.count),
                                             std::max(0.0, line.residual_autocorrelation));
  const double noise = kZ90 * forecast.noise * std::sqrt(1 + 1 / independent);
  const double regime = forecast.last_time - forecast.regime_start;
  const double bend = forecast.bend * std::max(0.0, horizon - regime);
  const double by_low = line_at(forecast, time, line.slope_low) - value;
  const double by_high = line_at(forecast, time, line.slope_high) - value;
  const double below = std::max({0.0, -by_low, -by_high});
  const double above = std::max({0.0, by_low, by_high});
  return {.value = value + same,
          .low = value + same - std::hypot(noise, below) - bend,
          .high = value + same + std::hypot(noise, above) + bend};
}

std::optional<TimeToReach> time_to_reach(const Forecast& forecast, double level) {
  const Trend& line = forecast.line;
  if (!std::isfinite(level) || line.slope == 0) return std::nullopt;
  if (line.slope_low <= 0 && line.slope_high >= 0) return std::nullopt;
  if (std::fabs(line.mann_kendall) < 3) return std::nullopt;
  if (std::fabs(line.end - line.start) < 2 * line.residual_scale) return std::nullopt;
  const bool up = line.slope > 0;
  const double now = forecast.last_time;
  const double current = predict(forecast, now).value;
  if (up ? current >= level : current <= level) return std::nullopt;

  const double span = now - forecast.regime_start;
  const double step = forecast.season.empty() ? span / 8 : forecast.season_seconds / 48;
  const auto when = [&](auto bound) {
    return first_crossing([&](double time) { return bound(predict(forecast, time)); }, level, now,
                          step, up);
  };
  const auto middle = when([](const Prediction& p) { return p.value; });
  if (!middle) return std::nullopt;
  TimeToReach out{.seconds = *middle};
  out.earliest = when([&](const Prediction& p) { return up ? p.high : p.low; }).value_or(*middle);
  out.latest = when([&](const Prediction& p) { return up ? p.low : p.high; });
  return out;
}

}  // namespace prom5::analysis
