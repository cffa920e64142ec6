#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "io/codec/number.h"
#include "model/histogram_arithmetic.h"
#include "model/kahan.h"
#include "query/promql/extended_range.h"
#include "query/promql/falls.h"
#include "query/promql/functions.h"
#include "query/promql/histogram_falls.h"
#include "query/promql/sample_pairs.h"
#include "query/promql/start_resets.h"

namespace prom5::promql {

namespace {

std::optional<StepPoint> point(double value) { return StepPoint{value, nullptr}; }

std::optional<StepPoint> mixed(const Window& w) {
  (*w.warn)(
      fmt::format("encountered a mix of histograms and floats for metric name \"{}\"", w.metric));
  return std::nullopt;
}

void warn_mixed_buckets(const Window& w) {
  (*w.warn)(
      fmt::format("vector contains a mix of histograms with exponential and custom buckets "
                  "schemas for metric name \"{}\"",
                  w.metric));
}

void warn_not_a_counter(const Window& w) {
  (*w.warn)(fmt::format("this native histogram metric is not a counter: \"{}\"", w.metric));
}

void warn_not_a_gauge(const Window& w) {
  (*w.warn)(fmt::format("this native histogram metric is not a gauge: \"{}\"", w.metric));
}

bool is_gauge(const Histogram& h) { return h.reset_hint == CounterResetHint::Gauge; }

enum class Kind : uint8_t { Gauge, Counter };

void warn_of_overlap(const Window& w) {
  (*w.warn)(fmt::format(
      "sample has start time that overlaps with previous sample timestamp for metric \"{}\"",
      w.metric));
}

/// What was lost to counter resets between neighbours.
double reset_correction(const Window& w) {
  if (w.falls->starts_overlap(w.first, w.values.size())) warn_of_overlap(w);
  return w.falls->lost(w.first, w.values.size());
}

/// Since when the first sample of a window counts, when that lies in the window: it was zero then,
/// and nothing need be guessed of what came before. kNoStart otherwise.
TimeMs start_inside(const Window& w, std::span<const TimeMs> times,
                    std::span<const TimeMs> starts) {
  if (starts.empty() || starts.front() <= w.start || starts.front() >= times.front()) {
    return kNoStart;
  }
  return starts.front();
}

/// How far the samples reach, and by how much the increase between them is stretched towards the
/// window's borders: to the border when it is within 1.1 sample spacings, else by half a spacing.
struct Extent {
  TimeMs first;
  TimeMs last;
  double intervals = 0;
};

double extrapolation_factor(const Window& w, const Extent& extent, double seconds_to_zero) {
  double to_start = (extent.first - w.start).as_seconds();
  double to_end = (w.end - extent.last).as_seconds();
  const double sampled = (extent.last - extent.first).as_seconds();
  const double spacing = sampled / extent.intervals;
  const double threshold = spacing * 1.1;
  if (to_start >= threshold) to_start = spacing / 2;
  // A counter cannot have been below zero before its first sample.
  to_start = std::min(to_start, seconds_to_zero);
  if (to_end >= threshold) to_end = spacing / 2;
  return (sampled + to_start + to_end) / sampled;
}

/// The same for samples that begin at zero at `start`. A single one tells of no spacing.
double factor_from_start(const Window& w, const Extent& extent, TimeMs start) {
  const double sampled = (extent.last - start).as_seconds();
  const double between = (extent.last - extent.first).as_seconds();
  const double spacing = extent.intervals > 0 ? between / extent.intervals : 0;
  double to_end = (w.end - extent.last).as_seconds();
  if (to_end >= spacing * 1.1) to_end = spacing / 2;
  return (sampled + to_end) / sampled;
}

constexpr double kNoZero = std::numeric_limits<double>::infinity();

std::optional<Histogram> histogram_increase(const Window& w, Kind kind) {
  const auto& points = w.histograms;
  Histogram first = *points.front();
  const Histogram& last = *points.back();
  const bool counter = kind == Kind::Counter;
  HistogramFalls& falls = *w.histogram_falls;
  const size_t from = w.first_histogram;
  const size_t count = points.size();
  if (counter && falls.any_gauge(from, count)) warn_not_a_counter(w);
  const auto second_resets = [&] {
    return is_start_reset(started_at(w.histogram_times, w.histogram_starts, 0),
                          started_at(w.histogram_times, w.histogram_starts, 1)) ||
           is_counter_reset(*points[1], first);
  };
  if (counter && second_resets()) {
    // The first sample does not count then, so its layout need not fit.
    first = Histogram{};
    first.schema = points[1]->schema;
    first.custom_bounds = points[1]->custom_bounds;
  }
  // Of the first what counts is what took its place.
  if (points[1]->custom() != first.custom() || falls.kinds_differ(from + 1, count - 1)) {
    return warn_mixed_buckets(w), std::nullopt;
  }
  auto difference = subtract(last, first);
  if (!difference) return warn_mixed_buckets(w), std::nullopt;
  if (difference->bounds_reconciled) {
    (*w.inform)("mismatched custom buckets were reconciled during subtraction");
  }
  Histogram result = std::move(difference->histogram);
  // A rate has the lowest resolution of all its samples, a difference that of its two.
  const int32_t schema = std::min(first.schema, falls.least_schema(from + 1, count - 1));
  if (counter && !result.custom() && schema < result.schema) result = at_schema(result, schema);
  if (counter) {
    const auto add_lost = [&](const Histogram& before) {
      auto added = add(result, before);
      if (!added) return false;
      if (added->bounds_reconciled) {
        (*w.inform)("mismatched custom buckets were reconciled during addition");
      }
      result = std::move(added->histogram);
      return true;
    };
    if (second_resets() && !add_lost(first)) return warn_mixed_buckets(w), std::nullopt;
    for (const uint32_t reset : falls.resets(from, count)) {
      if (!add_lost(*points[reset - from - 1])) return warn_mixed_buckets(w), std::nullopt;
    }
    if (falls.starts_overlap(from, count)) warn_of_overlap(w);
  } else if (!is_gauge(*points.front()) || !is_gauge(last)) {
    warn_not_a_gauge(w);
  }
  result.reset_hint = CounterResetHint::Gauge;
  return compacted(result);
}

/// The growth since the start that lies in the window.
std::optional<StepPoint> histogram_since(TimeMs start, const Window& w, bool per_second) {
  std::optional<Histogram> increase;
  if (w.histograms.size() > 1) {
    increase = histogram_increase(w, Kind::Counter);
    if (!increase) return std::nullopt;
    auto added = add(*increase, *w.histograms.front());
    if (!added) return warn_mixed_buckets(w), std::nullopt;
    if (added->bounds_reconciled) {
      (*w.inform)("mismatched custom buckets were reconciled during addition");
    }
    increase = std::move(added->histogram);
  } else {
    increase = *w.histograms.front();
  }
  const Extent extent{w.histogram_times.front(), w.histogram_times.back(),
                      static_cast<double>(w.histograms.size() - 1)};
  double factor = factor_from_start(w, extent, start);
  if (per_second) factor /= w.range_seconds();
  increase->reset_hint = CounterResetHint::Gauge;
  return StepPoint{0, std::make_shared<Histogram>(scaled(*increase, factor))};
}

std::optional<StepPoint> extrapolated_histogram(const Window& w, Kind kind, bool per_second) {
  const TimeMs start = start_inside(w, w.histogram_times, w.histogram_starts);
  if (start != kNoStart) return histogram_since(start, w, per_second);
  if (w.histograms.size() < 2) return std::nullopt;
  const auto increase = histogram_increase(w, kind);
  if (!increase) return std::nullopt;
  const Extent extent{w.histogram_times.front(), w.histogram_times.back(),
                      static_cast<double>(w.histograms.size() - 1)};
  double to_zero = kNoZero;
  const double first_count = w.histograms.front()->count;
  if (kind == Kind::Counter && increase->count > 0 && first_count >= 0) {
    to_zero = (extent.last - extent.first).as_seconds() * (first_count / increase->count);
  }
  double factor = extrapolation_factor(w, extent, to_zero);
  if (per_second) factor /= w.range_seconds();
  return StepPoint{0, std::make_shared<Histogram>(scaled(*increase, factor))};
}

std::optional<StepPoint> extrapolated_rate(const Window& w, Kind kind, bool per_second) {
  if (!w.values.empty() && !w.histograms.empty()) return mixed(w);
  if (w.extended != ExtendedRange::None) {
    return extended_change(w, {.counter = kind == Kind::Counter, .per_second = per_second});
  }
  if (!w.histograms.empty()) return extrapolated_histogram(w, kind, per_second);
  const TimeMs start = start_inside(w, w.times, w.starts);
  if (w.values.size() < 2 && start == kNoStart) return std::nullopt;
  const bool counter = kind == Kind::Counter;
  double increase = w.values.back() - w.values.front();
  if (counter) increase += reset_correction(w);
  if (start != kNoStart) {
    const Extent extent{w.times.front(), w.times.back(), static_cast<double>(w.times.size() - 1)};
    const double since = (increase + w.values.front()) * factor_from_start(w, extent, start);
    return point(per_second ? since / w.range_seconds() : since);
  }
  const double change = extrapolated(w,
                                     {.first_time = w.times.front(),
                                      .last_time = w.times.back(),
                                      .samples = static_cast<double>(w.times.size()),
                                      .first = w.values.front(),
                                      .change = increase},
                                     counter);
  return point(per_second ? change / w.range_seconds() : change);
}

std::optional<StepPoint> instant_histograms(const Window& w, const AnySample& a, const AnySample& b,
                                            Kind kind, double seconds) {
  const bool counter = kind == Kind::Counter;
  const bool any_gauge = is_gauge(*a.histogram) || is_gauge(*b.histogram);
  const bool all_gauge = is_gauge(*a.histogram) && is_gauge(*b.histogram);
  if (counter && any_gauge) warn_not_a_counter(w);
  if (!counter && !all_gauge) warn_not_a_gauge(w);
  Histogram result = *b.histogram;
  const bool reset = b.begins_anew_after(a) || is_counter_reset(*b.histogram, *a.histogram);
  if (!counter || !reset) {
    auto difference = subtract(*b.histogram, *a.histogram);
    if (!difference) return warn_mixed_buckets(w), std::nullopt;
    if (difference->bounds_reconciled) {
      (*w.inform)("mismatched custom buckets were reconciled during subtraction");
    }
    result = std::move(difference->histogram);
  }
  result.reset_hint = CounterResetHint::Gauge;
  result = compacted(result);
  if (counter) result = divided(result, seconds);
  return StepPoint{0, std::make_shared<Histogram>(std::move(result))};
}

/// irate and idelta: the last two samples alone.
std::optional<StepPoint> instant_change(const Window& w, Kind kind) {
  AnySample a;
  AnySample b;
  if (w.histograms.empty()) {
    if (w.values.size() < 2) return std::nullopt;
    const size_t n = w.values.size();
    a = {w.times[n - 2], w.values[n - 2], nullptr, started_at(w.times, w.starts, n - 2).start};
    b = {w.times[n - 1], w.values[n - 1], nullptr, started_at(w.times, w.starts, n - 1).start};
  } else {
    const std::vector<AnySample> last = last_two(w);
    if (last.size() < 2) return std::nullopt;
    a = last[0];
    b = last[1];
  }
  const double seconds = (b.time - a.time).as_seconds();
  if (seconds == 0) return std::nullopt;
  if ((a.histogram == nullptr) != (b.histogram == nullptr)) return mixed(w);
  if (a.histogram != nullptr) return instant_histograms(w, a, b, kind, seconds);
  const bool reset = kind == Kind::Counter && (b.value < a.value || b.begins_anew_after(a));
  const double change = reset ? b.value : b.value - a.value;
  return point(kind == Kind::Counter ? change / seconds : change);
}

struct Line {
  double slope = 0;
  double intercept = 0;
};

/// The same from what is kept of all windows.
Line linear_regression(SlidingFold<LinePart>& lines, const Window& w, TimeMs origin) {
  const LinePart part = lines.of(w.first, w.values.size());
  if (part.constant) return {0, w.values[0]};
  constexpr double kMsPerSecond = 1000;
  return {part.slope() * kMsPerSecond, part.at(static_cast<double>((origin - lines.origin()).ms))};
}

/// Least squares through the samples; the intercept is the value at `origin`.
Line linear_regression(const Window& w, TimeMs origin) {
  if (auto* lines = w.fold<SlidingFold<LinePart>>()) return linear_regression(*lines, w, origin);
  KahanSum x_sum;
  KahanSum y_sum;
  KahanSum xy_sum;
  KahanSum xx_sum;
  bool constant = true;
  for (size_t i = 0; i < w.values.size(); ++i) {
    if (w.values[i] != w.values[0]) constant = false;
    const double x = (w.times[i] - origin).as_seconds();
    const double y = w.values[i];
    x_sum.add(x);
    y_sum.add(y);
    xy_sum.add(x * y);
    xx_sum.add(x * x);
  }
  if (constant) {
    if (std::isinf(w.values[0])) return {NAN, NAN};
    return {0, w.values[0]};
  }
  const auto n = static_cast<double>(w.values.size());
  const double sx = x_sum.sum + x_sum.lost;
  const double sy = y_sum.sum + y_sum.lost;
  const double sxy = xy_sum.sum + xy_sum.lost;
  const double sxx = xx_sum.sum + xx_sum.lost;
  const double slope = (sxy - sx * sy / n) / (sxx - sx * sx / n);
  return {slope, sy / n - slope * sx / n};
}

/// Whether there are two floats to draw a line through; says so where histograms were passed over.
bool has_line(const Window& w) {
  if (!w.values.empty() && !w.histograms.empty()) {
    (*w.inform)(
        fmt::format("ignored histograms in a range containing both floats and histograms "
                    "for metric name \"{}\"",
                    w.metric));
  }
  return w.values.size() >= 2;
}

/// The samples that resets and changes look at: of an anchored window the last one at or before its
/// start and all after; none when nothing lies inside.
std::vector<AnySample> samples_to_compare(const Window& w) {
  std::vector<AnySample> all = merged(w);
  if (w.extended != ExtendedRange::Anchored) return all;
  const auto inside =
      std::find_if(all.begin(), all.end(), [&](const AnySample& s) { return s.time > w.start; });
  if (inside == all.end()) return {};
  all.erase(all.begin(), inside == all.begin() ? inside : inside - 1);
  return all;
}

std::optional<StepPoint> count_pairs(const Window& w, PairKind kind) {
  if (auto* pairs = w.fold<PairCounts>(); pairs != nullptr && w.extended == ExtendedRange::None) {
    return point(pairs->of(w.first + w.first_histogram, w.values.size() + w.histograms.size()));
  }
  if (w.histograms.empty() && w.starts.empty() && w.extended == ExtendedRange::None) {
    double n = 0;
    for (size_t i = 1; i < w.values.size(); ++i) {
      if (counts(kind, w.values[i - 1], w.values[i])) ++n;
    }
    return point(n);
  }
  const std::vector<AnySample> samples = samples_to_compare(w);
  if (samples.empty()) return std::nullopt;
  double n = 0;
  for (size_t i = 1; i < samples.size(); ++i) {
    if (counts(kind, samples[i - 1], samples[i])) ++n;
  }
  return point(n);
}

}  // namespace

double extrapolated(const Window& w, const SampledChange& sampled, bool counter) {
  double to_zero = kNoZero;
  if (counter && sampled.change > 0 && sampled.first >= 0) {
    to_zero =
        (sampled.last_time - sampled.first_time).as_seconds() * (sampled.first / sampled.change);
  }
  return sampled.change *
         extrapolation_factor(w, {sampled.first_time, sampled.last_time, sampled.samples - 1},
                              to_zero);
}

std::optional<StepPoint> eval_rate(const Window& w) {
  return extrapolated_rate(w, Kind::Counter, true);
}
std::optional<StepPoint> eval_increase(const Window& w) {
  return extrapolated_rate(w, Kind::Counter, false);
}
std::optional<StepPoint> eval_delta(const Window& w) {
  return extrapolated_rate(w, Kind::Gauge, false);
}
std::optional<StepPoint> eval_irate(const Window& w) { return instant_change(w, Kind::Counter); }
std::optional<StepPoint> eval_idelta(const Window& w) { return instant_change(w, Kind::Gauge); }

std::optional<StepPoint> eval_deriv(const Window& w) {
  if (!has_line(w)) return std::nullopt;
  // An origin near the samples keeps the numbers small and exact.
  return point(linear_regression(w, w.times.front()).slope);
}

std::optional<StepPoint> eval_predict_linear(const Window& w) {
  if (!has_line(w)) return std::nullopt;
  const Line line = linear_regression(w, w.now);
  return point(line.slope * w.parameters[0] + line.intercept);
}

std::optional<StepPoint> eval_resets(const Window& w) { return count_pairs(w, PairKind::Reset); }
std::optional<StepPoint> eval_changes(const Window& w) { return count_pairs(w, PairKind::Change); }

Result<void> check_smoothing_factors(std::span<const double> parameters) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kFactors = {
      {{"smoothing", "sf"}, {"trend", "tf"}}};
  for (size_t i = 0; i < kFactors.size(); ++i) {
    const auto& [name, symbol] = kFactors[i];
    // NaN is none that is wrong.
    if (!(parameters[i] <= 0) && !(parameters[i] >= 1)) continue;
    return fail(ErrorCode::Execution, "invalid {} factor. Expected: 0 < {} < 1, got: {:f}", name,
                symbol, parameters[i]);
  }
  return {};
}

// Without a fold: each window begins anew with its own first two samples, and each value is rounded
// on the way to the next, with factors that may be others at the next step.
std::optional<StepPoint> eval_double_exponential_smoothing(const Window& w) {
  const double level = w.parameters[0];
  const double trend = w.parameters[1];
  if (!has_line(w)) return std::nullopt;
  double previous = 0;
  double smoothed = w.values[0];
  double slope = w.values[1] - w.values[0];
  for (size_t i = 1; i < w.values.size(); ++i) {
    if (i > 1) slope = trend * (smoothed - previous) + (1 - trend) * slope;
    const double next = level * w.values[i] + (1 - level) * (smoothed + slope);
    previous = smoothed;
    smoothed = next;
  }
  return point(smoothed);
}

}  // namespace prom5::promql
