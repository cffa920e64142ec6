#pragma once

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/meaning_index.h"
#include "ask/language_model.h"
#include "ask/llm/planner.h"
#include "ask/texts/languages.h"

namespace prom5::llm {

/// The built-in model: rules over a catalogue instead of a neural network. The same question on the
/// same data gives the same answer; nothing leaves the machine.
///
/// It works like any other model: asked a question it calls tools, given their results it answers.
/// A final turn's `content` has the fields of POST /api/v5/query/natural, and a `frame`, from which
/// the next question may go on. It understands English, and answers in the language that the
/// question's Message names. Any thread.
class RuleModel final : public LanguageModel {
 public:
  RuleModel(catalogue::Catalogue& catalogue, const catalogue::ConceptPack& pack,
            catalogue::MeaningIndex& meaning,
            const texts::Languages& languages = texts::Languages::shipped())
      : catalogue_(catalogue),
        pack_(pack),
        meaning_(meaning),
        languages_(languages),
        vocabulary_(pack),
        subjects_(pack) {}

  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const ReplyLimits& limits) override;

 private:
  Result<Plan> understand(std::span<const Message> conversation, TimeMs now,
                          const texts::TextCatalogue& texts);

  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
  catalogue::MeaningIndex& meaning_;
  const texts::Languages& languages_;
  const Vocabulary vocabulary_;
  const SubjectFinder subjects_;
};

}  // namespace prom5::llm
