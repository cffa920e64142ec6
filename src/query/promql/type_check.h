#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "query/promql/ast.h"

namespace prom5::promql {

/// Checks that operators and functions get what they take, and completes what only types decide
/// (set operators match many to many; scalars have no matching). Calls `report` for each fault.
void check_types(Expr& expr, std::string_view query,
                 const std::function<void(PositionRange at, std::string text)>& report);

}  // namespace prom5::promql
