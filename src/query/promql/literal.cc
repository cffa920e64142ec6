#include <algorithm>
#include <charconv>

#include "io/codec/utf8.h"
#include "query/promql/parser.h"

namespace prom5::promql {

std::string line_and_column(std::string_view query, int position) {
  const size_t end = std::min(query.size(), static_cast<size_t>(std::max(position, 0)));
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < end; ++i) {
    if (query[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
  return fmt::format("{}:{}", line, end - line_start + 1);
}

std::string unquote(std::string_view literal) {
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  if (literal[0] == '`') return std::string(inner);
  constexpr std::string_view kLetters = "abfnrtv";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
  std::string out;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\') {
      out += inner[i];
      continue;
    }
    const char c = inner[++i];
    if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      out += kMeanings[letter];
      continue;
    }
    size_t digits = 0;
    int base = 16;
    if (c == 'x') digits = 2;
    if (c == 'u') digits = 4;
    if (c == 'U') digits = 8;
    if (c >= '0' && c <= '7') {
      digits = 3;
      base = 8;
      --i;
    }
    if (digits == 0) {
      out += c;
      continue;
    }
    uint32_t value = 0;
    std::from_chars(inner.data() + i + 1, inner.data() + i + 1 + digits, value, base);
    i += digits;
    if (c == 'u' || c == 'U') {
      codec::utf8_append(out, value);
    } else {
      out += static_cast<char>(value);
    }
  }
  return out;
}

}  // namespace prom5::promql
