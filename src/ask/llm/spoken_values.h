#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/llm/spelling.h"
#include "ask/llm/token.h"

namespace prom5::llm {

/// A word that is said to be the value of a label, though it is a name of nothing that is here:
/// "topic foo", "PUT requests". `here`: some series has it, as no word that is found like other
/// names.
struct SpokenValue {
  size_t word = 0;   ///< the token that says of which label; the value's own where none does
  size_t at = 0;     ///< the token of the value
  std::string kind;  ///< canonical: "topic", "method"
  bool here = false;
};

/// All of them, in the order of the tokens: what stands behind the name of a label and has no
/// meaning else, and values of the lexicon's section "values" where they are meant as such: in
/// capitals, behind their kind or before "requests". `used`: tokens that mean something else. Pure;
/// any thread.
std::vector<SpokenValue> find_spoken_values(std::span<const Token> tokens,
                                            const std::vector<bool>& used,
                                            const catalogue::Lexicon& lexicon,
                                            const Vocabulary& vocabulary,
                                            const catalogue::Snapshot& snapshot);

/// The kind that a word alone speaks of, in the singular: the name of a label or a canonical word
/// whose things a label of some series tells apart. Empty for other words.
std::string kind_of_value(std::string_view word, const catalogue::Lexicon& lexicon,
                          const catalogue::Snapshot& snapshot);

}  // namespace prom5::llm
