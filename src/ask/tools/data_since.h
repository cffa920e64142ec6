#pragma once

#include <optional>

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// When the oldest sample of a selector's series is that a stretch of time knows of: before its
/// start where one is looked back at from there; nothing where there is none. Looked for coarsely
/// first, then closer, so that a stretch without data inside a longer one may be passed over.
/// Errors: those of Engine::run.
Result<std::optional<TimeMs>> first_sample(query::Engine& engine, const std::string& selector,
                                           TimeRange stretch, const ToolContext& context);

/// Since when there is data: no part of the evidence, which an answer shows as its query.
class DataSince final : public Tool {
 public:
  explicit DataSince(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
