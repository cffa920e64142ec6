#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

struct Comparison;
struct FrameRequest;

/// How two queries move together, or which of everything known moves with one.
class Correlate final : public Tool {
 public:
  Correlate(query::Engine& engine, catalogue::Catalogue& catalogue,
            const catalogue::ConceptPack& pack)
      : engine_(engine), catalogue_(catalogue), pack_(pack) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  Result<void> with_everything(const std::string& a, Comparison& comparison);

  query::Engine& engine_;
  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
};

}  // namespace prom5::tools
