#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/lexicon.h"
#include "ask/tool.h"

namespace prom5::tools {

/// Finds metrics by words of their names and help texts, whatever form the words are in.
class FindMetrics final : public Tool {
 public:
  FindMetrics(catalogue::Catalogue& catalogue, const catalogue::Lexicon& lexicon)
      : catalogue_(catalogue), lexicon_(lexicon) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  catalogue::Catalogue& catalogue_;
  const catalogue::Lexicon& lexicon_;
};

}  // namespace prom5::tools
