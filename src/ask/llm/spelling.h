#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/llm/token.h"

namespace prom5::llm {

/// Words that the spelling of a question is corrected to. Made once of the packs; any thread.
class Vocabulary {
 public:
  explicit Vocabulary(const catalogue::ConceptPack& pack);

  [[nodiscard]] bool knows(std::string_view word) const;
  /// The word that was meant, or empty.
  [[nodiscard]] std::string correct(std::string_view word,
                                    const catalogue::Snapshot& snapshot) const;

 private:
  std::set<std::string, std::less<>> words_;
};

/// Labels whose values are names that people say, in several words too: "order processor".
bool is_naming_label(std::string_view label);

/// Brings a question's words into the spelling of what is known: joins what speech took apart
/// ("web" "01", "check" "out"), takes apart what was written together ("cmds/s"), and corrects what
/// is near to one known word. Pure; any thread.
void mend_words(std::vector<Token>& tokens, const catalogue::Lexicon& lexicon,
                const Vocabulary& vocabulary, const catalogue::Snapshot& snapshot);

/// The base name of a histogram or summary that a question says, which has no series of its own; or
/// empty. Where it has buckets, its token becomes their name. Pure; any thread.
std::string take_family(std::vector<Token>& tokens, const catalogue::Snapshot& snapshot);

}  // namespace prom5::llm
