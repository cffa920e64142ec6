#include "io/codec/number.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

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

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

}  // namespace

void append_fixed(std::string& out, double value) {
  if (append_special(out, value)) return;
  // Beyond the mantissa to_chars writes all digits of the binary value; the shortest that read
  // back the same, filled up with zeros, are what the field writes.
  constexpr double kExactBelow = 9007199254740992;  // 2^53
  if (std::fabs(value) >= kExactBelow) {
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
    return;
  }
  // The smallest denormal has 1074 places, its shortest form a few hundred.
  std::array<char, 800> buffer;
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
