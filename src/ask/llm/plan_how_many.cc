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

std::optional<Plan> Planner::plan_series(const Reading& reading) const {
  const bool counts = reading.how_many && reading.says_any({"series", "timeseries"});
  if (!counts || reading.point || reading.range || reading.window || reading.shift ||
      !reading.thresholds.empty()) {
    return std::nullopt;
  }
  for (const Token& token : reading.tokens) {
    const catalogue::Metric* metric = snapshot_.find(token.written);
    if (metric == nullptr || metric->name.find('_') == std::string::npos) continue;
    Subject subject;
    subject.recipe = std::make_shared<catalogue::Recipe>(recipe_of_metric(*metric));
    subject.name = metric->name;
    for (size_t m = 0; m < reading.mentions.size(); ++m) subject.filters.push_back(m);
    const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
    if (!expression.lost_kinds().empty()) return std::nullopt;
    const std::string matchers = expression.matchers_of(metric->name);
    Plan plan;
    plan.intent = Intent::Query;
    plan.wording = "value";
    plan.subject = texts_.say("series.of", {{"metric", metric->name}});
    plan.entity_labels = reading.by.empty() ? std::vector<std::string>{} : expression.shape().by;
    plan.promql = "count" + catalogue::by_clause(plan.entity_labels) + "(" + metric->name +
                  (matchers.empty() ? "" : "{" + matchers + "}") + ")";
    plan.unit = "count";
    plan.confidence = 0.9;
    plan.frame = {{"intent", "query"}, {"promql", plan.promql}};
    return plan;
  }
  return std::nullopt;
}

std::optional<Plan> Planner::plan_values_of(const Reading& reading) const {
  if (reading.content.size() != 2 || !reading.says_phrase({"are", "there"})) return std::nullopt;
  const ContentWord& of = reading.content.front();
  const ContentWord& kind = reading.content.back();
  if (kind.at != of.at + 1) return std::nullopt;
  const auto ranked = knowledge_.subjects.rank(reading, snapshot_);
  const auto whole = [](const Subject& subject) {
    return subject.available && subject.phrase_words.size() > 1 && subject.recipe->by.empty() &&
           subject.recipe->promql.find("rate(") == std::string::npos;
  };
  if (!ranked.empty() && whole(ranked.front())) return std::nullopt;
  for (const uint32_t index : snapshot_.with_word(of.canonical)) {
    const catalogue::Metric& metric = snapshot_.metrics()[index];
    const std::string label = catalogue::label_of_kind(
        catalogue::singular(reading.tokens[kind.at].text), metric, knowledge_.pack.lexicon);
    if (label.empty() || !is_legacy_metric_name(metric.name)) continue;
    Plan plan;
    plan.intent = Intent::Query;
    plan.wording = "value";
    plan.subject = reading.tokens[of.at].written + " " + reading.tokens[kind.at].written;
    plan.promql = "count(count" + catalogue::by_clause({label}) + "(" + metric.name + "))";
    plan.unit = "count";
    plan.confidence = 0.8;
    plan.frame = {{"intent", "query"}, {"promql", plan.promql}};
    return plan;
  }
  return std::nullopt;
}

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
  if (auto values = plan_values_of(listed)) return values;
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
