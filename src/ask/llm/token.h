#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::llm {

/// A word of a question.
///
/// Numbers are digits where that is certain ("ninety five" is one token "95"), a percent sign and
/// the signs < <= > >= = == != and - (between two numbers) are tokens of their own, and what looks
/// like a name (`web-01:9100`, `/v1/orders`, `node_load1`) or a glued quantity (`24h`, `10k`,
/// `2.5gb`) is one token.
struct Token {
  std::string text;     ///< lower case, Latin letters without accents
  std::string written;  ///< as the user wrote it; several words where `text` stands for several
  bool mended = false;  ///< `text` is another word than was written, which was taken for misspelt
};

/// Splits a question into words. Any bytes: what is not UTF-8 separates words. At most 1,000 words
/// come out, the rest is not looked at.
///
/// Contractions are taken apart ("what's" and "whats" are "what", "is"), a possessive 's is
/// dropped, and spoken numbers become digits: "twenty-four" 24, "two hundred and fifty" 250, "one
/// and a half" 1.5, "ninety nine point nine" 99.9, "ten k" 10k, "a dozen" 12, "a couple of" 2,
/// "ninety fifth" 95th, "five xx" 5xx. Digits said one by one are one token: "oh one" 01, "five
/// oh three" 503. A lone "one" is a number only where something counts it ("one hour", "above
/// one", "top one"); elsewhere it stands for a thing ("the kafka one") and stays. So does "half",
/// which `find_time_phrases` reads.
/// Pure; any thread.
std::vector<Token> tokenize(std::string_view text);

/// The text of a token; empty behind the last one. `back`: that many tokens before `at`, empty
/// before the first one.
std::string_view word_at(std::span<const Token> tokens, size_t at);
std::string_view word_before(std::span<const Token> tokens, size_t at, size_t back = 1);

bool is_any_of(std::string_view word, std::initializer_list<std::string_view> words);

}  // namespace prom5::llm
