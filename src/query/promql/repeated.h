#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "query/promql/ast.h"

namespace prom5::promql {

/// Expressions that stand in a query more than once, as `a` does in `a / (a + b)`, so that each is
/// evaluated once. Of expressions inside one another the outermost. One thread.
class RepeatedExprs {
 public:
  /// `root` must outlive this.
  explicit RepeatedExprs(const Expr& root);

  [[nodiscard]] bool none() const { return groups_.empty(); }
  /// The same number for expressions that are the same; nothing for one that stands alone.
  [[nodiscard]] std::optional<size_t> group_of(const Expr& expr) const;

 private:
  using Counts = std::unordered_map<std::string, size_t>;
  void mark(const Expr& expr, size_t times_outside, const Counts& counts);

  std::unordered_map<const Expr*, size_t> groups_;
  std::unordered_map<std::string, size_t> numbers_;  // of groups, by text
};

}  // namespace prom5::promql
