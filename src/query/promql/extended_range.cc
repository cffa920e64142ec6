#include "query/promql/extended_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "model/histogram_arithmetic.h"

namespace prom5::promql {

void HistogramNotes::mixed_types() const {
  warn(fmt::format("encountered a mix of histograms and floats for metric name \"{}\"", metric));
}

void HistogramNotes::mixed_buckets() const {
  warn(
      fmt::format("vector contains a mix of histograms with exponential and custom buckets "
                  "schemas for metric name \"{}\"",
                  metric));
}

double interpolated(Sample before, Sample after, TimeMs time) {
  const double share = static_cast<double>((time - before.time).ms) /
                       static_cast<double>((after.time - before.time).ms);
  return before.value + (after.value - before.value) * share;
}

Result<Histogram> interpolated(HistogramSample before, HistogramSample after, TimeMs time,
                               bool counter, const HistogramNotes& notes) {
  if (time == before.time) return *before.histogram;
  if (time == after.time) return *after.histogram;
  const double share = static_cast<double>((time - before.time).ms) /
                       static_cast<double>((after.time - before.time).ms);
  if (counter && is_counter_reset(*after.histogram, *before.histogram)) {
    return scaled(*after.histogram, share);
  }
  HistogramSum difference = TRY(subtract(*after.histogram, *before.histogram));
  if (difference.bounds_reconciled) {
    notes.inform("mismatched custom buckets were reconciled during subtraction");
  }
  HistogramSum sum = TRY(add(scaled(difference.histogram, share), *before.histogram));
  if (sum.bounds_reconciled) {
    notes.inform("mismatched custom buckets were reconciled during addition");
  }
  return std::move(sum.histogram);
}

namespace {

/// The samples of an extended window that matter: the last one at or before its start, or the first
/// after it; and the first one at or after the end of a smoothed window, or the last.
struct Ends {
  size_t first = 0;
  size_t last = 0;
};

/// Nothing when no sample lies in the window or around it.
std::optional<Ends> ends_of(const Window& w, std::span<const TimeMs> times) {
  if (times.empty()) return std::nullopt;
  const bool smoothed = w.extended == ExtendedRange::Smoothed;
  const auto all_but_last = times.first(times.size() - 1);
  const auto after_start = std::ranges::upper_bound(all_but_last, w.start) - all_but_last.begin();
  Ends ends{static_cast<size_t>(std::max<ptrdiff_t>(0, after_start - 1)), times.size() - 1};
  if (smoothed) {
    ends.last =
        static_cast<size_t>(std::ranges::lower_bound(all_but_last, w.end) - all_but_last.begin());
  }
  if (times[ends.last] <= w.start) return std::nullopt;
  if (smoothed && times[ends.first] > w.end) return std::nullopt;
  return ends;
}

std::optional<StepPoint> float_change(const Window& w, ChangeKind kind) {
  const auto ends = ends_of(w, w.times);
  if (!ends) return std::nullopt;
  const auto [first, last] = *ends;
  const bool smoothed = w.extended == ExtendedRange::Smoothed;
  const auto at_border = [&](size_t before, TimeMs border) {
    Sample a{w.times[before], w.values[before]};
    const Sample b{w.times[before + 1], w.values[before + 1]};
    if (kind.counter && b.value < a.value) a.value = 0;
    return interpolated(a, b, border);
  };
  double left = w.values[first];
  if (smoothed && w.times[first] < w.start) left = at_border(first, w.start);
  double right = w.values[last];
  if (smoothed && last > 0 && w.times[last] > w.end) right = at_border(last - 1, w.end);
  double result = right - left;
  if (kind.counter) {
    double previous = left;
    const auto add_fall = [&](double value) {
      if (value < previous) result += previous;
      previous = value;
    };
    // What lies at the borders is told by them.
    for (size_t i = first; i <= last; ++i) {
      if (w.times[i] > w.start && w.times[i] < w.end) add_fall(w.values[i]);
    }
    add_fall(right);
  }
  if (kind.per_second) result /= w.range_seconds();
  return StepPoint{result, nullptr};
}

/// The change of histograms over an extended window. One use.
class HistogramChange {
 public:
  HistogramChange(const Window& w, ChangeKind kind, Ends ends)
      : w_(w), kind_(kind), ends_(ends), notes_{w.metric, *w.warn, *w.inform} {}

  std::optional<StepPoint> run() {
    if (!fits_together()) return std::nullopt;
    auto result = change();
    if (!result) {
      notes_.mixed_buckets();
      return std::nullopt;
    }
    if (kind_.per_second) *result = divided(*result, w_.range_seconds());
    result->reset_hint = CounterResetHint::Gauge;
    return StepPoint{0, std::make_shared<Histogram>(compacted(*result))};
  }

 private:
  [[nodiscard]] const Histogram& at(size_t i) const { return *w_.histograms[i]; }
  [[nodiscard]] bool starts_between() const {
    return w_.extended == ExtendedRange::Smoothed && w_.histogram_times[ends_.first] < w_.start;
  }

  bool fits_together() {
    for (size_t i = ends_.first; i <= ends_.last; ++i) {
      if (at(i).custom() != at(ends_.first).custom()) {
        notes_.mixed_buckets();
        return false;
      }
      if (kind_.counter && at(i).reset_hint == CounterResetHint::Gauge) {
        notes_.warn(
            fmt::format("this native histogram metric is not a counter: \"{}\"", w_.metric));
      }
    }
    return true;
  }

  Result<Histogram> between(size_t before, TimeMs border) {
    return interpolated({w_.histogram_times[before], &at(before)},
                        {w_.histogram_times[before + 1], &at(before + 1)}, border, kind_.counter,
                        notes_);
  }

  Result<Histogram> change() {
    const bool smoothed = w_.extended == ExtendedRange::Smoothed;
    const bool ends_between = smoothed && ends_.last > 0 && w_.histogram_times[ends_.last] > w_.end;
    const Histogram left = starts_between() ? TRY(between(ends_.first, w_.start)) : at(ends_.first);
    const Histogram right = ends_between ? TRY(between(ends_.last - 1, w_.end)) : at(ends_.last);
    using enum CounterResetHint;
    if (!kind_.counter && (left.reset_hint != Gauge || right.reset_hint != Gauge)) {
      notes_.warn(fmt::format("this native histogram metric is not a gauge: \"{}\"", w_.metric));
    }
    HistogramSum difference = TRY(subtract(right, left));
    if (difference.bounds_reconciled) {
      notes_.inform("mismatched custom buckets were reconciled during subtraction");
    }
    if (!kind_.counter) return std::move(difference.histogram);
    Histogram result = std::move(difference.histogram);
    if (const auto lost = TRY(lost_to_resets(left, right))) TRY(add_to(result, *lost));
    return result;
  }

  Result<void> add_to(Histogram& total, const Histogram& more) {
    HistogramSum sum = TRY(add(total, more));
    if (sum.bounds_reconciled) {
      notes_.inform("mismatched custom buckets were reconciled during addition");
    }
    total = std::move(sum.histogram);
    return {};
  }

  /// What a counter had before each reset between the borders' values.
  Result<std::optional<Histogram>> lost_to_resets(const Histogram& left, const Histogram& right) {
    std::optional<Histogram> lost;
    const auto add_lost = [&](const Histogram& h) -> Result<void> {
      if (lost) return add_to(*lost, h);
      lost = h;
      return {};
    };
    size_t next = ends_.first + 1;
    const Histogram* previous = &left;
    if (starts_between() && is_counter_reset(at(ends_.first + 1), at(ends_.first))) {
      // The reset lies before the border, whose value begins at zero already.
      previous = &at(ends_.first + 1);
      ++next;
    }
    // Both borders may have been taken from the two samples around one reset.
    if (next > ends_.last) return lost;
    for (; next < ends_.last; ++next) {
      if (is_counter_reset(at(next), *previous)) TRY(add_lost(*previous));
      previous = &at(next);
    }
    if (is_counter_reset(right, *previous)) TRY(add_lost(*previous));
    return lost;
  }

  const Window& w_;
  const ChangeKind kind_;
  const Ends ends_;
  const HistogramNotes notes_;
};

}  // namespace

std::optional<StepPoint> extended_change(const Window& w, ChangeKind kind) {
  if (w.histograms.empty()) return float_change(w, kind);
  const auto ends = ends_of(w, w.histogram_times);
  if (!ends) return std::nullopt;
  return HistogramChange(w, kind, *ends).run();
}

}  // namespace prom5::promql
