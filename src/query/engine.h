#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/metrics.h"
#include "query/active_queries.h"
#include "query/engine_request.h"
#include "query/explain.h"
#include "query/part_workers.h"
#include "query/query_log.h"
#include "query/range_cache.h"
#include "store/storage.h"

namespace prom5::promql {
class QueryContext;
struct Expr;
struct StepGrid;
struct ExprTrace;
using Trace = std::unordered_map<const Expr*, ExprTrace>;
}  // namespace prom5::promql

namespace prom5::query {

struct EngineOptions {
  uint64_t max_samples = 50'000'000;
  DurationMs timeout = DurationMs::minutes(2);
  size_t max_concurrency = 20;
  size_t max_rule_concurrency = 4;  ///< beside those
  size_t range_cache_bytes = size_t{64} << 20;
  size_t part_workers = PartWorkers::threads_of_machine();  ///< threads beside a query's own
  DurationMs lookback_delta = DurationMs::minutes(5);
  /// The step of a subquery that names none: the rule evaluation interval.
  DurationMs default_subquery_step = DurationMs::minutes(1);
  /// Removes metric names at the end of the evaluation instead of at each operator.
  bool delayed_name_removal = false;
  /// rate, irate, increase and resets count from the start timestamps of their samples, where these
  /// are known.
  bool use_start_timestamps = false;
  /// Series tell their type by a label, by which a counter is known rather than by its name.
  bool type_and_unit_labels = false;
};

/// Parses and evaluates PromQL against a Storage. Any thread; a query runs on the thread that asks
/// and, where it reads many series, on part workers that are idle,
/// at most `max_concurrency` of them at once and `max_rule_concurrency` of rules.
class Engine {
 public:
  /// `log` gets every query that ended; null: none does.
  Engine(Storage& storage, EngineOptions options, MetricRegistry& metrics, const Clock& clock,
         QueryLog* log = nullptr);

  /// Errors: BadData for what does not parse, Execution for what cannot be evaluated on this data,
  /// LimitExceeded when a query would hold too many samples, Timeout, Canceled.
  Result<QueryResult> run(const QueryRequest& request);

  /// What a query computes, and what it will read and take; with `run` also what it did take.
  /// Errors as those of run().
  Result<Explanation> explain(const QueryRequest& request, bool run);

  /// Changed by a reload of the configuration.
  void set_default_subquery_step(DurationMs step) { default_subquery_step_ms_ = step.ms; }

  /// Whether answers may have samples of other servers.
  [[nodiscard]] bool asks_other_servers() const { return storage_.asks_other_servers(); }
  [[nodiscard]] uint64_t parts_done() const { return workers_.parts_done(); }
  [[nodiscard]] const EngineOptions& options() const { return options_; }

  /// What runs or waits now, to be looked at and cancelled.
  [[nodiscard]] ActiveQueries& active() { return active_; }

 private:
  Result<QueryResult> answer(const QueryRequest& request, const promql::Expr& expr,
                             QueryStats& stats);
  Result<QueryResult> evaluate(const QueryRequest& request, const promql::Expr& expr,
                               promql::Trace* trace, QueryStats& stats);
  /// Waits for the query's turn and does `work` within its limits. `asked`: what is known of other
  /// servers.
  Result<void> in_context(
      const QueryRequest& request, const promql::Expr& expr, promql::Trace* trace,
      AskedServers& asked, QueryStats& stats,
      const std::function<Result<void>(promql::QueryContext&, const promql::StepGrid&)>& work);

  Storage& storage_;
  const EngineOptions options_;
  const Clock& clock_;
  QueryLog* const log_;
  std::atomic<int64_t> default_subquery_step_ms_;
  ActiveQueries active_;
  RangeCache cache_;
  PartWorkers workers_;

  Counter& queries_;
  Counter& failed_queries_;
  Counter& samples_;
  Counter& samples_read_;
};

/// The query in Prometheus' normal form. BadData when it does not parse.
Result<std::string> format_query(std::string_view query);

/// The query's syntax tree as JSON, in the form of Prometheus' /api/v1/parse_query. BadData when it
/// does not parse.
Result<std::string> parse_query(std::string_view query);

/// The matchers of a series selector, as match[] takes it. BadData when it is none.
Result<std::vector<Matcher>> parse_series_selector(std::string_view selector);

/// The matchers of every selector in the query. BadData when it does not parse.
Result<std::vector<std::vector<Matcher>>> selectors_in(std::string_view query);

/// What evaluating the query gives. BadData when it does not parse.
Result<ValueType> result_type(std::string_view query);

}  // namespace prom5::query
