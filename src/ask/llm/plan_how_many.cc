// "how many services are there": the values of what tells them apart, counted.
#include <algorithm>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

/// The targets of a job that the question names, which may be called by a common word; else all.
std::string targets_of(const catalogue::Metric& up, const Reading& reading) {
  const catalogue::LabelInfo* jobs = up.label("job");
  for (const Token& token : reading.tokens) {
    const bool job =
        jobs != nullptr && std::ranges::find(jobs->values, token.text) != jobs->values.end();
    if (job) return "up{job=" + catalogue::quoted(token.text) + "}";
  }
  return "up";
}

}  // namespace

std::optional<Plan> Planner::plan_how_many(const Reading& reading) const {
  if (!reading.how_many || reading.tokens.empty() || reading.refers || reading.follow_up) {
    return std::nullopt;
  }
  // What is of a thing, or of a time, is counted where that is looked at.
  const bool narrowed = !reading.mentions.empty() || reading.point || reading.range ||
                        reading.window || reading.shift || !reading.thresholds.empty();
  if (narrowed) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  Reading listed = reading;
  std::erase_if(listed.content, [](const ContentWord& word) { return word.minor; });
  if (listed.content.size() != 1) return std::nullopt;
  const std::string kind = listed.content.front().canonical;
  // "how many pods are there": a concept of its own.
  const auto counts = [&](const catalogue::Concept& entry) {
    return entry.name == kind + "s" &&
           std::ranges::any_of(entry.recipes, [&](const catalogue::Recipe& recipe) {
             return catalogue::is_available(recipe, snapshot_);
           });
  };
  if (kind != "target" && std::ranges::any_of(knowledge_.pack.concepts, counts)) {
    return std::nullopt;
  }
  const bool called = knowledge_.subjects.names(kind) && lexicon.kind(kind) == nullptr;
  if (called) return std::nullopt;
  listed.how_many = false;
  listed.tokens.front().text = "list";
  if (lexicon.kind(kind) != nullptr) listed.things = kind;
  auto list = plan_things(listed);
  if (!list) return std::nullopt;
  Plan plan = *std::move(list);
  const catalogue::Metric* up = kind == "target" ? snapshot_.find("up") : nullptr;
  plan.promql = "count(" + (up != nullptr ? targets_of(*up, reading) : plan.promql) + ")";
  plan.intent = Intent::Query;
  plan.wording = "value";
  plan.subject =
      texts_.name(plan.subject == kLabelValues ? reading.tokens[listed.content.front().at].written
                                               : plan.subject);
  plan.entity_labels.clear();
  plan.frame = {{"intent", "query"}, {"promql", plan.promql}};
  return plan;
}

}  // namespace prom5::llm
