#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "io/codec/number.h"
#include "model/histogram_arithmetic.h"
#include "model/kahan.h"
#include "query/promql/evaluator.h"
#include "query/promql/quantile.h"

namespace prom5::promql {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::string_view kBucketLabel = "le";

std::string for_metric(std::string_view metric) {
  return metric.empty() ? "" : fmt::format(" for metric name \"{}\"", metric);
}

/// What of a forced monotonicity goes into its note, over all steps and series of one metric.
struct Monotonicity {
  TimeMs first;
  TimeMs last;
  double min_bucket = kInf;
  double max_bucket = -kInf;
  double max_difference = 0;
  size_t samples = 0;
};

/// The input of a histogram function: native histograms, and classic ones put together from their
/// bucket series.
struct ClassicHistogram {
  Labels labels;  ///< without "le"
  bool drop_name = false;
  std::vector<std::pair<double, const StepSeries*>> buckets;
};

struct HistogramInput {
  StepVector vector;
  std::vector<const StepSeries*> native;
  std::vector<ClassicHistogram> classic;
};

class HistogramFunction {
 public:
  HistogramFunction(Evaluator& evaluator, const Expr& argument)
      : evaluator_(evaluator), context_(evaluator.context()), position_(argument.position) {}

  Result<void> load(const Expr& argument) {
    input_.vector = TRY(evaluator_.eval_vector(argument));
    std::map<Labels, size_t> index;
    for (const StepSeries& series : input_.vector) {
      if (!series.histograms.empty()) input_.native.push_back(&series);
      const bool any_float = std::find(series.kinds.begin(), series.kinds.end(),
                                       PointKind::Float) != series.kinds.end();
      if (any_float) add_bucket(series, index);
    }
    warn_about_conflicts(index);
    return {};
  }

  /// Calls `native(histogram, step, metric)` and `classic(histogram, step, buckets)` and gathers
  /// what they give into series named by `relabel(labels)`.
  template <typename Native, typename Classic, typename Relabel>
  void each(Native native, Classic classic, Relabel relabel, StepVector& out) {
    for (const StepSeries* series : input_.native) {
      StepSeries result = named(series->labels, relabel);
      for (size_t i = 0; i < series->steps(); ++i) {
        const Histogram* histogram = series->histogram(i);
        if (histogram == nullptr || conflicts_.contains({series, i})) continue;
        result.set(i, native(*histogram, i, series->labels.get(kMetricName)));
      }
      if (!result.empty()) out.push_back(std::move(result));
    }
    for (const ClassicHistogram& histogram : input_.classic) {
      StepSeries result = named(histogram.labels, relabel);
      std::vector<ClassicBucket> buckets;
      for (size_t i = 0; i < result.steps(); ++i) {
        if (classic_conflicts_.contains({&histogram, i})) continue;
        buckets.clear();
        for (const auto& [bound, series] : histogram.buckets) {
          if (series->kinds[i] == PointKind::Float) buckets.push_back({bound, series->values[i]});
        }
        if (!buckets.empty()) result.set(i, classic(histogram, i, buckets));
      }
      if (!result.empty()) out.push_back(std::move(result));
    }
  }

  void note_monotonicity(const ClassicHistogram& histogram, size_t step,
                         const ClassicQuantile& result) {
    const TimeMs time = evaluator_.grid().at(step);
    const std::string metric(metric_shown(histogram.labels));
    const auto [found, inserted] = monotonicity_.try_emplace(metric);
    Monotonicity& m = found->second;
    m.first = inserted ? time : std::min(m.first, time);
    m.last = inserted ? time : std::max(m.last, time);
    m.min_bucket = std::min(m.min_bucket, result.min_bucket);
    m.max_bucket = std::max(m.max_bucket, result.max_bucket);
    m.max_difference = std::max(m.max_difference, result.max_difference);
    ++m.samples;
  }

  void report_monotonicity() {
    for (const auto& [metric, m] : monotonicity_) {
      const TimeMs first{m.first.ms / 1000 * 1000};
      const TimeMs last{m.last.ms / 1000 * 1000};
      context_.inform(
          fmt::format("input to histogram_quantile needed to be fixed for monotonicity (see "
                      "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                      "#histogram_quantile){}, from buckets {} to {}, with a max diff of {:.2g}, "
                      "over {} samples from {} to {}",
                      for_metric(metric), codec::format_general(m.min_bucket),
                      codec::format_general(m.max_bucket), m.max_difference, m.samples,
                      format_rfc3339(first), format_rfc3339(last)),
          position_);
    }
  }

  void warn_quantile(double q, PositionRange at) {
    if (std::isnan(q) || q < 0 || q > 1) {
      context_.warn("quantile value should be between 0 and 1, got " + codec::format_general(q),
                    at);
    }
  }

  double native_quantile(double q, const Histogram& h, std::string_view metric);
  double native_fraction(double lower, double upper, const Histogram& h, std::string_view metric);

 private:
  /// Names go into annotations only while they are still there.
  [[nodiscard]] std::string_view metric_shown(const Labels& labels) const {
    return context_.options.delayed_name_removal ? labels.get(kMetricName) : std::string_view{};
  }

  void add_bucket(const StepSeries& series, std::map<Labels, size_t>& index) {
    const std::string_view le = series.labels.get(kBucketLabel);
    const auto bound = codec::parse_double(le);
    if (!bound) {
      context_.warn(fmt::format("bucket label \"le\" is missing or has a malformed value of "
                                "\"{}\"{}",
                                le, for_metric(metric_shown(series.labels))),
                    position_);
      return;
    }
    LabelsBuilder builder(series.labels);
    const Labels labels = builder.remove(kBucketLabel).build();
    const auto [found, inserted] = index.try_emplace(labels, input_.classic.size());
    if (inserted) input_.classic.push_back({labels, series.drop_name, {}});
    input_.classic[found->second].buckets.emplace_back(*bound, &series);
  }

  /// Where a native and a classic histogram of one name and labels meet, neither is evaluated.
  void warn_about_conflicts(const std::map<Labels, size_t>& index) {
    for (const StepSeries* native : input_.native) {
      const auto found = index.find(native->labels);
      if (found == index.end()) continue;
      const ClassicHistogram& classic = input_.classic[found->second];
      for (size_t i = 0; i < native->steps(); ++i) {
        const bool both = native->histogram(i) != nullptr &&
                          std::any_of(classic.buckets.begin(), classic.buckets.end(),
                                      [&](const auto& b) { return b.second->has(i); });
        if (!both) continue;
        conflicts_.insert({native, i});
        classic_conflicts_.insert({&classic, i});
        context_.warn("vector contains a mix of classic and native histograms" +
                          for_metric(metric_shown(native->labels)),
                      position_);
      }
    }
  }

  template <typename Relabel>
  StepSeries named(const Labels& labels, Relabel relabel) {
    StepSeries out(evaluator_.grid().count);
    out.labels = labels;
    evaluator_.drop_name(out);
    out.labels = relabel(out.labels);
    return out;
  }

  Evaluator& evaluator_;
  QueryContext& context_;
  const PositionRange position_;
  HistogramInput input_;
  std::set<std::pair<const StepSeries*, size_t>> conflicts_;
  std::set<std::pair<const ClassicHistogram*, size_t>> classic_conflicts_;
  std::map<std::string, Monotonicity> monotonicity_;
};

/// A zero bucket with observations on one side only does not reach over to the other.
void clip_zero_bucket(const Histogram& h, HistogramBucket& bucket) {
  if (h.negative_counts.empty() && !h.positive_counts.empty()) bucket.lower = 0;
  if (h.positive_counts.empty() && !h.negative_counts.empty()) bucket.upper = 0;
}

double HistogramFunction::native_quantile(double q, const Histogram& h, std::string_view metric) {
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (h.count == 0 || std::isnan(q)) return NAN;
  const bool has_nan = std::isnan(h.sum);
  // From the nearer end, which keeps rounding errors small.
  const bool forward = has_nan || q < 0.5;
  std::vector<HistogramBucket> buckets = h.buckets();
  if (!forward) std::reverse(buckets.begin(), buckets.end());
  double rank = (forward ? q : 1 - q) * h.count;
  double count = 0;
  HistogramBucket bucket{};
  size_t at = 0;
  for (; at < buckets.size(); ++at) {
    bucket = buckets[at];
    count += bucket.count;
    if (count >= rank) break;
  }
  if (!h.custom() && bucket.lower < 0 && bucket.upper > 0) {
    clip_zero_bucket(h, bucket);
  } else if (h.custom() && bucket.lower == -kInf) {
    if (bucket.upper <= 0) return bucket.upper;
    bucket.lower = 0;
  } else if (h.custom() && bucket.upper == kInf) {
    return bucket.lower;
  }
  count = std::min(count, h.count);
  if (count < rank) {
    if (!has_nan) return bucket.upper;
    context_.inform(
        "input to histogram_quantile has NaN observations, result is NaN" + for_metric(metric),
        position_);
    return NAN;
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  if (has_nan) {
    for (size_t i = at + 1; i < buckets.size(); ++i) count += buckets[i].count;
    if (count < h.count) {
      context_.inform("input to histogram_quantile has NaN observations, result is skewed higher" +
                          for_metric(metric),
                      position_);
    }
  }
  const double fraction = rank / bucket.count;
  if (h.custom() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  }
  const double log_lower = std::log2(std::fabs(bucket.lower));
  const double log_upper = std::log2(std::fabs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

double HistogramFunction::native_fraction(double lower, double upper, const Histogram& h,
                                          std::string_view metric) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return NAN;
  if (lower >= upper) return 0;
  const std::vector<HistogramBucket> buckets = h.buckets();
  double all = 0;
  for (const HistogramBucket& b : buckets) all += b.count;
  double count = h.count;
  if (std::isnan(h.sum)) {
    if (all < h.count) {
      context_.inform(
          "input to histogram_fraction has NaN observations, which are excluded from "
          "all fractions" +
              for_metric(metric),
          position_);
    }
    count = all;
  }
  const auto rank_of = [&](double value) {
    double below = 0;
    for (HistogramBucket b : buckets) {
      const bool zero = b.lower <= 0 && b.upper >= 0;
      if (zero) clip_zero_bucket(h, b);
      if (b.lower >= value) return below;
      if (b.upper > value) {
        if (b.lower == -kInf) return b.count;
        return below + b.count * fraction_below(b, value, h.custom() || zero);
      }
      below += b.count;
    }
    return count;
  };
  return (std::min(rank_of(upper), count) - std::min(rank_of(lower), count)) / h.count;
}

StepValue of_vector(StepVector vector) {
  StepValue out;
  out.vector = std::move(vector);
  return out;
}

Labels same(const Labels& labels) { return labels; }

/// A function of native histograms alone.
template <typename Of>
Result<StepValue> of_native(Evaluator& evaluator, const Call& call, Of of) {
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  for (StepSeries& series : vector) {
    // Of what is said of the metric these drop the name alone, as in Prometheus.
    if (!evaluator.context().options.delayed_name_removal) {
      series.labels = series.labels.without(kMetricName);
    }
    series.drop_name = true;
    for (size_t i = 0; i < series.steps(); ++i) {
      if (const Histogram* h = series.histogram(i)) {
        series.set(i, of(*h));
      } else {
        series.clear(i);
      }
    }
    series.histograms.clear();
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

double variance_of(const Histogram& h) {
  const double mean = h.sum / h.count;
  KahanSum variance;
  for (const HistogramBucket& b : h.buckets()) {
    double value = 0;
    if (h.custom()) {
      value = (b.upper + b.lower) / 2;
    } else if (b.lower > 0 || b.upper < 0) {
      value = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) value = -value;
    }
    const double delta = value - mean;
    variance.add(b.count * delta * delta);
  }
  return (variance.sum + variance.lost) / h.count;
}

}  // namespace

Result<StepValue> eval_histogram_quantile(Evaluator& evaluator, const Expr& /*expr*/,
                                          const Call& call) {
  const std::vector<double> q = TRY(evaluator.eval_scalar(*call.arguments[0]));
  HistogramFunction function(evaluator, *call.arguments[1]);
  for (const double v : q) function.warn_quantile(v, call.arguments[0]->position);
  TRY(function.load(*call.arguments[1]));
  StepVector out;
  function.each(
      [&](const Histogram& h, size_t step, std::string_view metric) {
        return function.native_quantile(q[step], h, metric);
      },
      [&](const ClassicHistogram& histogram, size_t step, std::vector<ClassicBucket>& buckets) {
        const ClassicQuantile result = classic_quantile(q[step], buckets);
        if (result.forced_monotonic) function.note_monotonicity(histogram, step, result);
        return result.value;
      },
      same, out);
  function.report_monotonicity();
  return of_vector(TRY(evaluator.merge_same_labels(std::move(out))));
}

Result<StepValue> eval_histogram_quantiles(Evaluator& evaluator, const Expr& /*expr*/,
                                           const Call& call) {
  const std::string& label = unwrap(*call.arguments[1]).as<StringLiteral>()->value;
  HistogramFunction function(evaluator, *call.arguments[0]);
  TRY(function.load(*call.arguments[0]));
  StepVector out;
  for (size_t k = 2; k < call.arguments.size(); ++k) {
    const std::vector<double> q = TRY(evaluator.eval_scalar(*call.arguments[k]));
    for (const double v : q) function.warn_quantile(v, call.arguments[k]->position);
    std::string text = codec::format_general(q[0]);
    // A label value in the form of OpenMetrics: always with a point or an exponent.
    if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
    function.each(
        [&](const Histogram& h, size_t step, std::string_view metric) {
          return function.native_quantile(q[step], h, metric);
        },
        [&](const ClassicHistogram& histogram, size_t step, std::vector<ClassicBucket>& buckets) {
          const ClassicQuantile result = classic_quantile(q[step], buckets);
          if (result.forced_monotonic) function.note_monotonicity(histogram, step, result);
          return result.value;
        },
        [&](const Labels& labels) {
          LabelsBuilder builder(labels);
          return builder.set(label, text).build();
        },
        out);
  }
  function.report_monotonicity();
  return of_vector(TRY(evaluator.merge_same_labels(std::move(out))));
}

Result<StepValue> eval_histogram_fraction(Evaluator& evaluator, const Expr& /*expr*/,
                                          const Call& call) {
  const std::vector<double> lower = TRY(evaluator.eval_scalar(*call.arguments[0]));
  const std::vector<double> upper = TRY(evaluator.eval_scalar(*call.arguments[1]));
  HistogramFunction function(evaluator, *call.arguments[2]);
  TRY(function.load(*call.arguments[2]));
  StepVector out;
  function.each(
      [&](const Histogram& h, size_t step, std::string_view metric) {
        return function.native_fraction(lower[step], upper[step], h, metric);
      },
      [&](const ClassicHistogram&, size_t step, std::vector<ClassicBucket>& buckets) {
        return classic_fraction(lower[step], upper[step], buckets);
      },
      same, out);
  return of_vector(TRY(evaluator.merge_same_labels(std::move(out))));
}

Result<StepValue> eval_histogram_count(Evaluator& evaluator, const Expr& /*expr*/,
                                       const Call& call) {
  return of_native(evaluator, call, [](const Histogram& h) { return h.count; });
}

Result<StepValue> eval_histogram_sum(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return of_native(evaluator, call, [](const Histogram& h) { return h.sum; });
}

Result<StepValue> eval_histogram_avg(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return of_native(evaluator, call, [](const Histogram& h) { return h.sum / h.count; });
}

Result<StepValue> eval_histogram_stdvar(Evaluator& evaluator, const Expr& /*expr*/,
                                        const Call& call) {
  return of_native(evaluator, call, variance_of);
}

Result<StepValue> eval_histogram_stddev(Evaluator& evaluator, const Expr& /*expr*/,
                                        const Call& call) {
  return of_native(evaluator, call, [](const Histogram& h) { return std::sqrt(variance_of(h)); });
}

}  // namespace prom5::promql
