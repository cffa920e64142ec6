#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "model/histogram_arithmetic.h"
#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "query/promql/slow_twin_parts_test.h"

// Functions over ranges, one window at a time (promql/functions.go).

namespace prom5::promql {

namespace {

using Answer = std::optional<TwinValue>;
using HistogramPointer = std::shared_ptr<const Histogram>;

Answer number(double v) { return TwinValue{v, nullptr}; }

Answer histogram(Histogram h) {
  return TwinValue{0, std::make_shared<const Histogram>(std::move(h))};
}

struct TimedFloat {
  TimeMs time;
  double value = 0;
};

std::vector<TimedFloat> floats_of(const TwinWindow& window) {
  std::vector<TimedFloat> out;
  for (const TwinSample& s : window.samples) {
    if (s.value.is_float()) out.push_back({s.time, s.value.number});
  }
  return out;
}

std::vector<double> values_of(const TwinWindow& window) {
  std::vector<double> out;
  for (const TimedFloat& f : floats_of(window)) out.push_back(f.value);
  return out;
}

std::vector<HistogramPointer> histograms_of(const TwinWindow& window) {
  std::vector<HistogramPointer> out;
  for (const TwinSample& s : window.samples) {
    if (!s.value.is_float()) out.push_back(s.value.histogram);
  }
  return out;
}

// --- rate and its relatives ----------------------------------------------------------------------

/// What histograms grew by; nothing when their layouts cannot be brought together (histogramRate).
std::optional<Histogram> growth(const std::vector<HistogramPointer>& points, bool counter) {
  Histogram before = *points.front();
  const Histogram& last = *points.back();
  if (counter && is_counter_reset(*points[1], before)) {
    // The first one does not matter then, nor how its buckets lie.
    before = Histogram();
    before.schema = points[1]->schema;
    before.custom_bounds = points[1]->custom_bounds;
  }
  if (last.custom() != before.custom()) return std::nullopt;
  int32_t schema = std::min(last.schema, before.schema);
  if (counter) {
    for (size_t i = 1; i < points.size(); ++i) {
      if (points[i]->custom() != before.custom()) return std::nullopt;
      schema = std::min(schema, points[i]->schema);
    }
  }
  auto total = subtract(at_schema(last, schema), before);
  if (!total) return std::nullopt;
  if (counter) {
    for (size_t i = 1; i < points.size(); ++i) {
      if (is_counter_reset(*points[i], before)) {
        total = add(total->histogram, before);
        if (!total) return std::nullopt;
      }
      before = *points[i];
    }
  }
  Histogram out = compacted(total->histogram);
  out.reset_hint = CounterResetHint::Gauge;
  return out;
}

double growth(const std::vector<TimedFloat>& points, bool counter, bool resets_first) {
  const double change = points.back().value - points.front().value;
  double out = resets_first ? 0 : change;
  for (size_t i = 1; counter && i < points.size(); ++i) {
    if (points[i].value < points[i - 1].value) out += points[i - 1].value;
  }
  return resets_first ? out + change : out;
}

/// By how much a change between the first and the last sample is stretched so that it stands for
/// the whole window (extrapolatedRate). `zero`: how many seconds before its first sample a counter
/// must have been 0, where that is known.
double stretch(const TwinWindow& window, std::optional<double> zero) {
  const TimeMs first = window.samples.front().time;
  const TimeMs last = window.samples.back().time;
  const double sampled = (last - first).as_seconds();
  const double average = sampled / static_cast<double>(window.samples.size() - 1);
  double to_start = (first - window.start).as_seconds();
  double to_end = (window.end - last).as_seconds();
  const double threshold = average * 1.1;
  if (to_start >= threshold) to_start = average / 2;
  if (zero && *zero < to_start) to_start = *zero;
  if (to_end >= threshold) to_end = average / 2;
  return (sampled + to_start + to_end) / sampled;
}

Answer extrapolated(const TwinWindow& window, bool counter, bool per_second) {
  const auto floats = floats_of(window);
  const auto histograms = histograms_of(window);
  if (window.samples.size() < 2 || (!floats.empty() && !histograms.empty())) return std::nullopt;
  const double sampled = (window.samples.back().time - window.samples.front().time).as_seconds();
  const double divisor = per_second ? (window.end - window.start).as_seconds() : 1;
  std::optional<double> zero;
  if (!floats.empty()) {
    const double change = growth(floats, counter, window.shaken);
    const double first = floats.front().value;
    if (counter && change > 0 && first >= 0) zero = sampled * (first / change);
    return number(change * (stretch(window, zero) / divisor));
  }
  const auto change = growth(histograms, counter);
  if (!change) return std::nullopt;
  const double first = histograms.front()->count;
  if (counter && change->count > 0 && first >= 0) zero = sampled * (first / change->count);
  return histogram(scaled(*change, stretch(window, zero) / divisor));
}

/// The change between the last two samples (instantValue).
Answer last_change(const TwinWindow& window, bool counter) {
  if (window.samples.size() < 2) return std::nullopt;
  const TwinSample& now = window.samples.back();
  const TwinSample& before = window.samples[window.samples.size() - 2];
  if (now.value.is_float() != before.value.is_float()) return std::nullopt;
  const double seconds = counter ? (now.time - before.time).as_seconds() : 1;
  if (now.value.is_float()) {
    const bool reset = counter && now.value.number < before.value.number;
    return number((reset ? now.value.number : now.value.number - before.value.number) / seconds);
  }
  Histogram change = *now.value.histogram;
  if (!counter || !is_counter_reset(change, *before.value.histogram)) {
    const auto difference = subtract(change, *before.value.histogram);
    if (!difference) return std::nullopt;
    change = difference->histogram;
  }
  change = compacted(change);
  change.reset_hint = CounterResetHint::Gauge;
  return histogram(counter ? divided(change, seconds) : change);
}

Answer count_pairs(const TwinWindow& window, bool (*differ)(const TwinValue&, const TwinValue&)) {
  double out = 0;
  for (size_t i = 1; i < window.samples.size(); ++i) {
    const TwinValue& before = window.samples[i - 1].value;
    const TwinValue& now = window.samples[i].value;
    if (before.is_float() != now.is_float() || differ(before, now)) ++out;
  }
  return number(out);
}

Answer changes(const TwinWindow& window) {
  return count_pairs(window, [](const TwinValue& a, const TwinValue& b) {
    if (!a.is_float()) return !same_observations(*a.histogram, *b.histogram);
    return a.number != b.number && !(std::isnan(a.number) && std::isnan(b.number));
  });
}

Answer resets(const TwinWindow& window) {
  return count_pairs(window, [](const TwinValue& a, const TwinValue& b) {
    if (!a.is_float()) return is_counter_reset(*b.histogram, *a.histogram);
    return b.number < a.number;
  });
}

// --- trends --------------------------------------------------------------------------------------

/// Slope per second, and the value at `at`. Shaken, times are counted from far away: where a slope
/// is a small rest of large numbers, it is another.
std::pair<double, double> regression(const std::vector<TimedFloat>& points, TimeMs at,
                                     bool shaken) {
  const double first = points.front().value;
  if (std::ranges::all_of(points, [&](const TimedFloat& p) { return p.value == first; })) {
    if (std::isinf(first)) return {kNan, kNan};
    return {0, first};
  }
  const DurationMs away{shaken ? 8'641'703 : 0};
  KahanSum x;
  KahanSum y;
  KahanSum xy;
  KahanSum xx;
  for (const TimedFloat& p : points) {
    const double seconds = (p.time - at + away).as_seconds();
    x.add(seconds);
    y.add(p.value);
    xy.add(seconds * p.value);
    xx.add(seconds * seconds);
  }
  const auto n = static_cast<double>(points.size());
  const double sum_x = x.sum + x.lost;
  const double sum_y = y.sum + y.lost;
  const double covariance = (xy.sum + xy.lost) - sum_x * sum_y / n;
  const double variance = (xx.sum + xx.lost) - sum_x * sum_x / n;
  const double slope = covariance / variance;
  return {slope, sum_y / n - slope * (sum_x / n - away.as_seconds())};
}

Answer deriv(const TwinWindow& window) {
  const auto points = floats_of(window);
  if (points.size() < 2) return std::nullopt;
  return number(regression(points, points.front().time, window.shaken).first);
}

Answer predict_linear(const TwinWindow& window) {
  const auto points = floats_of(window);
  if (points.size() < 2) return std::nullopt;
  const auto [slope, intercept] = regression(points, window.now, window.shaken);
  return number(slope * window.parameters[0] + intercept);
}

Answer double_exponential_smoothing(const TwinWindow& window) {
  const auto values = values_of(window);
  if (values.size() < 2) return std::nullopt;
  const double smoothing = window.parameters[0];
  const double trend_factor = window.parameters[1];
  double before = 0;
  double smoothed = values[0];
  double trend = values[1] - values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (i > 1) trend = trend_factor * (smoothed - before) + (1 - trend_factor) * trend;
    const double next = smoothing * values[i] + (1 - smoothing) * (smoothed + trend);
    before = std::exchange(smoothed, next);
  }
  return number(smoothed);
}

// --- summaries -----------------------------------------------------------------------------------

Answer fold(const std::vector<HistogramPointer>& histograms, HistogramFold::Kind kind) {
  HistogramFold total(kind, *histograms.front());
  for (size_t i = 1; i < histograms.size(); ++i) {
    if (!total.add(*histograms[i])) return std::nullopt;
  }
  return histogram(total.result());
}

Answer sum_over_time(const TwinWindow& window) {
  const auto histograms = histograms_of(window);
  if (histograms.size() == window.samples.size()) {
    return fold(histograms, HistogramFold::Kind::Sum);
  }
  if (!histograms.empty()) return std::nullopt;
  KahanSum sum;
  for (const double v : values_of(window)) sum.add(v);
  return number(sum.total());
}

Answer avg_over_time(const TwinWindow& window) {
  const auto histograms = histograms_of(window);
  if (histograms.size() == window.samples.size()) {
    return fold(histograms, HistogramFold::Kind::Mean);
  }
  if (!histograms.empty()) return std::nullopt;
  KahanMean mean;
  for (const double v : values_of(window)) mean.add(v);
  return number(mean.mean());
}

/// The float that is `better` than all before it.
std::optional<TimedFloat> best(const TwinWindow& window, bool (*better)(double now, double best)) {
  const auto points = floats_of(window);
  if (points.empty()) return std::nullopt;
  TimedFloat out = points.front();
  for (const TimedFloat& p : points) {
    if (better(p.value, out.value) || std::isnan(out.value)) out = p;
  }
  return out;
}

bool less(double a, double b) { return a < b; }
bool less_or_equal(double a, double b) { return a <= b; }
bool greater(double a, double b) { return a > b; }
bool greater_or_equal(double a, double b) { return a >= b; }

Answer value_of(const std::optional<TimedFloat>& point) {
  return point ? number(point->value) : std::nullopt;
}
Answer time_of(const std::optional<TimedFloat>& point) {
  return point ? number(point->time.as_seconds()) : std::nullopt;
}

std::optional<double> variance(const TwinWindow& window) {
  const auto values = values_of(window);
  if (values.empty()) return std::nullopt;
  double count = 0;
  KahanSum mean;
  KahanSum squares;
  for (const double v : values) {
    ++count;
    const double delta = v - (mean.sum + mean.lost);
    mean.add(delta / count);
    squares.add(delta * (v - (mean.sum + mean.lost)));
  }
  return (squares.sum + squares.lost) / count;
}

Answer stdvar_over_time(const TwinWindow& window) {
  const auto v = variance(window);
  return v ? number(*v) : std::nullopt;
}

Answer stddev_over_time(const TwinWindow& window) {
  const auto v = variance(window);
  return v ? number(std::sqrt(*v)) : std::nullopt;
}

Answer quantile_over_time(const TwinWindow& window) {
  const auto values = values_of(window);
  if (values.empty()) return std::nullopt;
  return number(quantile_of(window.parameters[0], values));
}

Answer mad_over_time(const TwinWindow& window) {
  auto values = values_of(window);
  if (values.empty()) return std::nullopt;
  if (std::ranges::any_of(values, [](double v) { return std::isnan(v); })) return number(kNan);
  const double median = quantile_of(0.5, values);
  for (double& v : values) v = std::fabs(v - median);
  return number(quantile_of(0.5, values));
}

}  // namespace

double quantile_of(double q, std::vector<double> values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::ranges::sort(values,
                    [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const auto n = static_cast<double>(values.size());
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[static_cast<size_t>(lower)] * (1 - weight) +
         values[static_cast<size_t>(upper)] * weight;
}

TwinWindowFunction find_window_function(std::string_view name) {
  using W = const TwinWindow&;
  static constexpr auto kFunctions =
      std::to_array<std::pair<std::string_view, TwinWindowFunction>>({
          {"rate", [](W w) { return extrapolated(w, true, true); }},
          {"increase", [](W w) { return extrapolated(w, true, false); }},
          {"delta", [](W w) { return extrapolated(w, false, false); }},
          {"irate", [](W w) { return last_change(w, true); }},
          {"idelta", [](W w) { return last_change(w, false); }},
          {"changes", changes},
          {"resets", resets},
          {"deriv", deriv},
          {"predict_linear", predict_linear},
          {"double_exponential_smoothing", double_exponential_smoothing},
          {"sum_over_time", sum_over_time},
          {"avg_over_time", avg_over_time},
          {"min_over_time", [](W w) { return value_of(best(w, less)); }},
          {"max_over_time", [](W w) { return value_of(best(w, greater)); }},
          {"ts_of_min_over_time", [](W w) { return time_of(best(w, less_or_equal)); }},
          {"ts_of_max_over_time", [](W w) { return time_of(best(w, greater_or_equal)); }},
          {"stddev_over_time", stddev_over_time},
          {"stdvar_over_time", stdvar_over_time},
          {"quantile_over_time", quantile_over_time},
          {"mad_over_time", mad_over_time},
          {"count_over_time", [](W w) { return number(static_cast<double>(w.samples.size())); }},
          {"present_over_time", [](W) { return number(1); }},
          {"first_over_time", [](W w) { return Answer(w.samples.front().value); }},
          {"last_over_time", [](W w) { return Answer(w.samples.back().value); }},
          {"ts_of_first_over_time",
           [](W w) { return number(w.samples.front().time.as_seconds()); }},
          {"ts_of_last_over_time", [](W w) { return number(w.samples.back().time.as_seconds()); }},
      });
  const auto found = std::ranges::find(kFunctions, name, &decltype(kFunctions)::value_type::first);
  return found == kFunctions.end() ? nullptr : found->second;
}

}  // namespace prom5::promql
