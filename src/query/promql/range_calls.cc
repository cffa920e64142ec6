// Functions of ranges: rate(x[5m]), max_over_time(x[1h]).

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "model/metadata.h"
#include "model/quote.h"
#include "query/promql/evaluator.h"
#include "query/promql/falls.h"
#include "query/promql/histogram_falls.h"
#include "query/promql/range_window.h"
#include "query/promql/series_collector.h"

namespace prom5::promql {

namespace {

bool ends_like_a_counter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
         name.ends_with("_bucket");
}

/// Why a series is probably no counter; nothing for one that is. `typed`: whether it tells that.
std::optional<std::string> doubt_counter(const Labels& labels, bool typed) {
  const std::string_view name = labels.get(kMetricName);
  if (!typed && ends_like_a_counter(name)) return std::nullopt;
  if (!typed) {
    return fmt::format(
        "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"{}\"",
        name);
  }
  const std::string_view type = labels.get(kTypeLabel);
  if (type == "counter" || type == "histogram") return std::nullopt;
  return fmt::format(
      "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
      "got {}: {}",
      quoted(type), quoted(name));
}

/// Functions that look at the borders of their window.
bool safe_for(ExtendedRange extended, std::string_view function) {
  const bool rates = function == "rate" || function == "increase" || function == "delta";
  if (extended == ExtendedRange::Smoothed) return rates;
  return rates || function == "changes" || function == "resets";
}

constexpr size_t kSamplesBetweenChecks = 4096;

/// Takes out the histograms of windows that have their sum as well.
void leave_out_summed(RangeSamples& samples) {
  const std::vector<TimeMs>& ends = samples.rollups.histogram_ends;
  size_t kept = 0;
  for (size_t i = 0; i < samples.histogram_times.size(); ++i) {
    const TimeMs time = samples.histogram_times[i];
    const auto end = std::ranges::lower_bound(ends, time);
    if (end != ends.end() && *end - samples.tier.width < time) continue;
    samples.histogram_times[kept] = time;
    samples.histograms[kept] = samples.histograms[i];
    ++kept;
  }
  samples.histogram_times.resize(kept);
  samples.histograms.resize(kept);
}

/// How many samples there are in (start, end].
uint64_t samples_after(const RangeSamples& samples, TimeMs start, TimeMs end) {
  const auto within = [&](const std::vector<TimeMs>& times) {
    return std::ranges::upper_bound(times, end) - std::ranges::upper_bound(times, start);
  };
  return static_cast<uint64_t>(within(samples.times) + within(samples.histogram_times));
}

/// Calls a function of ranges at each step; the steps it has no answer for stay empty.
/// `parameters` holds a column for each scalar argument. Result: the number of points.
Result<size_t> slide(QueryContext& context, const Function& function, const StepGrid& grid,
                     const Evaluator::RangeShape& shape, DurationMs lookback, RangeSamples& samples,
                     const std::vector<std::vector<double>>& parameters, Window& window,
                     StepSeries& series) {
  std::vector<double> at_step(parameters.size());
  window.parameters = at_step;
  window.extended = shape.extended;
  const bool plain = shape.extended == ExtendedRange::None;
  const bool smoothed = shape.extended == ExtendedRange::Smoothed;
  const bool sums_histograms = function.histogram_sums && !samples.rollups.histogram_ends.empty();
  if (sums_histograms) leave_out_summed(samples);
  SlidingRange floats(samples.times);
  SlidingRange histograms(samples.histogram_times);
  SlidingRange rollups(samples.rollups.ends);
  std::optional<Falls> falls;
  if (function.counter) falls.emplace(samples.times, samples.values, samples.starts);
  window.falls = falls ? &*falls : nullptr;
  HistogramFalls histogram_falls(columns_of(samples));
  window.histogram_falls = &histogram_falls;
  SlidingRange summed(samples.rollups.histogram_ends);
  WindowFolds folds;
  if (!shape.shift.fixed) {
    folds = WindowFolds(function.folds, samples, {grid.count, shape.range, grid.step});
  }
  window.folds = &folds;
  size_t found = 0;
  size_t unchecked = 0;
  query::SampleCounts looked_at{0, samples.times.size() + samples.histogram_times.size()};
  for (size_t i = 0; i < grid.count; ++i) {
    window.now = grid.at(i);
    window.end = shape.shift.apply(window.now);
    window.start = window.end - shape.range;
    const bool summed_up =
        (samples.rollups.size() > 0 || sums_histograms) && window.start < samples.tier.until;
    if (summed_up) widen_to(samples.tier, window);
    window.share = summed_up ? shape.range.as_seconds() / window.range_seconds() : 1;
    const TimeMs from = plain ? window.start : window.start - lookback;
    const TimeMs to = smoothed ? window.end + lookback : window.end;
    floats.move(from, to);
    const TimeMs summed_until = summed_up ? std::min(to, samples.tier.until) : from;
    rollups.move(from, summed_until);
    if (sums_histograms) summed.move(from, summed_until);
    histograms.move(from, to);
    const size_t in_window = floats.count() + histograms.count() + rollups.count() + summed.count();
    if (in_window == 0) continue;
    looked_at.queryable += in_window;
    if (context.wants_per_step()) {
      const TimeMs before = i == 0 ? from : std::max(from, to - grid.step);
      context.count_at(window.now, {in_window, samples_after(samples, before, to)});
    }
    // One call for many steps: each would cost as much as a step's rate.
    unchecked += in_window;
    if (unchecked >= kSamplesBetweenChecks) {
      TRY(context.check_alive_after(std::exchange(unchecked, 0)));
    }
    window.times = std::span(samples.times).subspan(floats.first(), floats.count());
    window.values = std::span(samples.values).subspan(floats.first(), floats.count());
    window.first = floats.first();
    window.first_histogram = histograms.first();
    window.histogram_times =
        std::span(samples.histogram_times).subspan(histograms.first(), histograms.count());
    window.histograms =
        std::span(samples.histograms).subspan(histograms.first(), histograms.count());
    if (!samples.starts.empty()) {
      window.starts = std::span(samples.starts).subspan(floats.first(), floats.count());
    }
    if (!samples.histogram_starts.empty()) {
      window.histogram_starts =
          std::span(samples.histogram_starts).subspan(histograms.first(), histograms.count());
    }
    if (sums_histograms) {
      window.summed = {
          std::span(samples.rollups.histogram_counts).subspan(summed.first(), summed.count()),
          std::span(samples.rollups.histogram_sums).subspan(summed.first(), summed.count())};
    }
    for (size_t k = 0; k < parameters.size(); ++k) at_step[k] = parameters[k][i];
    if (function.check != nullptr) TRY(function.check(at_step));
    std::optional<StepPoint> point;
    if (rollups.count() > 0) {
      const WindowSummary summary =
          summarize(samples.rollups, rollups.first(), rollups.count(), window.times, window.values);
      point = function.summary(window, summary);
    } else {
      point = function.range(window);
    }
    if (!point) continue;
    ++found;
    if (point->histogram) {
      series.set(i, std::move(point->histogram));
    } else {
      series.set(i, point->value);
    }
  }
  context.count_samples(looked_at);
  return found;
}

/// A call with what it needs besides samples.
struct RangeCall {
  const Call& call;
  Evaluator::RangeShape shape;
  std::vector<std::vector<double>> parameters;  ///< a column for each scalar argument
  bool unique = false;  ///< no two series may become the same without their names

  [[nodiscard]] PositionRange position() const { return call.arguments[0]->position; }
};

/// What a function of ranges makes of one series after the other. One thread.
class RangeCaller {
 public:
  RangeCaller(Evaluator& evaluator, const RangeCall& how, SeriesSink& sink)
      : evaluator_(evaluator),
        how_(how),
        sink_(sink),
        warn_([&](std::string text) { context().warn(std::move(text), how_.position()); }),
        inform_([&](std::string text) { context().inform(std::move(text), how_.position()); }) {}

  Result<void> operator()(const Labels& labels, bool drop, RangeSamples& samples) {
    // These go with the name, and may be all that tells two apart.
    if (how_.unique && (labels.has(kTypeLabel) || labels.has(kUnitLabel))) {
      return fail(ErrorCode::Unavailable, "{}", kNeedsAll);
    }
    series_.restart(evaluator_.grid().count);
    Window window;
    window.metric = labels.get(kMetricName);
    window.warn = &warn_;
    window.inform = &inform_;
    const Function& function = *how_.call.function;
    const size_t found =
        TRY(slide(context(), function, evaluator_.grid(), how_.shape, context().options.lookback,
                  samples, how_.parameters, window, series_));
    if (found == 0) return {};
    if (function.counter && !window.metric.empty() &&
        std::ranges::find(series_.kinds, PointKind::Float) != series_.kinds.end()) {
      const auto doubt = doubt_counter(labels, context().options.type_and_unit_labels);
      if (doubt) inform_(*doubt);
    }
    if (function.keeps_name) {
      series_.labels = labels;
      series_.drop_name = drop;
    } else {
      evaluator_.label_without_name(series_, labels);
    }
    return sink_.take(series_, found);
  }

 private:
  [[nodiscard]] QueryContext& context() { return evaluator_.context(); }

  Evaluator& evaluator_;
  const RangeCall& how_;
  SeriesSink& sink_;
  const std::function<void(std::string)> warn_;
  const std::function<void(std::string)> inform_;
  StepSeries series_;
};

}  // namespace

Result<StepVector> Evaluator::eval_range_function(const Call& call) {
  SeriesCollector collector(context_);
  TRY(each_of_range_function(call, false, collector));
  StepVector out = std::move(collector).series();
  if (context_.options.delayed_name_removal) return out;
  const size_t before = out.size();
  out = TRY(merge_same_labels(std::move(out)));
  // Series of a range vector may not even share a label set at different steps.
  if (out.size() != before) return fail(ErrorCode::Execution, "{}", kDuplicateLabels);
  return out;
}

Result<void> Evaluator::each_of_range_function(const Call& call, bool unique, SeriesSink& sink) {
  const Function& function = *call.function;
  RangeCall how{.call = call, .shape = {}, .parameters = {}, .unique = unique};
  const Expr* range_vector = nullptr;
  for (const ExprPtr& argument : call.arguments) {
    if (type_of(*argument) == ValueType::RangeVector) {
      range_vector = &unwrap(*argument);
    } else {
      how.parameters.push_back(TRY(eval_scalar(*argument)));
    }
  }
  how.shape = TRY(shape_of(*range_vector));
  const RangeShape& shape = how.shape;
  if (shape.extended != ExtendedRange::None && !safe_for(shape.extended, function.info.name)) {
    const bool anchored = shape.extended == ExtendedRange::Anchored;
    return fail(ErrorCode::Execution, "{} modifier can only be used with: {} - not with {}",
                anchored ? "anchored" : "smoothed",
                anchored ? "changes, delta, increase, rate, resets" : "delta, increase, rate",
                function.info.name);
  }
  if (range_vector->as<Subquery>() != nullptr) {
    RangeCaller caller(*this, how, sink);
    return each_subquery_series(*range_vector, shape, std::ref(caller));
  }
  const bool plain = shape.extended == ExtendedRange::None;
  // With anchored and smoothed, values at borders are made up of others.
  const bool starts = function.starts && plain && context_.options.use_start_timestamps;
  const OpenedRange range = TRY(open_range(
      *range_vector, shape, {.rollups = function.summary != nullptr && plain, .starts = starts}));
  TRY(each_in_parts(
      *range.set, guessed_samples((grid_.last() - grid_.start) + shape.range),
      [&](Evaluator& on, SeriesSet& set, SeriesSink& of_part) {
        RangeCaller caller(on, how, of_part);
        return on.read_range(set, range, std::ref(caller));
      },
      sink));
  take_warnings(*range.querier);
  return {};
}

}  // namespace prom5::promql
