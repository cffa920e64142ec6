#include "query/similar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/ascii.h"
#include "base/spelling.h"

namespace prom5::query {

namespace {

constexpr double kAlike = 0.6;
constexpr size_t kMaxName = 200;  // comparing takes the product of the lengths

/// Words that name one thing.
constexpr std::array kSynonyms = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"ms", "millisecond"},   {"msec", "millisecond"}, {"milli", "millisecond"},
    {"s", "second"},         {"sec", "second"},       {"mem", "memory"},
    {"req", "request"},      {"reqs", "request"},     {"conn", "connection"},
    {"conns", "connection"}, {"err", "error"},        {"errs", "error"},
    {"num", "number"},       {"avg", "average"},      {"fs", "filesystem"},
    {"net", "network"},      {"prod", "production"},  {"dev", "development"},
    {"stg", "staging"},      {"stage", "staging"},    {"db", "database"},
    {"svc", "service"},      {"srv", "server"},       {"avail", "available"},
    {"util", "utilization"}, {"temp", "temperature"}, {"pct", "percent"},
});

/// "HTTPRequests_total" has "httprequests" and "total": lower case, singular, synonyms joined.
std::vector<std::string> words_in(std::string_view name) {
  std::vector<std::string> out;
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    for (const auto& [synonym, meaning] : kSynonyms) {
      if (word == synonym) word = meaning;
    }
    if (word.size() > 3 && word.ends_with('s') && !word.ends_with("ss")) word.pop_back();
    out.push_back(std::exchange(word, {}));
  };
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_alnum(c)) {
      end_word();
      continue;
    }
    const bool hump = is_upper(c) && i > 0 && is_lower(name[i - 1]);
    if (hump) end_word();
    word += to_lower(c);
  }
  end_word();
  return out;
}

bool same_word(const std::string& a, const std::string& b) {
  if (a == b) return true;
  return a.size() >= 4 && b.size() >= 4 && edit_distance(a, b) <= 1;
}

/// The share of words that both have, of those that either has.
double shared_words(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return 0;
  std::vector<bool> taken(b.size());
  size_t shared = 0;
  for (const std::string& word : a) {
    for (size_t i = 0; i < b.size(); ++i) {
      if (taken[i] || !same_word(word, b[i])) continue;
      taken[i] = true;
      ++shared;
      break;
    }
  }
  const double of_all =
      static_cast<double>(shared) / static_cast<double>(a.size() + b.size() - shared);
  // A name inside a longer one is often that name without its prefix or unit.
  const double of_shorter =
      static_cast<double>(shared) / static_cast<double>(std::min(a.size(), b.size()));
  return std::min(a.size(), b.size()) >= 2 ? (0.5 * of_all) + (0.45 * of_shorter) : of_all;
}

}  // namespace

double similarity(std::string_view a, std::string_view b) {
  // Nobody means a name by another of several times its length.
  if (a.size() > kMaxName || b.size() > kMaxName) return 0;
  const std::string x = to_lower(a);
  const std::string y = to_lower(b);
  if (x.empty() || y.empty()) return 0;
  const size_t longer = std::max(x.size(), y.size());
  const size_t shorter = std::min(x.size(), y.size());
  double spelled = 1 - (static_cast<double>(edit_distance(x, y)) / static_cast<double>(longer));
  // "prod" and "production", "10.0.0.1" and "10.0.0.1:9100".
  if (shorter >= 3 && (x.starts_with(y) || y.starts_with(x))) spelled = std::max(spelled, 0.75);
  return std::max(spelled, shared_words(words_in(x), words_in(y)));
}

std::vector<std::string> similar(std::string_view name, std::span<const std::string> candidates,
                                 size_t most) {
  std::vector<std::pair<double, std::string_view>> ranked;
  for (const std::string& candidate : candidates) {
    const double score = similarity(name, candidate);
    if (score >= kAlike && candidate != name) ranked.emplace_back(score, candidate);
  }
  std::ranges::stable_sort(ranked, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> out;
  for (const auto& [score, candidate] : ranked) {
    if (out.size() == most) break;
    out.emplace_back(candidate);
  }
  return out;
}

}  // namespace prom5::query
