#pragma once

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// When an alert would have fired in the last day. Nothing is created.
class ProposeAlert final : public Tool {
 public:
  explicit ProposeAlert(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

/// Which alerts a silence would hit now. Nothing is created.
class ProposeSilence final : public Tool {
 public:
  explicit ProposeSilence(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

/// Where a query's series go, with an interval, and when they reach a level.
class ForecastSeries final : public Tool {
 public:
  explicit ForecastSeries(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
