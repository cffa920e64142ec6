#pragma once

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// Runs PromQL at one time or over a range, under the engine's limits.
class QueryMetrics final : public Tool {
 public:
  explicit QueryMetrics(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
