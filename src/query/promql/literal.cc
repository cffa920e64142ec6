#include <algorithm>
#include <charconv>
#include <cmath>

#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/quote.h"
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

DurationMs to_duration(double seconds) {
  return {static_cast<int64_t>(std::round(seconds * 1e9)) / 1'000'000};
}

TimeMs to_time(double seconds) {
  constexpr double kLast = 9223372036854774784;  // the greatest double below 2^63
  return {static_cast<int64_t>(std::clamp(std::round(seconds * 1000), -kLast, kLast))};
}

Result<double> parse_number(std::string_view literal) {
  const auto invalid = [&](std::string_view why) {
    return fail(ErrorCode::BadData, "error parsing number: strconv.ParseFloat: parsing {}: {}",
                quoted(literal), why);
  };
  std::string digits(literal);
  if (digits.ends_with('_')) return invalid("invalid syntax");
  std::erase(digits, '_');
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  // Go reads a leading zero as octal, and falls back to a float when that fails.
  if (digits.size() > 1 && digits[0] == '0' &&
      digits.find_first_not_of("01234567") == std::string::npos) {
    int64_t octal = 0;
    if (std::from_chars(begin, end, octal, 8).ec == std::errc{}) return static_cast<double>(octal);
  }
  // Hexadecimal is an integer, or a float with an exponent.
  if (digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X')) {
    int64_t integer = 0;
    const auto [past, error] = std::from_chars(begin + 2, end, integer, 16);
    const bool fits = error == std::errc{} && past == end;
    if (!fits && digits.find_first_of("pP") == std::string::npos) return invalid("invalid syntax");
  }
  if (const auto value = codec::parse_double(digits)) return *value;
  double unused = 0;
  const auto [past, error] = std::from_chars(begin, end, unused);
  const bool too_large = error == std::errc::result_out_of_range && past == end;
  return invalid(too_large ? "value out of range" : "invalid syntax");
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
