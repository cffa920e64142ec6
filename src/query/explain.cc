#include "query/explain.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "query/engine.h"
#include "query/promql/evaluator.h"
#include "query/promql/functions.h"
#include "query/promql/parser.h"
#include "query/promql/words.h"

namespace prom5::query {

namespace {

using promql::Expr;

// What things took on one core of 2020's servers; a machine is seldom further off than twice.
constexpr double kSecondsPerSelector = 15e-6;
constexpr double kSecondsPerSeries = 1.2e-6;
constexpr double kSecondsPerSample = 4e-9;
constexpr double kSecondsPerPoint = 12e-9;

constexpr double kSecondsPerWindowSample = 1.5e-9;

constexpr uint64_t kMaxSeriesCounted = 1'000'000;
constexpr size_t kMaxExpression = 2000;  // of the text of each part, which holds those of its own

/// Says of each expression what it computes and will cost. One thread.
class Explainer {
 public:
  Explainer(promql::QueryContext& context, const promql::Trace& trace)
      : context_(context), trace_(trace) {}

  Result<ExplainedExpr> explain(const Expr& expr, const promql::StepGrid& grid) {
    ExplainedExpr out;
    out.expression = promql::print(expr);
    if (out.expression.size() > kMaxExpression) {
      out.expression.resize(kMaxExpression);
      out.expression += "…";
    }
    out.words = promql::in_words(expr);
    if (const auto found = trace_.find(&expr); found != trace_.end()) {
      out.actual = Cost{found->second.series, found->second.samples, found->second.seconds};
    }
    if (expr.as<promql::VectorSelector>() != nullptr) {
      promql::Evaluator evaluator(context_, grid);
      const auto shift = TRY(evaluator.shift_of(expr.as<promql::VectorSelector>()->time));
      const TimeRange range{shift.apply(grid.start) - context_.options.lookback + DurationMs{1},
                            shift.apply(grid.last())};
      out.estimate = TRY(selected(*expr.as<promql::VectorSelector>(), range, grid.count));
      return out;
    }
    const bool ranges = promql::type_of(expr) == ValueType::RangeVector;
    if (ranges) {
      TRY(explain_range(expr, grid, out));
      return out;
    }
    for (const Expr* child : promql::children(expr)) {
      const Expr& inner = promql::unwrap(*child);
      // What is said of numbers and texts stands in the words of what takes them.
      if (inner.as<promql::NumberLiteral>() != nullptr) continue;
      if (inner.as<promql::StringLiteral>() != nullptr) continue;
      add(out, TRY(explain(inner, grid)));
    }
    const double series = std::max(1.0, static_cast<double>(out.estimate.series));
    out.estimate.seconds += kSecondsPerPoint * series * static_cast<double>(grid.count);
    if (const auto* call = expr.as<promql::Call>()) {
      out.estimate.seconds += TRY(window_seconds(*call, grid, out.estimate));
    }
    return out;
  }

  [[nodiscard]] bool cut() const { return cut_; }

 private:
  static void add(ExplainedExpr& to, ExplainedExpr inner) {
    to.estimate.series += inner.estimate.series;
    to.estimate.samples += inner.estimate.samples;
    to.estimate.seconds += inner.estimate.seconds;
    to.inner.push_back(std::move(inner));
  }

  /// What a function of ranges takes for looking at every sample of every window.
  Result<double> window_seconds(const promql::Call& call, const promql::StepGrid& grid,
                                const Cost& inside) {
    const bool windows =
        call.function->range != nullptr && call.function->folds == promql::WindowFolds::Kind::None;
    for (size_t i = 0; windows && i < call.arguments.size(); ++i) {
      const Expr& argument = promql::unwrap(*call.arguments[i]);
      if (promql::type_of(argument) != ValueType::RangeVector) continue;
      promql::Evaluator evaluator(context_, grid);
      const auto shape = TRY(evaluator.shape_of(argument));
      const double span = (grid.last() - grid.start).as_seconds() + shape.range.as_seconds();
      double samples = static_cast<double>(inside.samples);
      if (const auto* subquery = argument.as<promql::Subquery>()) {
        const auto inner = TRY(evaluator.grid_of(*subquery, shape));
        samples = (inner ? static_cast<double>(inner->count) : 0) *
                  std::max(1.0, static_cast<double>(inside.series));
      }
      const double in_a_window = samples * shape.range.as_seconds() / std::max(span, 0.001);
      return kSecondsPerWindowSample * in_a_window * static_cast<double>(grid.count);
    }
    return 0;
  }

  Result<void> explain_range(const Expr& expr, const promql::StepGrid& grid, ExplainedExpr& out) {
    promql::Evaluator evaluator(context_, grid);
    const auto shape = TRY(evaluator.shape_of(expr));
    if (const auto* matrix = expr.as<promql::MatrixSelector>()) {
      const TimeRange range{shape.shift.apply(grid.start) - shape.range + DurationMs{1},
                            shape.shift.apply(grid.last())};
      out.estimate =
          TRY(selected(*matrix->vector->as<promql::VectorSelector>(), range, grid.count));
      return {};
    }
    const auto& subquery = *expr.as<promql::Subquery>();
    const auto inner = TRY(evaluator.grid_of(subquery, shape));
    if (inner) add(out, TRY(explain(*subquery.expr, *inner)));
    return {};
  }

  /// Counts the series; of their samples, those of a few.
  Result<Cost> selected(const promql::VectorSelector& selector, TimeRange range, size_t steps) {
    const auto querier = TRY(context_.querier(range));
    const auto set = TRY(querier->select(selector.matchers, querier->tier({})));
    Cost out;
    uint64_t read = 0;
    uint64_t samples = 0;
    SampleColumns columns;
    while (set->next()) {
      ++out.series;
      if (std::has_single_bit(out.series)) {
        TRY(set->read(columns));
        ++read;
        samples += columns.size();
      }
      TRY(context_.check_alive_after(1));
      if (out.series == kMaxSeriesCounted) {
        cut_ = true;
        break;
      }
    }
    if (read > 0) out.samples = samples * out.series / read;
    out.seconds = kSecondsPerSelector + kSecondsPerSeries * static_cast<double>(out.series) +
                  kSecondsPerSample * static_cast<double>(out.samples) +
                  kSecondsPerPoint * static_cast<double>(out.series) * static_cast<double>(steps);
    return out;
  }

  promql::QueryContext& context_;
  const promql::Trace& trace_;
  bool cut_ = false;
};

// --- advice --------------------------------------------------------------------------------------

void advise_on_selector(const promql::VectorSelector& selector, std::vector<std::string>& out) {
  bool named = false;
  for (const Matcher& m : selector.matchers) {
    if (m.name() == kMetricName && m.type() != MatchType::NotEqual) named = true;
    const bool positive = m.type() == MatchType::Regex;
    if (!positive && m.type() != MatchType::NotRegex) continue;
    if (m.value().find_first_of(R"(.*+?()[]{}|\^$)") != std::string::npos) continue;
    out.push_back(fmt::format("{} has no special characters: {}{}\"{}\" says the same",
                              m.to_string(), m.name(), positive ? "=" : "!=", m.value()));
  }
  if (!named) {
    out.push_back(fmt::format(
        "{} names no metric: it looks at all metrics with these labels",
        promql::print(Expr{{},
                           promql::VectorSelector{
                               selector.name, selector.matchers, {}, selector.extended, false}})));
  }
}

bool groups_by(const promql::Aggregate& node, std::string_view label) {
  const bool listed = std::ranges::find(node.grouping, label) != node.grouping.end();
  return listed != node.without;
}

void advise_on_call(const promql::Call& call, std::vector<std::string>& out) {
  const std::string_view name = call.function->info.name;
  if (call.function->counter || name == "irate") {
    const auto* subquery = promql::unwrap(*call.arguments[0]).as<promql::Subquery>();
    const auto* sum =
        subquery == nullptr ? nullptr : promql::unwrap(*subquery->expr).as<promql::Aggregate>();
    if (sum != nullptr) {
      out.push_back(fmt::format(
          "{0}() of an aggregate takes the restart of one series for a fall of all: aggregate the "
          "{0}s instead",
          name));
    }
  }
  if (name == "histogram_quantile") {
    const auto* inner = promql::unwrap(*call.arguments[1]).as<promql::Aggregate>();
    if (inner != nullptr && !groups_by(*inner, "le")) {
      out.emplace_back(
          "the aggregation under histogram_quantile() removes the label le, without "
          "which classic buckets are of no use: add it to by (…)");
    }
  }
}

void advise(const Expr& expr, std::vector<std::string>& out) {
  if (const auto* selector = expr.as<promql::VectorSelector>()) advise_on_selector(*selector, out);
  if (const auto* call = expr.as<promql::Call>()) advise_on_call(*call, out);
  for (const Expr* inner : promql::children(expr)) advise(*inner, out);
}

}  // namespace

Result<Explanation> Engine::explain(const QueryRequest& request, bool run) {
  const auto started = std::chrono::steady_clock::now();
  const promql::ExprPtr expr = TRY(promql::parse(request.text));
  const double parse_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  Explanation out;
  out.type = promql::type_of(*expr);
  promql::Trace trace;
  if (run) {
    QueryStats stats;
    stats.parse_seconds = parse_seconds;
    out.annotations = TRY(evaluate(request, *expr, &trace, stats)).annotations;
    out.stats = std::move(stats);
  }
  QueryStats unused;
  AskedServers asked;
  TRY(in_context(request, *expr, nullptr, asked, unused,
                 [&](promql::QueryContext& context, const promql::StepGrid& grid) -> Result<void> {
                   Explainer explainer(context, trace);
                   out.steps = grid.count;
                   out.root = TRY(explainer.explain(promql::unwrap(*expr), grid));
                   out.series_cut = explainer.cut();
                   return {};
                 }));
  advise(*expr, out.advice);
  return out;
}

}  // namespace prom5::query
