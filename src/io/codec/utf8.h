#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prom5::codec {

/// Bytes of the well-formed UTF-8 sequence that `text` begins with (1 to 4); 0 when it does not
/// begin with one (Unicode 15, table 3-7: no surrogates, no overlong forms).
size_t utf8_sequence_length(std::string_view text);

/// What a well-formed sequence stands for.
uint32_t utf8_code_point(std::string_view sequence);

/// A byte that belongs to none counts as U+FFFD.
std::u32string utf8_code_points(std::string_view text);

bool utf8_valid(std::string_view text);

/// How many code points well-formed text has.
size_t utf8_length(std::string_view text);

/// The front of a text, at most `bytes` long, and not cut within a character.
std::string_view utf8_front(std::string_view text, size_t bytes);

/// Appends one code point; it must be a scalar value (not a surrogate, at most 0x10FFFF).
void utf8_append(std::string& out, uint32_t code_point);

}  // namespace prom5::codec
