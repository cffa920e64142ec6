#include "ask/llm/exclusion.h"

#include <algorithm>
#include <set>
#include <utility>

namespace prom5::llm {

size_t exclusion_at(std::span<const Token> tokens, size_t at) {
  static const std::set<std::string_view> kExcludes = {
      "except",   "excluding", "without",  "ignoring", "besides",  "minus",
      "excludes", "exclude",   "excluded", "ignore",   "omitting", "skip",
      "skipping", "barring",   "outside",  "sans",     "omit"};
  static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"but", "not"},    {"other", "than"},     {"apart", "from"},   {"aside", "from"},
      {"not", "in"},     {"not", "on"},         {"not", "from"},     {"not", "counting"},
      {"leave", "out"},  {"everything", "but"}, {"all", "but"},      {"leaving", "out"},
      {"filter", "out"}, {"not", "including"},  {"anything", "but"}, {"but", "the"}};
  const std::string_view word = word_at(tokens, at);
  const std::string_view next = word_at(tokens, at + 1);
  if (kExcludes.contains(word)) return 1;
  // "all services but payment"
  const bool all = std::ranges::any_of(tokens, [](const Token& token) {
    return is_any_of(token.text, {"all", "every", "any", "everything"});
  });
  if (word == "but" && at > 0 && all) return 1;
  const auto pair = std::ranges::find(kPairs, std::pair(word, next));
  return pair == std::end(kPairs) ? 0 : 2;
}

}  // namespace prom5::llm
