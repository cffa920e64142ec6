#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/llm/question.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// How a question will be answered, or why not.
struct Plan {
  std::string intent;
  std::string subject;  ///< "CPU usage"
  std::string promql;
  std::string unit = "none";
  bool range = false;
  DurationMs window = DurationMs::hours(1);  ///< of a range query
  double confidence = 0;
  std::string explanation;
  std::vector<std::string> alternatives;
  std::vector<std::string> entity_labels;  ///< what tells the result's series apart
  std::optional<Json> action;

  std::string clarify;  ///< a question back, with `options`
  std::vector<std::string> options;
  std::string refuse_code;  ///< with `refuse_message`
  std::string refuse_message;
  std::vector<std::string> suggestions;
};

/// Finds what a question is about in the catalogue and composes the query for it: by concept where
/// one fits, else by metric names and help texts. Says what it does not know instead of guessing.
class Planner {
 public:
  Planner(catalogue::Catalogue& catalogue, const catalogue::ConceptPack& pack)
      : catalogue_(catalogue), pack_(pack) {}

  Result<Plan> plan(const ParsedQuestion& question);

 private:
  struct Choice;
  struct Bound;

  Result<Plan> plan_status(const ParsedQuestion& question);
  Result<Plan> plan_list(const ParsedQuestion& question);
  Result<std::optional<Plan>> plan_concept(const ParsedQuestion& question);
  Result<Plan> plan_metric(const ParsedQuestion& question);
  Result<Plan> compose(const ParsedQuestion& question, const catalogue::Concept& subject,
                       const catalogue::Recipe& recipe, const std::vector<std::string>& leftover);
  void finish(const ParsedQuestion& question, bool least_is_worst, Plan& plan) const;
  static void ask_instead(Plan& plan, std::string question);
  Plan ask_back(const catalogue::Catalogue::Snapshot& snapshot) const;
  std::vector<std::string> similar_words(const catalogue::Catalogue::Snapshot& snapshot,
                                         const std::vector<std::string>& words) const;
  Plan unknown_words(const std::vector<std::string>& words,
                     const std::vector<std::string>& suggestions) const;

  /// Label filters for words that are label values; words that are none are left in `leftover`.
  Result<std::vector<Matcher>> bind_filters(const std::string& metric,
                                            const std::vector<std::string>& words,
                                            std::vector<std::string>& leftover);

  catalogue::Catalogue& catalogue_;
  const catalogue::ConceptPack& pack_;
};

}  // namespace prom5::llm
