#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// What is unusual now, or was at another time: in given queries, or in everything.
class Anomalies final : public Tool {
 public:
  Anomalies(query::Engine& engine, catalogue::Catalogue& catalogue,
            const catalogue::ConceptPack& pack)
      : engine_(engine), catalogue_(catalogue), pack_(pack) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  Result<Json> of_queries(const Json& arguments, const ToolContext& context);
  Result<Json> of_query(const Json& query, const Json& arguments, const ToolContext& context);

  query::Engine& engine_;
  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
};

}  // namespace prom5::tools
