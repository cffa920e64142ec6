#include "io/codec/number.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/ascii.h"

namespace prom5::codec {

namespace {

bool append_special(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    return false;
  }
  return true;
}

}  // namespace

namespace {

/// The digits of a number with few decimals; null, and nothing written, where it has more. At most
/// fifteen digits tell every double apart, so that no shorter text reads back the same.
char* write_few_decimals(char* to, double value) {
  constexpr std::array<double, 5> kPowers = {1, 1e1, 1e2, 1e3, 1e4};
  constexpr double kFifteenDigits = 1e15;
  if (value == 0 && std::signbit(value)) return nullptr;
  const double magnitude = std::fabs(value);
  for (size_t decimals = 0; decimals < kPowers.size(); ++decimals) {
    const double scaled = magnitude * kPowers[decimals];
    if (!(scaled < kFifteenDigits)) return nullptr;
    const auto digits = static_cast<uint64_t>(scaled + 0.5);
    if (static_cast<double>(digits) / kPowers[decimals] != magnitude) continue;
    if (value < 0) *to++ = '-';
    const auto power = static_cast<uint64_t>(kPowers[decimals]);
    to = std::to_chars(to, to + 20, digits / power).ptr;
    if (decimals == 0) return to;
    *to++ = '.';
    uint64_t rest = digits % power;
    for (size_t i = decimals; i > 0; --i, rest /= 10)
      to[i - 1] = static_cast<char>('0' + rest % 10);
    return to + decimals;
  }
  return nullptr;
}

/// From 2^53 on to_chars writes all digits of the binary value; the shortest that read back the
/// same, filled up with zeros, are what the field writes.
void append_large(std::string& out, double value) {
  std::array<char, 32> shortest;
  const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value,
                                 std::chars_format::scientific);
  const std::string_view text(shortest.data(), static_cast<size_t>(end.ptr - shortest.data()));
  const size_t mark = text.find('e');
  size_t exponent = 0;
  std::from_chars(text.data() + mark + 2, text.data() + text.size(), exponent);
  const size_t start = out.size();
  for (const char c : text.substr(0, mark)) {
    if (c != '.') out += c;
  }
  const size_t sign = value < 0 ? 1 : 0;
  out.append(exponent + 1 + sign - (out.size() - start), '0');
}

}  // namespace

void append_fixed(std::string& out, double value) {
  // The smallest denormal has 1074 places, its shortest form a few hundred.
  std::array<char, 800> buffer;
  if (char* end = write_few_decimals(buffer.data(), value)) {
    out.append(buffer.data(), end);
    return;
  }
  if (append_special(out, value)) return;
  constexpr double kExactBelow = 9007199254740992;  // 2^53
  if (std::fabs(value) >= kExactBelow) return append_large(out, value);
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  out.append(buffer.data(), result.ptr);
}

std::string format_fixed(double value) {
  std::string out;
  append_fixed(out, value);
  return out;
}

namespace {

/// With an exponent below `from` and from `until` on.
void append_with_exponent(std::string& out, double value, double from, double until) {
  if (append_special(out, value)) return;
  const double magnitude = std::fabs(value);
  if (magnitude == 0 || (magnitude >= from && magnitude < until)) {
    append_fixed(out, value);
    return;
  }
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  out.append(buffer.data(), result.ptr);
}

}  // namespace

void append_general(std::string& out, double value) {
  append_with_exponent(out, value, 1e-4, 1e21);
}

void append_sample_value(std::string& out, double value) {
  append_with_exponent(out, value, 1e-6, 1e21);
}

std::string format_general(double value) {
  std::string out;
  append_general(out, value);
  return out;
}

std::string format_compact(double value) {
  std::string out;
  append_with_exponent(out, value, 1e-4, 1e6);
  return out;
}

std::optional<double> parse_double(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  double value = 0;
  if (equal_ignoring_case(text, "inf") || equal_ignoring_case(text, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (equal_ignoring_case(text, "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    auto format = std::chars_format::general;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      text.remove_prefix(2);
      format = std::chars_format::hex;
    }
    const bool hex_digit =
        format == std::chars_format::hex && std::isxdigit(static_cast<unsigned char>(text[0])) != 0;
    if ((text[0] < '0' || text[0] > '9') && text[0] != '.' && !hex_digit) return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, format);
    if (end != text.data() + text.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) {
      // from_chars leaves the value alone; a tiny number becomes 0, a huge one has no float.
      value = std::strtod(std::string(text).c_str(), nullptr);
      if (std::isinf(value)) return std::nullopt;
    } else if (error != std::errc{}) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

}  // namespace prom5::codec
