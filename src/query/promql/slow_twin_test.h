#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "query/promql/ast.h"

namespace prom5::promql {

/// A float, or a native histogram where there is one.
struct TwinValue {
  double number = 0;
  std::shared_ptr<const Histogram> histogram;

  [[nodiscard]] bool is_float() const { return histogram == nullptr; }
};

struct TwinSample {
  TimeMs time;
  TwinValue value;
};

/// Samples by series, ascending by time.
using TwinData = std::map<Labels, std::vector<TwinSample>>;
/// What an expression gives at one step; a scalar is one value without labels.
using TwinVector = std::map<Labels, TwinValue>;
/// The same for each step of a grid.
using TwinSteps = std::vector<TwinVector>;

/// The times at which an expression is evaluated: the query's, or those of a subquery.
struct TwinGrid {
  TimeMs start;
  DurationMs step;
  size_t count = 1;

  [[nodiscard]] TimeMs at(size_t i) const { return start + step * static_cast<int64_t>(i); }
};

struct TwinOptions {
  DurationMs lookback = DurationMs::minutes(5);
  DurationMs default_subquery_step = DurationMs::minutes(1);
  /// Not 0: everything that rounding may have touched is off by some 1e-14, and series are taken in
  /// the opposite order. An answer that changes with it tells nothing.
  uint64_t shake = 0;
};

/// PromQL after Prometheus 3.14 (promql/engine.go, functions.go, quantile.go) without a thought for
/// speed: what query::Engine is compared with. Shares with it the parser, the tree, and what is
/// computed with one or two histograms, nothing else. Names are dropped at each operator.
///
/// Not here: info(), start_timestamp(), smoothed, anchored, limit_ratio() between -1 and 1.
/// One query at a time; `data` must outlive it. One thread.
class SlowTwin {
 public:
  explicit SlowTwin(const TwinData& data, TwinOptions options = {})
      : data_(data), options_(options), noise_(options.shake) {}

  /// An instant query where start == end and step is 0. A vector is series of one sample each, a
  /// scalar one series without labels.
  /// Errors: Unavailable for what is not here, or where the reference's answer makes no sense;
  /// everything else is the query's own failure.
  Result<TwinData> run(std::string_view text, TimeMs start, TimeMs end, DurationMs step);

 private:
  /// The durations of a selector or subquery, worked out.
  struct Durations {
    DurationMs offset;
    DurationMs range;
    DurationMs step;
  };

  Result<void> resolve(const Expr& expr);
  Result<DurationMs> duration_of(const ExprPtr& expr, DurationMs written, bool may_be_negative);
  Result<double> seconds_of(const Expr& duration) const;
  Result<TwinData> evaluate(const Expr& expr, const TwinGrid& grid, bool instant);

  Result<TwinSteps> eval(const Expr& expr, const TwinGrid& grid);
  Result<TwinSteps> eval_node(const Expr& expr, const TwinGrid& grid);
  TwinSteps eval_selector(const Expr& expr, const VectorSelector& selector, const TwinGrid& grid,
                          bool timestamps) const;
  Result<TwinSteps> eval_unary(const Unary& unary, const TwinGrid& grid);
  Result<TwinSteps> eval_binary(const Binary& binary, const TwinGrid& grid);
  Result<TwinSteps> eval_aggregate(const Aggregate& aggregate, const TwinGrid& grid);
  Result<TwinSteps> eval_call(const Call& call, const TwinGrid& grid);
  Result<TwinSteps> eval_range_call(const Call& call, const Expr& range, const TwinGrid& grid);
  Result<TwinSteps> eval_absent_over_time(const Expr& range, const TwinGrid& grid);
  Result<TwinSteps> eval_label_call(const Call& call, const TwinGrid& grid);
  Result<TwinVector> eval_vector_call(const Call& call, std::span<const TwinVector> arguments,
                                      TimeMs now) const;
  Result<std::vector<double>> eval_scalar(const Expr& expr, const TwinGrid& grid);

  /// The samples that windows of a range vector are cut from, staleness markers left out.
  Result<TwinData> range_samples(const Expr& range, const TwinGrid& grid);
  Result<TwinData> subquery_samples(const Expr& expr, const Subquery& subquery,
                                    const TwinGrid& grid);
  /// The end of the window at a step; it begins `range` before, exclusive.
  [[nodiscard]] TimeMs window_end(const Expr& range, TimeMs now) const;
  [[nodiscard]] DurationMs window_length(const Expr& range) const;
  /// The time that a selector or subquery looks at.
  [[nodiscard]] TimeMs looks_at(const Expr& expr, const TimeModifiers& time, TimeMs now) const;
  void shake(const Expr& expr, TwinSteps& steps);

  const TwinData& data_;
  const TwinOptions options_;
  Rng noise_;
  TimeMs start_;
  TimeMs end_;
  DurationMs step_;
  std::map<const Expr*, Durations> durations_;
};

}  // namespace prom5::promql
