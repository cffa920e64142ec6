#include "query/promql/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace prom5::promql {

namespace {

constexpr ValueType kScalar = ValueType::Scalar;
constexpr ValueType kVector = ValueType::InstantVector;
constexpr ValueType kMatrix = ValueType::RangeVector;
constexpr ValueType kString = ValueType::String;

double sgn(double v) {
  if (v < 0) return -1;
  return v > 0 ? 1 : v;
}
double rad(double v) { return v * M_PI / 180; }
double deg(double v) { return v * 180 / M_PI; }

Function element(std::string_view name, ElementFunction f, std::string_view help) {
  return {.info = {name, {kVector}, 0, kVector, false, help}, .element = f};
}

Function range(std::string_view name, RangeFunction f, std::string_view help,
               SummaryFunction summary = nullptr) {
  return {.info = {name, {kMatrix}, 0, kVector, false, help}, .range = f, .summary = summary};
}

Function experimental(Function function) {
  function.info.experimental = true;
  return function;
}

Function counter(Function function) {
  function.counter = true;
  return function;
}

Function counts_starts(Function function) {
  function.starts = true;
  return function;
}

Function adds_histograms(Function function) {
  function.histogram_sums = true;
  return function;
}

Function folds(WindowFolds::Kind kind, Function function) {
  function.folds = kind;
  return function;
}

Function checked(Result<void> (*check)(std::span<const double>), Function function) {
  function.check = check;
  return function;
}

Function keeps_name(Function function) {
  function.keeps_name = true;
  return function;
}

/// A function over ranges with scalars beside the range.
Function range_with(std::string_view name, std::vector<ValueType> arguments, RangeFunction f,
                    std::string_view help) {
  return {.info = {name, std::move(arguments), 0, kVector, false, help}, .range = f};
}

struct Shape {
  std::vector<ValueType> arguments;
  int variadic = 0;
  ValueType result = kVector;
};

Function vector(std::string_view name, Shape shape, VectorFunction f, std::string_view help) {
  return {.info = {name, std::move(shape.arguments), shape.variadic, shape.result, false, help},
          .vector = f};
}

/// Every PromQL function: adding one is a row here, its evaluator, and a script in tests/promql.
const std::array kFunctions = std::to_array<Function>({
    element(
        "abs", [](double v) { return std::fabs(v); }, "Absolute value of each sample."),
    vector("absent", {{kVector}}, eval_absent, "1 when the vector is empty, nothing otherwise."),
    vector("absent_over_time", {{kMatrix}}, eval_absent_over_time,
           "1 when the range is empty, nothing otherwise."),
    element(
        "acos", [](double v) { return std::acos(v); }, "Arc cosine, in radians."),
    element(
        "acosh", [](double v) { return std::acosh(v); }, "Inverse hyperbolic cosine."),
    element(
        "asin", [](double v) { return std::asin(v); }, "Arc sine, in radians."),
    element(
        "asinh", [](double v) { return std::asinh(v); }, "Inverse hyperbolic sine."),
    element(
        "atan", [](double v) { return std::atan(v); }, "Arc tangent, in radians."),
    element(
        "atanh", [](double v) { return std::atanh(v); }, "Inverse hyperbolic tangent."),
    folds(WindowFolds::Kind::Sum,
          adds_histograms(range("avg_over_time", eval_avg_over_time,
                                "Mean of the samples in the range.", summary_avg))),
    element(
        "ceil", [](double v) { return std::ceil(v); }, "Rounds up to the next integer."),
    folds(WindowFolds::Kind::Changes,
          range("changes", eval_changes, "How often the value changed in the range.")),
    vector("clamp", {{kVector, kScalar, kScalar}}, eval_clamp,
           "Limits each sample to between a minimum and a maximum."),
    vector("clamp_max", {{kVector, kScalar}}, eval_clamp_max,
           "Limits each sample to at most a maximum."),
    vector("clamp_min", {{kVector, kScalar}}, eval_clamp_min,
           "Limits each sample to at least a minimum."),
    element(
        "cos", [](double v) { return std::cos(v); }, "Cosine of radians."),
    element(
        "cosh", [](double v) { return std::cosh(v); }, "Hyperbolic cosine."),
    adds_histograms(range("count_over_time", eval_count_over_time,
                          "Number of samples in the range.", summary_count)),
    vector("day_of_month", {{kVector}, 1}, eval_day_of_month, "Day of the month in UTC, 1 to 31."),
    vector("day_of_week", {{kVector}, 1}, eval_day_of_week, "Day of the week in UTC, 0 is Sunday."),
    vector("day_of_year", {{kVector}, 1}, eval_day_of_year, "Day of the year in UTC, 1 to 366."),
    vector("days_in_month", {{kVector}, 1}, eval_days_in_month,
           "Days of the month in UTC, 28 to 31."),
    element("deg", deg, "Radians to degrees."),
    range("delta", eval_delta,
          "Difference between the ends of the range, extrapolated; for gauges.", summary_delta),
    folds(WindowFolds::Kind::Line,
          range("deriv", eval_deriv, "Slope per second by linear regression; for gauges.")),
    checked(check_smoothing_factors,
            experimental(range_with("double_exponential_smoothing", {kMatrix, kScalar, kScalar},
                                    eval_double_exponential_smoothing,
                                    "Smoothed value by level and trend factors."))),
    experimental(
        vector("end", {{}, 0, kScalar}, eval_end, "End of the query, in seconds since 1970.")),
    element(
        "exp", [](double v) { return std::exp(v); }, "e to the power of each sample."),
    keeps_name(range("first_over_time", eval_first_over_time, "Oldest sample in the range.",
                     summary_first)),
    element(
        "floor", [](double v) { return std::floor(v); }, "Rounds down to the next integer."),
    vector("histogram_avg", {{kVector}}, eval_histogram_avg,
           "Mean of the observations of native histograms."),
    vector("histogram_count", {{kVector}}, eval_histogram_count,
           "Number of observations of native histograms."),
    vector("histogram_fraction", {{kScalar, kScalar, kVector}}, eval_histogram_fraction,
           "Share of observations between two values."),
    vector("histogram_quantile", {{kScalar, kVector}}, eval_histogram_quantile,
           "Quantile of a histogram's observations."),
    experimental(vector("histogram_quantiles", {{kVector, kString, kScalar, kScalar}, 9},
                        eval_histogram_quantiles,
                        "Several quantiles at once, each under a label.")),
    vector("histogram_stddev", {{kVector}}, eval_histogram_stddev,
           "Standard deviation of the observations of native histograms."),
    vector("histogram_stdvar", {{kVector}}, eval_histogram_stdvar,
           "Variance of the observations of native histograms."),
    vector("histogram_sum", {{kVector}}, eval_histogram_sum,
           "Sum of the observations of native histograms."),
    vector("hour", {{kVector}, 1}, eval_hour, "Hour of the day in UTC, 0 to 23."),
    range("idelta", eval_idelta, "Difference of the last two samples; for gauges."),
    counter(counts_starts(range("increase", eval_increase,
                                "How much a counter grew in total over the range, extrapolated.",
                                summary_increase))),
    experimental(
        vector("info", {{kVector, kVector}, 1}, eval_info, "Adds labels of matching info series.")),
    counts_starts(
        range("irate", eval_irate, "Growth per second of a counter, by the last two samples.")),
    vector("label_join", {{kVector, kString, kString, kString}, -1}, eval_label_join,
           "Joins label values into one label."),
    vector("label_replace", {{kVector, kString, kString, kString, kString}}, eval_label_replace,
           "Sets a label from another by a regular expression."),
    keeps_name(
        range("last_over_time", eval_last_over_time, "Newest sample in the range.", summary_last)),
    element(
        "ln", [](double v) { return std::log(v); }, "Natural logarithm."),
    element(
        "log10", [](double v) { return std::log10(v); }, "Logarithm to base 10."),
    element(
        "log2", [](double v) { return std::log2(v); }, "Logarithm to base 2."),
    folds(WindowFolds::Kind::Ranks,
          experimental(range("mad_over_time", eval_mad_over_time,
                             "Median absolute deviation of the samples in the range."))),
    experimental(vector("max_of", {{kScalar, kScalar}, 0, kScalar}, eval_max_of,
                        "The greater of two scalars.")),
    folds(WindowFolds::Kind::Greatest,
          range("max_over_time", eval_max_over_time, "Greatest sample in the range.", summary_max)),
    experimental(vector("min_of", {{kScalar, kScalar}, 0, kScalar}, eval_min_of,
                        "The smaller of two scalars.")),
    folds(WindowFolds::Kind::Least,
          range("min_over_time", eval_min_over_time, "Smallest sample in the range.", summary_min)),
    vector("minute", {{kVector}, 1}, eval_minute, "Minute of the hour in UTC, 0 to 59."),
    vector("month", {{kVector}, 1}, eval_month, "Month of the year in UTC, 1 to 12."),
    vector("pi", {{}, 0, kScalar}, eval_pi, "The number pi."),
    folds(WindowFolds::Kind::Line,
          range_with("predict_linear", {kMatrix, kScalar}, eval_predict_linear,
                     "Value some seconds from now by linear regression; for gauges.")),
    range("present_over_time", eval_present_over_time,
          "1 for each series with a sample in the range.", summary_present),
    folds(WindowFolds::Kind::Ranks,
          range_with("quantile_over_time", {kScalar, kMatrix}, eval_quantile_over_time,
                     "Quantile of the samples in the range.")),
    element("rad", rad, "Degrees to radians."),
    experimental(
        vector("range", {{}, 0, kScalar}, eval_range, "Length of the query's range, in seconds.")),
    counter(counts_starts(range("rate", eval_rate,
                                "Growth per second of a counter over the range, extrapolated.",
                                summary_rate))),
    folds(
        WindowFolds::Kind::Resets,
        counts_starts(range("resets", eval_resets, "How often a counter was reset in the range."))),
    vector("round", {{kVector, kScalar}, 1}, eval_round,
           "Rounds to the nearest multiple of a number, 1 by default."),
    vector("scalar", {{kVector}, 0, kScalar}, eval_scalar,
           "The value of a single series; NaN when there is not exactly one."),
    element("sgn", sgn, "Sign: -1, 0 or 1."),
    element(
        "sin", [](double v) { return std::sin(v); }, "Sine of radians."),
    element(
        "sinh", [](double v) { return std::sinh(v); }, "Hyperbolic sine."),
    vector("sort", {{kVector}}, eval_sort, "Sorts by value, smallest first; for instant queries."),
    experimental(vector("sort_by_label", {{kVector, kString}, -1}, eval_sort_by_label,
                        "Sorts by label values in natural order.")),
    experimental(vector("sort_by_label_desc", {{kVector, kString}, -1}, eval_sort_by_label_desc,
                        "Sorts by label values in natural order, last first.")),
    vector("sort_desc", {{kVector}}, eval_sort_desc,
           "Sorts by value, greatest first; for instant queries."),
    element(
        "sqrt", [](double v) { return std::sqrt(v); }, "Square root."),
    experimental(vector("start", {{}, 0, kScalar}, eval_start,
                        "Start of the query, in seconds since 1970.")),
    experimental(vector("start_timestamp", {{kVector}}, eval_start_timestamp,
                        "Start timestamp of each sample.")),
    folds(WindowFolds::Kind::Moments, range("stddev_over_time", eval_stddev_over_time,
                                            "Standard deviation of the samples in the range.")),
    folds(WindowFolds::Kind::Moments, range("stdvar_over_time", eval_stdvar_over_time,
                                            "Variance of the samples in the range.")),
    experimental(vector("step", {{}, 0, kScalar}, eval_step, "Step of the query, in seconds.")),
    folds(WindowFolds::Kind::Sum,
          adds_histograms(range("sum_over_time", eval_sum_over_time,
                                "Sum of the samples in the range.", summary_sum))),
    element(
        "tan", [](double v) { return std::tan(v); }, "Tangent of radians."),
    element(
        "tanh", [](double v) { return std::tanh(v); }, "Hyperbolic tangent."),
    vector("time", {{}, 0, kScalar}, eval_time, "Time of the evaluation, in seconds since 1970."),
    vector("timestamp", {{kVector}}, eval_timestamp,
           "Timestamp of each sample, in seconds since 1970."),
    experimental(range("ts_of_first_over_time", eval_ts_of_first_over_time,
                       "Timestamp of the oldest sample in the range.")),
    experimental(range("ts_of_last_over_time", eval_ts_of_last_over_time,
                       "Timestamp of the newest sample in the range.")),
    folds(WindowFolds::Kind::Greatest,
          experimental(range("ts_of_max_over_time", eval_ts_of_max_over_time,
                             "Timestamp of the greatest sample in the range."))),
    folds(WindowFolds::Kind::Least,
          experimental(range("ts_of_min_over_time", eval_ts_of_min_over_time,
                             "Timestamp of the smallest sample in the range."))),
    vector("vector", {{kScalar}}, eval_vector, "The scalar as a vector without labels."),
    vector("year", {{kVector}, 1}, eval_year, "Year in UTC."),
});

}  // namespace

const Function* find_function(std::string_view name) {
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                  [&](const Function& f) { return f.info.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

}  // namespace prom5::promql

namespace prom5::query {

std::span<const FunctionInfo> functions() {
  static const std::vector<FunctionInfo> all = [] {
    std::vector<FunctionInfo> out;
    for (const promql::Function& f : promql::kFunctions) out.push_back(f.info);
    return out;
  }();
  return all;
}

std::string_view describe(ValueType type) {
  switch (type) {
    case ValueType::None: return "none";
    case ValueType::Scalar: return "scalar";
    case ValueType::InstantVector: return "instant vector";
    case ValueType::RangeVector: return "range vector";
    case ValueType::String: return "string";
  }
  return "none";
}

}  // namespace prom5::query
