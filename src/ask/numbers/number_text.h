#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ask/numbers/number_check.h"

namespace prom5::numbers {

/// A number as it stands in a text.
struct WrittenNumber {
  double value = 0;      ///< without its sign
  double tolerance = 0;  ///< half a unit of its last digit
  bool whole = false;    ///< digits only
  std::string digits;    ///< as written
  std::string unit;      ///< lower case, without "/s"; or empty
};

/// A word of a text without the punctuation around it.
struct TextWord {
  std::string_view core;
  bool colon_before = false;  ///< the word before ends in ":"
  bool ends_part = false;     ///< punctuation behind it
};

std::vector<TextWord> words_in(std::string_view text);

/// The numbers in one word; `next` is the word behind it, perhaps a unit. Digits that go on a name
/// are none.
std::vector<WrittenNumber> numbers_in(std::string_view word, std::string_view next);

/// "GB/s" to "gb".
std::string unit_name(std::string_view text);

/// All numbers of a text.
void collect_numbers(std::string_view text, std::vector<NumberEvidence::Said>& out);

/// "14:05", "14:05:09".
bool is_clock(std::string_view word);
/// "2026-01-15".
bool is_date(std::string_view word);

}  // namespace prom5::numbers
