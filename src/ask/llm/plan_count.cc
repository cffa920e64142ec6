// Limits of how many there are: "fewer than 2 api pods", "more than 2 targets are down".
#include <algorithm>

#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// The kind of thing that stands behind a limit's number, with its name at most between; or empty.
std::string limited_things(const Reading& reading, const catalogue::Lexicon& lexicon) {
  constexpr size_t kNear = 3;
  const Threshold& limit = reading.thresholds.front();
  const size_t first = limit.first + limit.count;
  for (size_t i = first; i < std::min(reading.tokens.size(), first + kNear); ++i) {
    std::string word = lexicon.canonical(reading.tokens[i].text);
    if (lexicon.kind(word) != nullptr) return word;
    const bool named = std::ranges::find(reading.mention_at, i) != reading.mention_at.end();
    if (!named) break;
  }
  return "";
}

/// Whether each of the subject's series is such a thing, or says whether one is in some state.
bool is_of_things(const Subject& subject, const std::string& kind) {
  const catalogue::Recipe& recipe = *subject.recipe;
  const bool named = std::ranges::find(subject.phrase_words, kind) != subject.phrase_words.end();
  return (named && recipe.join == "sum") || recipe.finding || recipe.unit == "flag" ||
         recipe.unit == "up" || recipe.promql.starts_with("count(");
}

}  // namespace

std::optional<Plan> Planner::plan_count_limit(const Reading& reading,
                                              const Subject& subject) const {
  const bool plain =
      reading.thresholds.size() == 1 && reading.thresholds[0].quantity.unit == Unit::None;
  if (!plain || reading.how_many || !reading.by.empty()) return std::nullopt;
  const std::string kind = limited_things(reading, knowledge_.pack.lexicon);
  if (kind.empty() || !is_of_things(subject, kind)) return std::nullopt;
  Reading counted = reading;
  counted.thresholds.clear();
  counted.how_many = true;
  counted.which = false;
  const bool up = subject.recipe->unit == "up";
  counted.intent = up ? Intent::Status : Intent::Query;
  Plan plan = up ? plan_status(counted, subject) : plan_value(counted, subject);
  if (plan.promql.empty()) return plan;
  const Threshold& limit = reading.thresholds.front();
  plan.promql =
      in_brackets(plan.promql) + " " + limit.op + " " + codec::format_general(limit.quantity.value);
  plan.intent = reading.intent;
  plan.wording = "beyond";
  plan.entity_labels.clear();
  return plan;
}

}  // namespace prom5::llm
