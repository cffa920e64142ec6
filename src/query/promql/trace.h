#pragma once

#include <cstdint>
#include <unordered_map>

#include "query/promql/ast.h"

namespace prom5::promql {

/// What evaluating an expression cost, its inner expressions included.
struct ExprTrace {
  double seconds = 0;
  uint64_t samples = 0;  ///< decoded
  uint64_t series = 0;   ///< that it gave
  uint64_t calls = 0;    ///< subqueries and functions may evaluate an argument again
};

using Trace = std::unordered_map<const Expr*, ExprTrace>;

}  // namespace prom5::promql
