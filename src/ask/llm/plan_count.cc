// Limits of how many there are: "fewer than 2 api pods", "more than 2 targets are down".
#include <algorithm>

#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// The kind of thing that stands behind a limit's number, with its name at most between; or empty.
std::string limited_things(const Reading& reading, const Threshold& limit,
                           const catalogue::Lexicon& lexicon) {
  constexpr size_t kNear = 3;
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
  if (reading.how_many || !reading.by.empty()) return std::nullopt;
  std::string kind;
  const auto found = std::ranges::find_if(reading.thresholds, [&](const Threshold& each) {
    if (each.quantity.unit == Unit::None) {
      kind = limited_things(reading, each, knowledge_.pack.lexicon);
    }
    return !kind.empty();
  });
  if (found == reading.thresholds.end()) return std::nullopt;
  const Threshold& limit = *found;
  // "more than 5 hosts have cpu above 90 %": those beyond the other limit are counted.
  if (reading.thresholds.size() == 1 && !is_of_things(subject, kind)) return std::nullopt;
  Reading counted = reading;
  counted.thresholds.erase(counted.thresholds.begin() + (found - reading.thresholds.begin()));
  counted.how_many = true;
  counted.which = false;
  const bool up = subject.recipe->unit == "up";
  counted.intent = up ? Intent::Status : Intent::Query;
  Plan plan = up ? plan_status(counted, subject) : plan_value(counted, subject);
  if (plan.promql.empty()) return plan;
  // Of none there is no count.
  const bool zero = plan.promql.starts_with("count(") && !limit.op.starts_with('>');
  if (zero) plan.promql += " or vector(0)";
  plan.promql =
      in_brackets(plan.promql) + " " + limit.op + " " + codec::format_general(limit.quantity.value);
  plan.intent = reading.intent;
  plan.frame = {{"op", limit.op}, {"value", limit.quantity.value}};
  plan.wording = "beyond";
  plan.entity_labels.clear();
  return plan;
}

}  // namespace prom5::llm
