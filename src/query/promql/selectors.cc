#include <algorithm>

#include "model/histogram_arithmetic.h"
#include "model/sample.h"
#include "query/promql/evaluator.h"
#include "query/promql/extended_range.h"
#include "query/promql/range_window.h"
#include "query/promql/series_collector.h"

namespace prom5::promql {

void split(SampleColumns& columns, RangeSamples& out) {
  out.times.clear();
  out.values.clear();
  out.histogram_times.clear();
  out.histograms.clear();
  if (columns.histograms.empty() && !any_stale(columns.values)) {
    out.times.swap(columns.times);
    out.values.swap(columns.values);
    return;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (is_stale(columns.values[i])) continue;  // a histogram's sum is its value here
    if (!columns.histograms.empty() && columns.histograms[i]) {
      out.histogram_times.push_back(columns.times[i]);
      out.histograms.push_back(columns.histograms[i]);
    } else {
      out.times.push_back(columns.times[i]);
      out.values.push_back(columns.values[i]);
    }
  }
}

void detect_resets(SampleColumns& columns) {
  using enum CounterResetHint;
  HistogramPtr previous;
  for (HistogramPtr& histogram : columns.histograms) {
    if (!histogram || is_stale(histogram->sum)) continue;
    if (previous && histogram->reset_hint == Unknown) {
      auto copy = std::make_shared<Histogram>(*histogram);
      copy->reset_hint = is_counter_reset(*histogram, *previous) ? Reset : NotReset;
      histogram = std::move(copy);
    }
    previous = histogram;
  }
}

Result<StepVector> Evaluator::select_timestamps(const Expr& selector, Select what) {
  return select(selector, *selector.as<VectorSelector>(), what);
}

/// Says in the answer what is missing in it.
void Evaluator::take_warnings(const Querier& querier) {
  for (std::string& text : querier.warnings()) context_.annotations.warn(std::move(text));
}

/// Says in the answer that rollups stand for samples.
void Evaluator::tell_of(const Tier& tier, int64_t divisor, PositionRange at) {
  if (!tier.used()) return;
  std::string text = fmt::format("up to {} answered from the {} tier", format_rfc3339(tier.until),
                                 format_duration(tier.width));
  if (tier.exact) {
    text += ", on whose borders the ranges lie";
  } else if (divisor == 0 || divisor % tier.width.ms != 0) {
    text += ": older samples are not kept, and ranges are rounded to its borders";
  } else {
    text += ": older samples are not kept";
  }
  context_.inform(std::move(text), at);
}

Result<StepVector> Evaluator::select(const Expr& expr, const VectorSelector& selector,
                                     Select what) {
  if (selector.extended == ExtendedRange::Smoothed) return select_smoothed(expr, selector);
  SeriesCollector collector(context_);
  TRY(each_selected(expr, selector, what, collector));
  return std::move(collector).series();
}

/// How the samples of an instant selector are looked at.
struct Evaluator::Selected {
  Select what = Select::Values;
  TimeShift shift;
  DurationMs lookback;
  Tier tier;
  bool between = false;  ///< steps lie between the tier's borders

  [[nodiscard]] bool too_old(TimeMs sample, TimeMs time) const {
    // Between borders the last sample of the rollup before is all there is.
    const bool rolled_up = between && sample <= tier.until;
    return sample <= time - (rolled_up ? lookback + tier.width : lookback);
  }
};

Result<void> Evaluator::read_selected(SeriesSet& set, const Selected& how, SeriesSink& sink) {
  const bool starts_wanted = how.what == Select::StartTimestamps;
  StepSeries series;
  SampleColumns columns;
  std::vector<TimeMs> starts;
  while (set.next()) {
    TRY(set.read(columns));
    if (starts_wanted) TRY(set.read_starts(columns.times, starts));
    context_.count_loaded(columns.size());
    TRY(context_.check_alive_after(columns.size()));
    if (reset_hints_ == ResetHints::Detected) detect_resets(columns);
    series.restart(grid_.count);
    size_t next = 0;  // the first sample after the step's time
    size_t found = 0;
    for (size_t i = 0; i < grid_.count; ++i) {
      const TimeMs time = how.shift.apply(grid_.at(i));
      while (next < columns.size() && columns.times[next] <= time) ++next;
      if (next == 0) continue;
      const size_t at = next - 1;
      if (how.too_old(columns.times[at], time) || is_stale(columns.values[at])) continue;
      ++found;
      const bool histogram = !columns.histograms.empty() && columns.histograms[at];
      if (how.what != Select::Values) {
        if (histogram && how.what == Select::TimestampsOfFloats)
          return fail(ErrorCode::Execution, "info sample should be float");
        const TimeMs start = starts.empty() ? kNoStart : starts[at];
        series.set(i, (starts_wanted ? start : columns.times[at]).as_seconds());
      } else if (histogram) {
        series.set(i, columns.histograms[at]);
      } else {
        series.set(i, columns.values[at]);
      }
    }
    if (found == 0) continue;
    count_points(series, found);
    series.labels = set.labels();
    TRY(sink.take(series, found));
  }
  return {};
}

Result<void> Evaluator::each_selected(const Expr& expr, const VectorSelector& selector, Select what,
                                      SeriesSink& sink) {
  Selected how{.what = what,
               .shift = TRY(shift_of(selector.time)),
               .lookback = context_.options.lookback,
               .tier = {}};
  const TimeRange range{how.shift.apply(grid_.start) - how.lookback + DurationMs{1},
                        how.shift.apply(grid_.last())};
  const auto querier = TRY(context_.querier(range));
  const int64_t divisor =
      common_divisor_of_borders(grid_, how.shift.apply(grid_.start), how.shift.fixed, {});
  // Which rollups do not have.
  if (what != Select::StartTimestamps) how.tier = querier->tier({.borders_divide_by = divisor});
  how.between = how.tier.used() && (divisor == 0 || divisor % how.tier.width.ms != 0);
  const auto set = TRY(querier->select(selector.matchers, how.tier));
  tell_of(how.tier, divisor, expr.position);
  TRY(each_in_parts(
      *set, guessed_samples(grid_.last() - grid_.start),
      [&](Evaluator& on, SeriesSet& own, SeriesSink& of_part) {
        return on.read_selected(own, how, of_part);
      },
      sink));
  take_warnings(*querier);
  return {};
}

namespace {

/// What a smoothed selector sees at one step: the samples within the lookback on both sides.
class SmoothedStep {
 public:
  SmoothedStep(const RangeSamples& samples, const SlidingRange& floats,
               const SlidingRange& histograms, TimeMs time)
      : times_(std::span(samples.times).subspan(floats.first(), floats.count())),
        values_(std::span(samples.values).subspan(floats.first(), floats.count())),
        histogram_times_(
            std::span(samples.histogram_times).subspan(histograms.first(), histograms.count())),
        histograms_(std::span(samples.histograms).subspan(histograms.first(), histograms.count())),
        time_(time) {}

  [[nodiscard]] bool mixed() const { return !times_.empty() && !histogram_times_.empty(); }
  [[nodiscard]] bool has_histograms() const { return !histogram_times_.empty(); }

  [[nodiscard]] std::optional<double> value() const {
    const auto after =
        static_cast<size_t>(std::ranges::lower_bound(times_, time_) - times_.begin());
    if (after < times_.size() && times_[after] == time_) return values_[after];
    if (after == 0) return std::nullopt;
    if (after == times_.size()) return values_[after - 1];
    return interpolated({times_[after - 1], values_[after - 1]}, {times_[after], values_[after]},
                        time_);
  }

  /// Null where there is none; Execution where two do not go together.
  [[nodiscard]] Result<HistogramPtr> histogram(const HistogramNotes& notes) const {
    using enum CounterResetHint;
    const auto found = std::ranges::lower_bound(histogram_times_, time_);
    const auto after = static_cast<size_t>(found - histogram_times_.begin());
    if (after < histograms_.size() && histogram_times_[after] == time_) return histograms_[after];
    if (after == 0) return HistogramPtr();
    const HistogramPtr& before = histograms_[after - 1];
    if (after == histograms_.size()) {
      // A hint is about the sample before, not about the value that goes on.
      auto copy = std::make_shared<Histogram>(*before);
      copy->reset_hint = Unknown;
      return HistogramPtr(std::move(copy));
    }
    const HistogramPtr& next = histograms_[after];
    if (before->custom() != next->custom()) {
      return fail(ErrorCode::Execution, "exponential and custom buckets");
    }
    const bool counter = before->reset_hint != Gauge || next->reset_hint != Gauge;
    return HistogramPtr(std::make_shared<Histogram>(
        TRY(interpolated({histogram_times_[after - 1], before.get()},
                         {histogram_times_[after], next.get()}, time_, counter, notes))));
  }

 private:
  std::span<const TimeMs> times_;
  std::span<const double> values_;
  std::span<const TimeMs> histogram_times_;
  std::span<const HistogramPtr> histograms_;
  TimeMs time_;
};

}  // namespace

/// `x smoothed`: the value between the samples around the step, or the last one before it.
Result<StepVector> Evaluator::select_smoothed(const Expr& expr, const VectorSelector& selector) {
  const TimeShift shift = TRY(shift_of(selector.time));
  const DurationMs lookback = context_.options.lookback;
  const TimeRange range{shift.apply(grid_.start) - lookback + DurationMs{1},
                        shift.apply(grid_.last()) + lookback};
  const auto querier = TRY(context_.querier(range));
  const auto set = TRY(querier->select(selector.matchers, querier->tier({})));
  StepVector out;
  SampleColumns columns;
  RangeSamples samples;
  while (set->next()) {
    TRY(set->read(columns));
    context_.count_loaded(columns.size());
    TRY(context_.check_alive_after(columns.size()));
    if (reset_hints_ == ResetHints::Detected) detect_resets(columns);
    split(columns, samples);
    const HistogramNotes notes{
        set->labels().get(kMetricName),
        [&](std::string text) { context_.warn(std::move(text), expr.position); },
        [&](std::string text) { context_.inform(std::move(text), expr.position); }};
    StepSeries series(grid_.count);
    SlidingRange floats(samples.times);
    SlidingRange histograms(samples.histogram_times);
    for (size_t i = 0; i < grid_.count; ++i) {
      const TimeMs time = shift.apply(grid_.at(i));
      floats.move(time - lookback, time + lookback);
      histograms.move(time - lookback, time + lookback);
      const SmoothedStep step(samples, floats, histograms, time);
      if (step.mixed()) {
        notes.mixed_types();
      } else if (!step.has_histograms()) {
        if (const auto value = step.value()) series.set(i, *value);
      } else if (auto histogram = step.histogram(notes); histogram && *histogram) {
        series.set(i, *std::move(histogram));
      } else if (!histogram) {
        notes.mixed_buckets();
      }
    }
    if (series.empty()) continue;
    TRY(context_.hold_samples(series.steps()));
    count_points(series, static_cast<uint64_t>(std::ranges::count_if(
                             series.kinds, [](PointKind k) { return k != PointKind::None; })));
    series.labels = set->labels();
    out.push_back(std::move(series));
  }
  take_warnings(*querier);
  return out;
}

}  // namespace prom5::promql
