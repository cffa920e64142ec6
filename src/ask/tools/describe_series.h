#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/tool.h"

namespace prom5::tools {

/// What a metric is: type, unit, help, labels with their values, number of series.
class DescribeSeries final : public Tool {
 public:
  explicit DescribeSeries(catalogue::Catalogue& catalogue) : catalogue_(catalogue) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  catalogue::Catalogue& catalogue_;
};

}  // namespace prom5::tools
