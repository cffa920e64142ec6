#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/matcher.h"
#include "query/functions.h"
#include "query/promql/lexer.h"

namespace prom5::promql {

using query::ValueType;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Function;

struct NumberLiteral {
  double value = 0;
  bool duration = false;  ///< was written as "5m"; printed so
};

struct StringLiteral {
  std::string value;
};

/// Arithmetic in the place of a duration. `op` Step and Range have no operand, MinOf, MaxOf and the
/// binary operators two, unary Add and Sub only `right`.
struct DurationExpr {
  TokenType op = TokenType::Add;
  ExprPtr left;
  ExprPtr right;
  bool wrapped = false;  ///< was in parentheses
};

enum class AtKind : uint8_t { None, Time, Start, End };

/// offset and @, which selectors and subqueries take.
struct TimeModifiers {
  DurationMs offset;
  ExprPtr offset_expr;  ///< a DurationExpr, worked out before evaluation
  AtKind at = AtKind::None;
  TimeMs at_time;
};

enum class ExtendedRange : uint8_t { None, Anchored, Smoothed };

struct VectorSelector {
  std::string name;
  std::vector<Matcher> matchers;  ///< with the one for `name` last
  TimeModifiers time;
  ExtendedRange extended = ExtendedRange::None;
  bool may_be_empty = false;  ///< the second argument of info()
};

struct MatrixSelector {
  ExprPtr vector;  ///< a VectorSelector
  DurationMs range;
  ExprPtr range_expr;
};

struct Subquery {
  ExprPtr expr;
  DurationMs range;
  DurationMs step;  ///< 0: the default
  ExprPtr range_expr;
  ExprPtr step_expr;
  TimeModifiers time;
};

struct Call {
  const Function* function = nullptr;
  std::vector<ExprPtr> arguments;
};

struct Aggregate {
  TokenType op = TokenType::Sum;
  ExprPtr expr;
  ExprPtr parameter;
  std::vector<std::string> grouping;
  bool without = false;
};

enum class Cardinality : uint8_t { OneToOne, ManyToOne, OneToMany, ManyToMany };

struct VectorMatching {
  Cardinality cardinality = Cardinality::OneToOne;
  bool on = false;
  std::vector<std::string> labels;
  std::vector<std::string> include;
  std::optional<double> fill_left;
  std::optional<double> fill_right;
};

struct Binary {
  TokenType op = TokenType::Add;
  ExprPtr left;
  ExprPtr right;
  bool return_bool = false;
  std::optional<VectorMatching> matching;  ///< nothing unless both sides are vectors
};

struct Unary {
  TokenType op = TokenType::Sub;
  ExprPtr expr;
};

struct Paren {
  ExprPtr expr;
};

struct Expr {
  PositionRange position;
  std::variant<NumberLiteral, StringLiteral, DurationExpr, VectorSelector, MatrixSelector, Subquery,
               Call, Aggregate, Binary, Unary, Paren>
      node;

  template <typename Node>
  [[nodiscard]] const Node* as() const {
    return std::get_if<Node>(&node);
  }
  template <typename Node>
  [[nodiscard]] Node* as() {
    return std::get_if<Node>(&node);
  }
};

template <typename Node>
ExprPtr make_expr(PositionRange position, Node node) {
  return std::make_unique<Expr>(Expr{position, std::move(node)});
}

/// The type that evaluating the expression gives; looks through parentheses.
ValueType type_of(const Expr& expr);

/// Whether all its series are of one metric.
bool names_metric(const VectorSelector& selector);

/// Without parentheses around it.
const Expr& unwrap(const Expr& expr);

/// The expressions directly inside, in the order of the text; not those of durations.
std::vector<const Expr*> children(const Expr& expr);

/// The expression as PromQL text, in Prometheus' normal form (promql/parser/printer.go).
std::string print(const Expr& expr);
/// The same over several lines where one would be longer than 100 bytes (parser/prettier.go).
std::string pretty(const Expr& expr);

}  // namespace prom5::promql
