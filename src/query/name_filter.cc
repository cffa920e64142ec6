#include "query/name_filter.h"

#include <algorithm>

#include "io/codec/utf8.h"

namespace prom5::query {

namespace {

/// Of a longer name only the beginning is looked at.
constexpr size_t kMaxName = 1024;

/// Below a whole prefix, which alone scores 1.
constexpr double kNotExact = 0.999;

std::u32string code_points(std::string_view text, bool fold_case) {
  std::u32string out = codec::utf8_code_points(text);
  if (!fold_case) return out;
  // ASCII alone: names seldom hold more.
  std::ranges::transform(out, out.begin(),
                         [](char32_t c) { return c >= U'A' && c <= U'Z' ? c - U'A' + U'a' : c; });
  return out;
}

/// The score of matching `pattern` from `start` on, each letter as early as it comes; nothing when
/// not all of them come.
std::optional<double> greedy_score(std::u32string_view pattern, std::u32string_view text,
                                   size_t start) {
  const auto length = static_cast<double>(text.size());
  double score = 0;
  size_t matched = 0;
  size_t past = 0;  // the run before
  size_t at = start;
  while (matched < pattern.size()) {
    at = text.find(pattern[matched], at);
    if (at == std::u32string_view::npos) return std::nullopt;
    const size_t run = at;
    while (matched < pattern.size() && at < text.size() && text[at] == pattern[matched]) {
      ++at;
      ++matched;
    }
    const auto letters = static_cast<double>(at - run);
    score += (letters * letters) - (static_cast<double>(run - past) / length);
    past = at;
  }
  // What follows the last letter is only half as bad as a gap.
  return score - (static_cast<double>(text.size() - past) / length / 2);
}

double substring_score(std::u32string_view term, std::u32string_view name, size_t at) {
  const size_t last = name.size() - term.size();
  if (at == 0 || last == 0) return 1;
  return 1 - (0.9 * static_cast<double>(at) / static_cast<double>(last));
}

}  // namespace

double subsequence_score(std::u32string_view pattern, std::u32string_view text) {
  if (pattern.empty() || text.starts_with(pattern)) return 1;
  if (pattern.size() > text.size()) return 0;
  double best = -1;
  for (size_t start = text.find(pattern[0]); start <= text.size() - pattern.size();
       start = text.find(pattern[0], start + 1)) {
    const auto score = greedy_score(pattern, text, start);
    if (!score) break;  // what follows is only less
    best = std::max(best, *score);
  }
  if (best < 0) return 0;
  const auto letters = static_cast<double>(pattern.size());
  return best / (letters * letters) * kNotExact;
}

double jaro_winkler(std::u32string_view a, std::u32string_view b) {
  if (a == b) return 1;
  if (a.empty() || b.empty()) return 0;
  if (a.size() > b.size()) std::swap(a, b);
  const size_t near = std::max<size_t>(b.size() / 2, 1) - 1;
  std::u32string from_a;
  std::vector<bool> taken(b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t end = std::min(i + near + 1, b.size());
    for (size_t k = i > near ? i - near : 0; k < end; ++k) {
      if (taken[k] || a[i] != b[k]) continue;
      taken[k] = true;
      from_a += a[i];
      break;
    }
  }
  if (from_a.empty()) return 0;
  size_t misplaced = 0;
  size_t next = 0;
  for (size_t k = 0; k < b.size(); ++k) {
    if (taken[k] && b[k] != from_a[next++]) ++misplaced;
  }
  const auto matches = static_cast<double>(from_a.size());
  const double jaro =
      ((matches / static_cast<double>(a.size())) + (matches / static_cast<double>(b.size())) +
       ((matches - (static_cast<double>(misplaced) / 2)) / matches)) /
      3;
  size_t prefix = 0;
  while (prefix < std::min<size_t>(4, a.size()) && a[prefix] == b[prefix]) ++prefix;
  return jaro + (static_cast<double>(prefix) * 0.1 * (1 - jaro));
}

NameFilter::NameFilter(const std::vector<std::string>& terms, Options options) : options_(options) {
  for (const std::string& term : terms) {
    if (!term.empty()) terms_.push_back(code_points(term, !options.case_sensitive));
  }
}

std::optional<double> NameFilter::score_of(std::u32string_view term,
                                           std::u32string_view name) const {
  if (options_.algorithm == Algorithm::Subsequence) {
    const double score = subsequence_score(term, name);
    if (score <= 0 || score < options_.threshold) return std::nullopt;
    return score;
  }
  if (const size_t at = name.find(term); at != std::u32string_view::npos) {
    return substring_score(term, name, at);
  }
  if (options_.threshold <= 0) return std::nullopt;
  const double score = jaro_winkler(term, name);
  if (score < options_.threshold) return std::nullopt;
  return score;
}

std::optional<double> NameFilter::score(std::string_view name) const {
  if (terms_.empty()) return 1;
  const std::u32string letters = code_points(name.substr(0, kMaxName), !options_.case_sensitive);
  std::optional<double> best;
  for (const std::u32string& term : terms_) {
    const auto score = score_of(term, letters);
    if (score && score > best) best = score;
  }
  return best;
}

}  // namespace prom5::query
