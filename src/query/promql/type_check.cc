#include "query/promql/type_check.h"

#include <fmt/core.h>

#include <algorithm>

#include "model/quote.h"
#include "query/promql/functions.h"

namespace prom5::promql {

namespace {

using query::describe;

class TypeChecker {
 public:
  TypeChecker(std::string_view query, const std::function<void(PositionRange, std::string)>& report)
      : query_(query), report_(report) {}

  ValueType check(Expr& expr) {
    std::visit([&](auto& node) { visit(expr, node); }, expr.node);
    return type_of(expr);
  }

 private:
  void visit(Expr&, NumberLiteral&) {}
  void visit(Expr&, StringLiteral&) {}
  void visit(Expr&, DurationExpr&) {}
  void visit(Expr&, Paren& node) { check(*node.expr); }
  void visit(Expr&, MatrixSelector& node) { check(*node.vector); }

  void visit(Expr& expr, VectorSelector& node) {
    if (!node.name.empty()) {
      for (size_t i = 0; i + 1 < node.matchers.size(); ++i) {
        if (node.matchers[i].name() == kMetricName) {
          report_(expr.position, fmt::format("metric name must not be set twice: {} or {}",
                                             quoted(node.name), quoted(node.matchers[i].value())));
        }
      }
      return;
    }
    const bool selective = std::any_of(node.matchers.begin(), node.matchers.end(),
                                       [](const Matcher& m) { return !m.matches_empty(); });
    if (!selective && !node.may_be_empty) {
      report_(expr.position, "vector selector must contain at least one non-empty matcher");
    }
  }

  void visit(Expr& expr, Subquery& node) {
    const ValueType type = check(*node.expr);
    if (type != ValueType::InstantVector) {
      // The reference prints its internal names here, not the documented ones.
      const std::string_view name = type == ValueType::RangeVector ? "matrix" : describe(type);
      report_(expr.position,
              fmt::format("subquery is only allowed on instant vector, got {} instead", name));
    }
  }

  void visit(Expr& expr, Unary& node) {
    const ValueType type = check(*node.expr);
    if (type != ValueType::Scalar && type != ValueType::InstantVector) {
      report_(expr.position, fmt::format("unary expression only allowed on expressions of type "
                                         "scalar or instant vector, got \"{}\"",
                                         describe(type)));
    }
  }

  void expect(Expr& expr, ValueType wanted, std::string_view context) {
    const ValueType type = check(expr);
    if (type != wanted) {
      report_(expr.position, fmt::format("expected type {} in {}, got {}", describe(wanted),
                                         context, describe(type)));
    }
  }

  void visit(Expr&, Aggregate& node) {
    expect(*node.expr, ValueType::InstantVector, "aggregation expression");
    if (!node.parameter) return;
    expect(*node.parameter,
           node.op == TokenType::CountValues ? ValueType::String : ValueType::Scalar,
           "aggregation parameter");
  }

  void visit(Expr& expr, Call& node) {
    const query::FunctionInfo& info = node.function->info;
    const size_t listed = info.arguments.size();
    const size_t given = node.arguments.size();
    if (info.variadic == 0) {
      if (given != listed) {
        report_(expr.position, fmt::format("expected {} argument(s) in call to {}, got {}", listed,
                                           quoted(info.name), given));
      }
    } else {
      const size_t least = listed - 1;
      if (given < least) {
        report_(expr.position, fmt::format("expected at least {} argument(s) in call to {}, got {}",
                                           least, quoted(info.name), given));
      } else if (info.variadic > 0 && given > least + static_cast<size_t>(info.variadic)) {
        report_(expr.position,
                fmt::format("expected at most {} argument(s) in call to {}, got {}",
                            least + static_cast<size_t>(info.variadic), quoted(info.name), given));
      }
    }
    if (info.name == "info" && given > 1) check_info_selector(*node.arguments[1]);
    for (size_t i = 0; i < given; ++i) {
      if (i >= listed && info.variadic == 0) break;
      const ValueType wanted = info.arguments[std::min(i, listed - 1)];
      const ValueType type = check(*node.arguments[i]);
      if (type != wanted) {
        report_(node.arguments[i]->position,
                fmt::format("expected type {} in call to function {}, got {}", describe(wanted),
                            quoted(info.name), describe(type)));
      }
    }
  }

  void check_info_selector(Expr& expr) {
    VectorSelector* selector = expr.as<VectorSelector>();
    if (type_of(expr) != ValueType::InstantVector) {
      report_(expr.position,
              fmt::format("expected type {} in call to function \"info\", got {}",
                          describe(ValueType::InstantVector), describe(type_of(expr))));
    }
    if (selector == nullptr) {
      report_(expr.position, "expected label selectors only");
    } else if (!selector->name.empty()) {
      report_(expr.position, "expected label selectors only, got vector selector instead");
    } else {
      selector->may_be_empty = true;
    }
  }

  /// Where the operator itself stands.
  [[nodiscard]] PositionRange operator_position(const Binary& node) const {
    int start = node.left->position.end;
    while (static_cast<size_t>(start) < query_.size() &&
           (query_[static_cast<size_t>(start)] == ' ' ||
            query_[static_cast<size_t>(start)] == '\n' ||
            query_[static_cast<size_t>(start)] == '\t' ||
            query_[static_cast<size_t>(start)] == '\r')) {
      ++start;
    }
    return {start, start + 1};
  }

  void visit(Expr& expr, Binary& node) {
    const ValueType left = check(*node.left);
    const ValueType right = check(*node.right);
    const bool comparison = is_comparison(node.op);
    const bool set = is_set_operator(node.op);
    VectorMatching& matching = *node.matching;
    if (node.return_bool && !comparison) {
      report_(operator_position(node), "bool modifier can only be used on comparison operators");
    }
    if (comparison && !node.return_bool && left == ValueType::Scalar &&
        right == ValueType::Scalar) {
      report_(operator_position(node), "comparisons between scalars must use BOOL modifier");
    }
    if (set && matching.cardinality == Cardinality::OneToOne) {
      matching.cardinality = Cardinality::ManyToMany;
    }
    for (const std::string& label : matching.labels) {
      const bool included = std::find(matching.include.begin(), matching.include.end(), label) !=
                            matching.include.end();
      if (matching.on && included) {
        report_(
            operator_position(node),
            fmt::format("label {} must not occur in ON and GROUP clause at once", quoted(label)));
      }
    }
    for (const auto& [type, side] :
         {std::pair{left, node.left.get()}, std::pair{right, node.right.get()}}) {
      if (type != ValueType::Scalar && type != ValueType::InstantVector) {
        report_(side->position,
                "binary expression must contain only scalar and instant vector types");
      }
    }
    check_matching(expr, node, left, right);
    if (set && (left == ValueType::Scalar || right == ValueType::Scalar)) {
      report_(expr.position, fmt::format("set operator \"{}\" not allowed in binary scalar "
                                         "expression",
                                         spelling(node.op)));
    }
  }

  void check_matching(Expr& expr, Binary& node, ValueType left, ValueType right) {
    VectorMatching& matching = *node.matching;
    const bool filled = matching.fill_left || matching.fill_right;
    if (left != ValueType::InstantVector || right != ValueType::InstantVector) {
      if (!matching.labels.empty()) {
        report_(expr.position, "vector matching only allowed between instant vectors");
      }
      if (filled) {
        report_(expr.position, "filling in missing series only allowed between instant vectors");
      }
      node.matching.reset();
      return;
    }
    if (!is_set_operator(node.op)) return;
    if (matching.cardinality != Cardinality::ManyToMany) {
      report_(expr.position,
              fmt::format("no grouping allowed for \"{}\" operation", spelling(node.op)));
    }
    if (filled) {
      report_(expr.position, "filling in missing series not allowed for set operators");
    }
  }

  std::string_view query_;
  const std::function<void(PositionRange, std::string)>& report_;
};

}  // namespace

void check_types(Expr& expr, std::string_view query,
                 const std::function<void(PositionRange at, std::string text)>& report) {
  TypeChecker(query, report).check(expr);
}

}  // namespace prom5::promql
