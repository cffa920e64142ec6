#include "ask/numbers/number_text.h"

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::numbers {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kPunctuation = ".,;:!?()[]{}\"'`*~<>=|";

/// Whether the digits at `at` go on a name: "web-01", "p95", "v1.2", "10.0.0.5".
bool goes_on_name(std::string_view word, size_t at) {
  if (at == 0) return false;
  const char before = word[at - 1];
  if (is_word_byte(before)) return true;
  const bool joins = before == '-' || before == '.' || before == '/';
  return joins && at >= 2 && is_word_byte(word[at - 2]) && !is_digit(word[at - 2]);
}

/// The end of the number that begins at 0.
size_t number_end(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const bool inside = end > 0 && end + 1 < text.size() && is_digit(text[end + 1]) &&
                        (text[end] == '.' || text[end] == ',');
    if (!is_digit(text[end]) && !inside) break;
    ++end;
  }
  if (end + 1 < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t power = end + 1;
    if (text[power] == '+' || text[power] == '-') ++power;
    const size_t digits = power;
    while (power < text.size() && is_digit(text[power])) ++power;
    if (power > digits) end = power;
  }
  return end;
}

/// "1,234,567.5": commas between groups of three are left out; another comma is a decimal point.
/// "1.234.567,5" is the same number where points group.
std::string plain_number(std::string_view text) {
  if (std::ranges::count(text.substr(0, text.find(',')), '.') > 1) {
    std::string turned(text);
    for (char& c : turned) c = c == '.' ? ',' : c == ',' ? '.' : c;
    if (std::ranges::count(turned, '.') < 2) return plain_number(turned);
  }
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::string(text);
  const size_t end = std::min(text.find('.'), text.size());
  bool groups = comma <= 3;
  for (size_t at = comma; groups && at < end; at += 4) {
    groups = text[at] == ',' && end - at >= 4;
  }
  std::string out;
  for (const char c : text) {
    if (c != ',') {
      out += c;
    } else if (!groups) {
      out += '.';
    }
  }
  return out;
}

bool has_shape(std::string_view word, std::string_view shape) {
  if (word.size() != shape.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (shape[i] == '9' ? !is_digit(word[i]) : word[i] != shape[i]) return false;
  }
  return true;
}

}  // namespace

std::string unit_name(std::string_view text) {
  return to_lower(trimmed(text.substr(0, text.find('/')), kPunctuation));
}

bool is_clock(std::string_view word) {
  return has_shape(word, "99:99") || has_shape(word, "99:99:99") || has_shape(word, "9:99");
}

bool is_date(std::string_view word) { return has_shape(word, "9999-99-99"); }

std::vector<TextWord> words_in(std::string_view text) {
  std::vector<TextWord> out;
  bool colon = false;
  for (size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::string_view core = trimmed(word, kPunctuation);
    const bool ends_part = kPunctuation.find(word.back()) != std::string_view::npos;
    if (!core.empty()) out.push_back({core, colon, ends_part});
    colon = word.back() == ':';
    at = text.find_first_not_of(kBlanks, end);
  }
  return out;
}

std::vector<WrittenNumber> numbers_in(std::string_view word, std::string_view next) {
  std::vector<WrittenNumber> out;
  for (size_t at = 0; at < word.size();) {
    if (!is_digit(word[at]) || goes_on_name(word, at)) {
      ++at;
      continue;
    }
    const std::string_view digits = word.substr(at, number_end(word.substr(at)));
    at += digits.size();
    const size_t unit_at = at;
    constexpr std::string_view kUnitEnds = "-=:()[]{}<>|\"'~,;*+";
    while (at < word.size() && !is_digit(word[at]) && !kUnitEnds.contains(word[at])) ++at;
    const std::string plain = plain_number(digits);
    const auto value = codec::parse_double(plain);
    if (!value || !std::isfinite(*value)) continue;
    WrittenNumber number;
    number.value = *value;
    number.digits = std::string(digits);
    const size_t power_at = std::min(plain.find_first_of("eE"), plain.size());
    const size_t point = std::min(plain.find('.'), power_at);
    const size_t decimals = point == power_at ? 0 : power_at - point - 1;
    double last_digit = std::pow(10.0, -static_cast<double>(decimals));
    if (power_at < plain.size()) {
      const auto power = codec::parse_double(plain.substr(power_at + 1));
      last_digit *= std::pow(10.0, power.value_or(0));
    }
    number.tolerance = last_digit / 2 + number.value * 1e-9;
    number.whole = point == plain.size();
    number.unit = unit_name(word.substr(unit_at, at - unit_at));
    if (number.unit.empty() && unit_at == word.size()) number.unit = unit_name(next);
    out.push_back(std::move(number));
  }
  return out;
}

void collect_numbers(std::string_view text, std::vector<NumberEvidence::Said>& out) {
  if (std::ranges::none_of(text, is_digit)) return;
  const std::vector<TextWord> words = words_in(text);
  for (size_t i = 0; i < words.size(); ++i) {
    if (std::ranges::none_of(words[i].core, is_digit)) continue;
    const bool alone = words[i].ends_part || i + 1 == words.size();
    for (WrittenNumber& number :
         numbers_in(words[i].core, alone ? std::string_view() : words[i + 1].core)) {
      out.push_back({number.value, std::move(number.unit)});
    }
  }
}

}  // namespace prom5::numbers
