#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ask/tool.h"
#include "base/time.h"

namespace prom5::tools {

/// An alerting or recording rule, as its file has it.
struct RuleInfo {
  std::string name;  ///< of the alert, or of the series it records
  bool alert = false;
  std::string expr;
  DurationMs hold;  ///< an alert's `for`
  std::vector<std::pair<std::string, std::string>> labels;
  std::string group;
  std::string file;
};

/// Errors name file, line and column. Any thread.
using RuleSource = std::function<Result<std::vector<RuleInfo>>()>;

/// The rules of the configuration's rule_files.
class ListRules final : public Tool {
 public:
  explicit ListRules(RuleSource source) : source_(std::move(source)) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  const RuleSource source_;
};

}  // namespace prom5::tools
