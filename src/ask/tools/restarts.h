#pragma once

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// When processes started anew: told by the times that they say they started at, or where there are
/// none, by counters that began anew. What several series of a target show is one restart where it
/// may have been one: each tells a stretch that it lies in, between the last sample before it and
/// the first behind, and as few moments are taken as hit all stretches.
class Restarts final : public Tool {
 public:
  explicit Restarts(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
