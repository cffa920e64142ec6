#include "ask/numbers/number_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ask/numbers/number_text.h"
#include "base/ascii.h"
#include "base/time.h"
#include "io/codec/number.h"

namespace prom5::numbers {

namespace {

/// What a unit does to a value of the evidence, which is in bytes, seconds, shares or percent.
struct UnitRow {
  std::string_view unit;
  std::array<double, 3> factors;  ///< 0: none
};

constexpr double kKibi = 1024;
constexpr double kMebi = kKibi * 1024;
constexpr double kGibi = kMebi * 1024;
constexpr double kTebi = kGibi * 1024;
constexpr double kPebi = kTebi * 1024;

constexpr std::array kUnits = std::to_array<UnitRow>({
    {"%", {1, 100}},
    {"percent", {1, 100}},
    {"th", {1, 100}},
    {"ms", {1e3, 1}},
    {"milliseconds", {1e3, 1}},
    {"us", {1e6, 1}},
    {"µs", {1e6, 1}},
    {"ns", {1e9, 1}},
    {"s", {1, 1e-3}},
    {"second", {1, 1e-3}},
    {"seconds", {1, 1e-3}},
    {"m", {1 / 60.0, 1e-6}},
    {"min", {1 / 60.0}},
    {"minute", {1 / 60.0}},
    {"minutes", {1 / 60.0}},
    {"h", {1 / 3600.0}},
    {"hour", {1 / 3600.0}},
    {"hours", {1 / 3600.0}},
    {"d", {1 / 86400.0}},
    {"day", {1 / 86400.0}},
    {"days", {1 / 86400.0}},
    {"week", {1 / 604800.0}},
    {"weeks", {1 / 604800.0}},
    {"b", {1}},
    {"k", {1e-3, 1 / kKibi}},
    {"kb", {1e-3, 1 / kKibi}},
    {"kib", {1 / kKibi}},
    {"mb", {1e-6, 1 / kMebi}},
    {"mib", {1 / kMebi}},
    {"million", {1e-6}},
    {"g", {1e-9, 1 / kGibi}},
    {"gb", {1e-9, 1 / kGibi}},
    {"gib", {1 / kGibi}},
    {"t", {1e-12, 1 / kTebi}},
    {"tb", {1e-12, 1 / kTebi}},
    {"tib", {1 / kTebi}},
    {"pib", {1 / kPebi}},
    {"billion", {1e-9}},
    {"thousand", {1e-3}},
    {"bit", {1, 8}},
    {"bps", {1, 8}},
    {"kbit", {1e-3, 8e-3}},
    {"mbit", {1e-6, 8e-6}},
    {"gbit", {1e-9, 8e-9}},
    {"mbps", {1e-6, 8e-6}},
});

/// How many things a list of words.cc names before it says "and 4 more".
constexpr std::array kListed = std::to_array<double>({3, 5, 6, 10, 25, 30});

constexpr int64_t kDay = 86'400;

const UnitRow* row_of(std::string_view unit) {
  const auto found = std::ranges::find(kUnits, unit, &UnitRow::unit);
  return found == kUnits.end() ? nullptr : &*found;
}

/// "5m" and "5 minutes".
bool same_unit(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const UnitRow* one = row_of(a);
  const UnitRow* other = row_of(b);
  if (one == nullptr || other == nullptr) return false;
  const bool scaled = one->factors[0] != 1 && one->factors[0] == other->factors[0];
  return scaled || one->factors == other->factors;
}

/// Whether a sorted list has a number of [low, high].
bool has_between(const std::vector<double>& sorted, double low, double high) {
  const auto found = std::ranges::lower_bound(sorted, low);
  return found != sorted.end() && *found <= high;
}

int two_digits(std::string_view text) { return (text[0] - '0') * 10 + (text[1] - '0'); }

class Checker {
 public:
  Checker(std::string_view text, const NumberEvidence& evidence, const texts::NumberWords& own)
      : text_(text), evidence_(evidence), own_(own), words_(words_in(text)) {}

  std::vector<std::string> run() {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (std::ranges::none_of(words_[i].core, is_digit)) continue;
      if (const size_t taken = duration_at(i); taken > 0) {
        i += taken - 1;
        continue;
      }
      check(i);
    }
    return std::move(out_);
  }

 private:
  void check(size_t i) {
    const std::string_view word = words_[i].core;
    if (is_clock(word)) {
      const bool dated = i > 0 && is_date(words_[i - 1].core);
      if (!has_clock(word, dated ? words_[i - 1].core : std::string_view()))
        out_.emplace_back(word);
      return;
    }
    if (is_date(word)) {
      if (!has_date(word) && !is_mentioned(word)) out_.emplace_back(word);
      return;
    }
    if (word.size() > 11 && is_date(word.substr(0, 10)) && word[10] == 'T') {
      if (!has_instant(word)) out_.emplace_back(word);
      return;
    }
    const bool alone = words_[i].ends_part || i + 1 == words_.size();
    // What stands behind a number is its unit, also "(5.2 h)", but not what begins the next part.
    const std::string_view next = alone ? std::string_view() : words_[i + 1].core;
    const bool is_name = std::ranges::any_of(word, [](char c) { return !is_digit(c) && c != '.'; });
    if (is_name && word.find_first_of("%") == std::string_view::npos && is_mentioned(word)) return;
    const auto numbers = numbers_in(word, next);
    for (const WrittenNumber& number : numbers) {
      if (!is_founded(number, i)) out_.push_back(number.digits);
    }
  }

  [[nodiscard]] bool is_founded(const WrittenNumber& number, size_t at) const {
    if (says_rest(number, at)) return is_rest(number.value);
    const UnitRow* row = row_of(is_one_of(own_.hours, number.unit) ? "h" : number.unit);
    if (number.unit == "years" || is_one_of(own_.years, number.unit)) return is_long_time(number);
    if (row == nullptr) {
      const bool is_value = words_[at].colon_before && number.unit != "found" &&
                            number.unit != "series" && number.unit != "metrics" &&
                            number.unit != "of" && !is_one_of(own_.counted, number.unit);
      if (number.whole && !is_value && has_between(evidence_.counts, number.value, number.value)) {
        return true;
      }
      if (is_value_of(number, 1)) return true;
      // A label's value that is a number, as in "code=500".
      if (number.whole && is_mentioned(number.digits)) return true;
    } else {
      for (const double factor : row->factors) {
        if (factor != 0 && is_value_of(number, factor)) return true;
      }
      const bool is_own = std::ranges::find(evidence_.units, number.unit) != evidence_.units.end();
      if ((is_own || evidence_.converted) && is_value_of(number, 1)) return true;
    }
    return was_said(number, row);
  }

  /// Whether one of a language's words stands there, which is folded as units are.
  static bool is_one_of(const std::vector<std::string>& words, std::string_view unit) {
    return !unit.empty() && std::ranges::any_of(words, [&](const std::string& word) {
      return unit_name(word) == unit;
    });
  }

  /// "and 4 more", "und 4 weitere"
  [[nodiscard]] bool says_rest(const WrittenNumber& number, size_t at) const {
    const std::string_view before = at > 0 ? words_[at - 1].core : std::string_view();
    if (number.unit == "more" && before == "and") return true;
    return std::ranges::any_of(own_.rest, [&](const auto& words) {
      const bool begins = words.first.empty() || before == words.first;
      return begins && (words.second.empty() || number.unit == unit_name(words.second));
    });
  }

  [[nodiscard]] bool is_value_of(const WrittenNumber& number, double factor) const {
    return has_between(evidence_.values, (number.value - number.tolerance) / factor,
                       (number.value + number.tolerance) / factor);
  }

  /// In the question, a query or a description, with the same unit or none.
  [[nodiscard]] bool was_said(const WrittenNumber& number, const UnitRow* row) const {
    const auto says = [&](double value) {
      auto said = std::ranges::lower_bound(evidence_.said, value - number.value * 1e-9, {},
                                           &NumberEvidence::Said::value);
      for (; said != evidence_.said.end() && said->value <= value + number.value * 1e-9; ++said) {
        if (row == nullptr || row_of(said->unit) == nullptr || same_unit(said->unit, number.unit)) {
          return true;
        }
      }
      return false;
    };
    // "The 95th percentile" of histogram_quantile(0.95, …).
    return says(number.value) || (number.unit == "th" && says(number.value / 100));
  }

  /// "and 4 more": what is left of a list when those named are taken off.
  [[nodiscard]] bool is_rest(double rest) const {
    const auto parts = static_cast<double>(std::ranges::count(text_, ';'));
    const auto names = static_cast<double>(std::ranges::count(text_, ',')) + 1;
    const auto fits = [&](double listed) {
      return listed > 0 && has_between(evidence_.counts, rest + listed, rest + listed);
    };
    return std::ranges::any_of(kListed, [&](double listed) {
      return (listed <= parts || listed <= names) && fits(listed);
    });
  }

  [[nodiscard]] bool is_long_time(const WrittenNumber& number) const {
    constexpr double kYear = 365.25 * kDay;
    if (number.value == 30 && !evidence_.values.empty() && evidence_.values.back() > 1e9) {
      return true;  // "more than 30 years"
    }
    return is_value_of(number, 1 / kYear);
  }

  /// "3 h 20 min" and "2 d 4 h" leave out what is less, "3 min 20 s" is rounded. Returns how many
  /// words it is; 0 when there is none. Reports it when it is unfounded.
  size_t duration_at(size_t i) {
    if (i + 3 >= words_.size()) return 0;
    for (size_t k = i; k < i + 3; ++k) {
      if (words_[k].ends_part) return 0;
    }
    constexpr auto seconds_in = [](std::string_view unit) -> double {
      if (unit == "d") return kDay;
      if (unit == "h") return 3600;
      if (unit == "min") return 60;
      return unit == "s" ? 1 : 0;
    };
    const double great = seconds_in(words_[i + 1].core);
    const double small = seconds_in(words_[i + 3].core);
    std::string_view first = words_[i].core;
    if (first.starts_with('-')) first.remove_prefix(1);
    const std::string_view second = words_[i + 2].core;
    const bool whole = !first.empty() && std::ranges::all_of(first, is_digit) &&
                       std::ranges::all_of(second, is_digit);
    if (!whole || great <= small || small == 0) return 0;
    const double low = codec::parse_double(first).value_or(0) * great +
                       codec::parse_double(second).value_or(0) * small;
    const bool in_unit = small == great / (great == kDay ? 24 : 60);
    const double high = low + (small > 1 ? small : 0.5);
    if (!in_unit || !has_between(evidence_.values, low - 0.5, std::nextafter(high, low))) {
      out_.push_back(
          fmt::format("{} {} {} {}", first, words_[i + 1].core, second, words_[i + 3].core));
    }
    return 4;
  }

  // Points in time

  [[nodiscard]] bool has_clock(std::string_view clock, std::string_view date) const {
    const size_t colon = clock.find(':');
    const int64_t hour = colon == 2 ? two_digits(clock) : clock[0] - '0';
    const int64_t minute = two_digits(clock.substr(colon + 1));
    const bool seconds = clock.size() > colon + 3;
    const int64_t from =
        hour * 3600 + minute * 60 + (seconds ? two_digits(clock.substr(colon + 4)) : 0);
    const int64_t length = seconds ? 1 : 60;
    if (!date.empty()) {
      const auto day = parse_rfc3339(std::string(date) + "T00:00:00Z");
      if (day && has_time(day->ms / 1000 + from, length)) return true;
    } else if (std::ranges::any_of(evidence_.times, [&](int64_t t) {
                 return t % kDay >= from && t % kDay < from + length;
               })) {
      return true;
    }
    return is_mentioned(clock);
  }

  [[nodiscard]] bool has_date(std::string_view date) const {
    const auto day = parse_rfc3339(std::string(date) + "T00:00:00Z");
    return day && has_time(day->ms / 1000, kDay);
  }

  [[nodiscard]] bool has_instant(std::string_view text) const {
    const auto time = parse_rfc3339(text);
    return (time && has_time(time->ms / 1000, 1)) || is_mentioned(text);
  }

  [[nodiscard]] bool has_time(int64_t from, int64_t length) const {
    const auto found = std::ranges::lower_bound(evidence_.times, from);
    return found != evidence_.times.end() && *found < from + length;
  }

  /// Whether a word stands in the evidence as one.
  [[nodiscard]] bool is_mentioned(std::string_view word) const {
    const std::string& text = evidence_.text;
    const auto joins = [&](size_t at, size_t beyond) {
      // "5" is not said by "5.25" or "0.5".
      return text[at] == '.' && beyond < text.size() && is_digit(text[beyond]);
    };
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const size_t end = at + word.size();
      const bool begins = at == 0 || !is_word_byte(text[at - 1]) || !is_word_byte(word.front());
      const bool ends =
          end == text.size() || !is_word_byte(text[end]) || !is_word_byte(word.back());
      const bool fraction =
          (at > 1 && joins(at - 1, at - 2)) || (end < text.size() && joins(end, end + 1));
      if (begins && ends && !fraction) return true;
    }
    return false;
  }

  const std::string_view text_;
  const NumberEvidence& evidence_;
  const texts::NumberWords& own_;
  const std::vector<TextWord> words_;
  std::vector<std::string> out_;
};

/// Where the sentence that begins at `at` ends, its blanks behind it included.
size_t sentence_end(std::string_view text, size_t at) {
  for (size_t end = text.find_first_of(".!?\n", at); end != std::string_view::npos;
       end = text.find_first_of(".!?\n", end + 1)) {
    const bool last = end + 1 == text.size();
    if (!last && text[end] != '\n' && text[end + 1] != ' ' && text[end + 1] != '\n') continue;
    const size_t next = text.find_first_not_of(" \n", end + 1);
    return next == std::string_view::npos ? text.size() : next;
  }
  return text.size();
}

std::string shown_value(const Json& point) {
  const bool good = point.is_array() && point.size() == 2 && point[1].is_string();
  return good ? point[1].get<std::string>() : "?";
}

/// "instance=a, job=b  1"
std::string shown_series(const Json& series) {
  std::string name;
  if (const auto metric = series.find("metric"); metric != series.end()) {
    for (const auto& [label, value] : metric->items()) {
      if (!value.is_string()) continue;
      name += (name.empty() ? "" : ", ") + label + "=" + value.get<std::string>();
    }
  }
  if (!name.empty()) name += "  ";
  if (const auto value = series.find("value"); value != series.end()) {
    return name + shown_value(*value);
  }
  const auto values = series.find("values");
  const bool any = values != series.end() && values->is_array() && !values->empty();
  return name + (any ? shown_value(values->back()) : "?");
}

}  // namespace

std::vector<std::string> unfounded_numbers(std::string_view text, const NumberEvidence& evidence,
                                           const texts::NumberWords& words) {
  if (std::ranges::none_of(text, is_digit)) return {};
  return Checker(text, evidence, words).run();
}

std::string founded_sentences(std::string_view text, const NumberEvidence& evidence,
                              const texts::NumberWords& words) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = sentence_end(text, at);
    const std::string_view sentence = text.substr(at, end - at);
    if (unfounded_numbers(sentence, evidence, words).empty()) out += sentence;
    at = end;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
  return out;
}

std::string evidence_table(std::span<const Evidence> evidence, const texts::TextCatalogue& texts) {
  constexpr size_t kRows = 20;
  if (evidence.empty()) return texts.say("evidence.none");
  std::string out = texts.say("evidence.given");
  for (const Evidence& one : evidence) {
    out += "\n" + one.promql;
    const auto result = one.result.find("result");
    if (result == one.result.end() || !result->is_array()) continue;
    if (result->size() == 2 && (*result)[0].is_number()) out += "\n  " + shown_value(*result);
    size_t rows = 0;
    for (const Json& series : *result) {
      if (!series.is_object()) continue;
      if (rows++ < kRows) out += "\n  " + shown_series(series);
    }
    if (rows > kRows) out += "\n  " + texts.say("evidence.rest", {{"more", rows - kRows}});
  }
  return out;
}

}  // namespace prom5::numbers
