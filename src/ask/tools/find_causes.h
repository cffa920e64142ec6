#pragma once

#include <optional>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/tool.h"
#include "ask/tools/scan.h"
#include "query/engine.h"

namespace prom5::tools {

/// Why something is, or was, as it is: what else became unusual at that time, and what came first.
/// Hypotheses are ranked by evidence: how closely a series moves with the effect, whether it began
/// before it, and how far from its usual course it is.
class FindCauses final : public Tool {
 public:
  FindCauses(query::Engine& engine, catalogue::Catalogue& catalogue,
             const catalogue::ConceptPack& pack)
      : engine_(engine), catalogue_(catalogue), pack_(pack) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  Result<TimeMs> when(const Json& arguments, TimeMs at, const ToolContext& context);
  Result<std::optional<Oddity>> effect_of(const VitalSign& sign, const Json& arguments,
                                          const ScanWindow& window, const ToolContext& context,
                                          Json& out);
  Result<Json> firing(const Json& words, TimeMs at, const ToolContext& context);

  query::Engine& engine_;
  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
};

}  // namespace prom5::tools
