#include "ask/tools/find_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {

using catalogue::Hit;
using catalogue::Metric;
using catalogue::Snapshot;

constexpr size_t kMaxFound = 50;

/// What is found by words: in their order, and those of them that have the most.
struct ByWords {
  std::vector<uint32_t> ranking;
  std::set<uint32_t> best;
};

ByWords by_words(const std::vector<std::string>& words, const Snapshot& snapshot,
                 const catalogue::Lexicon& lexicon) {
  ByWords out;
  size_t most = 0;
  for (const WordMatch& match : rank_by_words(words, snapshot, lexicon)) {
    if (match.words > most) out.best.clear();
    most = std::max(most, match.words);
    if (match.words == most) out.best.insert(match.place);
    out.ranking.push_back(match.place);
  }
  return out;
}

Json describe(const Metric& metric) {
  return {{"name", metric.name},
          {"type", std::string(to_string(metric.type))},
          {"unit", metric.unit},
          {"series", metric.series},
          {"help", metric.help}};
}

}  // namespace

std::vector<WordMatch> rank_by_words(const std::vector<std::string>& words,
                                     const Snapshot& snapshot, const catalogue::Lexicon& lexicon) {
  // The usual ones: how soon a word's repetition counts no more, and how much length costs.
  constexpr double kSaturation = 1.2;
  constexpr double kLengthCost = 0.75;
  constexpr double kUsualLength = 16;  // words of a name twice, and of its help
  std::set<std::string> wanted;
  for (const std::string& word : words) {
    for (std::string& one : lexicon.words_of_text(word)) wanted.insert(std::move(one));
  }
  const auto all = static_cast<double>(snapshot.metrics().size());
  std::map<uint32_t, WordMatch> found;
  for (const std::string& word : wanted) {
    const auto places = snapshot.with_word(word);
    const auto having = static_cast<double>(places.size());
    const double rarity = std::log(1 + (all - having + 0.5) / (having + 0.5));
    for (const uint32_t place : places) {
      const Metric& metric = snapshot.metrics()[place];
      const auto in_help = lexicon.words_of_text(metric.help);
      const auto count =
          static_cast<double>(2 * std::count(metric.words.begin(), metric.words.end(), word) +
                              std::count(in_help.begin(), in_help.end(), word));
      const auto length = static_cast<double>(2 * metric.words.size() + in_help.size());
      const double cost = 1 - kLengthCost + kLengthCost * length / kUsualLength;
      WordMatch& match = found[place];
      match.place = place;
      ++match.words;
      match.score += rarity * count * (kSaturation + 1) / (count + kSaturation * cost);
    }
  }
  std::vector<WordMatch> out;
  for (const auto& [place, match] : found) out.push_back(match);
  std::stable_sort(out.begin(), out.end(),
                   [](const WordMatch& a, const WordMatch& b) { return a.score > b.score; });
  return out;
}

std::vector<uint32_t> fuse_ranks(const std::vector<uint32_t>& one,
                                 const std::vector<uint32_t>& other) {
  constexpr double kFlat = 60;
  std::map<uint32_t, double> scores;
  for (const auto* ranking : {&one, &other}) {
    for (size_t i = 0; i < ranking->size(); ++i) {
      scores[(*ranking)[i]] += 1 / (kFlat + static_cast<double>(i) + 1);
    }
  }
  std::vector<uint32_t> out;
  for (const auto& [place, score] : scores) out.push_back(place);
  std::stable_sort(out.begin(), out.end(),
                   [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  return out;
}

ToolSpec FindMetrics::spec() const {
  return {
      "find_metrics",
      "Lists metrics, the best first, with type and help: those whose name or help text has most "
      "of the words (by: words; total counts these where there are any), and those that mean "
      "the like (by: meaning).",
      object_schema({{"words", "array", "words; none: all metrics"}})};
}

Result<Json> FindMetrics::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object() || !arguments.contains("words") || !arguments["words"].is_array()) {
    return fail(ErrorCode::BadData, "find_metrics needs \"words\", an array");
  }
  std::vector<std::string> words;
  std::string text;
  for (const Json& word : arguments["words"]) {
    if (!word.is_string()) return fail(ErrorCode::BadData, "find_metrics: \"words\" must be texts");
    words.push_back(word.get<std::string>());
    text += (text.empty() ? "" : " ") + words.back();
  }
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  Json metrics = Json::array();
  if (words.empty()) {
    for (const Metric& metric : snapshot->metrics()) {
      if (metrics.size() == kMaxFound) break;
      metrics.push_back(describe(metric));
    }
    return Json{{"metrics", std::move(metrics)}, {"total", snapshot->metrics().size()}};
  }
  const ByWords having = by_words(words, *snapshot, lexicon_);
  std::vector<uint32_t> alike;
  meaning_.follow(snapshot);
  for (const Hit& hit : meaning_.nearest(text, kMaxFound, Hit::Kind::Metric)) {
    // Another question may have moved the index on to a later snapshot meanwhile.
    const Metric* metric = snapshot->find(hit.name);
    if (metric == nullptr) continue;
    alike.push_back(static_cast<uint32_t>(metric - snapshot->metrics().data()));
  }
  const std::vector<uint32_t> found = fuse_ranks(having.ranking, alike);
  for (const uint32_t place : found) {
    if (metrics.size() == kMaxFound) break;
    Json metric = describe(snapshot->metrics()[place]);
    metric["by"] = having.best.contains(place) ? "words" : "meaning";
    metrics.push_back(std::move(metric));
  }
  const size_t total = having.best.empty() ? found.size() : having.best.size();
  return Json{{"metrics", std::move(metrics)}, {"total", total}};
}

}  // namespace prom5::tools
