#include "query/promql/repeated.h"

#include <algorithm>

namespace prom5::promql {

namespace {

/// Of longer queries nothing is looked for: texts of all their parts would grow with the square.
constexpr size_t kMaxText = 4096;

size_t selectors_in(const Expr& expr) {
  if (expr.as<VectorSelector>() != nullptr) return 1;
  size_t n = 0;
  for (const Expr* inner : children(expr)) n += selectors_in(*inner);
  return n;
}

/// Whether evaluating it gives something by itself: not ranges, nor what is only in parentheses.
bool stands_alone(const Expr& expr) {
  return type_of(expr) == ValueType::InstantVector && expr.as<Paren>() == nullptr &&
         selectors_in(expr) > 0;
}

void count(const Expr& expr, std::unordered_map<std::string, size_t>& counts) {
  if (stands_alone(expr)) ++counts[print(expr)];
  // A matrix selector's own selector is read by the function around it.
  if (expr.as<MatrixSelector>() != nullptr) return;
  for (const Expr* inner : children(expr)) count(*inner, counts);
}

}  // namespace

RepeatedExprs::RepeatedExprs(const Expr& root) {
  if (selectors_in(root) < 2 || print(root).size() > kMaxText) return;
  Counts counts;
  count(root, counts);
  mark(root, 1, counts);
}

void RepeatedExprs::mark(const Expr& expr, size_t times_outside, const Counts& counts) {
  size_t times = times_outside;
  if (stands_alone(expr)) {
    const std::string text = print(expr);
    times = counts.at(text);
    // As often as what it stands in: then it is evaluated once because that is.
    if (times > times_outside) {
      groups_.emplace(&expr, numbers_.try_emplace(text, numbers_.size()).first->second);
    }
  }
  if (expr.as<MatrixSelector>() != nullptr) return;
  for (const Expr* inner : children(expr)) mark(*inner, std::max(times, times_outside), counts);
}

std::optional<size_t> RepeatedExprs::group_of(const Expr& expr) const {
  const auto found = groups_.find(&expr);
  if (found == groups_.end()) return std::nullopt;
  return found->second;
}

}  // namespace prom5::promql
