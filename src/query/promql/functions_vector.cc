#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "query/promql/evaluator.h"

namespace prom5::promql {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

StepValue of_vector(StepVector vector) {
  StepValue out;
  out.vector = std::move(vector);
  return out;
}

StepValue of_scalar(std::vector<double> scalar) {
  StepValue out;
  out.type = ValueType::Scalar;
  out.scalar = std::move(scalar);
  return out;
}

template <typename AtStep>
StepValue scalar_at_steps(Evaluator& evaluator, AtStep at_step) {
  std::vector<double> out(evaluator.grid().count);
  for (size_t i = 0; i < out.size(); ++i) out[i] = at_step(i);
  return of_scalar(std::move(out));
}

/// Applies `change(value, step)` to every float, drops histograms and the name.
template <typename Change>
Result<StepValue> change_floats(Evaluator& evaluator, const Expr& argument, Change change) {
  StepVector vector = TRY(evaluator.eval_vector(argument));
  for (StepSeries& series : vector) {
    evaluator.drop_name(series);
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] == PointKind::Histogram) series.clear(i);
      if (!series.has(i)) continue;
      if (const std::optional<double> value = change(series.values[i], i)) {
        series.values[i] = *value;
      } else {
        series.clear(i);
      }
    }
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

/// The labels that an absent series would have: those that the selector asks for by "=".
Labels absent_labels(const Expr& in_parentheses) {
  const Expr& argument = unwrap(in_parentheses);
  const VectorSelector* selector = argument.as<VectorSelector>();
  if (const auto* matrix = argument.as<MatrixSelector>()) {
    selector = matrix->vector->as<VectorSelector>();
  }
  LabelsBuilder builder;
  if (selector == nullptr) return builder.build();
  std::set<std::string_view> seen;
  for (const Matcher& matcher : selector->matchers) {
    if (matcher.name() == kMetricName) continue;
    if (matcher.type() == MatchType::Equal && seen.insert(matcher.name()).second) {
      builder.set(matcher.name(), matcher.value());
    } else {
      builder.remove(matcher.name());
    }
  }
  return builder.build();
}

StepValue absent_where(Evaluator& evaluator, const Expr& argument,
                       const std::vector<bool>& present) {
  StepSeries series(evaluator.grid().count);
  series.labels = absent_labels(argument);
  for (size_t i = 0; i < present.size(); ++i) {
    if (!present[i]) series.set(i, 1);
  }
  StepVector out;
  if (!series.empty()) out.push_back(std::move(series));
  return of_vector(std::move(out));
}

void warn_sort_in_range(Evaluator& evaluator, const Expr& expr) {
  // The query as a whole decides: inside a subquery there is one step to sort at a time, too.
  if (evaluator.grid().count > 1) {
    evaluator.context().warn(
        "sort is ineffective for range queries since results are always ordered by labels",
        expr.position);
  }
}

template <typename Before>
Result<StepValue> sort_by_value(Evaluator& evaluator, const Expr& expr, const Call& call,
                                Before before) {
  warn_sort_in_range(evaluator, expr);
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  for (StepSeries& series : vector) {
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] == PointKind::Histogram) series.clear(i);
    }
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  if (evaluator.grid().count == 1) {
    // NaN last in both directions.
    std::stable_sort(vector.begin(), vector.end(), [&](const StepSeries& a, const StepSeries& b) {
      if (std::isnan(a.values[0]) || std::isnan(b.values[0])) {
        return !std::isnan(a.values[0]) && std::isnan(b.values[0]);
      }
      return before(a.values[0], b.values[0]);
    });
  }
  return of_vector(std::move(vector));
}

}  // namespace

Result<StepValue> eval_absent(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  std::vector<bool> present(evaluator.grid().count);
  for (const StepSeries& series : vector) {
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.has(i)) present[i] = true;
    }
  }
  return absent_where(evaluator, *call.arguments[0], present);
}

Result<StepValue> eval_absent_over_time(Evaluator& evaluator, const Expr& /*expr*/,
                                        const Call& call) {
  const Expr& argument = *call.arguments[0];
  const auto shape = TRY(evaluator.shape_of(argument));
  const StepGrid& grid = evaluator.grid();
  std::vector<bool> present(grid.count);
  const auto mark = [&](const std::vector<TimeMs>& times) {
    for (size_t i = 0; i < grid.count; ++i) {
      const TimeMs end = shape.shift.apply(grid.at(i));
      const auto after = std::upper_bound(times.begin(), times.end(), end - shape.range);
      if (after != times.end() && *after <= end) present[i] = true;
    }
  };
  TRY(evaluator.each_range_series(
      argument, shape, [&](const Labels&, bool, const RangeSamples& samples) -> Result<void> {
        mark(samples.times);
        mark(samples.histogram_times);
        return {};
      }));
  return absent_where(evaluator, argument, present);
}

namespace {

/// As Go's math.Max, whose answers are Prometheus': an infinity wins over NaN, and 0 over -0.
double greater_of(double a, double b) {
  if (a == HUGE_VAL || b == HUGE_VAL) return HUGE_VAL;
  if (std::isnan(a) || std::isnan(b)) return NAN;
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

double lesser_of(double a, double b) { return -greater_of(-a, -b); }

Result<StepValue> clamp(Evaluator& evaluator, const Expr& argument,
                        const std::vector<double>& lowest, const std::vector<double>& highest) {
  return change_floats(evaluator, argument, [&](double v, size_t i) -> std::optional<double> {
    if (highest[i] < lowest[i]) return std::nullopt;
    return greater_of(lowest[i], lesser_of(highest[i], v));
  });
}

}  // namespace

Result<StepValue> eval_clamp(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return clamp(evaluator, *call.arguments[0], TRY(evaluator.eval_scalar(*call.arguments[1])),
               TRY(evaluator.eval_scalar(*call.arguments[2])));
}

Result<StepValue> eval_clamp_min(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return clamp(evaluator, *call.arguments[0], TRY(evaluator.eval_scalar(*call.arguments[1])),
               std::vector<double>(evaluator.grid().count, kInf));
}

Result<StepValue> eval_clamp_max(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return clamp(evaluator, *call.arguments[0], std::vector<double>(evaluator.grid().count, -kInf),
               TRY(evaluator.eval_scalar(*call.arguments[1])));
}

Result<StepValue> eval_round(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  std::vector<double> nearest(evaluator.grid().count, 1);
  if (call.arguments.size() > 1) nearest = TRY(evaluator.eval_scalar(*call.arguments[1]));
  return change_floats(evaluator, *call.arguments[0],
                       [&](double v, size_t i) -> std::optional<double> {
                         // By the inverse, which loses less than dividing by 0.1.
                         const double inverse = 1.0 / nearest[i];
                         return std::floor(v * inverse + 0.5) / inverse;
                       });
}

Result<StepValue> eval_scalar(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  std::vector<double> out(evaluator.grid().count, NAN);
  std::vector<size_t> found(evaluator.grid().count);
  for (const StepSeries& series : vector) {
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] != PointKind::Float) continue;
      out[i] = ++found[i] == 1 ? series.values[i] : NAN;
    }
  }
  return of_scalar(std::move(out));
}

Result<StepValue> eval_vector(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const std::vector<double> scalar = TRY(evaluator.eval_scalar(*call.arguments[0]));
  StepSeries series(scalar.size());
  for (size_t i = 0; i < scalar.size(); ++i) series.set(i, scalar[i]);
  StepVector out;
  out.push_back(std::move(series));
  return of_vector(std::move(out));
}

Result<StepValue> eval_time(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  return scalar_at_steps(evaluator, [&](size_t i) { return evaluator.grid().at(i).as_seconds(); });
}

Result<StepValue> eval_pi(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  return scalar_at_steps(evaluator, [](size_t) { return M_PI; });
}

Result<StepValue> eval_start(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  return scalar_at_steps(evaluator, [&](size_t) { return evaluator.context().start.as_seconds(); });
}

Result<StepValue> eval_end(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  return scalar_at_steps(evaluator, [&](size_t) { return evaluator.context().end.as_seconds(); });
}

Result<StepValue> eval_step(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  // A range of one step is an instant, which has no step.
  const QueryContext& context = evaluator.context();
  const DurationMs step = context.start == context.end ? DurationMs{0} : context.step;
  return scalar_at_steps(evaluator, [&](size_t) { return step.as_seconds(); });
}

Result<StepValue> eval_range(Evaluator& evaluator, const Expr& /*expr*/, const Call& /*call*/) {
  const QueryContext& context = evaluator.context();
  return scalar_at_steps(evaluator,
                         [&](size_t) { return (context.end - context.start).as_seconds(); });
}

namespace {

template <typename Choose>
Result<StepValue> choose_scalar(Evaluator& evaluator, const Call& call, Choose choose) {
  std::vector<double> a = TRY(evaluator.eval_scalar(*call.arguments[0]));
  const std::vector<double> b = TRY(evaluator.eval_scalar(*call.arguments[1]));
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = choose(a[i], b[i]);
  }
  return of_scalar(std::move(a));
}

}  // namespace

Result<StepValue> eval_min_of(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return choose_scalar(evaluator, call, lesser_of);
}

Result<StepValue> eval_max_of(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return choose_scalar(evaluator, call, greater_of);
}

Result<StepValue> eval_sort(Evaluator& evaluator, const Expr& expr, const Call& call) {
  return sort_by_value(evaluator, expr, call, [](double a, double b) { return a < b; });
}

Result<StepValue> eval_sort_desc(Evaluator& evaluator, const Expr& expr, const Call& call) {
  return sort_by_value(evaluator, expr, call, [](double a, double b) { return a > b; });
}

Result<StepValue> eval_timestamp(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const Expr& argument = unwrap(*call.arguments[0]);
  StepVector vector;
  // Only a selector knows when its samples were taken; anything else is as old as the step.
  if (argument.as<VectorSelector>() != nullptr) {
    vector = TRY(evaluator.select_timestamps(argument));
  } else {
    vector = TRY(evaluator.eval_vector(argument));
    for (StepSeries& series : vector) {
      for (size_t i = 0; i < series.steps(); ++i) {
        if (series.has(i)) series.set(i, evaluator.grid().at(i).as_seconds());
      }
    }
  }
  for (StepSeries& series : vector) evaluator.drop_name(series);
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

Result<StepValue> eval_start_timestamp(Evaluator& evaluator, const Expr& /*expr*/,
                                       const Call& call) {
  const Expr& argument = unwrap(*call.arguments[0]);
  // What is computed has none.
  const bool known = argument.as<VectorSelector>() != nullptr;
  if (!known || !evaluator.context().options.use_start_timestamps) return of_vector({});
  StepVector vector =
      TRY(evaluator.select_timestamps(argument, Evaluator::Select::StartTimestamps));
  for (StepSeries& series : vector) evaluator.drop_name(series);
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

}  // namespace prom5::promql
