#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ask/llm/reading.h"

namespace prom5::llm {

/// What a question may be about: a concept by one of its recipes, or a metric by itself.
struct Subject {
  const catalogue::Concept* entry = nullptr;        ///< null: a metric by itself
  std::shared_ptr<const catalogue::Recipe> recipe;  ///< never null, once found
  std::string name;                                 ///< "CPU usage", or the metric's
  bool available = false;                           ///< the server has the recipe's metrics
  double score = 0;     ///< for ranking: about 0 to 1, a little above where all is said
  double phrase = 0;    ///< how much of the concept's phrase was said, 0 to 1
  double coverage = 0;  ///< how much of the question the subject explains, 0 to 1
  std::vector<std::string> phrase_words;
  std::vector<std::string> unexplained;  ///< strong words of the question, as written
  std::vector<std::string> assumed;      ///< words that only go along with it, as written
  std::vector<size_t> filters;           ///< which of the reading's mentions narrow it
};

/// A phrase that something is called by, its words as numbers: a question is held against
/// hundreds.
struct Phrase {
  struct Word {
    uint32_t id = 0;
    double weight = 0;
    const std::string* text = nullptr;
  };
  std::vector<Word> words;
  double weight = 0;     ///< of all words
  bool negates = false;  ///< has the word "not"
};

/// A concept as it is looked for.
struct Sought {
  const catalogue::Concept* entry = nullptr;
  std::vector<Phrase> phrases;
  std::vector<uint32_t> about;  ///< numbers of its words, ascending
};

/// The numbers of the words that phrases consist of.
class PhraseWords {
 public:
  /// None of them.
  static constexpr uint32_t kUnknown = UINT32_MAX;

  /// The text must outlive this.
  uint32_t add(const std::string& word) {
    return ids_.try_emplace(word, static_cast<uint32_t>(ids_.size())).first->second;
  }
  [[nodiscard]] uint32_t find(std::string_view word) const {
    const auto found = ids_.find(word);
    return found == ids_.end() ? kUnknown : found->second;
  }
  [[nodiscard]] size_t size() const { return ids_.size(); }

 private:
  std::unordered_map<std::string_view, uint32_t> ids_;
};

class Judge;

/// Finds subjects by word. Made once of a pack; any thread.
class SubjectFinder {
 public:
  explicit SubjectFinder(const catalogue::ConceptPack& pack);

  /// The likeliest first, at most a few dozen.
  [[nodiscard]] std::vector<Subject> rank(const Reading& reading,
                                          const catalogue::Snapshot& snapshot) const;

  /// Whether a word alone is what some concept is called: "cpu", "orders".
  [[nodiscard]] bool names(std::string_view word) const { return names_.contains(word); }

  /// Whether a question says the name of a metric that no concept knows: "queue length".
  [[nodiscard]] bool says_metric(const Reading& reading, const catalogue::Snapshot& snapshot) const;

  /// A concept, or a metric as a recipe, for who knows which; what the reading says around it is
  /// looked at as by rank(). Of recipes that tell it equally well, the one that reads `metric`.
  [[nodiscard]] Subject of_concept(const catalogue::Concept& entry, const Reading& reading,
                                   const catalogue::Snapshot& snapshot,
                                   std::string_view metric = {}) const;

 private:
  struct Place {
    uint32_t concept_at = 0;
    uint32_t phrase = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
  };

  void rank_concepts(const Reading& reading, Judge& judge, std::vector<Subject>& out) const;
  void rank_metrics(const Reading& reading, const catalogue::Snapshot& snapshot, Judge& judge,
                    std::vector<Subject>& out) const;
  [[nodiscard]] const catalogue::Recipe* best_recipe(const catalogue::Concept& entry,
                                                     const Reading& reading, Judge& judge,
                                                     std::string_view metric = {}) const;

  const catalogue::ConceptPack& pack_;
  PhraseWords words_;
  std::vector<Sought> concepts_;
  std::vector<std::vector<Place>> by_word_;           // of each number the phrases that have it
  std::set<std::string, std::less<>> names_;          // phrases of one word
  std::set<std::string, std::less<>> known_metrics_;  // of any concept
};

/// What one asks of a metric of its type: a counter's rate, a histogram's quantile, a gauge's
/// value.
catalogue::Recipe recipe_of_metric(const catalogue::Metric& metric);

/// Whether a recipe can tell this quantile: of a histogram any, of a summary those that it has.
bool gives_quantile(const catalogue::Recipe& recipe, double quantile,
                    const catalogue::Snapshot& snapshot);

}  // namespace prom5::llm
