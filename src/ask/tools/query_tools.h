#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ask/tool.h"
#include "model/labels.h"
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

/// How the last scrape of a target went.
struct ScrapeInfo {
  Labels labels;      ///< of the target
  std::string error;  ///< why it failed; empty where it did not
  TimeMs time;        ///< 0 before the first
};

/// The targets that are scraped now. Any thread.
using ScrapeSource = std::function<std::vector<ScrapeInfo>()>;

/// The targets, whether they are up, and what the last scrape failed with.
class ListTargets final : public Tool {
 public:
  /// `scrapes` may be empty: nothing is known of scrapes then.
  explicit ListTargets(query::Engine& engine, ScrapeSource scrapes = {})
      : engine_(engine), scrapes_(std::move(scrapes)) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  query::Engine& engine_;
  const ScrapeSource scrapes_;
};

}  // namespace prom5::tools
