#include "ask/llm/grounds.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ask/llm/private_shapes.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

std::string_view trimmed(std::string_view text, std::string_view what) {
  const size_t first = text.find_first_not_of(what);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(what) - first + 1);
}

bool is_word_byte(char c) { return is_alnum(c) || c == '_'; }

void gather(const Json& json, Grounds& out) {
  if (json.is_number()) {
    out.numbers.push_back(json.get<double>());
  } else if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (const auto number = codec::parse_double(text)) out.numbers.push_back(*number);
    out.text += text + "\n";
  } else if (json.is_array()) {
    out.numbers.push_back(static_cast<double>(json.size()));
    for (const Json& item : json) gather(item, out);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      out.text += key + "\n";
      gather(value, out);
    }
  }
}

const ToolCall* call_of(std::span<const Message> conversation, const std::string& id) {
  for (size_t i = conversation.size(); i-- > 0;) {
    for (const ToolCall& call : conversation[i].calls) {
      if (call.id == id) return &call;
    }
  }
  return nullptr;
}

// Numbers

/// What a unit behind a number may have done to the value.
struct UnitRow {
  std::string_view unit;
  std::array<double, 4> factors;  ///< 0: none
};

constexpr double kKibi = 1024;
constexpr double kMebi = kKibi * 1024;
constexpr double kGibi = kMebi * 1024;
constexpr double kTebi = kGibi * 1024;

constexpr std::array kUnits = std::to_array<UnitRow>({
    {"%", {1, 100}},
    {"percent", {1, 100}},
    {"prozent", {1, 100}},
    {"th", {1, 100}},
    {"ns", {1, 1e9}},
    {"µs", {1, 1e6, 1e3}},
    {"us", {1, 1e6, 1e3}},
    {"ms", {1, 1e3}},
    {"millisecond", {1, 1e3}},
    {"s", {1, 1e-3}},
    {"sec", {1, 1e-3}},
    {"second", {1, 1e-3}},
    {"m", {1, 1 / 60.0, 1 / 6e4}},
    {"min", {1, 1 / 60.0, 1 / 6e4}},
    {"minute", {1, 1 / 60.0, 1 / 6e4}},
    {"h", {1, 1 / 3600.0, 1 / 36e5}},
    {"hour", {1, 1 / 3600.0, 1 / 36e5}},
    {"d", {1, 1 / 86400.0, 1 / 864e5}},
    {"day", {1, 1 / 86400.0, 1 / 864e5}},
    {"week", {1, 1 / 604800.0}},
    {"k", {1, 1e-3, 1 / kKibi}},
    {"thousand", {1, 1e-3}},
    {"kb", {1, 1e-3, 1 / kKibi}},
    {"kib", {1, 1 / kKibi}},
    {"ki", {1, 1 / kKibi}},
    {"m", {1, 1e-6, 1 / kMebi}},
    {"million", {1, 1e-6}},
    {"mb", {1, 1e-6, 1 / kMebi}},
    {"mib", {1, 1 / kMebi}},
    {"mi", {1, 1 / kMebi}},
    {"g", {1, 1e-9, 1 / kGibi}},
    {"billion", {1, 1e-9}},
    {"gb", {1, 1e-9, 1 / kGibi}},
    {"gib", {1, 1 / kGibi}},
    {"gi", {1, 1 / kGibi}},
    {"t", {1, 1e-12, 1 / kTebi}},
    {"tb", {1, 1e-12, 1 / kTebi}},
    {"tib", {1, 1 / kTebi}},
    {"ti", {1, 1 / kTebi}},
    {"bit", {1, 8}},
    {"bps", {1, 8}},
    {"kbit", {1, 8e-3}},
    {"kbps", {1, 8e-3}},
    {"mbit", {1, 8e-6}},
    {"mbps", {1, 8e-6}},
    {"gbit", {1, 8e-9}},
    {"gbps", {1, 8e-9}},
});

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

/// "MB/s" to "mb", "minutes" to "minute".
std::string unit_name(std::string_view text) {
  std::string out = lower(text.substr(0, text.find('/')));
  out = std::string(trimmed(out, ".,;:!?()[]\"'"));
  const bool known =
      std::ranges::find(kUnits, std::string_view(out), &UnitRow::unit) != kUnits.end();
  if (!known && out.size() > 3 && out.ends_with('s')) out.pop_back();
  return out;
}

/// A number as it is written: its digits without what groups them, and how exact it is.
struct Written {
  double value = 0;
  double tolerance = 0;
};

/// decimal: which of "." and "," ends the whole part; the other groups thousands.
std::optional<Written> read_number(std::string_view text, char decimal) {
  std::string plain;
  size_t decimals = 0;
  bool fraction = false;
  bool exponent = false;
  size_t group = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == decimal) {
      if (fraction) return std::nullopt;
      fraction = true;
      plain += '.';
    } else if (c == '.' || c == ',' || c == '_') {
      if (fraction || (group != 0 && i - group != 4)) return std::nullopt;
      group = i;
    } else {
      plain += c;
      exponent = exponent || !is_digit(c);
      decimals += fraction && !exponent ? 1 : 0;
    }
  }
  if (group != 0 && text.find(decimal) == std::string_view::npos && text.size() - group != 4) {
    return std::nullopt;
  }
  const auto value = codec::parse_double(plain);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  double unit = std::pow(10.0, -static_cast<double>(decimals));
  if (const size_t e = plain.find_first_of("eE"); e != std::string::npos) {
    const auto power = codec::parse_double(plain.substr(e + 1));
    unit *= std::pow(10.0, power.value_or(0));
  } else if (!fraction) {
    // Zeros behind three digits may be rounding.
    for (size_t n = plain.size(); n > 3 && plain[n - 1] == '0'; --n) unit *= 10;
  }
  return Written{*value, 0.51 * unit};
}

bool rests_on(const Written& written, const std::string& unit, const Grounds& grounds) {
  std::vector<double> factors{1};
  for (const UnitRow& row : kUnits) {
    if (row.unit != unit) continue;
    for (const double f : row.factors) {
      if (f != 0 && f != 1) factors.push_back(f);
    }
  }
  return std::ranges::any_of(grounds.numbers, [&](double n) {
    return std::ranges::any_of(factors, [&](double f) {
      // A fall "by 5" is a change of -5.
      return std::abs(std::abs(n * f) - std::abs(written.value)) <=
             written.tolerance + std::abs(written.value) * 1e-9;
    });
  });
}

bool is_clock_or_date(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  std::string shape;
  for (const char c : text) shape += is_digit(c) ? '9' : c;
  constexpr std::array kShapes =
      std::to_array<std::string_view>({"99:99", "99:99:99", "9:99", "9999-99-99",
                                       "9999-99-99T99:99:99", "9999-99-99T99:99", "99.99.9999"});
  return std::ranges::find(kShapes, std::string_view(shape)) != kShapes.end();
}

/// The end of the number that begins at 0: digits, separators between digits, an exponent.
size_t number_end(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const bool inside = end > 0 && end + 1 < text.size() && is_digit(text[end + 1]) &&
                        std::string_view(".,_").contains(text[end]);
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

/// Looks at the numbers of one word; `next` is the word behind it, perhaps a unit.
class WordCheck {
 public:
  WordCheck(const Grounds& grounds, std::vector<std::string>& out) : grounds_(grounds), out_(out) {}

  void check(std::string_view word, std::string_view next) {
    size_t at = 0;
    while (at < word.size()) {
      const bool begins = is_digit(word[at]) && (at == 0 || !is_name(word, at));
      if (!begins) {
        ++at;
        continue;
      }
      const std::string_view number = word.substr(at, number_end(word.substr(at)));
      at += number.size();
      const size_t unit_at = at;
      while (at < word.size() && !is_digit(word[at]) &&
             !std::string_view("-–=:()[]{}<>|\"'~,;").contains(word[at])) {
        ++at;
      }
      std::string unit = unit_name(word.substr(unit_at, at - unit_at));
      if (unit.empty() && at == word.size()) unit = unit_name(next);
      if (!is_grounded(number, unit)) out_.emplace_back(number);
    }
  }

 private:
  /// Whether the digits at `at` go on a name: "web-01", "p95", "v1.2".
  static bool is_name(std::string_view word, size_t at) {
    const char before = word[at - 1];
    if (is_word_byte(before)) return true;
    const bool joins = before == '-' || before == '.';
    return joins && at >= 2 && is_word_byte(word[at - 2]) && !is_digit(word[at - 2]);
  }

  bool is_grounded(std::string_view number, const std::string& unit) const {
    if (grounds_.mentions(number)) return true;
    for (const char decimal : {'.', ','}) {
      const auto written = read_number(number, decimal);
      if (written && rests_on(*written, unit, grounds_)) return true;
    }
    return false;
  }

  const Grounds& grounds_;
  std::vector<std::string>& out_;
};

// Text

/// Bytes of a character that shows nothing or turns the direction of what follows; 0 when the one
/// at `at` is none of these.
size_t invisible_size(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  if (byte(0) < 0x20 && byte(0) != '\n') return 1;
  if (byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && (byte(1) < 0xA0 || byte(1) == 0xAD)) return 2;  // C1, soft hyphen
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0x8B && byte(2) <= 0x8F) return 3;
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA0 && byte(2) <= 0xAF) return 3;
  if (byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) return 3;
  if (byte(0) == 0xF3 && byte(1) == 0xA0) return 4;  // tags and more variation selectors
  return 0;
}

std::string without_invisible(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(invisible_size(text, at), text.size() - at);
    if (size == 0) out += text[at];
    at += std::max(size, size_t{1});
  }
  return out;
}

/// Digits of other scripts as ASCII ones, so that they are numbers like all others.
std::string with_plain_digits(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = [&](size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    unsigned digit = 10;
    size_t size = 1;
    if (byte(0) == 0xEF && byte(1) == 0xBC) {  // full width
      digit = byte(2) - 0x90;
      size = 3;
    } else if (byte(0) == 0xD9) {  // Arabic-Indic
      digit = byte(1) - 0xA0;
      size = 2;
    } else if (byte(0) == 0xDB) {  // the same, extended
      digit = byte(1) - 0xB0;
      size = 2;
    }
    if (digit > 9) {
      out += text[at];
      continue;
    }
    out += static_cast<char>('0' + digit);
    at += size - 1;
  }
  return out;
}

std::string without_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    const bool tag = text[at] == '<' && (is_upper(next) || is_lower(next) || next == '/' ||
                                         next == '!' || next == '?');
    if (!tag) {
      out += text[at];
      continue;
    }
    const size_t end = std::min(text.find_first_of(">\n", at), text.size() - 1);
    at = end;
  }
  return out;
}

constexpr std::string_view kLinkRemoved = "[link removed]";

/// "[words](address)" and "![words](address)" to the words.
std::string without_markdown_links(std::string text) {
  for (size_t middle = text.find("]("); middle != std::string::npos;
       middle = text.find("](", middle)) {
    const size_t open = text.rfind('[', middle);
    const size_t close = std::min(text.find_first_of(")\n", middle), text.size() - 1);
    if (open == std::string::npos) {
      text[middle + 1] = ' ';
      continue;
    }
    const size_t begin = open > 0 && text[open - 1] == '!' ? open - 1 : open;
    const std::string words = text.substr(open + 1, middle - open - 1);
    const std::string plain =
        words.empty() ? std::string(kLinkRemoved) : words + " " + std::string(kLinkRemoved);
    text.replace(begin, close + 1 - begin, plain);
    middle = begin;
  }
  return text;
}

/// Where a host's name with a path behind it begins a word: "evil.example/x".
bool is_bare_address(std::string_view word) {
  const size_t slash = word.find('/');
  if (slash == std::string_view::npos || slash < 4) return false;
  const std::string_view host = word.substr(0, std::min(slash, word.find(':')));
  const size_t dot = host.rfind('.');
  return dot != std::string_view::npos && dot > 0 && host.size() - dot > 2 &&
         std::ranges::all_of(host.substr(dot + 1),
                             [](char c) { return is_alnum(c) && !is_digit(c); });
}

bool is_link(std::string_view word) {
  const std::string low = lower(word);
  if (low.find("://") != std::string::npos || low.starts_with("www.") || low.starts_with("//")) {
    return true;
  }
  for (const std::string_view scheme : {"javascript:", "vbscript:", "mailto:", "data:text",
                                        "data:image", "data:application", "file:/", "tel:+"}) {
    if (low.find(scheme) != std::string::npos) return true;
  }
  return is_bare_address(word);
}

}  // namespace

bool Grounds::mentions(std::string_view word) const {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_word_byte(text[at - 1]) || !is_word_byte(word.front());
    const bool ends = end == text.size() || !is_word_byte(text[end]) || !is_word_byte(word.back());
    // "5" is not said by "5.25" or "0.5".
    const bool fraction =
        (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]) &&
         is_digit(word.back())) ||
        (at >= 2 && text[at - 1] == '.' && is_digit(text[at - 2]) && is_digit(word.front()));
    // "5m" says 5.
    const bool unit = end < text.size() && is_digit(word.back()) && !is_digit(text[end]) &&
                      is_word_byte(text[end]) && text[end] != '_';
    if (begins && (ends || unit) && !fraction) return true;
  }
  return false;
}

bool Grounds::has_run(std::string_view promql) const {
  return std::ranges::find(queries, trimmed(promql, " \t\r\n")) != queries.end();
}

Grounds gather_grounds(std::span<const Message> conversation) {
  Grounds out;
  size_t last_question = 0;
  for (size_t i = 0; i < conversation.size(); ++i) {
    if (conversation[i].role != Role::User) continue;
    last_question = i;
    out.text += conversation[i].text + "\n";
  }
  for (const Message& message : conversation.subspan(last_question)) {
    if (message.role != Role::Tool) continue;
    if (!message.content.is_object() || message.content.contains("error")) continue;
    out.any_result = true;
    gather(message.content, out);
    const ToolCall* call = call_of(conversation.subspan(last_question), message.call_id);
    if (call == nullptr || !call->arguments.is_object()) continue;
    const auto promql = call->arguments.find("promql");
    if (promql == call->arguments.end() || !promql->is_string()) continue;
    const auto& text = promql->get_ref<const std::string&>();
    out.text += text + "\n";
    if (message.content.contains("resultType")) {
      out.queries.emplace_back(trimmed(text, " \t\r\n"));
    }
    // "The last hour", when an hour was asked for.
    for (const auto& [key, value] : call->arguments.items()) {
      if (value.is_number()) out.numbers.push_back(value.get<double>());
    }
  }
  return out;
}

std::vector<std::string> groundless_numbers(std::string_view text, const Grounds& grounds) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  std::vector<std::string> out;
  WordCheck check(grounds, out);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = trimmed(words[i], ".,;:!?()[]{}\"'`*~<>=|");
    if (std::ranges::none_of(word, is_digit)) continue;
    const bool plain = std::ranges::all_of(word, is_digit);
    if (is_clock_or_date(word) || (!plain && grounds.mentions(word))) continue;
    check.check(word, i + 1 < words.size() ? words[i + 1] : std::string_view());
  }
  return out;
}

std::string plain_text(std::string_view text, const Grounds& grounds) {
  const std::string whole =
      without_markdown_links(without_html(with_plain_digits(without_invisible(text))));
  constexpr std::string_view kEnds = " \t\n\"'`<>|";
  std::string out;
  for (size_t at = 0; at < whole.size();) {
    if (kEnds.find(whole[at]) != std::string_view::npos) {
      out += whole[at++];
      continue;
    }
    const size_t end = std::min(whole.find_first_of(kEnds, at), whole.size());
    std::string_view word = std::string_view(whole).substr(at, end - at);
    at = end;
    const std::string_view core = trimmed(word, ".,;:!?()[]{}*_");
    if (core.empty() || !is_link(core)) {
      out += word;
      continue;
    }
    if (!grounds.mentions(core)) {
      out += kLinkRemoved;
      continue;
    }
    for (size_t colon = word.find("://"); colon != std::string_view::npos;
         colon = word.find("://")) {
      out += word.substr(0, colon);
      out += "[:]//";
      word.remove_prefix(colon + 3);
    }
    out += word;
  }
  return out;
}

}  // namespace prom5::llm
