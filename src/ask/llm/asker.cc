#include "ask/llm/asker.h"

namespace prom5::llm {

namespace {

bool is_auxiliary(std::string_view word) {
  return is_any_of(word, {"can", "could", "do", "does", "did", "will"});
}

bool is_asker(std::string_view word) {
  return is_any_of(word, {"people", "users", "customers", "visitors", "clients", "someone",
                          "anyone", "anybody", "everybody", "everyone"});
}

/// What is asked of people themselves: "did people sign up", "will users grow".
bool is_of_them(std::string_view word) {
  return is_any_of(
      word, {"grow",     "increase", "decrease", "rise",   "fall",      "drop",       "change",
             "go",       "come",     "leave",    "return", "connect",   "disconnect", "sign",
             "register", "log",      "login",    "join",   "subscribe", "have",       "exist"});
}

}  // namespace

std::vector<Token> without_askers(std::vector<Token> tokens) {
  for (size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (!is_auxiliary(tokens[i].text)) continue;
    size_t at = i + 1;
    while (is_any_of(word_at(tokens, at), {"the", "our", "my", "all"})) ++at;
    const std::string_view next = word_at(tokens, at + 1);
    if (!is_asker(word_at(tokens, at)) || next.empty() || is_of_them(next)) continue;
    tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) + 1,
                 tokens.begin() + static_cast<ptrdiff_t>(at) + 1);
    break;
  }
  return tokens;
}

}  // namespace prom5::llm
