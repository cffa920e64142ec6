#include "query/promql/ast.h"

#include <algorithm>

namespace prom5::promql {

std::vector<const Expr*> children(const Expr& expr) {
  std::vector<const Expr*> out;
  const auto add = [&](const ExprPtr& child) {
    if (child) out.push_back(child.get());
  };
  if (const auto* matrix = expr.as<MatrixSelector>()) add(matrix->vector);
  if (const auto* subquery = expr.as<Subquery>()) add(subquery->expr);
  if (const auto* unary = expr.as<Unary>()) add(unary->expr);
  if (const auto* paren = expr.as<Paren>()) add(paren->expr);
  if (const auto* call = expr.as<Call>()) {
    for (const ExprPtr& argument : call->arguments) add(argument);
  }
  if (const auto* aggregate = expr.as<Aggregate>()) {
    add(aggregate->parameter);
    add(aggregate->expr);
  }
  if (const auto* binary = expr.as<Binary>()) {
    add(binary->left);
    add(binary->right);
  }
  return out;
}

bool names_metric(const VectorSelector& selector) {
  return std::ranges::any_of(selector.matchers, [](const Matcher& m) {
    return m.name() == kMetricName && m.type() == MatchType::Equal;
  });
}

}  // namespace prom5::promql
