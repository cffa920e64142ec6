#include <algorithm>
#include <cmath>
#include <limits>

#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/histogram_arithmetic.h"
#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "model/label_index.h"
#include "query/promql/evaluator.h"
#include "query/promql/quantile.h"

namespace prom5::promql {

namespace {

/// Input series that fall into one output group.
struct Group {
  Labels labels;
  std::vector<size_t> members;
};

/// Which labels tell the groups apart.
LabelProjection grouping_of(const Aggregate& node) {
  using enum LabelProjection::Keep;
  std::vector<std::string> names = node.grouping;
  if (!node.without) return {std::move(names), Listed};
  names.emplace_back(kMetricName);
  return {std::move(names), Others};
}

std::vector<Group> group_series(const StepVector& input, const Aggregate& node) {
  std::vector<Group> groups;
  const LabelProjection grouping = grouping_of(node);
  LabelIndex index;
  Labels labels;
  for (size_t i = 0; i < input.size(); ++i) {
    grouping.apply(input[i].labels, labels);
    const auto found =
        index.find_or_add(labels, [&](size_t n) -> const Labels& { return groups[n].labels; });
    if (found.added) groups.push_back({labels, {}});
    groups[found.number].members.push_back(i);
  }
  return groups;
}

/// Folds the samples of one group at one step. One for each operator that gives one value.
class Aggregator {
 public:
  Aggregator(QueryContext& context, const Aggregate& node) : context_(context), node_(node) {}

  std::optional<StepPoint> run(const StepVector& input, const Group& group, size_t step,
                               double parameter) {
    floats_.clear();
    histograms_.clear();
    for (const size_t member : group.members) {
      const StepSeries& series = input[member];
      if (series.kinds[step] == PointKind::Float) floats_.push_back(series.values[step]);
      if (series.kinds[step] == PointKind::Histogram) {
        histograms_.push_back({series.histograms[step].get(), &series.labels});
      }
    }
    if (floats_.empty() && histograms_.empty()) return std::nullopt;
    switch (node_.op) {
      case TokenType::Count:
        return StepPoint{static_cast<double>(floats_.size() + histograms_.size()), nullptr};
      case TokenType::Group: return StepPoint{1, nullptr};
      case TokenType::Sum:
      case TokenType::Avg: return sum_or_average();
      default: break;
    }
    if (!histograms_.empty()) {
      context_.inform(fmt::format("ignored histogram in {} aggregation", spelling(node_.op)),
                      node_.expr->position);
    }
    if (floats_.empty()) return std::nullopt;
    return StepPoint{fold(parameter), nullptr};
  }

 private:
  struct HistogramInput {
    const Histogram* histogram;
    const Labels* labels;
  };

  double fold(double parameter) {
    switch (node_.op) {
      case TokenType::Min: return extreme([](double a, double b) { return a < b; });
      case TokenType::Max: return extreme([](double a, double b) { return a > b; });
      case TokenType::Stddev: return std::sqrt(variance());
      case TokenType::Stdvar: return variance();
      case TokenType::Quantile: return quantile(parameter, floats_);
      default: return NAN;
    }
  }

  template <typename Beats>
  double extreme(Beats beats) {
    double best = floats_[0];
    for (const double v : floats_) {
      if (beats(v, best) || std::isnan(best)) best = v;
    }
    return best;
  }

  /// Welford's method, as the reference does it.
  double variance() {
    double mean = floats_[0];
    double squares = std::isfinite(floats_[0]) ? 0 : NAN;
    double count = 1;
    for (size_t i = 1; i < floats_.size(); ++i) {
      ++count;
      const double delta = floats_[i] - mean;
      mean += delta / count;
      squares += delta * (floats_[i] - mean);
    }
    return squares / count;
  }

  std::optional<StepPoint> sum_or_average() {
    if (!floats_.empty() && !histograms_.empty()) {
      context_.warn("encountered a mix of histograms and floats for aggregation",
                    node_.expr->position);
      return std::nullopt;
    }
    if (!histograms_.empty()) return histogram_sum();
    if (node_.op == TokenType::Avg) {
      KahanMean mean;
      for (const double v : floats_) mean.add(v);
      return StepPoint{mean.mean(), nullptr};
    }
    KahanSum sum;
    for (const double v : floats_) sum.add(v);
    return StepPoint{sum.sum + sum.lost, nullptr};
  }

  std::optional<StepPoint> histogram_sum() {
    const PositionRange position = node_.expr->position;
    using Kind = HistogramFold::Kind;
    HistogramFold fold(node_.op == TokenType::Avg ? Kind::Mean : Kind::Sum,
                       *histograms_[0].histogram);
    for (const HistogramInput& input : std::span(histograms_).subspan(1)) {
      if (fold.add(*input.histogram)) continue;
      context_.warn(fmt::format("vector contains a mix of histograms with exponential and custom "
                                "buckets schemas for metric name \"{}\"",
                                input.labels->get(kMetricName)),
                    position);
      return std::nullopt;
    }
    if (fold.bounds_reconciled()) {
      context_.inform("mismatched custom buckets were reconciled during aggregation", position);
    }
    if (fold.reset_hints_collide()) {
      context_.warn("conflicting counter resets during histogram aggregation", position);
    }
    return StepPoint{0, std::make_shared<Histogram>(compacted(fold.result()))};
  }

  QueryContext& context_;
  const Aggregate& node_;
  std::vector<double> floats_;
  std::vector<HistogramInput> histograms_;
};

// Folds of floats, one for each step. Those of two parts of the series are joined.

struct SumFold {
  KahanSum sum;
  void add(double v) { sum.add(v); }
  void join(const SumFold& other) { sum.join(other.sum); }
  [[nodiscard]] double result() const { return sum.sum + sum.lost; }
};

struct MeanFold {
  KahanMean mean;
  void add(double v) { mean.add(v); }
  void join(const MeanFold& other) { mean.join(other.mean); }
  [[nodiscard]] double result() const { return mean.mean(); }
};

struct CountFold {
  double count = 0;
  void add(double /*v*/) { ++count; }
  void join(const CountFold& other) { count += other.count; }
  [[nodiscard]] double result() const { return count; }
};

struct GroupFold {
  void add(double /*v*/) {}
  void join(const GroupFold& /*other*/) {}
  [[nodiscard]] double result() const { return 1; }
};

struct MinFold {
  double least = NAN;
  void add(double v) {
    if (v < least || std::isnan(least)) least = v;
  }
  void join(const MinFold& other) { add(other.least); }
  [[nodiscard]] double result() const { return least; }
};

struct MaxFold {
  double greatest = NAN;
  void add(double v) {
    if (v > greatest || std::isnan(greatest)) greatest = v;
  }
  void join(const MaxFold& other) { add(other.greatest); }
  [[nodiscard]] double result() const { return greatest; }
};

/// Folds floats while their series come, without keeping them.
template <typename Fold>
class StreamingFold final : public SeriesSink {
 public:
  StreamingFold(Evaluator& evaluator, const Aggregate& node)
      : evaluator_(evaluator), node_(node), grouping_(grouping_of(node)) {}

  /// Nothing where a fold is not enough: for histograms, say.
  Result<std::optional<StepVector>> run() {
    QueryContext& context = evaluator_.context();
    const query::QueryStats before = context.stats();
    const Result<void> done = evaluator_.each_series(*node_.expr, *this);
    context.release_samples(held_);
    if (!done && done.error().message == kNeedsAll) {
      context.set_stats(before);
      return std::optional<StepVector>();
    }
    TRY(done);
    StepVector out;
    for (Running& group : groups_) {
      uint64_t points = 0;
      for (size_t i = 0; i < group.folds.size(); ++i) {
        if (!group.series.has(i)) continue;
        group.series.values[i] = group.folds[i].result();
        ++points;
      }
      if (points == 0) continue;
      TRY(context.hold_samples(points));
      out.push_back(std::move(group.series));
    }
    return out;
  }

  Result<void> take(StepSeries& series, uint64_t /*points*/) override {
    if (!series.histograms.empty()) return fail(ErrorCode::Unavailable, "{}", kNeedsAll);
    grouping_.apply(series.labels, labels_);
    Running& group = *TRY(group_of(labels_));
    group.series.drop_name = group.series.drop_name || series.drop_name;
    for (size_t i = 0; i < group.folds.size(); ++i) {
      if (!series.has(i)) continue;
      group.folds[i].add(series.values[i]);
      group.series.kinds[i] = PointKind::Float;
    }
    return {};
  }

  [[nodiscard]] std::unique_ptr<SeriesSink> part(Evaluator& on) const override {
    return std::make_unique<StreamingFold>(on, node_);
  }

  Result<void> join(SeriesSink& part) override {
    for (const Running& other : static_cast<StreamingFold&>(part).groups_) {
      Running& group = *TRY(group_of(other.series.labels));
      group.series.drop_name = group.series.drop_name || other.series.drop_name;
      for (size_t i = 0; i < group.folds.size(); ++i) {
        if (!other.series.has(i)) continue;
        if (group.series.has(i)) {
          group.folds[i].join(other.folds[i]);
        } else {
          group.folds[i] = other.folds[i];
          group.series.kinds[i] = PointKind::Float;
        }
      }
    }
    return {};
  }

 private:
  struct Running {
    StepSeries series;
    std::vector<Fold> folds;  ///< one for each step
  };

  Result<Running*> group_of(const Labels& labels) {
    const auto found = index_.find_or_add(
        labels, [&](size_t n) -> const Labels& { return groups_[n].series.labels; });
    if (found.added) {
      const size_t steps = evaluator_.grid().count;
      const uint64_t weight = steps * (sizeof(Fold) + sizeof(double) + 1) / 16;
      TRY(evaluator_.context().hold_samples(weight));
      held_ += weight;
      groups_.push_back({StepSeries(steps), std::vector<Fold>(steps)});
      groups_.back().series.labels = labels;
    }
    return &groups_[found.number];
  }

  Evaluator& evaluator_;
  const Aggregate& node_;
  const LabelProjection grouping_;
  LabelIndex index_;
  std::vector<Running> groups_;
  Labels labels_;
  uint64_t held_ = 0;
};

Result<std::optional<StepVector>> fold_streaming(Evaluator& evaluator, const Aggregate& node) {
  switch (node.op) {
    case TokenType::Sum: return StreamingFold<SumFold>(evaluator, node).run();
    case TokenType::Avg: return StreamingFold<MeanFold>(evaluator, node).run();
    case TokenType::Count: return StreamingFold<CountFold>(evaluator, node).run();
    case TokenType::Group: return StreamingFold<GroupFold>(evaluator, node).run();
    case TokenType::Min: return StreamingFold<MinFold>(evaluator, node).run();
    case TokenType::Max: return StreamingFold<MaxFold>(evaluator, node).run();
    default: return std::optional<StepVector>();
  }
}

void warn_quantile(QueryContext& context, const Aggregate& node, double q) {
  context.warn("quantile value should be between 0 and 1, got " + codec::format_general(q),
               node.parameter->position);
}

Result<StepVector> fold_groups(Evaluator& evaluator, const Aggregate& node, const StepVector& input,
                               const std::vector<double>& parameters) {
  QueryContext& context = evaluator.context();
  if (node.op == TokenType::Quantile) {
    double greatest = -std::numeric_limits<double>::infinity();
    double smallest = -greatest;
    bool any_nan = false;
    for (const double q : parameters) {
      any_nan = any_nan || std::isnan(q);
      greatest = std::max(greatest, q);
      smallest = std::min(smallest, q);
    }
    if (any_nan) warn_quantile(context, node, NAN);
    if (greatest > 1) warn_quantile(context, node, greatest);
    if (smallest < 0) warn_quantile(context, node, smallest);
  }
  Aggregator aggregator(context, node);
  StepVector out;
  for (Group& group : group_series(input, node)) {
    TRY(context.check_alive());
    StepSeries series(evaluator.grid().count);
    series.labels = std::move(group.labels);
    for (const size_t member : group.members) {
      series.drop_name = series.drop_name || input[member].drop_name;
    }
    for (size_t i = 0; i < series.steps(); ++i) {
      auto point = aggregator.run(input, group, i, parameters.empty() ? 0 : parameters[i]);
      if (!point) continue;
      if (point->histogram) {
        series.set(i, std::move(point->histogram));
      } else {
        series.set(i, point->value);
      }
    }
    const size_t found = series.steps() - std::ranges::count(series.kinds, PointKind::None);
    if (found == 0) continue;
    TRY(context.hold_samples(found));
    out.push_back(std::move(series));
  }
  return out;
}

Result<StepVector> count_values(Evaluator& evaluator, const Aggregate& node,
                                const StepVector& input) {
  const std::string& label = unwrap(*node.parameter).as<StringLiteral>()->value;
  if (label.empty() || !codec::utf8_valid(label)) {
    return fail(ErrorCode::Execution, "invalid label name {}", print(*node.parameter));
  }
  std::vector<std::string> names = node.grouping;
  names.push_back(node.without ? std::string(kMetricName) : label);
  using enum LabelProjection::Keep;
  const LabelProjection grouping(std::move(names), node.without ? Others : Listed);
  StepVector out;
  LabelIndex index;
  Labels labels;
  for (const StepSeries& series : input) {
    for (size_t i = 0; i < series.steps(); ++i) {
      if (!series.has(i)) continue;
      const Histogram* histogram = series.histogram(i);
      LabelsBuilder builder(series.labels);
      builder.set(label, histogram != nullptr ? histogram->to_string()
                                              : codec::format_fixed(series.values[i]));
      grouping.apply(builder.build(), labels);
      const auto found =
          index.find_or_add(labels, [&](size_t n) -> const Labels& { return out[n].labels; });
      if (found.added) {
        TRY(evaluator.context().hold_samples(series.steps()));
        out.emplace_back(series.steps());
        out.back().labels = labels;
      }
      StepSeries& counts = out[found.number];
      counts.set(i, counts.has(i) ? counts.values[i] + 1 : 1);
    }
  }
  return out;
}

/// topk, bottomk, limitk and limit_ratio: they choose among the input series.
class Chooser {
 public:
  Chooser(Evaluator& evaluator, const Expr& expr, const Aggregate& node, const StepVector& input)
      : evaluator_(evaluator), expr_(expr), node_(node), input_(input) {}

  Result<StepVector> run(const std::vector<double>& parameters) {
    if (TRY(nothing_wanted(parameters))) return StepVector{};
    const std::vector<Group> groups = group_series(input_, node_);
    const size_t steps = evaluator_.grid().count;
    std::vector<std::vector<bool>> chosen(input_.size(), std::vector<bool>(steps));
    std::vector<size_t> order;  // of the first step, for instant queries
    for (const Group& group : groups) {
      TRY(evaluator_.context().check_alive());
      for (size_t i = 0; i < steps; ++i) {
        for (const size_t member : choose(group, i, parameters[i])) {
          chosen[member][i] = true;
          if (i == 0) order.push_back(member);
        }
      }
    }
    if (steps > 1) {
      order.resize(input_.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    }
    StepVector out;
    for (const size_t member : order) {
      StepSeries series = input_[member];
      for (size_t i = 0; i < steps; ++i) {
        if (!chosen[member][i]) series.clear(i);
      }
      if (!series.empty()) out.push_back(std::move(series));
    }
    return out;
  }

 private:
  [[nodiscard]] bool ratio() const { return node_.op == TokenType::LimitRatio; }

  Result<bool> nothing_wanted(const std::vector<double>& parameters) {
    double greatest = -std::numeric_limits<double>::infinity();
    double smallest = -greatest;
    bool any_nan = false;
    for (const double p : parameters) {
      any_nan = any_nan || std::isnan(p);
      greatest = std::max(greatest, p);
      smallest = std::min(smallest, p);
    }
    if (ratio()) {
      if (any_nan) return fail(ErrorCode::Execution, "Ratio value is NaN");
      if (greatest == 0 && smallest == 0) return true;
      const auto capped = [&](double value, double to) {
        evaluator_.context().warn(
            fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                        codec::format_general(value), codec::format_general(to)),
            node_.parameter->position);
      };
      if (greatest > 1) capped(greatest, 1);
      if (smallest < -1) capped(smallest, -1);
      return false;
    }
    if (any_nan) return fail(ErrorCode::Execution, "Parameter value is NaN");
    if (greatest < 1) return true;
    if (smallest <= -0x1p63) {
      return fail(ErrorCode::Execution, "Scalar value {} underflows int64",
                  codec::format_general(smallest));
    }
    if (greatest >= 0x1p63) {
      return fail(ErrorCode::Execution, "Scalar value {} overflows int64",
                  codec::format_general(greatest));
    }
    return false;
  }

  std::vector<size_t> choose(const Group& group, size_t step, double parameter) {
    std::vector<size_t> members;
    for (const size_t member : group.members) {
      if (!input_[member].has(step)) continue;
      const bool by_value = node_.op == TokenType::Topk || node_.op == TokenType::Bottomk;
      if (by_value && input_[member].kinds[step] == PointKind::Histogram) {
        evaluator_.context().inform(
            fmt::format("ignored histogram in {} aggregation", spelling(node_.op)), expr_.position);
        continue;
      }
      if (ratio() && !sampled(input_[member].labels, parameter)) continue;
      members.push_back(member);
    }
    if (ratio()) return members;
    if (parameter < 1) return {};
    const auto k = static_cast<size_t>(std::min(parameter, static_cast<double>(members.size())));
    if (node_.op != TokenType::Limitk) sort_by_value(members, step);
    members.resize(std::min(k, members.size()));
    return members;
  }

  void sort_by_value(std::vector<size_t>& members, size_t step) const {
    const bool top = node_.op == TokenType::Topk;
    std::stable_sort(members.begin(), members.end(), [&](size_t a, size_t b) {
      const double x = input_[a].values[step];
      const double y = input_[b].values[step];
      if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
      return top ? x > y : x < y;
    });
  }

  /// By the hash of the labels, so that ratio r and -(1 - r) share no series and miss none.
  static bool sampled(const Labels& labels, double ratio) {
    const double place = static_cast<double>(labels.hash()) / 0x1p64;
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
  }

  Evaluator& evaluator_;
  const Expr& expr_;
  const Aggregate& node_;
  const StepVector& input_;
};

}  // namespace

Result<StepVector> eval_aggregate(Evaluator& evaluator, const Expr& expr, const Aggregate& node) {
  std::vector<double> parameters;
  if (node.parameter && node.op != TokenType::CountValues) {
    parameters = TRY(evaluator.eval_scalar(*node.parameter));
  }
  if (auto folded = TRY(fold_streaming(evaluator, node))) return *std::move(folded);
  const StepVector input = TRY(evaluator.eval_vector(*node.expr));
  switch (node.op) {
    case TokenType::CountValues: return count_values(evaluator, node, input);
    case TokenType::Topk:
    case TokenType::Bottomk:
    case TokenType::Limitk:
    case TokenType::LimitRatio: return Chooser(evaluator, expr, node, input).run(parameters);
    default: return fold_groups(evaluator, node, input, parameters);
  }
}

}  // namespace prom5::promql
