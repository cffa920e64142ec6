#include "query/promql/evaluator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/loop_turn.h"
#include "model/histogram_arithmetic.h"
#include "model/label_index.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "query/promql/parser.h"
#include "query/promql/range_window.h"

namespace prom5::promql {

namespace {

/// A subquery may miss samples or give one twice, so what a histogram says about the sample before
/// it no longer holds.
HistogramPtr without_reset_hint(const HistogramPtr& histogram) {
  using enum CounterResetHint;
  if (histogram->reset_hint != Reset && histogram->reset_hint != NotReset) return histogram;
  auto copy = std::make_shared<Histogram>(*histogram);
  copy->reset_hint = Unknown;
  return copy;
}

}  // namespace

// --- QueryContext --------------------------------------------------------------------------------

Result<std::unique_ptr<Querier>> QueryContext::querier(TimeRange range) const {
  auto querier = TRY(storage.querier(range));
  querier->set_patience({options.stop, options.deadline, options.asked});
  return querier;
}

Result<void> QueryContext::check_alive() const {
  if (is_part_ && parts_->given_up) return fail(ErrorCode::Canceled, "{}", kGivenUp);
  if (options.stop.stop_requested()) {
    return fail(ErrorCode::Canceled, "query was canceled in expression evaluation");
  }
  const auto now = std::chrono::steady_clock::now();
  leave_event_loop_when_long(now);
  if (now > options.deadline) {
    return fail(ErrorCode::Timeout, "query timed out in expression evaluation");
  }
  return {};
}

Result<void> QueryContext::hold_samples(uint64_t n) {
  held_ += n;
  uint64_t all = held_ + parts_->granted.load(std::memory_order_relaxed);
  if (is_part_) {
    if (held_ <= granted_) return {};
    // More than is needed, so that parts seldom meet at the common count; unless that is too much.
    const uint64_t needed = held_ - granted_;
    uint64_t more = needed + options.max_samples / 1024;
    const uint64_t before = parts_->held_by_whole + parts_->granted.fetch_add(more);
    if (before + more > options.max_samples) {
      parts_->granted -= more - needed;
      more = needed;
    }
    granted_ += more;
    all = before + more;
  }
  stats_.peak_samples = std::max(stats_.peak_samples, all);
  if (all > options.max_samples) {
    return fail(ErrorCode::LimitExceeded, "{}", kTooManySamples);
  }
  return {};
}

void QueryContext::count_at(TimeMs time, query::SampleCounts n) {
  const int64_t after = std::max<int64_t>(0, (time - start).ms);
  const size_t last = stats_.per_step.size() - 1;
  const size_t i = step.ms > 0 ? std::min(last, static_cast<size_t>(after / step.ms)) : 0;
  stats_.per_step[i].queryable += n.queryable;
  stats_.per_step[i].read += n.read;
}

void QueryContext::take_stats(query::QueryStats& out) {
  const query::QueryStats before = std::exchange(out, std::move(stats_));
  out.queue_seconds = before.queue_seconds;
  out.parse_seconds = before.parse_seconds;
}

const std::string& QueryContext::place(PositionRange at) {
  const auto [found, fresh] = places_.try_emplace(at.start);
  if (fresh) found->second = line_and_column(query, at.start);
  return found->second;
}

void QueryContext::warn(const std::string& text, PositionRange at) {
  annotations.warn(fmt::format("PromQL warning: {} ({})", text, place(at)));
}

void QueryContext::inform(const std::string& text, PositionRange at) {
  annotations.inform(fmt::format("PromQL info: {} ({})", text, place(at)));
}

// --- labels --------------------------------------------------------------------------------------

bool StepSeries::empty() const {
  return std::all_of(kinds.begin(), kinds.end(), [](PointKind k) { return k == PointKind::None; });
}

uint64_t weight_of(const StepSeries& series, uint64_t points) {
  uint64_t weight = points;
  for (const HistogramPtr& h : series.histograms) {
    if (!h) continue;
    const size_t buckets = h->positive_counts.size() + h->negative_counts.size();
    const size_t spans = h->positive_spans.size() + h->negative_spans.size();
    weight += ((buckets + spans + h->custom_bounds.size()) * 8 + sizeof(Histogram)) / 16;
  }
  constexpr uint64_t kStepBytes = sizeof(PointKind) + sizeof(double);
  return std::max(weight, series.steps() * kStepBytes / 16);
}

namespace {

bool is_no_name(std::string_view label) {
  return label != kMetricName && label != kTypeLabel && label != kUnitLabel;
}

}  // namespace

Labels without_name(const Labels& labels) {
  Labels out;
  out.assign_where(labels, is_no_name);
  return out;
}

void Evaluator::drop_name(StepSeries& series) const {
  if (!context_.options.delayed_name_removal) series.labels = without_name(series.labels);
  series.drop_name = true;
}

void Evaluator::label_without_name(StepSeries& series, const Labels& labels) const {
  if (context_.options.delayed_name_removal) {
    series.labels = labels;
  } else {
    series.labels.assign_where(labels, is_no_name);  // in the memory that the one before had
  }
  series.drop_name = true;
}

Result<StepVector> Evaluator::merge_same_labels(StepVector vector) const {
  // Mostly there are no two, and the vector is the answer as it is.
  LabelIndex index;
  StepVector out;
  const auto first_twice = std::ranges::find_if(vector, [&](const StepSeries& series) {
    return !index
                .find_or_add(series.labels,
                             [&](size_t n) -> const Labels& { return vector[n].labels; })
                .added;
  });
  if (first_twice == vector.end()) return vector;
  out.assign(std::make_move_iterator(vector.begin()), std::make_move_iterator(first_twice));
  for (StepSeries& series : std::ranges::subrange(first_twice, vector.end())) {
    const auto found =
        index.find_or_add(series.labels, [&](size_t n) -> const Labels& { return out[n].labels; });
    if (found.added) {
      out.push_back(std::move(series));
      continue;
    }
    StepSeries& target = out[found.number];
    for (size_t i = 0; i < series.steps(); ++i) {
      if (!series.has(i)) continue;
      if (target.has(i)) return fail(ErrorCode::Execution, "{}", kDuplicateLabels);
      target.copy_point(i, series);
    }
  }
  return out;
}

// --- times ---------------------------------------------------------------------------------------

Result<double> Evaluator::duration_seconds(const Expr& expr) {
  if (const NumberLiteral* number = expr.as<NumberLiteral>()) return number->value;
  const DurationExpr& d = *expr.as<DurationExpr>();
  const double left = d.left ? TRY(duration_seconds(*d.left)) : 0;
  const double right = d.right ? TRY(duration_seconds(*d.right)) : 0;
  const auto no_zero = [&](std::string_view what) -> Result<void> {
    if (right != 0) return {};
    return fail(ErrorCode::BadData, "{}:{}: {} by zero", expr.position.start, expr.position.end,
                what);
  };
  switch (d.op) {
    case TokenType::Step: return context_.step.as_seconds();
    case TokenType::Range: return (context_.end - context_.start).as_seconds();
    case TokenType::MinOf: return std::min(left, right);
    case TokenType::MaxOf: return std::max(left, right);
    case TokenType::Add: return left + right;
    case TokenType::Sub: return left - right;
    case TokenType::Mul: return left * right;
    case TokenType::Div: TRY(no_zero("division")); return left / right;
    case TokenType::Mod: TRY(no_zero("modulo")); return std::fmod(left, right);
    case TokenType::Pow: return std::pow(left, right);
    default: return fail(ErrorCode::Internal, "duration operator {}", spelling(d.op));
  }
}

Result<DurationMs> Evaluator::resolve(DurationMs literal, const ExprPtr& expr,
                                      bool may_be_negative) {
  if (!expr) return literal;
  const double seconds = TRY(duration_seconds(*expr));
  const auto bad = [&](std::string_view what) {
    return fail(ErrorCode::BadData, "{}:{}: duration {}", expr->position.start, expr->position.end,
                what);
  };
  if (!std::isfinite(seconds)) return bad("is NaN or infinite");
  if (seconds <= 0 && !may_be_negative) return bad("must be greater than 0");
  if (std::fabs(seconds) > 9223372036.854775807) return bad("is out of range");
  return DurationMs{static_cast<int64_t>(seconds * 1000)};
}

Result<void> Evaluator::check_durations(const Expr& expr) {
  if (const auto* selector = expr.as<VectorSelector>()) {
    TRY(resolve({}, selector->time.offset_expr, true));
  } else if (const auto* matrix = expr.as<MatrixSelector>()) {
    TRY(resolve({}, matrix->range_expr, false));
  } else if (const auto* subquery = expr.as<Subquery>()) {
    TRY(resolve({}, subquery->range_expr, false));
    TRY(resolve({}, subquery->step_expr, false));
    TRY(resolve({}, subquery->time.offset_expr, true));
  }
  for (const Expr* inner : children(expr)) TRY(check_durations(*inner));
  return {};
}

Result<TimeShift> Evaluator::shift_of(const TimeModifiers& time) {
  TimeShift shift;
  shift.offset = TRY(resolve(time.offset, time.offset_expr, true));
  shift.fixed = time.at != AtKind::None;
  if (time.at == AtKind::Time) shift.at = time.at_time;
  if (time.at == AtKind::Start) shift.at = context_.start;
  if (time.at == AtKind::End) shift.at = context_.end;
  return shift;
}

// --- expressions ---------------------------------------------------------------------------------

Result<StepValue> Evaluator::eval(const Expr& expr) {
  TRY(context_.check_alive());
  if (context_.options.repeated != nullptr) {
    if (const auto group = context_.options.repeated->group_of(expr))
      return eval_once(expr, *group);
  }
  return eval_traced(expr);
}

/// What had something to be told of is evaluated again: it tells of each place.
Result<StepValue> Evaluator::eval_once(const Expr& expr, size_t group) {
  const QueryContext::KnownKey key{group, grid_.start.ms, grid_.step.ms, grid_.count,
                                   static_cast<int>(reset_hints_)};
  if (const auto found = context_.known.find(key); found != context_.known.end()) {
    context_.count_samples(found->second.samples);
    return found->second.value;
  }
  const query::SampleCounts before = context_.samples();
  const size_t told = context_.annotations.count();
  StepValue out = TRY(eval_traced(expr));
  if (context_.annotations.count() == told) {
    uint64_t weight = 0;
    for (const StepSeries& series : out.vector) {
      weight +=
          weight_of(series, static_cast<uint64_t>(std::ranges::count_if(
                                series.kinds, [](PointKind k) { return k != PointKind::None; })));
    }
    if (!context_.has_room_for(weight)) return out;
    TRY(context_.hold_samples(weight));
    const query::SampleCounts after = context_.samples();
    context_.known.emplace(
        key,
        QueryContext::Known{out, {after.queryable - before.queryable, after.read - before.read}});
  }
  return out;
}

Result<StepValue> Evaluator::eval_traced(const Expr& expr) {
  if (context_.options.trace == nullptr) return eval_node(expr);
  const auto started = std::chrono::steady_clock::now();
  const uint64_t loaded = context_.loaded();
  StepValue out = TRY(eval_node(expr));
  ExprTrace& trace = (*context_.options.trace)[&expr];
  trace.seconds +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  trace.samples += context_.loaded() - loaded;
  trace.series += out.vector.size();
  ++trace.calls;
  return out;
}

Result<StepValue> Evaluator::eval_node(const Expr& expr) {
  const auto vector = [](StepVector v) {
    StepValue out;
    out.vector = std::move(v);
    return out;
  };
  if (const auto* number = expr.as<NumberLiteral>()) {
    StepValue out;
    out.type = ValueType::Scalar;
    out.scalar.assign(grid_.count, number->value);
    return out;
  }
  if (const auto* string = expr.as<StringLiteral>()) {
    StepValue out;
    out.type = ValueType::String;
    out.string = string->value;
    return out;
  }
  if (const auto* paren = expr.as<Paren>()) return eval(*paren->expr);
  if (const auto* unary = expr.as<Unary>()) return eval_unary(*unary);
  if (const auto* selector = expr.as<VectorSelector>()) {
    return vector(TRY(select(expr, *selector, Select::Values)));
  }
  if (const auto* call = expr.as<Call>()) return eval_call(expr, *call);
  if (const auto* aggregate = expr.as<Aggregate>()) {
    return vector(TRY(eval_aggregate(*this, expr, *aggregate)));
  }
  if (const auto* binary = expr.as<Binary>()) {
    const KeepResetHints keep(reset_hints_);
    // Trimming takes buckets.
    if (is_trim(binary->op)) reset_hints_ = ResetHints::NeverDetected;
    return eval_binary(*this, expr, *binary);
  }
  return fail(ErrorCode::Execution, "a range vector cannot be evaluated here");
}

Result<StepVector> Evaluator::eval_vector(const Expr& expr) {
  return std::move(TRY(eval(expr)).vector);
}

Result<std::vector<double>> Evaluator::eval_scalar(const Expr& expr) {
  return std::move(TRY(eval(expr)).scalar);
}

Result<StepValue> Evaluator::eval_unary(const Unary& unary) {
  StepValue value = TRY(eval(*unary.expr));
  if (unary.op != TokenType::Sub) return value;
  for (double& v : value.scalar) v = -v;
  for (StepSeries& series : value.vector) {
    drop_name(series);
    for (double& v : series.values) v = -v;
    for (size_t i = 0; i < series.steps(); ++i) {
      if (const Histogram* h = series.histogram(i)) {
        series.histograms[i] = std::make_shared<Histogram>(scaled(*h, -1));
      }
    }
  }
  if (!context_.options.delayed_name_removal) {
    value.vector = TRY(merge_same_labels(std::move(value.vector)));
  }
  return value;
}

// --- range vectors -------------------------------------------------------------------------------

Result<Evaluator::RangeShape> Evaluator::shape_of(const Expr& range_vector) {
  const Expr& expr = unwrap(range_vector);
  RangeShape shape;
  if (const auto* matrix = expr.as<MatrixSelector>()) {
    const VectorSelector& selector = *matrix->vector->as<VectorSelector>();
    shape.range = TRY(resolve(matrix->range, matrix->range_expr, false));
    shape.shift = TRY(shift_of(selector.time));
    shape.extended = selector.extended;
    return shape;
  }
  const auto* subquery = expr.as<Subquery>();
  CHECK(subquery != nullptr);
  shape.range = TRY(resolve(subquery->range, subquery->range_expr, false));
  shape.shift = TRY(shift_of(subquery->time));
  return shape;
}

Result<std::optional<StepGrid>> Evaluator::grid_of(const Subquery& subquery,
                                                   const RangeShape& shape) {
  const TimeMs first = shape.shift.apply(grid_.start) - shape.range;
  const TimeMs last = shape.shift.apply(grid_.last());
  DurationMs step = TRY(resolve(subquery.step, subquery.step_expr, false));
  if (step.ms == 0) step = context_.options.default_subquery_step;
  // Steps are multiples of the step's length, whatever the query's start, and left-open.
  int64_t aligned = step.ms * (first.ms / step.ms);
  if (aligned <= first.ms) aligned += step.ms;
  if (aligned > last.ms) return std::optional<StepGrid>();
  const auto count = static_cast<size_t>((last.ms - aligned) / step.ms + 1);
  return std::optional(StepGrid{{aligned}, step, count});
}

Result<Evaluator::OpenedRange> Evaluator::open_range(const Expr& expr, const RangeShape& shape,
                                                     RangeWants wants) {
  TimeMs first = shape.shift.apply(grid_.start) - shape.range;
  TimeMs last = shape.shift.apply(grid_.last());
  const DurationMs lookback = context_.options.lookback;
  // The sample before a window may be its border's value, or tell whether its first is a reset.
  const bool looks_back =
      shape.extended != ExtendedRange::None || reset_hints_ == ResetHints::Detected;
  if (looks_back) first = first - lookback;
  if (shape.extended == ExtendedRange::Smoothed) last = last + lookback;
  OpenedRange out;
  out.wants = wants;
  out.querier = TRY(context_.querier({first + DurationMs{1}, last}));
  const int64_t divisor = common_divisor_of_borders(grid_, shape.shift.apply(grid_.start),
                                                    shape.shift.fixed, shape.range);
  // From the last samples of rollups alone no function is as from all samples.
  out.tier = out.querier->tier({wants.rollups ? divisor : 0, wants.rollups});
  // Rollups have no start timestamps; where the samples are there as well, they do.
  if (wants.starts && out.tier.exact) out.tier = out.querier->tier({});
  const MatrixSelector& matrix = *expr.as<MatrixSelector>();
  out.set = TRY(out.querier->select(matrix.vector->as<VectorSelector>()->matchers, out.tier));
  tell_of(out.tier, divisor, expr.position);
  return out;
}

Result<void> Evaluator::read_range(SeriesSet& set, const OpenedRange& range,
                                   const SeriesVisitor& visit) {
  RangeSamples samples;
  SampleColumns columns;
  while (set.next()) {
    if (range.tier.rollups) TRY(set.read_rollups(samples.rollups));
    TRY(set.read(columns));
    const size_t loaded =
        columns.size() + samples.rollups.size() + samples.rollups.histogram_ends.size();
    if (loaded == 0) continue;
    context_.count_loaded(loaded);
    TRY(context_.hold_samples(loaded));
    TRY(context_.check_alive_after(loaded));
    if (reset_hints_ == ResetHints::Detected) detect_resets(columns);
    split(columns, samples);
    samples.tier = range.tier;
    if (range.wants.starts) {
      TRY(set.read_starts(samples.times, samples.starts));
      TRY(set.read_starts(samples.histogram_times, samples.histogram_starts));
    }
    TRY(visit(set.labels(), false, samples));
    context_.release_samples(loaded);
  }
  return {};
}

Result<void> Evaluator::each_range_series(const Expr& range_vector, const RangeShape& shape,
                                          const SeriesVisitor& visit) {
  const Expr& expr = unwrap(range_vector);
  if (expr.as<Subquery>() != nullptr) return each_subquery_series(expr, shape, visit);
  const OpenedRange range = TRY(open_range(expr, shape, {}));
  TRY(read_range(*range.set, range, visit));
  take_warnings(*range.querier);
  return {};
}

Result<void> Evaluator::each_subquery_series(const Expr& expr, const RangeShape& shape,
                                             const SeriesVisitor& visit) {
  RangeSamples samples;
  const Subquery& subquery = *expr.as<Subquery>();
  const std::optional<StepGrid> grid = TRY(grid_of(subquery, shape));
  if (!grid) return {};
  // What it computes is held while its windows are walked, literals and vector() included.
  TRY(context_.hold_samples(grid->count));
  Evaluator inner(context_, *grid);
  inner.reset_hints_ = ResetHints::NeverDetected;
  StepVector vector = TRY(inner.eval_vector(*subquery.expr));
  for (StepSeries& series : vector) {
    samples.clear();
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] == PointKind::Float) {
        samples.times.push_back(inner.grid_.at(i));
        samples.values.push_back(series.values[i]);
      } else if (series.kinds[i] == PointKind::Histogram) {
        samples.histogram_times.push_back(inner.grid_.at(i));
        samples.histograms.push_back(without_reset_hint(series.histograms[i]));
      }
    }
    TRY(context_.check_alive());
    TRY(visit(series.labels, series.drop_name, samples));
  }
  context_.release_samples(grid->count);
  return {};
}

Result<std::vector<query::Series>> Evaluator::eval_matrix(const Expr& expr) {
  const RangeShape shape = TRY(shape_of(expr));
  std::vector<query::Series> out;
  const TimeMs end = shape.shift.apply(grid_.start);
  const TimeMs start = end - shape.range;
  TRY(each_range_series(
      expr, shape,
      [&](const Labels& labels, bool drop, const RangeSamples& samples) -> Result<void> {
        query::Series series;
        series.labels = drop ? without_name(labels) : labels;
        series.points.reserve(samples.times.size() + samples.histogram_times.size());
        const auto within = [&](TimeMs time) { return time > start && time <= end; };
        size_t f = 0;
        size_t h = 0;
        while (f < samples.times.size() || h < samples.histogram_times.size()) {
          const bool takes_float =
              h == samples.histogram_times.size() ||
              (f < samples.times.size() && samples.times[f] < samples.histogram_times[h]);
          if (takes_float) {
            if (within(samples.times[f])) series.add(samples.times[f], samples.values[f]);
            ++f;
          } else {
            if (within(samples.histogram_times[h])) {
              series.add(samples.histogram_times[h], samples.histograms[h]);
            }
            ++h;
          }
        }
        if (!series.points.empty()) {
          const query::SampleCounts count{series.points.size(), series.points.size()};
          TRY(context_.hold_samples(count.read));
          context_.count_samples(count);
          if (context_.wants_per_step()) context_.count_at(grid_.start, count);
          out.push_back(std::move(series));
        }
        return {};
      }));
  return out;
}

void Evaluator::count_points(const StepSeries& series, uint64_t found) {
  context_.count_samples({found, found});
  if (!context_.wants_per_step()) return;
  for (size_t i = 0; i < series.steps(); ++i) {
    if (series.has(i)) context_.count_at(grid_.at(i), {1, 1});
  }
}

// --- calls ---------------------------------------------------------------------------------------

void Evaluator::set_reset_hints(std::string_view function) {
  if (reset_hints_ == ResetHints::NeverDetected) return;
  if (function == "histogram_count" || function == "histogram_sum" || function == "histogram_avg") {
    reset_hints_ = ResetHints::Detected;
  } else if (function == "histogram_quantile" || function == "histogram_quantiles" ||
             function == "histogram_fraction") {
    reset_hints_ = ResetHints::NeverDetected;
  }
}

Result<StepValue> Evaluator::eval_call(const Expr& expr, const Call& call) {
  const KeepResetHints keep(reset_hints_);
  set_reset_hints(call.function->info.name);
  StepValue out;
  if (call.function->element != nullptr) {
    out.vector = TRY(eval_element(call));
  } else if (call.function->range != nullptr) {
    out.vector = TRY(eval_range_function(call));
  } else {
    out = TRY(call.function->vector(*this, expr, call));
    out.type = call.function->info.result;
  }
  return out;
}

Result<StepVector> Evaluator::eval_element(const Call& call) {
  StepVector vector = TRY(eval_vector(*call.arguments[0]));
  const ElementFunction f = call.function->element;
  for (StepSeries& series : vector) {
    drop_name(series);
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] == PointKind::Float) {
        series.values[i] = f(series.values[i]);
      } else {
        series.clear(i);
      }
    }
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  if (context_.options.delayed_name_removal && grid_.count == 1) return vector;
  return merge_same_labels(std::move(vector));
}

Result<void> Evaluator::each_series(const Expr& in_parentheses, SeriesSink& sink) {
  TRY(context_.check_alive());
  const Expr& expr = unwrap(in_parentheses);
  const RepeatedExprs* repeated = context_.options.repeated;
  const bool known_by_others = repeated != nullptr && repeated->group_of(expr);
  if (context_.options.trace == nullptr && !known_by_others) {
    const auto* selector = expr.as<VectorSelector>();
    if (selector != nullptr && selector->extended != ExtendedRange::Smoothed) {
      return each_selected(expr, *selector, Select::Values, sink);
    }
    const auto* call = expr.as<Call>();
    // Of one metric no two series can become the same.
    if (call != nullptr && call->function->range != nullptr &&
        std::ranges::all_of(call->arguments, [](const ExprPtr& argument) {
          const auto* matrix = unwrap(*argument).as<MatrixSelector>();
          return type_of(*argument) != ValueType::RangeVector ||
                 (matrix != nullptr && names_metric(*matrix->vector->as<VectorSelector>()));
        })) {
      const KeepResetHints keep(reset_hints_);
      set_reset_hints(call->function->info.name);
      return each_of_range_function(*call, true, sink);
    }
  }
  for (StepSeries& series : TRY(eval_vector(expr))) TRY(sink.take(series, 0));
  return {};
}

}  // namespace prom5::promql
