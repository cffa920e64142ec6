// Plans for what a state began with: "since when does it fire", "when did db-01 go down".
#include <algorithm>

#include "ask/llm/intent.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

constexpr DurationMs kLookedAt = DurationMs::days(1);
constexpr DurationMs kStep = DurationMs::minutes(1);

/// Words beside the names, which say which state it is.
bool says_state(std::string_view word) {
  return is_any_of(word, {"alert", "firing", "down", "up", "scrape", "target", "host", "service",
                          "node", "instance", "pod", "container", "database", "rule"});
}

}  // namespace

Plan Planner::onset_of(const std::string& metric, const std::string& matchers) const {
  const bool alerts = metric == "ALERTS";
  Plan plan;
  plan.intent = Intent::Anomaly;
  plan.wording = "onset";
  plan.confidence = 0.85;
  plan.subject = alerts ? "alerts" : "down";
  const std::string filter = matchers.empty() ? "" : "," + matchers;
  plan.promql = alerts ? "ALERTS{alertstate=\"firing\"" + filter + "}"
                       : metric + (matchers.empty() ? "" : "{" + matchers + "}") + " == 0";
  plan.explanation =
      alerts ? texts_.say("explain.when_alerts_fired") : texts_.say("explain.when_it_was_down");
  plan.entity_labels =
      alerts ? std::vector<std::string>{"alertname", "service", "instance", "pod", "consumergroup"}
             : std::vector<std::string>{"job", "instance"};
  plan.range = true;
  plan.start = now_ - kLookedAt;
  plan.end = now_;
  plan.step = kStep;
  return plan;
}

std::optional<Plan> Planner::plan_onset(const Reading& reading) const {
  if (!asks_for_onset(reading)) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const bool states = std::ranges::all_of(reading.content, [&](const ContentWord& word) {
    return says_state(word.canonical) ||
           std::ranges::find(reading.mention_at, word.at) != reading.mention_at.end();
  });
  if (!states) return std::nullopt;
  const bool alert = std::ranges::any_of(reading.mentions, [](const catalogue::Mention& m) {
    return std::ranges::any_of(m.places, [](const auto& p) { return p.label == "alertname"; });
  });
  const bool fires = reading.says_any({"alert", "alerts", "firing", "fire", "fires", "fired"});
  const bool down = asks_for_state_onset(reading) && !fires;
  const std::string name = alert || fires ? "ALERTS" : "up";
  const catalogue::Metric* metric = snapshot_.find(name);
  if (metric == nullptr || !(alert || fires || down)) return std::nullopt;
  std::vector<catalogue::Binding> bindings;
  for (const catalogue::Mention& mention : reading.mentions) {
    if (auto binding = catalogue::bind(mention, *metric, lexicon)) {
      if (binding->label == "alertstate") continue;  // it is of those that fire anyway
      bindings.push_back(*std::move(binding));
    } else if (!mention.places.empty()) {
      return std::nullopt;
    }
  }
  if (bindings.empty() && !fires) return std::nullopt;
  return onset_of(name, catalogue::to_matchers(std::move(bindings)));
}

}  // namespace prom5::llm
