#include "query/engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "query/promql/ast_json.h"
#include "query/promql/evaluator.h"
#include "query/promql/parser.h"

namespace prom5::query {

namespace {

using promql::Expr;
using promql::StepSeries;
using promql::StepVector;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<Series> to_series(StepVector vector, const promql::StepGrid& grid) {
  std::vector<Series> out;
  out.reserve(vector.size());
  for (StepSeries& from : vector) {
    Series series;
    series.labels = std::move(from.labels);
    const auto gaps = std::ranges::count(from.kinds, promql::PointKind::None);
    series.points.reserve(from.steps() - static_cast<size_t>(gaps));
    for (size_t i = 0; i < from.steps(); ++i) {
      if (from.kinds[i] == promql::PointKind::Float) {
        series.add(grid.at(i), from.values[i]);
      } else if (from.kinds[i] == promql::PointKind::Histogram) {
        series.add(grid.at(i), std::move(from.histograms[i]));
      }
    }
    if (!series.points.empty()) out.push_back(std::move(series));
    from = StepSeries();  // not all of it twice
  }
  return out;
}

void sort_by_labels(std::vector<Series>& series) {
  std::sort(series.begin(), series.end(),
            [](const Series& a, const Series& b) { return a.labels < b.labels; });
}

/// A scalar over a range is a series without labels.
StepVector scalar_as_vector(const std::vector<double>& scalar) {
  StepSeries series(scalar.size());
  for (size_t i = 0; i < scalar.size(); ++i) series.set(i, scalar[i]);
  StepVector out;
  out.push_back(std::move(series));
  return out;
}

Result<StepVector> remove_marked_names(const promql::Evaluator& evaluator, StepVector vector) {
  for (StepSeries& series : vector) {
    if (!series.drop_name || !series.labels.has(kMetricName)) continue;
    series.labels = promql::without_name(series.labels);
  }
  return evaluator.merge_same_labels(std::move(vector));
}

Result<Value> value_of(promql::Evaluator& evaluator, const Expr& expr, bool instant) {
  const ValueType type = promql::type_of(expr);
  const TimeMs start = evaluator.grid().start;
  if (instant && type == ValueType::RangeVector) {
    std::vector<Series> series = TRY(evaluator.eval_matrix(expr));
    sort_by_labels(series);
    return MatrixValue{std::move(series)};
  }
  promql::StepValue value = TRY(evaluator.eval(expr));
  if (instant && type == ValueType::String) return StringValue{start, std::move(value.string)};
  if (instant && type == ValueType::Scalar) return ScalarValue{start, value.scalar[0]};
  if (type == ValueType::Scalar) value.vector = scalar_as_vector(value.scalar);
  value.vector = TRY(remove_marked_names(evaluator, std::move(value.vector)));
  std::vector<Series> series = to_series(std::move(value.vector), evaluator.grid());
  if (instant) return VectorValue{std::move(series)};
  sort_by_labels(series);
  return MatrixValue{std::move(series)};
}

}  // namespace

Engine::Engine(Storage& storage, EngineOptions options, MetricRegistry& metrics, const Clock& clock,
               QueryLog* log)
    : storage_(storage),
      options_(options),
      clock_(clock),
      log_(log),
      default_subquery_step_ms_(options.default_subquery_step.ms),
      active_({options.max_concurrency, options.max_rule_concurrency}),
      cache_(options.range_cache_bytes, metrics),
      workers_(options.part_workers),
      queries_(metrics.counter("prom5_query_queries_total", "Queries that were evaluated.")),
      failed_queries_(
          metrics.counter("prom5_query_failed_queries_total", "Queries that ended in an error.")),
      samples_(metrics.counter("prometheus_engine_query_samples_total",
                               "The total number of samples loaded by all queries.")),
      samples_read_(metrics.counter("prometheus_engine_query_samples_read_total",
                                    "The total number of samples read by all queries.")) {
  using Type = MetricRegistry::Type;
  metrics.on_collect("prometheus_engine_queries",
                     "The current number of queries being executed or waiting.", Type::Gauge,
                     [this] { return static_cast<double>(active_.count()); });
  metrics.on_collect("prom5_query_parts_total",
                     "Parts of queries over many series that were evaluated beside each other.",
                     Type::Counter, [this] { return static_cast<double>(parts_done()); });
  metrics.on_collect("prometheus_engine_queries_concurrent_max",
                     "The max number of concurrent queries.", Type::Gauge,
                     [this] { return static_cast<double>(options_.max_concurrency); });
}

Result<QueryResult> Engine::run(const QueryRequest& request) {
  QueryStats stats;
  const auto started = std::chrono::steady_clock::now();
  const auto expr = promql::parse(request.text);
  stats.parse_seconds = seconds_since(started);
  auto result =
      expr ? answer(request, **expr, stats) : Result<QueryResult>(std::unexpected(expr.error()));
  queries_.add();
  if (!result) failed_queries_.add();
  samples_.add(stats.samples.queryable);
  samples_read_.add(stats.samples.read);
  if (log_ != nullptr) {
    log_->write({.text = request.text,
                 .start = request.start,
                 .end = request.end,
                 .step = request.step,
                 .ended = clock_.now(),
                 .stats = stats,
                 .origin = request.origin,
                 .error = result ? std::string_view() : result.error().message});
  }
  if (result) result->stats = std::move(stats);
  return result;
}

namespace {

/// The times at which a request wants values. BadData when it contradicts itself, LimitExceeded for
/// more steps than samples may be held.
Result<promql::StepGrid> steps_of(const QueryRequest& request, const Expr& expr,
                                  uint64_t max_samples) {
  if (request.end < request.start) {
    return fail(ErrorCode::BadData, "end timestamp must not be before start time");
  }
  if (request.step.ms < 0) return fail(ErrorCode::BadData, "step must not be negative");
  promql::StepGrid grid{request.start, request.step, 1};
  if (request.step.ms == 0) return grid;
  // Unsigned, because the two may be further apart than a duration can say.
  const uint64_t span =
      static_cast<uint64_t>(request.end.ms) - static_cast<uint64_t>(request.start.ms);
  const uint64_t steps = span / static_cast<uint64_t>(request.step.ms);
  if (steps >= max_samples) return fail(ErrorCode::LimitExceeded, "{}", promql::kTooManySamples);
  const ValueType type = promql::type_of(expr);
  if (type != ValueType::Scalar && type != ValueType::InstantVector) {
    return fail(ErrorCode::BadData,
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                describe(type));
  }
  grid.count = static_cast<size_t>(steps) + 1;
  return grid;
}

}  // namespace

Result<QueryResult> Engine::answer(const QueryRequest& request, const Expr& expr,
                                   QueryStats& stats) {
  const auto evaluated = [&](const QueryRequest& asked) {
    return evaluate(asked, expr, nullptr, stats);
  };
  if (!cache_.takes(request)) return evaluated(request);
  // What is wrong with it shows before anything of it is looked up.
  TRY(steps_of(request, expr, options_.max_samples));
  const DurationMs lookback =
      request.lookback_delta.ms > 0 ? request.lookback_delta : options_.lookback_delta;
  const std::optional<Reach> reach = reach_of(expr, lookback);
  if (!reach) return evaluated(request);
  return cache_.answer(storage_, request,
                       {.reach = *reach,
                        .lookback = lookback,
                        .subquery_step = DurationMs{default_subquery_step_ms_.load()}},
                       evaluated);
}

Result<void> Engine::in_context(
    const QueryRequest& request, const Expr& expr, promql::Trace* trace, AskedServers& asked,
    QueryStats& stats,
    const std::function<Result<void>(promql::QueryContext&, const promql::StepGrid&)>& work) {
  using Clock = std::chrono::steady_clock;
  const promql::StepGrid grid = TRY(steps_of(request, expr, options_.max_samples));
  DurationMs timeout = options_.timeout;
  if (request.timeout.ms > 0) timeout = std::min(timeout, request.timeout);
  const Clock::time_point queued = Clock::now();
  const auto ticket = TRY(active_.enter({.text = request.text,
                                         .start = request.start,
                                         .end = request.end,
                                         .step = request.step,
                                         .lane = request.lane,
                                         .client = request.origin.client},
                                        request.stop, timeout));
  const Clock::time_point evaluating = Clock::now();
  const promql::RepeatedExprs repeated(expr);
  stats.queue_seconds = std::chrono::duration<double>(evaluating - queued).count();
  promql::QueryContext context(
      storage_, request.text, request.start, request.end, request.step,
      {.lookback = request.lookback_delta.ms > 0 ? request.lookback_delta : options_.lookback_delta,
       .default_subquery_step = DurationMs{default_subquery_step_ms_.load()},
       .delayed_name_removal = options_.delayed_name_removal,
       .use_start_timestamps = options_.use_start_timestamps,
       .type_and_unit_labels = options_.type_and_unit_labels,
       .max_samples = options_.max_samples,
       .deadline = queued + std::chrono::milliseconds(timeout.ms),
       .stop = ticket->stop(),
       .asked = &asked,
       .trace = trace,
       .repeated =
           repeated.none() || request.per_step_stats || trace != nullptr ? nullptr : &repeated,
       .workers = &workers_},
      ticket.get());
  if (request.per_step_stats) context.count_per_step(grid.count);
  Result<void> done = work(context, grid);
  if (done) done = context.check_alive();
  context.take_stats(stats);
  stats.start = grid.start;
  stats.step = grid.step;
  stats.evaluation_seconds = seconds_since(evaluating);
  return done;
}

Result<QueryResult> Engine::evaluate(const QueryRequest& request, const Expr& expr,
                                     promql::Trace* trace, QueryStats& stats) {
  AskedServers asked;
  for (;;) {
    QueryResult out;
    const auto work = [&](promql::QueryContext& context,
                          const promql::StepGrid& grid) -> Result<void> {
      promql::Evaluator evaluator(context, grid);
      TRY(evaluator.check_durations(expr));
      auto value = value_of(evaluator, expr, request.step.ms == 0);
      if (!value) return std::unexpected(std::move(value).error());
      out.value = *std::move(value);
      out.annotations = std::move(context.annotations);
      return {};
    };
    TRY(in_context(request, expr, trace, asked, stats, work));
    if (!asked.in_part) return out;
    // Once more without the server that failed halfway: a sum of all by a sum of some is nothing.
    asked.answered.clear();
    asked.in_part = false;
  }
}

Result<std::string> format_query(std::string_view query) {
  return promql::pretty(*TRY(promql::parse(query)));
}

Result<std::string> parse_query(std::string_view query) {
  const promql::ExprPtr expr = TRY(promql::parse(query));
  std::string out;
  codec::JsonWriter json(out);
  promql::write_ast(json, *expr);
  return out;
}

Result<std::vector<Matcher>> parse_series_selector(std::string_view selector) {
  return promql::parse_selector(selector);
}

namespace {

void collect_selectors(const Expr& expr, std::vector<std::vector<Matcher>>& out) {
  if (const auto* selector = expr.as<promql::VectorSelector>()) out.push_back(selector->matchers);
  for (const Expr* child : promql::children(expr)) collect_selectors(*child, out);
}

}  // namespace

Result<std::vector<std::vector<Matcher>>> selectors_in(std::string_view query) {
  std::vector<std::vector<Matcher>> out;
  collect_selectors(*TRY(promql::parse(query)), out);
  return out;
}

Result<ValueType> result_type(std::string_view query) {
  return promql::type_of(*TRY(promql::parse(query)));
}

}  // namespace prom5::query
