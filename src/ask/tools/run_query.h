#pragma once

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// Gives a request that nothing but its cost is asked of what run_query() would.
Result<void> within_budget(query::QueryRequest& request, const ToolContext& context);

/// Runs a tool's query within what is left of the question's budget, and draws from it what it
/// read. `request.stop` and `request.timeout` are set here. Errors: those of Engine::run and of
/// QueryBudget::admit.
Result<query::QueryResult> run_query(query::Engine& engine, query::QueryRequest request,
                                     const ToolContext& context);

}  // namespace prom5::tools
