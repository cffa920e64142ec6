#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/tool.h"

namespace prom5::tools {

/// Finds metrics by words of their name and help text.
class FindMetrics final : public Tool {
 public:
  explicit FindMetrics(catalogue::Catalogue& catalogue) : catalogue_(catalogue) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  catalogue::Catalogue& catalogue_;
};

}  // namespace prom5::tools
