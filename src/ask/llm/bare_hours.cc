#include "ask/llm/bare_hours.h"

#include <algorithm>
#include <cmath>

#include "ask/llm/number_words.h"

namespace prom5::llm {

namespace {

/// 0 to 24, "14:00" included.
bool may_be_hour(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return true;
  const auto hour = plain_number(text);
  return hour && *hour >= 0 && *hour <= 24 && *hour == std::floor(*hour);
}

}  // namespace

bool mean_hours(std::span<const Token> tokens, size_t first, size_t last, bool day_named) {
  if (!may_be_hour(word_at(tokens, first)) || !may_be_hour(word_at(tokens, last))) return false;
  if (day_named) return true;
  const std::string_view after = word_at(tokens, last + 1);
  const bool ends =
      after.empty() || is_any_of(after, {"of", "for", "on", "at", "by", "per", "and", "was", "were",
                                         "utc", "oclock", "clock", "uhr"});
  // Two words before: "grew from 2".
  const bool moves =
      is_any_of(word_before(tokens, first, 2),
                {"grew", "grown", "grow", "rose", "risen", "went", "go", "up", "down", "fell",
                 "increase", "increased", "scale", "scaled", "changed", "change", "dropped"});
  if (!ends || moves) return false;
  return std::ranges::none_of(tokens, [](const Token& token) {
    return is_any_of(token.text,
                     {"with", "whose", "where", "which", "have", "has", "having", "is", "are", "be",
                      "stays", "stay", "keep", "alert", "value", "values", "if", "when"});
  });
}

std::optional<BareHour> bare_hour_at(std::span<const Token> tokens, size_t at) {
  const bool leads = at == 0 || (at < 3 && is_any_of(word_before(tokens, at), {"and", "about"}));
  const bool day_first = word_at(tokens, at) == "yesterday";
  const size_t i = at + (day_first ? 1 : 0);
  const std::string_view number = word_at(tokens, i + 1);
  const bool hour = may_be_hour(number) && number.find(':') == std::string_view::npos;
  if (!leads || word_at(tokens, i) != "at" || !hour) return std::nullopt;
  const bool day_last = word_at(tokens, i + 2) == "yesterday";
  const size_t end = i + (day_last ? 3 : 2);
  if (end != tokens.size()) return std::nullopt;
  return BareHour{DurationMs::hours(static_cast<int64_t>(*plain_number(number))), end - at,
                  day_first || day_last};
}

}  // namespace prom5::llm
