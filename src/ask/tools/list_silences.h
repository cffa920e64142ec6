#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ask/tool.h"
#include "base/time.h"

namespace prom5::tools {

/// A silence that an Alertmanager holds.
struct SilenceInfo {
  std::string id;
  std::string state;                  ///< active or pending
  std::vector<std::string> matchers;  ///< as they are written: `alertname="X"`
  TimeMs starts;
  TimeMs ends;
  std::string created_by;
  std::string comment;
};

/// What is silenced; nothing where no Alertmanager is configured.
struct Silences {
  bool configured = false;
  std::vector<SilenceInfo> list;
};

/// Asks within the context's budget. Errors: Unavailable when no Alertmanager answers. Any thread.
using SilenceSource = std::function<Result<Silences>(const ToolContext&)>;

/// The silences that are in force or will be.
class ListSilences final : public Tool {
 public:
  explicit ListSilences(SilenceSource source) : source_(std::move(source)) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  const SilenceSource source_;
};

}  // namespace prom5::tools
