#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
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
  struct Phrase {
    uint32_t entry = 0;
    uint32_t phrase = 0;
  };

  void rank_concepts(const Reading& reading, const catalogue::Snapshot& snapshot,
                     std::vector<Subject>& out) const;
  void rank_metrics(const Reading& reading, const catalogue::Snapshot& snapshot,
                    std::vector<Subject>& out) const;
  [[nodiscard]] const catalogue::Recipe* best_recipe(const catalogue::Concept& entry,
                                                     const Reading& reading,
                                                     const catalogue::Snapshot& snapshot,
                                                     std::string_view metric = {}) const;

  const catalogue::ConceptPack& pack_;
  std::map<std::string, std::vector<Phrase>, std::less<>> by_word_;
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
