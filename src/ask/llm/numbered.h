#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/llm/token.h"

namespace prom5::llm {

/// A thing that is called by a number: "core 7", "status code 500", "port 9090".
struct Numbered {
  size_t word = 0;                       ///< the token that says what it is
  size_t at = 0;                         ///< the token of the number
  std::string kind;                      ///< canonical: "core"
  std::vector<std::string> labels;       ///< that tell such things apart, of those there are
  std::vector<catalogue::Place> places;  ///< label values that it names; empty: there is none
};

/// All of them, in the order of the tokens: a number behind a word of the lexicon's section
/// "numbered", or behind the name of a label whose values are numbers; of "cores 2 and 3" both. In
/// an order to be warned ("warn me at cpu 90") a number is a limit unless it is such a value.
/// `used`: tokens that mean something else. Pure; any thread.
std::vector<Numbered> find_numbered(std::span<const Token> tokens, const std::vector<bool>& used,
                                    const catalogue::Lexicon& lexicon,
                                    const catalogue::Snapshot& snapshot);

/// Writes "500s" of "how many 500s" as "code 500"; a time, "slower than 500s", stays one.
void name_codes(std::vector<Token>& tokens);

/// "5" and "0.5", but no address and no version.
bool is_number(std::string_view text);

}  // namespace prom5::llm
