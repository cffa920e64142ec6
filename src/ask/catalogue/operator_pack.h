#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/concept.h"
#include "base/error.h"

namespace prom5::catalogue {

/// A query that would have answered a question.
struct Lesson {
  std::string question;
  std::string promql;
  std::string explain;  ///< in words, what it is; may be empty
};

/// merge(), after a look at the PromQL of every recipe: it must parse, also of another time and by
/// another label. BadData with line and column.
Result<void> merge_checked(ConceptPack& pack, std::string_view yaml);

/// These give the text of an operator's pack with one thing more: what comments it had are gone.
/// `shipped` is what the pack is merged with; the text that is given back can be merged. Errors:
/// BadData for a pack that is no good, and for what cannot be learned.

/// That a word or several mean a word, or a concept by its name.
Result<std::string> with_synonym(std::string_view yaml, const ConceptPack& shipped,
                                 const std::string& word, const std::string& meaning);

/// A concept that is asked for by the words of the question.
Result<std::string> with_lesson(std::string_view yaml, const ConceptPack& shipped,
                                const Lesson& lesson);

}  // namespace prom5::catalogue
