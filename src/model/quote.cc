#include "model/quote.h"

#include <fmt/format.h>

#include "io/codec/utf8.h"

namespace prom5 {

namespace {

/// Spaces other than U+0020, format and control characters, private use, and noncharacters, which
/// Go's strconv.Quote escapes (Unicode 15, general categories Z, C).
bool is_printable(uint32_t c) {
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  static constexpr Range kHidden[] = {
      {0x80, 0xA0},       {0xAD, 0xAD},       {0x378, 0x379},     {0x600, 0x605},
      {0x61C, 0x61C},     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},
      {0x8E2, 0x8E2},     {0x1680, 0x1680},   {0x180E, 0x180E},   {0x2000, 0x200F},
      {0x2028, 0x202F},   {0x205F, 0x206F},   {0x3000, 0x3000},   {0xD800, 0xF8FF},
      {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},
      {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0x10FFFF}};
  for (const Range& range : kHidden) {
    if (c >= range.first && c <= range.last) return false;
  }
  return true;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto hex_escape = [&](unsigned char byte) {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  };
  out += '"';
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      const size_t length = codec::utf8_sequence_length(text.substr(i));
      if (length == 0) {
        hex_escape(byte);
        ++i;
      } else {
        const std::string_view sequence = text.substr(i, length);
        const uint32_t code_point = codec::utf8_code_point(sequence);
        if (is_printable(code_point)) {
          out.append(sequence);
        } else {
          out += code_point > 0xFFFF ? fmt::format("\\U{:08x}", code_point)
                                     : fmt::format("\\u{:04x}", code_point);
        }
        i += length;
      }
      continue;
    }
    switch (byte) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\v': out += "\\v"; break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          hex_escape(byte);
        } else {
          out += static_cast<char>(byte);
        }
    }
    ++i;
  }
  out += '"';
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

}  // namespace prom5
