#include "ask/llm/number_words.h"

#include <algorithm>
#include <array>
#include <string>

#include "ask/llm/calendar.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr std::array<std::string_view, 20> kSmall = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty",  "forty",  "fifty",
                                                   "sixty",  "seventy", "eighty", "ninety"};
constexpr std::array<std::string_view, 20> kOrdinals = {
    "zeroth",     "first",     "second",    "third",       "fourth",     "fifth",     "sixth",
    "seventh",    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",   "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"};
constexpr std::array<std::string_view, 8> kTensOrdinals = {"twentieth", "thirtieth", "fortieth",
                                                           "fiftieth",  "sixtieth",  "seventieth",
                                                           "eightieth", "ninetieth"};
/// Larger numbers than these are nobody's threshold, and their sum still fits.
constexpr int64_t kLargest = 1'000'000'000'000'000;

template <size_t N>
std::optional<int64_t> find_in(const std::array<std::string_view, N>& words,
                               std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) return std::nullopt;
  return at - words.begin();
}

std::optional<int64_t> small(std::string_view word) { return find_in(kSmall, word); }

std::optional<int64_t> tens(std::string_view word) {
  const auto at = find_in(kTens, word);
  if (!at) return std::nullopt;
  return (*at + 2) * 10;
}

std::optional<int64_t> scale(std::string_view word) {
  if (word == "thousand") return 1000;
  if (word == "million") return 1'000'000;
  if (word == "billion") return 1'000'000'000;
  return std::nullopt;
}

std::optional<int64_t> digit(std::string_view word) {
  const auto value = small(word);
  return value && *value < 10 ? value : std::nullopt;
}

std::string with_ordinal_ending(int64_t value) {
  const int64_t last = value % 10;
  const bool teen = value / 10 % 10 == 1;
  const std::string_view ending = teen || last == 0 || last > 3 ? "th"
                                  : last == 1                   ? "st"
                                  : last == 2                   ? "nd"
                                                                : "rd";
  return std::to_string(value) + std::string(ending);
}

/// One pass over the words; each function looks at the words from `at` on and says what number
/// they are and how many words it took.
class Reader {
 public:
  explicit Reader(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::vector<Token> read() {
    std::vector<Token> out;
    for (size_t at = 0; at < tokens_.size();) {
      const auto number = number_at(at);
      if (!number) {
        const bool halved = is_halved(at);
        if (halved) out.push_back({"1.5", "1.5"});
        out.push_back(tokens_[at]);
        at += halved ? 4 : 1;
        continue;
      }
      Token token{number->text, tokens_[at].written};
      for (size_t i = at + 1; i < at + number->count; ++i) {
        token.written += " " + tokens_[i].written;
      }
      out.push_back(std::move(token));
      at += number->count;
    }
    return out;
  }

 private:
  /// "the next hour and a half"; "an hour and a half" is a length as it stands.
  [[nodiscard]] bool is_halved(size_t at) const {
    return at > 0 && is_any_of(word(at - 1), {"next", "last", "past", "the", "another"}) &&
           is_any_of(word(at), {"minute", "hour", "day", "week", "month", "year"}) &&
           word(at + 1) == "and" && word(at + 2) == "a" && word(at + 3) == "half";
  }

  struct Number {
    std::string text;
    size_t count = 0;
  };

  [[nodiscard]] std::string_view word(size_t at) const { return word_at(tokens_, at); }

  [[nodiscard]] std::optional<Number> number_at(size_t at) const {
    if (auto found = rough_at(at)) return found;
    if (auto found = digits_at(at)) return found;
    if (auto found = ordinal_at(at)) return found;
    return cardinal_at(at);
  }

  /// "a dozen", "a couple of", "half a dozen", "a hundred".
  [[nodiscard]] std::optional<Number> rough_at(size_t at) const {
    if (word(at) == "half" && word(at + 1) == "a" && word(at + 2) == "dozen") return Number{"6", 3};
    const size_t article = word(at) == "a" ? 1 : 0;
    const std::string_view next = word(at + article);
    if (next == "dozen") return Number{"12", article + 1};
    if (next == "couple" && (article == 1 || word(at + 1) == "of" || at > 0)) {
      return Number{"2", article + 1 + (word(at + article + 1) == "of" ? 1 : 0)};
    }
    if (article == 0) return std::nullopt;
    if (next == "hundred" || scale(next)) {
      auto number = whole_at(at + 1, 1);
      number.count += 1;
      return number;
    }
    return std::nullopt;
  }

  /// Two or more digits said one by one: "oh one", "nine one zero zero".
  [[nodiscard]] std::optional<Number> digits_at(size_t at) const {
    if (word(at) == "oh" && at == 0) return std::nullopt;
    Number number;
    while (number.count < 15) {
      const std::string_view next = word(at + number.count);
      const auto value = next == "oh" ? std::optional<int64_t>(0) : digit(next);
      const std::string_view after = word(at + number.count + 1);
      if (!value || after == "hundred" || scale(after)) break;
      number.text += static_cast<char>('0' + *value);
      ++number.count;
    }
    if (number.count < 2 || word(at + number.count - 1) == "oh") return std::nullopt;
    add_fraction(at, number);
    return number;
  }

  /// "ninety fifth"; a lone "fifth" only where a percentile or a day is meant.
  [[nodiscard]] std::optional<Number> ordinal_at(size_t at) const {
    if (const auto ten = tens(word(at))) {
      const auto unit = find_in(kOrdinals, word(at + 1));
      if (unit && *unit > 0 && *unit < 10 &&
          (*unit != 2 || is_any_of(word(at + 2), {"percentile", "quantile"}))) {
        return Number{with_ordinal_ending(*ten + *unit), 2};
      }
    }
    auto value = find_in(kOrdinals, word(at));
    if (const auto ten = find_in(kTensOrdinals, word(at))) value = (*ten + 2) * 10;
    if (!value) return std::nullopt;
    const bool named = is_any_of(word(at + 1), {"percentile", "quantile", "percentiles"}) ||
                       (word(at + 1) == "of" && month_named(word(at + 2))) ||
                       (at > 0 && month_named(word(at - 1)));
    if (!named) return std::nullopt;
    return Number{with_ordinal_ending(*value), 1};
  }

  [[nodiscard]] std::optional<Number> cardinal_at(size_t at) const {
    Number number;
    bool spoken = true;
    if (small(word(at)) || tens(word(at))) {
      number = whole_at(at, std::nullopt);
      if (number.count == 1 && word(at) == "one" && !one_counts(at)) return std::nullopt;
    } else if (plain_number(word(at))) {
      number = {std::string(word(at)), 1};
      spoken = false;
    } else {
      return std::nullopt;
    }
    add_fraction(at, number);
    const std::string_view after = word(at + number.count);
    if (spoken && after == "k") {
      number.text += "k";
      ++number.count;
    } else if (number.text.size() == 1 && after == "xx") {
      number.text += "xx";
      ++number.count;
    } else if (number.text.size() == 1 && after == "x" && word(at + number.count + 1) == "x") {
      number.text += "xx";
      number.count += 2;
    }
    return number;
  }

  /// "two hundred and fifty", "one million two hundred thousand". `start`: what stands before
  /// `at`, the 1 of "a hundred".
  [[nodiscard]] Number whole_at(size_t at, std::optional<int64_t> start) const {
    int64_t total = 0;
    int64_t part = start.value_or(0);
    size_t i = at;
    // What may still come below: after "twenty" a digit, after "five" nothing.
    int64_t room = start ? 1 : 1'000'000;
    for (; i < at + 12; ++i) {
      const std::string_view next = word(i);
      if (next == "hundred" && part > 0 && part < 100) {
        part *= 100;
        room = 100;
      } else if (const auto times = scale(next); times && part > 0) {
        if (part > kLargest / *times) break;
        total += part * *times;
        part = 0;
        room = *times;
      } else if (const auto ten = tens(next); ten && room >= 100) {
        part += *ten;
        room = 10;
      } else if (const auto one = small(next);
                 one && (room >= 100 || (*one < 10 && *one > 0 && room >= 10))) {
        part += *one;
        room = 1;
      } else if (next != "and" || !joins(i, room)) {
        break;
      }
    }
    return {std::to_string(total + part), i - at};
  }

  /// "and" goes on with a number after a hundred, but not in "between two hundred and five
  /// hundred".
  [[nodiscard]] bool joins(size_t at, int64_t room) const {
    if (room != 100 && room != 1000) return false;
    if (!digit(word(at + 1)) && !small(word(at + 1)) && !tens(word(at + 1))) return false;
    if (word(at + 2) == "hundred" || scale(word(at + 2))) return false;
    for (size_t back = 1; back <= 6 && back <= at; ++back) {
      if (word(at - back) == "between") return false;
    }
    return true;
  }

  /// "and a half", "and a quarter", "point nine five".
  void add_fraction(size_t at, Number& number) const {
    const size_t next = at + number.count;
    if (number.text.find('.') != std::string::npos) return;
    if (word(next) == "and" && word(next + 1) == "a" && word(next + 2) == "half") {
      number = {number.text + ".5", number.count + 3};
    } else if (word(next) == "and" && word(next + 1) == "a" && word(next + 2) == "quarter") {
      number = {number.text + ".25", number.count + 3};
    } else if (word(next) == "point") {
      std::string decimals;
      size_t i = next + 1;
      for (; i < next + 8; ++i) {
        const auto value = word(i) == "oh" ? std::optional<int64_t>(0) : digit(word(i));
        if (!value) break;
        decimals += static_cast<char>('0' + *value);
      }
      if (decimals.empty() && i == next + 1 && !word(i).empty() && plain_number(word(i)) &&
          word(i).find_first_not_of("0123456789") == std::string_view::npos) {
        decimals = std::string(word(i++));
      }
      if (!decimals.empty()) number = {number.text + "." + decimals, i - at};
    }
  }

  /// Whether this "one" is a number and not "the one".
  [[nodiscard]] bool one_counts(size_t at) const {
    const std::string_view next = word(at + 1);
    if (is_any_of(next, {"percent",  "%",           "point", "k",        "second",   "seconds",
                         "minute",   "hour",        "day",   "week",     "month",    "year",
                         "ms",       "millisecond", "byte",  "kilobyte", "megabyte", "gigabyte",
                         "terabyte", "gig",         "meg",   "kb",       "mb",       "gb",
                         "tb",       "kib",         "mib",   "gib",      "tib",      "degree",
                         "min",      "sec",         "hr",    "gigabit",  "megabit",  "request",
                         "per"})) {
      return true;
    }
    if (next == "and" && word(at + 2) == "a") return true;
    if (next == "or" && is_any_of(word(at + 2), {"more", "less", "fewer"})) return true;
    return at > 0 &&
           is_any_of(word(at - 1), {"above",  "over",    "than",    "below",   "under", "top",
                                    "bottom", "exceeds", "exceed",  "reaches", "hits",  "least",
                                    "equals", "exactly", "between", ">",       ">=",    "<",
                                    "<=",     "==",      "!=",      "="});
  }

  const std::vector<Token>& tokens_;
};

}  // namespace

std::optional<double> plain_number(std::string_view text) {
  const size_t sign = text.starts_with("-") ? 1 : 0;
  if (text.size() > 15 || text.find_first_not_of("0123456789.", sign) != std::string_view::npos) {
    return std::nullopt;
  }
  const bool ends_in_digit = !text.empty() && text.back() >= '0' && text.back() <= '9';
  return ends_in_digit ? codec::parse_double(text) : std::nullopt;
}

bool is_number_word(std::string_view word) {
  return small(word) || tens(word) || scale(word) || find_in(kOrdinals, word) ||
         find_in(kTensOrdinals, word) || word == "hundred" || word == "half";
}

std::optional<int64_t> ordinal(std::string_view word) {
  if (const auto place = find_in(kOrdinals, word)) {
    return *place > 0 ? place : std::nullopt;
  }
  const bool ends =
      word.size() > 2 && is_any_of(word.substr(word.size() - 2), {"st", "nd", "rd", "th"});
  if (!ends || word.size() > 5) return std::nullopt;
  const auto number = plain_number(word.substr(0, word.size() - 2));
  if (!number || *number < 1 || word.find('.') != std::string_view::npos) return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::vector<Token> with_digits(const std::vector<Token>& tokens) { return Reader(tokens).read(); }

}  // namespace prom5::llm
