#include <algorithm>
#include <bit>
#include <cmath>

#include "model/histogram_arithmetic.h"
#include "model/sample.h"
#include "query/promql/functions.h"
#include "query/promql/parser.h"
#include "query/promql/slow_twin_parts_test.h"
#include "query/promql/slow_twin_test.h"

namespace prom5::promql {

namespace {

/// Functions whose answer depends on the time of the step even where their arguments do not
/// (AtModifierUnsafeFunctions), but for those that are replaced by a number.
bool depends_on_time(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "days_in_month", "day_of_month", "day_of_week",    "day_of_year", "hour",     "minute",
      "month",         "year",         "predict_linear", "time",        "timestamp"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

/// Whether the answer is the same at every step, so that it is worked out at the first one
/// (preprocessExprHelper, which overlooks what an aggregation's parameter says).
bool is_fixed(const Expr& expr) {
  if (const auto* selector = expr.as<VectorSelector>()) return selector->time.at != AtKind::None;
  if (const auto* subquery = expr.as<Subquery>()) return subquery->time.at != AtKind::None;
  if (const auto* matrix = expr.as<MatrixSelector>()) return is_fixed(*matrix->vector);
  if (const auto* call = expr.as<Call>()) {
    const std::string_view name = call->function->info.name;
    if (name == "timestamp") {
      const Expr& argument = unwrap(*call->arguments[0]);
      return argument.as<VectorSelector>() != nullptr && is_fixed(argument);
    }
    if (depends_on_time(name)) return false;
  }
  return std::ranges::all_of(children(expr), [](const Expr* child) { return is_fixed(*child); });
}

const TwinSample* latest(const std::vector<TwinSample>& samples, TimeMs time, DurationMs lookback) {
  const auto after = std::ranges::upper_bound(samples, time, {}, &TwinSample::time);
  if (after == samples.begin()) return nullptr;
  const TwinSample& last = *std::prev(after);
  return last.time <= time - lookback || is_stale_value(last.value) ? nullptr : &last;
}

/// Resets inside a subquery are found anew: its steps may skip them or see them twice.
TwinValue without_reset_hint(TwinValue value) {
  if (value.is_float() || value.histogram->reset_hint == CounterResetHint::Gauge) return value;
  Histogram h = *value.histogram;
  h.reset_hint = CounterResetHint::Unknown;
  value.histogram = std::make_shared<Histogram>(std::move(h));
  return value;
}

TwinSteps same_at_each(const TwinGrid& grid, const TwinVector& vector) {
  return TwinSteps(grid.count, vector);
}

}  // namespace

Labels without_metadata(const Labels& labels) {
  return labels.without(kMetricName).without("__type__").without("__unit__");
}

bool is_stale_value(const TwinValue& value) {
  return is_stale(value.is_float() ? value.number : value.histogram->sum);
}

Result<void> put(TwinVector& out, Labels labels, TwinValue value) {
  if (!out.emplace(std::move(labels), std::move(value)).second) {
    return fail(ErrorCode::Execution, "vector cannot contain metrics with the same labelset");
  }
  return {};
}

// --- the query -----------------------------------------------------------------------------------

Result<TwinData> SlowTwin::run(std::string_view text, TimeMs start, TimeMs end, DurationMs step) {
  const ExprPtr expr = TRY(parse(text));
  start_ = start;
  end_ = end;
  step_ = step;
  durations_.clear();
  TRY(resolve(*expr));
  const bool instant = step.ms == 0;
  TwinGrid grid{start, step, 1};
  if (!instant) grid.count = static_cast<size_t>((end - start).ms / step.ms) + 1;
  return evaluate(*expr, grid, instant);
}

Result<TwinData> SlowTwin::evaluate(const Expr& expr, const TwinGrid& grid, bool instant) {
  const ValueType type = type_of(expr);
  if (type == ValueType::String) return fail(ErrorCode::Unavailable, "a string");
  TwinData out;
  if (type == ValueType::RangeVector) {
    if (!instant) return fail(ErrorCode::BadData, "a range vector at each step");
    const TimeMs until = window_end(expr, grid.start);
    const TimeMs after = until - window_length(expr);
    for (auto& [labels, samples] : TRY(range_samples(expr, grid))) {
      for (TwinSample& sample : samples) {
        if (sample.time > after && sample.time <= until) out[labels].push_back(std::move(sample));
      }
    }
    return out;
  }
  const TwinSteps steps = TRY(eval(expr, grid));
  for (size_t i = 0; i < grid.count; ++i) {
    for (const auto& [labels, value] : steps[i]) out[labels].push_back({grid.at(i), value});
  }
  return out;
}

// --- durations -----------------------------------------------------------------------------------

Result<void> SlowTwin::resolve(const Expr& expr) {
  if (const auto* selector = expr.as<VectorSelector>()) {
    if (selector->extended != ExtendedRange::None) return fail(ErrorCode::Unavailable, "extended");
    durations_[&expr].offset =
        TRY(duration_of(selector->time.offset_expr, selector->time.offset, true));
  }
  if (const auto* matrix = expr.as<MatrixSelector>()) {
    durations_[&expr].range = TRY(duration_of(matrix->range_expr, matrix->range, false));
  }
  if (const auto* subquery = expr.as<Subquery>()) {
    Durations& durations = durations_[&expr];
    durations.offset = TRY(duration_of(subquery->time.offset_expr, subquery->time.offset, true));
    durations.range = TRY(duration_of(subquery->range_expr, subquery->range, false));
    durations.step = TRY(duration_of(subquery->step_expr, subquery->step, false));
    if (durations.step.ms == 0) durations.step = options_.default_subquery_step;
  }
  for (const Expr* child : children(expr)) TRY(resolve(*child));
  return {};
}

Result<DurationMs> SlowTwin::duration_of(const ExprPtr& expr, DurationMs written,
                                         bool may_be_negative) {
  if (!expr) return written;
  const double seconds = TRY(seconds_of(*expr));
  if (!std::isfinite(seconds)) return fail(ErrorCode::Execution, "duration is NaN or infinite");
  if (seconds <= 0 && !may_be_negative) {
    return fail(ErrorCode::Execution, "duration must be greater than 0");
  }
  if (std::fabs(seconds) > 0x1p63 / 1e9) return fail(ErrorCode::Execution, "out of range");
  return DurationMs{static_cast<int64_t>(seconds * 1000)};
}

Result<double> SlowTwin::seconds_of(const Expr& duration) const {
  if (const auto* number = duration.as<NumberLiteral>()) return number->value;
  const auto* expr = duration.as<DurationExpr>();
  if (expr == nullptr) return fail(ErrorCode::Execution, "no duration");
  const double left = expr->left ? TRY(seconds_of(*expr->left)) : 0;
  const double right = expr->right ? TRY(seconds_of(*expr->right)) : 0;
  switch (expr->op) {
    case TokenType::Step: return step_.as_seconds();
    case TokenType::Range: return (end_ - start_).as_seconds();
    case TokenType::MinOf: return go_min(left, right);
    case TokenType::MaxOf: return go_max(left, right);
    case TokenType::Add: return left + right;
    case TokenType::Sub: return left - right;
    case TokenType::Mul: return left * right;
    case TokenType::Pow: return std::pow(left, right);
    case TokenType::Div:
      if (right == 0) return fail(ErrorCode::Execution, "division by zero");
      return left / right;
    case TokenType::Mod:
      if (right == 0) return fail(ErrorCode::Execution, "modulo by zero");
      return std::fmod(left, right);
    default: return fail(ErrorCode::Execution, "no operator of durations");
  }
}

// --- expressions ---------------------------------------------------------------------------------

Result<TwinSteps> SlowTwin::eval(const Expr& expr, const TwinGrid& grid) {
  if (grid.count == 0) return TwinSteps();
  TwinSteps out;
  if (grid.count > 1 && is_fixed(expr)) {
    out = same_at_each(grid, TRY(eval(expr, {grid.start, grid.step, 1}))[0]);
  } else {
    out = TRY(eval_node(expr, grid));
    if (options_.shake != 0) shake(expr, out);
  }
  return out;
}

Result<TwinSteps> SlowTwin::eval_node(const Expr& expr, const TwinGrid& grid) {
  if (const auto* number = expr.as<NumberLiteral>()) {
    return same_at_each(grid, {{Labels(), {number->value, nullptr}}});
  }
  if (const auto* selector = expr.as<VectorSelector>()) {
    return eval_selector(expr, *selector, grid, false);
  }
  if (const auto* call = expr.as<Call>()) return eval_call(*call, grid);
  if (const auto* aggregate = expr.as<Aggregate>()) return eval_aggregate(*aggregate, grid);
  if (const auto* binary = expr.as<Binary>()) return eval_binary(*binary, grid);
  if (const auto* unary = expr.as<Unary>()) return eval_unary(*unary, grid);
  if (const auto* paren = expr.as<Paren>()) return eval(*paren->expr, grid);
  return fail(ErrorCode::Unavailable, "no value at a step");
}

TwinSteps SlowTwin::eval_selector(const Expr& expr, const VectorSelector& selector,
                                  const TwinGrid& grid, bool timestamps) const {
  TwinSteps out(grid.count);
  for (const auto& [labels, samples] : data_) {
    if (!matches_all(selector.matchers, labels)) continue;
    for (size_t i = 0; i < grid.count; ++i) {
      const TimeMs time = looks_at(expr, selector.time, grid.at(i));
      const TwinSample* found = latest(samples, time, options_.lookback);
      if (found == nullptr) continue;
      out[i][labels] = timestamps ? TwinValue{found->time.as_seconds(), nullptr} : found->value;
    }
  }
  return out;
}

Result<TwinSteps> SlowTwin::eval_unary(const Unary& unary, const TwinGrid& grid) {
  TwinSteps steps = TRY(eval(*unary.expr, grid));
  if (unary.op != TokenType::Sub) return steps;
  TwinSteps out(grid.count);
  for (size_t i = 0; i < grid.count; ++i) {
    for (const auto& [labels, value] : steps[i]) {
      const auto there = out[i].find(without_metadata(labels));
      if (there != out[i].end() && there->second.is_float() != value.is_float()) {
        return fail(ErrorCode::Unavailable, "a float and a histogram under the same labels");
      }
      TwinValue negated{-value.number, nullptr};
      if (!value.is_float()) {
        negated.histogram = std::make_shared<Histogram>(scaled(*value.histogram, -1));
      }
      TRY(put(out[i], without_metadata(labels), std::move(negated)));
    }
  }
  return out;
}

Result<TwinSteps> SlowTwin::eval_binary(const Binary& binary, const TwinGrid& grid) {
  const TwinSteps left = TRY(eval(*binary.left, grid));
  const TwinSteps right = TRY(eval(*binary.right, grid));
  const bool left_scalar = type_of(*binary.left) == ValueType::Scalar;
  const bool right_scalar = type_of(*binary.right) == ValueType::Scalar;
  const bool comparison = is_comparison(binary.op);
  TwinSteps out(grid.count);
  for (size_t i = 0; i < grid.count; ++i) {
    if (!left_scalar && !right_scalar) {
      out[i] = TRY(combine_vectors(binary, left[i], right[i]));
      continue;
    }
    const bool both = left_scalar && right_scalar;
    const TwinValue scalar = (left_scalar ? left : right)[i].at(Labels());
    for (const auto& [labels, value] : (left_scalar ? right : left)[i]) {
      auto combined =
          left_scalar ? combine(binary.op, scalar, value) : combine(binary.op, value, scalar);
      if (!combined) continue;
      const bool as_bool = comparison && (both || binary.return_bool);
      if (as_bool) combined->value = {combined->keep ? 1.0 : 0.0, nullptr};
      if (!as_bool && !combined->keep) continue;
      // A comparison keeps the vector's element, on whichever side it stands.
      if (comparison && !as_bool) combined->value = value;
      const bool drops_name = as_bool || (!comparison && !is_trim(binary.op));
      TRY(put(out[i], drops_name ? without_metadata(labels) : labels, combined->value));
    }
  }
  return out;
}

Result<TwinSteps> SlowTwin::eval_aggregate(const Aggregate& aggregate, const TwinGrid& grid) {
  TwinSteps out(grid.count);
  if (aggregate.op == TokenType::CountValues) {
    const std::string& label = unwrap(*aggregate.parameter).as<StringLiteral>()->value;
    if (label.empty()) return fail(ErrorCode::Execution, "invalid label name");
    const TwinSteps steps = TRY(eval(*aggregate.expr, grid));
    for (size_t i = 0; i < grid.count; ++i) out[i] = count_values(aggregate, label, steps[i]);
    return out;
  }
  std::vector<double> parameters(grid.count);
  if (aggregate.parameter) parameters = TRY(eval_scalar(*aggregate.parameter, grid));
  const TwinSteps steps = TRY(eval(*aggregate.expr, grid));
  TRY(check_parameters(aggregate.op, parameters));
  for (size_t i = 0; i < grid.count; ++i) {
    out[i] =
        aggregate_floats_and_histograms(aggregate, parameters[i], steps[i], options_.shake != 0);
  }
  return out;
}

Result<std::vector<double>> SlowTwin::eval_scalar(const Expr& expr, const TwinGrid& grid) {
  std::vector<double> out;
  for (const TwinVector& step : TRY(eval(expr, grid))) out.push_back(step.at(Labels()).number);
  return out;
}

// --- range vectors -------------------------------------------------------------------------------

TimeMs SlowTwin::looks_at(const Expr& expr, const TimeModifiers& time, TimeMs now) const {
  if (time.at == AtKind::Time) now = time.at_time;
  if (time.at == AtKind::Start) now = start_;
  if (time.at == AtKind::End) now = end_;
  return now - durations_.at(&expr).offset;
}

TimeMs SlowTwin::window_end(const Expr& range, TimeMs now) const {
  const Expr& expr = unwrap(range);
  if (const auto* subquery = expr.as<Subquery>()) return looks_at(expr, subquery->time, now);
  const Expr& vector = *expr.as<MatrixSelector>()->vector;
  return looks_at(vector, vector.as<VectorSelector>()->time, now);
}

DurationMs SlowTwin::window_length(const Expr& range) const {
  return durations_.at(&unwrap(range)).range;
}

Result<TwinData> SlowTwin::range_samples(const Expr& range, const TwinGrid& grid) {
  const Expr& expr = unwrap(range);
  TwinData out;
  if (const auto* subquery = expr.as<Subquery>()) {
    out = TRY(subquery_samples(expr, *subquery, grid));
  } else {
    const auto& matchers = expr.as<MatrixSelector>()->vector->as<VectorSelector>()->matchers;
    for (const auto& [labels, samples] : data_) {
      if (matches_all(matchers, labels)) out[labels] = samples;
    }
  }
  for (auto& [labels, samples] : out) {
    std::erase_if(samples, [](const TwinSample& s) { return is_stale_value(s.value); });
  }
  return out;
}

Result<TwinData> SlowTwin::subquery_samples(const Expr& expr, const Subquery& subquery,
                                            const TwinGrid& grid) {
  const Durations& durations = durations_.at(&expr);
  // From the first multiple of the step's length inside the first window to the last window's end.
  // Prometheus goes on beyond a fixed time by the query's length, which shows in errors alone.
  const TimeMs until = looks_at(expr, subquery.time, grid.at(grid.count - 1));
  const TimeMs after = looks_at(expr, subquery.time, grid.start) - durations.range;
  const int64_t step = durations.step.ms;
  int64_t first = after.ms / step * step;
  if (first <= after.ms) first += step;
  TwinData out;
  if (first > until.ms) return out;
  const TwinGrid inner{{first}, {step}, static_cast<size_t>((until.ms - first) / step) + 1};
  const TwinSteps steps = TRY(eval(*subquery.expr, inner));
  for (size_t i = 0; i < inner.count; ++i) {
    for (const auto& [labels, value] : steps[i]) {
      out[labels].push_back({inner.at(i), without_reset_hint(value)});
    }
  }
  return out;
}

// --- rounding ------------------------------------------------------------------------------------

namespace {

/// Whether there is something that may have been rounded.
bool computes(const Expr& expr) {
  if (const auto* call = expr.as<Call>()) return !call->arguments.empty();
  return expr.as<Binary>() != nullptr || expr.as<Aggregate>() != nullptr;
}

/// Whether even a number of few bits may come of rounding.
bool divides(const Expr& expr) {
  static constexpr std::string_view kNames[] = {"rate",
                                                "increase",
                                                "delta",
                                                "irate",
                                                "deriv",
                                                "predict_linear",
                                                "avg_over_time",
                                                "double_exponential_smoothing",
                                                "mad_over_time",
                                                "quantile_over_time",
                                                "stddev_over_time",
                                                "stdvar_over_time"};
  if (const auto* call = expr.as<Call>()) {
    return std::ranges::find(kNames, call->function->info.name) != std::end(kNames);
  }
  const auto* aggregate = expr.as<Aggregate>();
  return aggregate != nullptr &&
         (aggregate->op == TokenType::Avg || aggregate->op == TokenType::Stddev ||
          aggregate->op == TokenType::Stdvar || aggregate->op == TokenType::Quantile);
}

}  // namespace

void SlowTwin::shake(const Expr& expr, TwinSteps& steps) {
  if (!computes(expr)) return;
  const bool all = divides(expr);
  const auto shaken = [&](double v) {
    constexpr uint64_t kLowBits = (uint64_t{1} << 20) - 1;
    const bool few_bits = (std::bit_cast<uint64_t>(v) & kLowBits) == 0;
    if (!std::isfinite(v) || (few_bits && !all)) return v;
    return v * (1 + (noise_.unit() - 0.5) * 2e-14);
  };
  for (TwinVector& step : steps) {
    for (auto& [labels, value] : step) {
      if (value.is_float()) {
        value.number = shaken(value.number);
        continue;
      }
      Histogram h = *value.histogram;
      h.count = shaken(h.count);
      h.sum = shaken(h.sum);
      h.zero_count = shaken(h.zero_count);
      for (double& count : h.positive_counts) count = shaken(count);
      for (double& count : h.negative_counts) count = shaken(count);
      value.histogram = std::make_shared<Histogram>(std::move(h));
    }
  }
}

}  // namespace prom5::promql
