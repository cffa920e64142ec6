#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/language_model.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

/// The built-in model: rules over a catalogue instead of a neural network. The same question on the
/// same data gives the same answer; nothing leaves the machine.
///
/// It works like any other model: asked a question it calls a tool, given the tool's result it
/// answers. A final turn's `content` has the fields of POST /api/v5/query/natural.
class RuleModel final : public LanguageModel {
 public:
  RuleModel(catalogue::Catalogue& catalogue, const catalogue::ConceptPack& pack)
      : catalogue_(catalogue), pack_(pack) {}

  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const TokenSink& tokens) override;

 private:
  Result<Plan> understand(std::span<const Message> conversation);

  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
};

}  // namespace prom5::llm
