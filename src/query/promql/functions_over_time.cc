#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/codec/number.h"
#include "model/histogram_arithmetic.h"
#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "query/promql/functions.h"
#include "query/promql/quantile.h"

namespace prom5::promql {

namespace {

std::optional<StepPoint> point(double value) { return StepPoint{value, nullptr}; }

void note_ignored_histograms(const Window& w) {
  if (w.histograms.empty()) return;
  (*w.inform)(
      fmt::format("ignored histograms in a range containing both floats and histograms for "
                  "metric name \"{}\"",
                  w.metric));
}

/// Float functions say nothing about a range without floats.
bool no_floats(const Window& w) {
  if (w.values.empty()) return true;
  note_ignored_histograms(w);
  return false;
}

std::optional<StepPoint> mixed(const Window& w) {
  (*w.warn)(
      fmt::format("encountered a mix of histograms and floats for metric name \"{}\"", w.metric));
  return std::nullopt;
}

bool has_histograms(const Window& w) { return !w.histograms.empty() || !w.summed.counts.empty(); }

double histogram_count(const Window& w) {
  return std::accumulate(w.summed.counts.begin(), w.summed.counts.end(),
                         static_cast<double>(w.histograms.size()));
}

void note_hints(const Window& w, const HistogramFold& fold) {
  if (fold.reset_hints_collide()) {
    (*w.warn)("conflicting counter resets during histogram aggregation");
  }
}

/// The sum or the mean of a range of histograms, or none where they cannot be added.
std::optional<StepPoint> fold_histograms(const Window& w, HistogramFold::Kind kind) {
  const auto& sums = w.summed.sums;
  HistogramSums* const kept = w.folds == nullptr ? nullptr : w.folds->histogram_sums();
  if (kept != nullptr && sums.empty()) {
    const HistogramFold all = *kept->of(w.first_histogram, w.histograms.size()).fold;
    note_hints(w, all);
    return StepPoint{0, std::make_shared<Histogram>(kind == HistogramFold::Kind::Sum ? all.result()
                                                                                     : all.mean())};
  }
  // Sums are added before they are divided.
  std::optional<HistogramFold> fold;
  const auto add = [&](const HistogramPtr& h) {
    if (h && !fold)
      fold.emplace(sums.empty() ? kind : HistogramFold::Kind::Sum, *h);
    else if (!h || !fold->add(*h))
      return false;
    return true;
  };
  if (!std::ranges::all_of(sums, add) || !std::ranges::all_of(w.histograms, add)) {
    (*w.warn)(
        fmt::format("vector contains a mix of histograms with exponential and custom buckets "
                    "schemas for metric name \"{}\"",
                    w.metric));
    return std::nullopt;
  }
  note_hints(w, *fold);
  if (fold->bounds_reconciled()) {
    (*w.inform)("mismatched custom buckets were reconciled during aggregation");
  }
  Histogram result = fold->result();
  if (!sums.empty()) {
    result = kind == HistogramFold::Kind::Sum ? scaled(result, w.share)
                                              : divided(result, histogram_count(w));
  }
  return StepPoint{0, std::make_shared<Histogram>(std::move(result))};
}

struct Variance {
  KahanSum mean;
  KahanSum squares;
  double count = 0;

  void add(double value) {
    ++count;
    const double delta = value - (mean.sum + mean.lost);
    mean.add(delta / count);
    squares.add(delta * (value - (mean.sum + mean.lost)));
  }
  [[nodiscard]] double variance() const { return (squares.sum + squares.lost) / count; }
};

std::optional<double> variance_of(const Window& w) {
  if (no_floats(w)) return std::nullopt;
  if (auto* moments = w.fold<SlidingFold<MomentsPart>>()) {
    return moments->of(w.first, w.values.size()).variance();
  }
  Variance variance;
  for (const double v : w.values) variance.add(v);
  return variance.variance();
}

/// Index of the sample that no other one beats; a NaN is beaten by everything.
template <typename Beats>
size_t extreme(const Window& w, Beats beats) {
  size_t best = 0;
  for (size_t i = 0; i < w.values.size(); ++i) {
    if (beats(w.values[i], w.values[best]) || std::isnan(w.values[best])) best = i;
  }
  return best;
}

bool greater(double a, double b) { return a > b; }
bool less(double a, double b) { return a < b; }
// The time of an extreme is that of its last occurrence.
bool greater_or_equal(double a, double b) { return a >= b; }
bool less_or_equal(double a, double b) { return a <= b; }

template <typename Part, typename Beats>
std::optional<StepPoint> extreme_value(const Window& w, Beats beats) {
  if (no_floats(w)) return std::nullopt;
  if (auto* fold = w.fold<SlidingFold<Part>>()) {
    return point(fold->of(w.first, w.values.size()).value);
  }
  return point(w.values[extreme(w, beats)]);
}

template <typename Part, typename Beats>
std::optional<StepPoint> extreme_time(const Window& w, Beats beats) {
  if (no_floats(w)) return std::nullopt;
  auto* fold = w.fold<SlidingFold<Part>>();
  const size_t index =
      fold != nullptr ? fold->of(w.first, w.values.size()).last - w.first : extreme(w, beats);
  return point(w.times[index].as_seconds());
}

}  // namespace

std::optional<StepPoint> eval_sum_over_time(const Window& w) {
  if (!w.values.empty() && has_histograms(w)) return mixed(w);
  if (w.values.empty()) return fold_histograms(w, HistogramFold::Kind::Sum);
  if (auto* sums = w.fold<SlidingFold<SumPart>>()) {
    return point(sums->of(w.first, w.values.size()).sum.total());
  }
  KahanSum sum;
  for (const double v : w.values) sum.add(v);
  return point(sum.total());
}

std::optional<StepPoint> eval_avg_over_time(const Window& w) {
  if (!w.values.empty() && has_histograms(w)) return mixed(w);
  if (w.values.empty()) return fold_histograms(w, HistogramFold::Kind::Mean);
  if (auto* sums = w.fold<SlidingFold<SumPart>>()) {
    const KahanSum sum = sums->of(w.first, w.values.size()).sum;
    const auto count = static_cast<double>(w.values.size());
    return point((sum.sum / count) + (sum.lost / count));
  }
  KahanMean mean;
  for (const double v : w.values) mean.add(v);
  return point(mean.mean());
}

std::optional<StepPoint> eval_count_over_time(const Window& w) {
  const double summed = std::accumulate(w.summed.counts.begin(), w.summed.counts.end(), 0.0);
  return point(static_cast<double>(w.values.size() + w.histograms.size()) +
               std::round(summed * w.share));
}

std::optional<StepPoint> eval_present_over_time(const Window& /*w*/) { return point(1); }

std::optional<StepPoint> eval_min_over_time(const Window& w) {
  return extreme_value<LeastPart>(w, less);
}
std::optional<StepPoint> eval_max_over_time(const Window& w) {
  return extreme_value<GreatestPart>(w, greater);
}
std::optional<StepPoint> eval_ts_of_min_over_time(const Window& w) {
  return extreme_time<LeastPart>(w, less_or_equal);
}
std::optional<StepPoint> eval_ts_of_max_over_time(const Window& w) {
  return extreme_time<GreatestPart>(w, greater_or_equal);
}

std::optional<StepPoint> eval_stdvar_over_time(const Window& w) {
  const auto variance = variance_of(w);
  return variance ? point(*variance) : std::nullopt;
}

std::optional<StepPoint> eval_stddev_over_time(const Window& w) {
  const auto variance = variance_of(w);
  return variance ? point(std::sqrt(*variance)) : std::nullopt;
}

std::optional<StepPoint> eval_quantile_over_time(const Window& w) {
  if (w.values.empty()) return std::nullopt;
  const double q = w.parameters[0];
  if (std::isnan(q) || q < 0 || q > 1) {
    (*w.warn)("quantile value should be between 0 and 1, got " + codec::format_general(q));
  }
  note_ignored_histograms(w);
  if (auto* ranks = w.fold<RankWindow>()) {
    ranks->move(w.first, w.first + w.values.size());
    return point(quantile_of_sorted(q, ranks->size(), [&](size_t k) { return ranks->at(k); }));
  }
  std::vector<double> values(w.values.begin(), w.values.end());
  return point(quantile(q, values));
}

std::optional<StepPoint> eval_mad_over_time(const Window& w) {
  if (no_floats(w)) return std::nullopt;
  if (auto* ranks = w.fold<RankWindow>()) {
    ranks->move(w.first, w.first + w.values.size());
    return point(median_absolute_deviation(*ranks));
  }
  std::vector<double> values(w.values.begin(), w.values.end());
  for (const double v : values) {
    if (std::isnan(v)) return point(v);
  }
  const double median = quantile(0.5, values);
  for (double& v : values) v = std::fabs(v - median);
  return point(quantile(0.5, values));
}

std::optional<StepPoint> eval_last_over_time(const Window& w) {
  if (w.histograms.empty() || (!w.values.empty() && w.histogram_times.back() < w.times.back())) {
    return point(w.values.back());
  }
  return StepPoint{0, w.histograms.back()};
}

std::optional<StepPoint> eval_first_over_time(const Window& w) {
  if (w.histograms.empty() || (!w.values.empty() && w.times.front() < w.histogram_times.front())) {
    return point(w.values.front());
  }
  return StepPoint{0, w.histograms.front()};
}

std::optional<StepPoint> eval_ts_of_first_over_time(const Window& w) {
  TimeMs first = TimeMs::max();
  if (!w.times.empty()) first = w.times.front();
  if (!w.histogram_times.empty()) first = std::min(first, w.histogram_times.front());
  return point(first.as_seconds());
}

std::optional<StepPoint> eval_ts_of_last_over_time(const Window& w) {
  TimeMs last = TimeMs::min();
  if (!w.times.empty()) last = w.times.back();
  if (!w.histogram_times.empty()) last = std::max(last, w.histogram_times.back());
  return point(last.as_seconds());
}

}  // namespace prom5::promql
