#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ask/llm/token.h"

namespace prom5::llm {

/// "42", "-1.5": digits alone, at most 15 characters. Nothing else is a number here, not "1e9",
/// not "inf".
std::optional<double> plain_number(std::string_view text);

/// A word that numbers are said with: "twenty", "hundred", "ninth", "half".
bool is_number_word(std::string_view word);

/// 2 of "second" and "2nd"; nothing for other words, and for "zeroth".
std::optional<int64_t> ordinal(std::string_view word);

/// Spoken numbers as digits, as tokenize() promises. Pure; any thread.
std::vector<Token> with_digits(const std::vector<Token>& tokens);

}  // namespace prom5::llm
