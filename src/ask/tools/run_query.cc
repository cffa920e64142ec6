#include "ask/tools/run_query.h"

namespace prom5::tools {

Result<query::QueryResult> run_query(query::Engine& engine, query::QueryRequest request,
                                     const ToolContext& context) {
  request.stop = context.stop;
  if (context.budget != nullptr) request.timeout = TRY(context.budget->admit());
  query::QueryResult result = TRY(engine.run(request));
  if (context.budget != nullptr) context.budget->draw(result.stats.samples.read);
  return result;
}

}  // namespace prom5::tools
