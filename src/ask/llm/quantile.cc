#include <algorithm>
#include <cmath>
#include <optional>

#include "ask/llm/number_words.h"
#include "ask/llm/quantity.h"

namespace prom5::llm {

namespace {

/// 99.9 as 0.999, without the error of a division.
double of_hundred(double percent) { return std::round(percent * 1e4) / 1e6; }

using Tokens = std::span<const Token>;

/// "95", "99.9", "95th"; nothing above 100.
std::optional<double> percentile_number(std::string_view text) {
  for (const std::string_view ending : {"th", "st", "nd", "rd"}) {
    if (text.ends_with(ending)) text.remove_suffix(2);
  }
  const auto number = plain_number(text);
  return number && *number >= 0 && *number <= 100 ? number : std::nullopt;
}

/// The 95 of "p95" and the 99.9 of "p999": digits after two are decimals.
std::optional<double> after_p(std::string_view digits) {
  const bool all_digits = digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (all_digits && digits.size() > 2 && digits.size() < 7 && digits.starts_with("99")) {
    const std::string text = "99." + std::string(digits.substr(2));
    return plain_number(text);
  }
  return digits.empty() ? std::nullopt : percentile_number(digits);
}

bool is_percentile(std::string_view text) {
  return is_any_of(text, {"percentile", "percentiles", "quantile", "quantiles", "pctl", "pctile"});
}

/// "95th percentile", "95 % quantile", "0.95 quantile", "percentile 95".
std::optional<Quantile> named_quantile(Tokens tokens, size_t at) {
  if (is_percentile(word_at(tokens, at))) {
    const bool of = word_at(tokens, at + 1) == "of";
    const auto number = percentile_number(word_at(tokens, at + (of ? 2 : 1)));
    if (!number || of) return std::nullopt;
    return Quantile{at, 2, *number > 1 ? of_hundred(*number) : *number};
  }
  const auto number = percentile_number(word_at(tokens, at));
  if (!number) return std::nullopt;
  const size_t sign = is_any_of(word_at(tokens, at + 1), {"%", "percent"}) ? 1 : 0;
  if (!is_percentile(word_at(tokens, at + 1 + sign))) return std::nullopt;
  const bool fraction = *number <= 1 && word_at(tokens, at).find('.') != std::string_view::npos;
  return Quantile{at, 2 + sign, fraction ? *number : of_hundred(*number)};
}

/// "slowest 1%": the part that is slower than the 99th percentile.
std::optional<Quantile> share_quantile(Tokens tokens, size_t at) {
  const bool high = is_any_of(
      word_at(tokens, at), {"slowest", "worst", "top", "highest", "longest", "largest", "biggest"});
  const bool low = is_any_of(word_at(tokens, at), {"fastest", "best", "bottom", "lowest",
                                                   "shortest", "smallest", "quickest"});
  if (!high && !low) return std::nullopt;
  const auto quantity = quantity_at(tokens, at + 1);
  if (!quantity || quantity->unit != Unit::Percent || quantity->value < 0 ||
      quantity->value > 100) {
    return std::nullopt;
  }
  const double value = high ? 100 - quantity->value : quantity->value;
  return Quantile{at, 1 + quantity->count, of_hundred(value)};
}

std::optional<Quantile> quantile_at(Tokens tokens, size_t at) {
  const std::string_view text = word_at(tokens, at);
  if (text == "median") return Quantile{at, 1, 0.5};
  if (text == "p" || text == "pee") {
    const auto number = after_p(word_at(tokens, at + 1));
    if (!number || *number < 1) return std::nullopt;
    // "p ninety nine nine"
    if (*number == 99 && word_at(tokens, at + 2) == "9") return Quantile{at, 3, 0.999};
    const size_t percentile = is_percentile(word_at(tokens, at + 2)) ? 1 : 0;
    return Quantile{at, 2 + percentile, of_hundred(*number)};
  }
  if (text.starts_with("p")) {
    const auto number = after_p(text.substr(text.starts_with("p-") ? 2 : 1));
    if (number && *number >= 1) return Quantile{at, 1, of_hundred(*number)};
  }
  if (auto named = named_quantile(tokens, at)) return named;
  return share_quantile(tokens, at);
}

bool is_high(std::string_view text) {
  return is_any_of(text, {"busiest", "worst", "slowest", "biggest", "largest", "highest", "hottest",
                          "most", "fullest", "heaviest", "noisiest", "longest", "hungriest",
                          "loudest", "greediest", "oldest", "flakiest"});
}

bool is_low(std::string_view text) {
  return is_any_of(text, {"lowest", "least", "smallest", "fastest", "quietest", "emptiest",
                          "coolest", "idlest", "best", "fewest", "shortest", "quickest", "youngest",
                          "newest", "lightest", "coldest", "weakest"});
}

/// A count that is neither a share ("top 5 %") nor a time ("first 10 minutes").
std::optional<size_t> count_at(Tokens tokens, size_t at) {
  const std::string_view text = word_at(tokens, at);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const auto number = plain_number(text);
  const auto quantity = quantity_at(tokens, at);
  if (!number || (quantity && quantity->unit != Unit::None) ||
      (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  return static_cast<size_t>(*number);
}

/// "top5", "top-10".
std::optional<TopCount> glued_top(Tokens tokens, size_t at) {
  std::string_view text = word_at(tokens, at);
  if (!text.starts_with("top")) return std::nullopt;
  text.remove_prefix(text.starts_with("top-") ? 4 : 3);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const auto number = plain_number(text);
  if (!number) return std::nullopt;
  return TopCount{at, 1, static_cast<size_t>(*number), false};
}

/// "3 pods using the most memory": a superlative not far after a counted plural.
std::optional<TopCount> counted_plural(Tokens tokens, size_t at, size_t n) {
  if (!word_at(tokens, at + 1).ends_with("s") ||
      !is_any_of(word_at(tokens, at + 2),
                 {"with",   "using", "by",      "having",   "that", "consuming", "eating",
                  "taking", "which", "used",    "use",      "have", "has",       "had",
                  "get",    "got",   "consume", "consumed", "are",  "took",      "take"})) {
    return std::nullopt;
  }
  for (size_t i = at + 3; i < at + 7; ++i) {
    if (is_high(word_at(tokens, i))) return TopCount{at, 1, n, false};
    if (is_low(word_at(tokens, i))) return TopCount{at, 1, n, true};
  }
  return std::nullopt;
}

std::optional<TopCount> top_at(Tokens tokens, size_t at) {
  const std::string_view text = word_at(tokens, at);
  if (auto glued = glued_top(tokens, at)) return glued;
  const bool low = text == "bottom" || is_low(text);
  if (low || is_any_of(text, {"top", "first"}) || (is_high(text) && text != "most")) {
    const auto n = count_at(tokens, at + 1);
    if (!n) return std::nullopt;
    const std::string_view next = word_at(tokens, at + 2);
    if (text == "top" && (is_high(next) || is_low(next))) {
      return TopCount{at, 3, *n, is_low(next)};
    }
    return TopCount{at, 2, *n, low};
  }
  const auto n = count_at(tokens, at);
  if (!n || (at > 0 && is_any_of(word_at(tokens, at - 1), {"http", "status", "port", "p"}))) {
    return std::nullopt;
  }
  const std::string_view next = word_at(tokens, at + 1);
  if (is_high(next)) return TopCount{at, 2, *n, false};
  if (is_low(next)) return TopCount{at, 2, *n, true};
  return counted_plural(tokens, at, *n);
}

template <typename T>
std::vector<T> find_all(Tokens tokens, std::optional<T> (*at_token)(Tokens, size_t)) {
  std::vector<T> out;
  for (size_t at = 0; at < tokens.size();) {
    const std::optional<T> found = at_token(tokens, at);
    if (found) out.push_back(*found);
    at += found ? found->count : 1;
  }
  return out;
}

}  // namespace

std::vector<Quantile> find_quantiles(Tokens tokens) {
  return find_all<Quantile>(tokens, quantile_at);
}

std::vector<TopCount> find_top_counts(Tokens tokens) { return find_all<TopCount>(tokens, top_at); }

}  // namespace prom5::llm
