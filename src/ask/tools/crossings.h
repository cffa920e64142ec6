#pragma once

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// When values were beyond a limit in the last day or another time, looked at as often as they are
/// scraped: as closely as some thousand steps allow, and where that is less often, once more about
/// the moments that are told.
class Crossings final : public Tool {
 public:
  explicit Crossings(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
