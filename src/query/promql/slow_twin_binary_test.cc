#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "model/histogram_arithmetic.h"
#include "query/promql/slow_twin_parts_test.h"

// Operators between two values and between two vectors (promql/engine.go: vectorElemBinop,
// VectorBinop, resultMetric).

namespace prom5::promql {

namespace {

using MaybeCombined = std::optional<Combined>;

MaybeCombined number(double v) { return Combined{{v, nullptr}}; }

MaybeCombined histogram(const Histogram& h) {
  return Combined{{0, std::make_shared<const Histogram>(h)}};
}

MaybeCombined combine_floats(TokenType op, double a, double b) {
  const auto kept_if = [&](bool keep) { return Combined{{a, nullptr}, keep}; };
  switch (op) {
    case TokenType::Add: return number(a + b);
    case TokenType::Sub: return number(a - b);
    case TokenType::Mul: return number(a * b);
    case TokenType::Div: return number(a / b);
    case TokenType::Mod: return number(std::fmod(a, b));
    case TokenType::Pow: return number(std::pow(a, b));
    case TokenType::Atan2: return number(std::atan2(a, b));
    case TokenType::Equal: return kept_if(a == b);
    case TokenType::NotEqual: return kept_if(a != b);
    case TokenType::Less: return kept_if(a < b);
    case TokenType::LessEqual: return kept_if(a <= b);
    case TokenType::Greater: return kept_if(a > b);
    case TokenType::GreaterEqual: return kept_if(a >= b);
    default: return std::nullopt;
  }
}

MaybeCombined combine_histograms(TokenType op, const TwinValue& a, const TwinValue& b) {
  if (op == TokenType::Equal || op == TokenType::NotEqual) {
    return Combined{a, same_observations(*a.histogram, *b.histogram) == (op == TokenType::Equal)};
  }
  if (op != TokenType::Add && op != TokenType::Sub) return std::nullopt;
  const bool adds = op == TokenType::Add;
  auto sum = adds ? add(*a.histogram, *b.histogram) : subtract(*a.histogram, *b.histogram);
  // That one side says reset and the other not reset is reported as an error, which takes the
  // result with it.
  if (!sum || sum->reset_hints_collide) return std::nullopt;
  if (!adds) sum->histogram.reset_hint = CounterResetHint::Gauge;
  return histogram(compacted(sum->histogram));
}

/// The labels by which the two sides find each other.
Labels signature(const VectorMatching& matching, const Labels& labels) {
  Labels out;
  out.assign_where(labels, [&](std::string_view name) {
    const bool listed = std::ranges::find(matching.labels, name) != matching.labels.end();
    return matching.on ? listed : !listed && name != kMetricName;
  });
  return out;
}

TwinVector set_operation(TokenType op, const VectorMatching& matching, const TwinVector& left,
                         const TwinVector& right, bool& duplicate) {
  const auto signatures = [&](const TwinVector& vector) {
    std::set<Labels> out;
    for (const auto& [labels, value] : vector) out.insert(signature(matching, labels));
    return out;
  };
  const std::set<Labels> on_left = signatures(left);
  const std::set<Labels> on_right = signatures(right);
  TwinVector out;
  for (const auto& [labels, value] : left) {
    const bool matched = on_right.contains(signature(matching, labels));
    if (op == TokenType::Or || matched == (op == TokenType::And)) out[labels] = value;
  }
  if (op != TokenType::Or) return out;
  for (const auto& [labels, value] : right) {
    if (on_left.contains(signature(matching, labels))) continue;
    if (!out.emplace(labels, value).second) duplicate = true;
  }
  return out;
}

/// The labels of a result: those of the side that has many, with some of the other side's.
Labels result_labels(const Binary& binary, const Labels& many, const Labels& one) {
  const VectorMatching& matching = *binary.matching;
  const bool arithmetic = !is_comparison(binary.op) && !is_trim(binary.op);
  const Labels base = arithmetic || binary.return_bool ? without_metadata(many) : many;
  Labels out = base;
  if (matching.cardinality == Cardinality::OneToOne) {
    out.assign_where(base, [&](std::string_view name) {
      const bool listed = std::ranges::find(matching.labels, name) != matching.labels.end();
      return matching.on == listed;
    });
  }
  LabelsBuilder builder(out);
  for (const std::string& name : matching.include) builder.set(name, one.get(name));
  return builder.build();
}

/// Both sides of an operator with the one that may have several matches first.
class Matching {
 public:
  Matching(const Binary& binary, const TwinVector& left, const TwinVector& right)
      : binary_(binary),
        swapped_(binary.matching->cardinality == Cardinality::OneToMany),
        many_(swapped_ ? right : left),
        one_(swapped_ ? left : right) {}

  Result<TwinVector> run() {
    const VectorMatching& matching = *binary_.matching;
    std::map<Labels, TwinVector::const_iterator> ones;
    for (auto it = one_.begin(); it != one_.end(); ++it) {
      if (!ones.emplace(signature(matching, it->first), it).second) {
        return fail(ErrorCode::Execution, "found duplicate series for the match group");
      }
    }
    // What fills in for a missing series is named by the side as it is written, but the reference
    // takes the right one for the side that has one, swapped or not.
    for (const auto& [labels, value] : many_) {
      const auto one = ones.find(signature(matching, labels));
      if (one != ones.end()) {
        TRY(match(labels, value, one->second->first, one->second->second));
      } else if (matching.fill_right) {
        TRY(match(labels, value, signature(matching, labels), {*matching.fill_right, nullptr}));
      }
    }
    if (!matching.fill_left) return out_;
    for (const auto& [labels, value] : one_) {
      const Labels by = signature(matching, labels);
      if (matched_[by].empty()) TRY(match(by, {*matching.fill_left, nullptr}, labels, value));
    }
    return out_;
  }

 private:
  Result<void> match(const Labels& many, const TwinValue& many_value, const Labels& one,
                     const TwinValue& one_value) {
    auto combined = swapped_ ? combine(binary_.op, one_value, many_value)
                             : combine(binary_.op, many_value, one_value);
    if (!combined) return {};
    if (binary_.return_bool) combined->value = {combined->keep ? 1.0 : 0.0, nullptr};
    const Labels labels = result_labels(binary_, many, one);
    std::set<Labels>& matched = matched_[signature(*binary_.matching, many)];
    const bool one_to_one = binary_.matching->cardinality == Cardinality::OneToOne;
    if (one_to_one ? !matched.empty() : matched.contains(labels)) {
      return fail(ErrorCode::Execution, "multiple matches for labels");
    }
    matched.insert(labels);
    if (!combined->keep && !binary_.return_bool) return {};
    return put(out_, labels, combined->value);
  }

  const Binary& binary_;
  bool swapped_;
  const TwinVector& many_;
  const TwinVector& one_;
  std::map<Labels, std::set<Labels>> matched_;  ///< labels of results by signature
  TwinVector out_;
};

}  // namespace

std::optional<Combined> combine(TokenType op, const TwinValue& left, const TwinValue& right) {
  if (left.is_float() && right.is_float()) return combine_floats(op, left.number, right.number);
  if (!left.is_float() && !right.is_float()) return combine_histograms(op, left, right);
  if (left.is_float()) {
    if (op != TokenType::Mul) return std::nullopt;
    return histogram(compacted(scaled(*right.histogram, left.number)));
  }
  switch (op) {
    case TokenType::Mul: return histogram(compacted(scaled(*left.histogram, right.number)));
    case TokenType::Div: return histogram(compacted(divided(*left.histogram, right.number)));
    case TokenType::TrimUpper: return histogram(trimmed_above(*left.histogram, right.number));
    case TokenType::TrimLower: return histogram(trimmed_below(*left.histogram, right.number));
    default: return std::nullopt;
  }
}

Result<TwinVector> combine_vectors(const Binary& binary, const TwinVector& left,
                                   const TwinVector& right) {
  const VectorMatching& matching = *binary.matching;
  if (is_set_operator(binary.op)) {
    bool duplicate = false;
    TwinVector out = set_operation(binary.op, matching, left, right, duplicate);
    if (duplicate) return fail(ErrorCode::Execution, "the same labelset on both sides");
    return out;
  }
  if (left.empty() && right.empty()) return TwinVector();
  // Not even series that would not be allowed are looked at then.
  const bool fills = matching.fill_left || matching.fill_right;
  if ((left.empty() || right.empty()) && !fills) return TwinVector();
  return Matching(binary, left, right).run();
}

}  // namespace prom5::promql
