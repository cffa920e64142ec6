#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "query/promql/ast.h"
#include "query/promql/step_series.h"
#include "query/promql/window_folds.h"
#include "store/window_summary.h"

namespace prom5::promql {

class Evaluator;
class Falls;
class HistogramFalls;

/// What a function over a range sees at one step: the samples in (start, end].
/// Their start timestamps are there for Function::starts, where any is known and asked for.
struct Window : RangeColumns {
  TimeMs start;                        ///< exclusive
  TimeMs end;                          ///< inclusive
  TimeMs now;                          ///< the time of the step
  std::span<const double> parameters;  ///< the scalar arguments at this step, in order
  ExtendedRange extended = ExtendedRange::None;
  /// The range that was asked for over the window's length: less than 1 where rollups, on whose
  /// borders a window lies, made it wider.
  double share = 1;
  /// Of the window's part that is summed up, for functions that add histograms or count: in place
  /// of the histograms there.
  struct SummedHistograms {
    std::span<const double> counts;
    std::span<const HistogramPtr> sums;
  };
  SummedHistograms summed;
  /// Of functions with Function::folds, where windows overlap: what is kept of all windows'
  /// samples.
  WindowFolds* folds = nullptr;
  size_t first = 0;            ///< where `values` begin among those
  size_t first_histogram = 0;  ///< where `histograms` begin among all windows'
  Falls* falls = nullptr;      ///< of a counter's function: where floats fall, of all windows'
  HistogramFalls* histogram_falls = nullptr;  ///< the same of histograms; of every function's
  std::string_view metric;
  /// Adds a warning or a note about the range argument.
  const std::function<void(std::string text)>* warn = nullptr;
  const std::function<void(std::string text)>* inform = nullptr;

  [[nodiscard]] double range_seconds() const { return (end - start).as_seconds(); }
  /// Null where the function is to look at the samples.
  template <typename Fold>
  [[nodiscard]] Fold* fold() const {
    return folds == nullptr ? nullptr : folds->get<Fold>();
  }
};

/// The value at one step, or none.
struct StepPoint {
  double value = 0;
  HistogramPtr histogram;
};

using ElementFunction = double (*)(double);
using RangeFunction = std::optional<StepPoint> (*)(const Window&);
using SummaryFunction = std::optional<StepPoint> (*)(const Window&, const WindowSummary&);
using VectorFunction = Result<StepValue> (*)(Evaluator&, const Expr&, const Call&);

/// One row of kFunctions[]: what a function takes and gives, and the one evaluator it has.
struct Function {
  query::FunctionInfo info;
  ElementFunction element = nullptr;  ///< for each float of an instant vector
  RangeFunction range = nullptr;      ///< for each window of each series
  SummaryFunction summary = nullptr;  ///< the same from a summary of its floats, where that does
  VectorFunction vector = nullptr;    ///< everything else
  /// Of ranges: whether the scalar arguments may be what they are, asked where there are samples.
  Result<void> (*check)(std::span<const double> parameters) = nullptr;
  bool keeps_name = false;
  bool histogram_sums = false;                        ///< of ranges: takes Window::summed
  WindowFolds::Kind folds = WindowFolds::Kind::None;  ///< of ranges: takes Window::folds
  bool counter = false;  ///< of ranges: looks at growth, takes Window::falls
  bool starts = false;   ///< of ranges: takes Window::starts
};

/// Null for an unknown name.
const Function* find_function(std::string_view name);

// The evaluators, by the file that holds them.

// functions_range.cc
std::optional<StepPoint> eval_rate(const Window&);
std::optional<StepPoint> eval_increase(const Window&);
std::optional<StepPoint> eval_delta(const Window&);
std::optional<StepPoint> eval_irate(const Window&);
std::optional<StepPoint> eval_idelta(const Window&);
std::optional<StepPoint> eval_deriv(const Window&);
std::optional<StepPoint> eval_predict_linear(const Window&);
std::optional<StepPoint> eval_resets(const Window&);
std::optional<StepPoint> eval_changes(const Window&);
std::optional<StepPoint> eval_double_exponential_smoothing(const Window&);
Result<void> check_smoothing_factors(std::span<const double> parameters);

// functions_over_time.cc
std::optional<StepPoint> eval_avg_over_time(const Window&);
std::optional<StepPoint> eval_min_over_time(const Window&);
std::optional<StepPoint> eval_max_over_time(const Window&);
std::optional<StepPoint> eval_sum_over_time(const Window&);
std::optional<StepPoint> eval_count_over_time(const Window&);
std::optional<StepPoint> eval_quantile_over_time(const Window&);
std::optional<StepPoint> eval_stddev_over_time(const Window&);
std::optional<StepPoint> eval_stdvar_over_time(const Window&);
std::optional<StepPoint> eval_mad_over_time(const Window&);
std::optional<StepPoint> eval_last_over_time(const Window&);
std::optional<StepPoint> eval_first_over_time(const Window&);
std::optional<StepPoint> eval_present_over_time(const Window&);
std::optional<StepPoint> eval_ts_of_first_over_time(const Window&);
std::optional<StepPoint> eval_ts_of_last_over_time(const Window&);
std::optional<StepPoint> eval_ts_of_min_over_time(const Window&);
std::optional<StepPoint> eval_ts_of_max_over_time(const Window&);

// functions_summary.cc
std::optional<StepPoint> summary_avg(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_min(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_max(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_sum(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_count(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_first(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_last(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_present(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_rate(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_increase(const Window&, const WindowSummary&);
std::optional<StepPoint> summary_delta(const Window&, const WindowSummary&);

/// A change between the first and the last of some samples.
struct SampledChange {
  TimeMs first_time;
  TimeMs last_time;
  double samples = 0;
  double first = 0;
  double change = 0;
};
/// The change stretched to the window's borders, as increase and delta do (functions_range.cc).
double extrapolated(const Window&, const SampledChange&, bool counter);

// functions_vector.cc
Result<StepValue> eval_absent(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_absent_over_time(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_clamp(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_clamp_min(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_clamp_max(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_round(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_scalar(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_vector(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_time(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_pi(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_start(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_end(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_step(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_range(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_min_of(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_max_of(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_sort(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_sort_desc(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_timestamp(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_start_timestamp(Evaluator&, const Expr&, const Call&);

// functions_label.cc
Result<StepValue> eval_label_replace(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_label_join(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_sort_by_label(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_sort_by_label_desc(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_info(Evaluator&, const Expr&, const Call&);

// functions_date.cc
Result<StepValue> eval_minute(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_hour(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_day_of_week(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_day_of_month(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_day_of_year(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_days_in_month(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_month(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_year(Evaluator&, const Expr&, const Call&);

// functions_histogram.cc
Result<StepValue> eval_histogram_quantile(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_quantiles(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_fraction(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_count(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_sum(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_avg(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_stddev(Evaluator&, const Expr&, const Call&);
Result<StepValue> eval_histogram_stdvar(Evaluator&, const Expr&, const Call&);

}  // namespace prom5::promql
