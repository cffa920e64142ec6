#pragma once

#include "ask/tool.h"
#include "query/doctor.h"
#include "query/engine.h"

namespace prom5::tools {

/// What a query computes, in words, and what it costs.
class ExplainQuery final : public Tool {
 public:
  explicit ExplainQuery(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

/// Why a query's result is empty.
class DiagnoseQuery final : public Tool {
 public:
  DiagnoseQuery(query::Engine& engine, Storage& storage, const Clock& clock)
      : doctor_(engine, storage, clock) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Doctor doctor_;
};

/// The alerts that fire or are pending.
class ListAlerts final : public Tool {
 public:
  explicit ListAlerts(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

/// The targets and whether they are up.
class ListTargets final : public Tool {
 public:
  explicit ListTargets(query::Engine& engine) : engine_(engine) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
};

}  // namespace prom5::tools
