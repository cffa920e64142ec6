#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "model/histogram_arithmetic.h"
#include "model/label_index.h"
#include "query/promql/evaluator.h"

namespace prom5::promql {

namespace {

bool changes_meaning(TokenType op) {
  switch (op) {
    case TokenType::Add:
    case TokenType::Sub:
    case TokenType::Mul:
    case TokenType::Div:
    case TokenType::Mod:
    case TokenType::Pow:
    case TokenType::Atan2: return true;
    default: return false;
  }
}

bool compare(TokenType op, double a, double b) {
  switch (op) {
    case TokenType::Equal: return a == b;
    case TokenType::NotEqual: return a != b;
    case TokenType::Greater: return a > b;
    case TokenType::Less: return a < b;
    case TokenType::GreaterEqual: return a >= b;
    case TokenType::LessEqual: return a <= b;
    default: return false;
  }
}

double arithmetic(TokenType op, double a, double b) {
  switch (op) {
    case TokenType::Add: return a + b;
    case TokenType::Sub: return a - b;
    case TokenType::Mul: return a * b;
    case TokenType::Div: return a / b;
    case TokenType::Mod: return std::fmod(a, b);
    case TokenType::Pow: return std::pow(a, b);
    case TokenType::Atan2: return std::atan2(a, b);
    default: return NAN;
  }
}

/// A float or a histogram on one side of an operator.
struct Operand {
  double value = 0;
  HistogramPtr histogram;
};

Operand operand(const StepSeries& series, size_t i) {
  if (series.kinds[i] == PointKind::Histogram) return {0, series.histograms[i]};
  return {series.values[i], nullptr};
}

struct Outcome {
  bool valid = false;  ///< false: the types do not go together, and an annotation says so
  bool keep = true;    ///< of a comparison: whether it holds
  double value = 0;
  HistogramPtr histogram;
};

/// Applies one operator to pairs of samples.
class ElementOperator {
 public:
  ElementOperator(QueryContext& context, TokenType op, PositionRange position)
      : context_(context), op_(op), position_(position) {}

  Outcome operator()(const Operand& a, const Operand& b) {
    if (!a.histogram && !b.histogram) {
      if (is_comparison(op_)) return {true, compare(op_, a.value, b.value), a.value, nullptr};
      if (is_trim(op_)) return mismatch(a, b);
      return {true, true, arithmetic(op_, a.value, b.value), nullptr};
    }
    if (a.histogram && b.histogram) return histograms(a, b);
    if (op_ == TokenType::Mul) {
      const Operand& h = a.histogram ? a : b;
      const double factor = a.histogram ? b.value : a.value;
      return of(compacted(scaled(*h.histogram, factor)));
    }
    if (a.histogram && op_ == TokenType::Div) {
      return of(compacted(divided(*a.histogram, b.value)));
    }
    if (a.histogram && is_trim(op_)) {
      return of(op_ == TokenType::TrimUpper ? trimmed_above(*a.histogram, b.value)
                                            : trimmed_below(*a.histogram, b.value));
    }
    return mismatch(a, b);
  }

 private:
  static Outcome of(Histogram histogram) {
    return {true, true, 0, std::make_shared<Histogram>(std::move(histogram))};
  }

  Outcome histograms(const Operand& a, const Operand& b) {
    if (op_ == TokenType::Equal || op_ == TokenType::NotEqual) {
      const bool same = same_observations(*a.histogram, *b.histogram);
      return {true, same == (op_ == TokenType::Equal), 0, a.histogram};
    }
    if (op_ != TokenType::Add && op_ != TokenType::Sub) return mismatch(a, b);
    const bool adding = op_ == TokenType::Add;
    auto result = adding ? add(*a.histogram, *b.histogram) : subtract(*a.histogram, *b.histogram);
    if (!result) {
      context_.warn(fmt::format("incompatible bucket layout encountered for binary operator {}",
                                spelling(op_)),
                    position_);
      return {};
    }
    const std::string_view what = adding ? "addition" : "subtraction";
    if (result->reset_hints_collide) {
      context_.warn(fmt::format("conflicting counter resets during histogram {}", what), position_);
    }
    if (result->bounds_reconciled) {
      context_.inform(fmt::format("mismatched custom buckets were reconciled during {}", what),
                      position_);
    }
    // As in Prometheus the warning takes the place of the sum.
    if (result->reset_hints_collide) return {};
    if (!adding) result->histogram.reset_hint = CounterResetHint::Gauge;
    return of(compacted(result->histogram));
  }

  Outcome mismatch(const Operand& a, const Operand& b) {
    const auto type = [](const Operand& o) { return o.histogram ? "histogram" : "float"; };
    context_.inform(fmt::format("incompatible sample types encountered for binary operator \"{}\": "
                                "{} {} {}",
                                spelling(op_), type(a), spelling(op_), type(b)),
                    position_);
    return {};
  }

  QueryContext& context_;
  TokenType op_;
  PositionRange position_;
};

StepValue of_vector(StepVector vector) {
  StepValue out;
  out.vector = std::move(vector);
  return out;
}

StepValue scalars(const Binary& binary, const std::vector<double>& a,
                  const std::vector<double>& b) {
  StepValue out;
  out.type = ValueType::Scalar;
  out.scalar.resize(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    out.scalar[i] = is_comparison(binary.op) ? (compare(binary.op, a[i], b[i]) ? 1 : 0)
                                             : arithmetic(binary.op, a[i], b[i]);
  }
  return out;
}

Result<StepValue> vector_with_scalar(Evaluator& evaluator, const Expr& expr, const Binary& binary,
                                     StepVector vector, const std::vector<double>& scalar,
                                     bool scalar_left) {
  ElementOperator apply(evaluator.context(), binary.op, expr.position);
  const bool arithmetic_only = !is_comparison(binary.op) && !is_trim(binary.op);
  for (StepSeries& series : vector) {
    for (size_t i = 0; i < series.steps(); ++i) {
      if (!series.has(i)) continue;
      if (arithmetic_only && series.kinds[i] == PointKind::Float) {
        series.values[i] = scalar_left ? arithmetic(binary.op, scalar[i], series.values[i])
                                       : arithmetic(binary.op, series.values[i], scalar[i]);
        continue;
      }
      const Operand element = operand(series, i);
      const Operand number{scalar[i], nullptr};
      Outcome outcome = scalar_left ? apply(number, element) : apply(element, number);
      if (!outcome.valid || (!outcome.keep && !binary.return_bool)) {
        series.clear(i);
        continue;
      }
      if (binary.return_bool) {
        series.set(i, outcome.keep ? 1.0 : 0.0);
      } else if (is_comparison(binary.op)) {
        continue;  // a filter keeps the vector's own sample, whichever side it is on
      } else if (outcome.histogram) {
        series.set(i, std::move(outcome.histogram));
      } else {
        series.set(i, outcome.value);
      }
    }
    if (changes_meaning(binary.op) || binary.return_bool) evaluator.drop_name(series);
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

// --- vector with vector --------------------------------------------------------------------------

/// The labels by which series of both sides are paired.
LabelProjection match_labels(const VectorMatching& matching) {
  using enum LabelProjection::Keep;
  std::vector<std::string> names = matching.labels;
  if (matching.on) return {std::move(names), Listed};
  names.emplace_back(kMetricName);
  return {std::move(names), Others};
}

/// Series of both sides that share their matching labels.
struct MatchGroup {
  Labels labels;
  std::vector<size_t> left;
  std::vector<size_t> right;
};

std::vector<MatchGroup> group_by_match(const StepVector& left, const StepVector& right,
                                       const VectorMatching& matching) {
  std::vector<MatchGroup> groups;
  const LabelProjection projection = match_labels(matching);
  LabelIndex index;
  Labels key;
  const auto group_of = [&](const StepSeries& series) -> MatchGroup& {
    projection.apply(series.labels, key);
    const auto found =
        index.find_or_add(key, [&](size_t n) -> const Labels& { return groups[n].labels; });
    if (found.added) groups.push_back({key, {}, {}});
    return groups[found.number];
  };
  for (size_t i = 0; i < left.size(); ++i) group_of(left[i]).left.push_back(i);
  for (size_t i = 0; i < right.size(); ++i) group_of(right[i]).right.push_back(i);
  return groups;
}

/// At which steps any of the series has a value.
std::vector<bool> present_at(const StepVector& vector, const std::vector<size_t>& members,
                             size_t steps) {
  std::vector<bool> out(steps);
  for (const size_t member : members) {
    for (size_t i = 0; i < steps; ++i) {
      if (vector[member].has(i)) out[i] = true;
    }
  }
  return out;
}

void keep_where(StepSeries& series, const std::vector<bool>& mask, bool wanted) {
  for (size_t i = 0; i < series.steps(); ++i) {
    if (mask[i] != wanted) series.clear(i);
  }
}

Result<StepValue> set_operator(Evaluator& evaluator, const Binary& binary, StepVector left,
                               StepVector right) {
  const size_t steps = evaluator.grid().count;
  for (const MatchGroup& group : group_by_match(left, right, *binary.matching)) {
    if (binary.op == TokenType::Or) {
      const std::vector<bool> taken = present_at(left, group.left, steps);
      for (const size_t i : group.right) keep_where(right[i], taken, false);
    } else {
      const std::vector<bool> other = present_at(right, group.right, steps);
      for (const size_t i : group.left) keep_where(left[i], other, binary.op == TokenType::And);
    }
  }
  if (binary.op == TokenType::Or) {
    left.insert(left.end(), std::make_move_iterator(right.begin()),
                std::make_move_iterator(right.end()));
  }
  std::erase_if(left, [](const StepSeries& s) { return s.empty(); });
  // With names to be removed later, series that only differ in that mark may share a label set.
  if (evaluator.context().options.delayed_name_removal && steps == 1)
    return of_vector(std::move(left));
  return of_vector(TRY(evaluator.merge_same_labels(std::move(left))));
}

/// Arithmetic and comparison between vectors. "many" is the left side unless group_right says
/// otherwise; of the "one" side at most one series of a group has a value at a step.
class VectorOperator {
 public:
  VectorOperator(Evaluator& evaluator, const Expr& expr, const Binary& binary, StepVector left,
                 StepVector right)
      : evaluator_(evaluator),
        binary_(binary),
        matching_(*binary.matching),
        swapped_(matching_.cardinality == Cardinality::OneToMany),
        many_(swapped_ ? std::move(right) : std::move(left)),
        one_(swapped_ ? std::move(left) : std::move(right)),
        apply_(evaluator.context(), binary.op, expr.position) {}

  Result<StepVector> run() {
    const size_t steps = evaluator_.grid().count;
    const std::vector<bool> comparable = steps_with_both();
    for (const MatchGroup& group : group_by_match(many_, one_, matching_)) {
      const bool fills = matching_.fill_left || matching_.fill_right;
      if (!fills && (group.left.empty() || group.right.empty())) {
        TRY(check_unmatched(group, comparable));
        continue;
      }
      if (!fills && run_columns(group)) continue;
      for (size_t i = 0; i < steps; ++i) {
        if (fills || comparable[i]) TRY(run_step(group, i));
      }
    }
    for (StepSeries& series : out_) series.drop_name = binary_.return_bool;
    std::erase_if(out_, [](const StepSeries& s) { return s.empty(); });
    return std::move(out_);
  }

 private:
  static constexpr size_t kFilled = SIZE_MAX;  ///< in place of a series: a fill value

  /// Pairs of floats from end to end, where nothing can go wrong: one series on the "one" side, and
  /// for each of the others a result of its own. False, and nothing done, elsewhere.
  bool run_columns(const MatchGroup& group) {
    if (group.right.size() != 1 || is_trim(binary_.op)) return false;
    if (matching_.cardinality == Cardinality::OneToOne && group.left.size() != 1) return false;
    const StepSeries& one = one_[group.right[0]];
    const auto only_floats = [](const StepSeries& s) { return s.histograms.empty(); };
    if (!only_floats(one)) return false;
    const size_t fresh = out_.size();
    size_t wanted = fresh;
    for (const size_t many : group.left) {
      if (!only_floats(many_[many])) return false;
      if (result_series(group, many, group.right[0]) != wanted++) return false;
    }
    for (size_t n = 0; n < group.left.size(); ++n) {
      const StepSeries& many = many_[group.left[n]];
      combine_columns(swapped_ ? one : many, swapped_ ? many : one, out_[fresh + n]);
    }
    return true;
  }

  void combine_columns(const StepSeries& a, const StepSeries& b, StepSeries& out) {
    const bool comparison = is_comparison(binary_.op);
    for (size_t i = 0; i < out.steps(); ++i) {
      if (!a.has(i) || !b.has(i)) continue;
      if (!comparison) {
        out.set(i, arithmetic(binary_.op, a.values[i], b.values[i]));
        continue;
      }
      const bool holds = compare(binary_.op, a.values[i], b.values[i]);
      if (binary_.return_bool) {
        out.set(i, holds ? 1.0 : 0.0);
      } else if (holds) {
        out.set(i, a.values[i]);
      }
    }
  }

  /// At which steps both sides have anything; at the others nobody minds what is not unique.
  [[nodiscard]] std::vector<bool> steps_with_both() const {
    const size_t steps = evaluator_.grid().count;
    std::vector<bool> out(steps);
    const auto any = [](const StepVector& side, size_t i) {
      return std::ranges::any_of(side, [i](const StepSeries& s) { return s.has(i); });
    };
    for (size_t i = 0; i < steps; ++i) out[i] = any(many_, i) && any(one_, i);
    return out;
  }

  /// The "one" side must be unique in a group even when nothing on the other side matches it.
  Result<void> check_unmatched(const MatchGroup& group, const std::vector<bool>& comparable) {
    if (group.right.size() < 2) return {};
    for (size_t i = 0; i < comparable.size(); ++i) {
      if (comparable[i]) TRY(one_at(group, i));
    }
    return {};
  }

  /// The series of the "one" side at a step, or kFilled when there is none.
  Result<size_t> one_at(const MatchGroup& group, size_t i) {
    size_t found = kFilled;
    for (const size_t candidate : group.right) {
      if (!one_[candidate].has(i)) continue;
      if (found != kFilled) return duplicate_error(group, found, candidate);
      found = candidate;
    }
    return found;
  }

  std::unexpected<Error> duplicate_error(const MatchGroup& group, size_t a, size_t b) {
    std::string first = one_[a].labels.to_string();
    std::string second = one_[b].labels.to_string();
    if (second < first) std::swap(first, second);
    return fail(ErrorCode::Execution,
                "found duplicate series for the match group {} on the {} hand-side of the "
                "operation: [{}, {}];many-to-many matching not allowed: matching labels must be "
                "unique on one side",
                group.labels.to_string(), swapped_ ? "left" : "right", first, second);
  }

  Result<void> run_step(const MatchGroup& group, size_t i) {
    const size_t one = TRY(one_at(group, i));
    bool matched = false;
    seen_.clear();
    for (const size_t many : group.left) {
      if (!many_[many].has(i)) continue;
      if (one == kFilled && !matching_.fill_right) continue;
      matched = TRY(combine(group, many, one, i, matched)) || matched;
    }
    if (!matched && one != kFilled && matching_.fill_left) {
      TRY(combine(group, kFilled, one, i, false));
    }
    return {};
  }

  /// Result: whether the pair counts as matched, which it does even when a comparison fails.
  Result<bool> combine(const MatchGroup& group, size_t many, size_t one, size_t i, bool matched) {
    const Operand a =
        many == kFilled ? Operand{*matching_.fill_left, nullptr} : operand(many_[many], i);
    const Operand b =
        one == kFilled ? Operand{*matching_.fill_right, nullptr} : operand(one_[one], i);
    Outcome outcome = swapped_ ? apply_(b, a) : apply_(a, b);
    if (!outcome.valid) return false;
    const size_t target = result_series(group, many, one);
    if (matching_.cardinality == Cardinality::OneToOne) {
      if (matched) {
        return fail(ErrorCode::Execution,
                    "multiple matches for labels: many-to-one matching must "
                    "be explicit (group_left/group_right)");
      }
    } else if (!seen_.insert(target).second) {
      return fail(ErrorCode::Execution,
                  "multiple matches for labels: grouping labels must ensure unique matches");
    }
    if (!outcome.keep && !binary_.return_bool) return true;
    StepSeries& series = out_[target];
    if (series.has(i)) {
      return fail(ErrorCode::Execution, "vector cannot contain metrics with the same labelset");
    }
    if (binary_.return_bool) {
      series.set(i, outcome.keep ? 1.0 : 0.0);
    } else if (outcome.histogram) {
      series.set(i, std::move(outcome.histogram));
    } else {
      series.set(i, outcome.value);
    }
    return true;
  }

  size_t result_series(const MatchGroup& group, size_t many, size_t one) {
    const auto [pair, is_new] = pairs_.try_emplace({many, one}, 0);
    if (!is_new) return pair->second;
    const Labels labels = result_labels(many == kFilled ? group.labels : many_[many].labels,
                                        one == kFilled ? group.labels : one_[one].labels);
    const auto found =
        results_.find_or_add(labels, [&](size_t n) -> const Labels& { return out_[n].labels; });
    if (found.added) {
      out_.emplace_back(evaluator_.grid().count);
      out_.back().labels = labels;
    }
    pair->second = found.number;
    return found.number;
  }

  Labels result_labels(const Labels& many, const Labels& one) {
    const bool now = !evaluator_.context().options.delayed_name_removal && binary_.return_bool;
    LabelsBuilder builder(now || changes_meaning(binary_.op) ? without_name(many) : many);
    if (matching_.cardinality == Cardinality::OneToOne) {
      const auto listed = [&](std::string_view name) {
        return std::find(matching_.labels.begin(), matching_.labels.end(), name) !=
               matching_.labels.end();
      };
      for (const LabelView label : many) {
        if (listed(label.name) != matching_.on) builder.remove(label.name);
      }
    }
    for (const std::string& name : matching_.include) builder.set(name, one.get(name));
    return builder.build();
  }

  struct PairHash {
    size_t operator()(const std::pair<size_t, size_t>& p) const {
      return p.first * 0x9E3779B97F4A7C15 + p.second;
    }
  };

  Evaluator& evaluator_;
  const Binary& binary_;
  const VectorMatching& matching_;
  const bool swapped_;
  StepVector many_;
  StepVector one_;
  ElementOperator apply_;
  StepVector out_;
  LabelIndex results_;  // of out_
  std::unordered_map<std::pair<size_t, size_t>, size_t, PairHash> pairs_;
  std::set<size_t> seen_;  // results of the current group at the current step
};

}  // namespace

Result<StepValue> eval_binary(Evaluator& evaluator, const Expr& expr, const Binary& binary) {
  StepValue left = TRY(evaluator.eval(*binary.left));
  StepValue right = TRY(evaluator.eval(*binary.right));
  const bool left_scalar = left.type == ValueType::Scalar;
  const bool right_scalar = right.type == ValueType::Scalar;
  if (left_scalar && right_scalar) return scalars(binary, left.scalar, right.scalar);
  if (right_scalar) {
    return vector_with_scalar(evaluator, expr, binary, std::move(left.vector), right.scalar, false);
  }
  if (left_scalar) {
    return vector_with_scalar(evaluator, expr, binary, std::move(right.vector), left.scalar, true);
  }
  if (is_set_operator(binary.op)) {
    return set_operator(evaluator, binary, std::move(left.vector), std::move(right.vector));
  }
  StepVector out =
      TRY(VectorOperator(evaluator, expr, binary, std::move(left.vector), std::move(right.vector))
              .run());
  for (const StepSeries& series : out) TRY(evaluator.context().hold_samples(series.steps()));
  return of_vector(std::move(out));
}

}  // namespace prom5::promql
