#include "ask/tools/run_query.h"

namespace prom5::tools {

Result<void> within_budget(query::QueryRequest& request, const ToolContext& context) {
  request.stop = context.stop;
  if (context.budget != nullptr) request.timeout = TRY(context.budget->admit());
  return {};
}

Result<query::QueryResult> run_query(query::Engine& engine, query::QueryRequest request,
                                     const ToolContext& context) {
  TRY(within_budget(request, context));
  auto result = engine.run(request);
  if (context.budget == nullptr) return result;
  if (result) {
    context.budget->draw(result->stats.samples.read);
  } else if (result.error().code == ErrorCode::LimitExceeded) {
    context.budget->draw(
        engine.options().max_samples);  // it has read that many before it was stopped
  }
  return result;
}

}  // namespace prom5::tools
