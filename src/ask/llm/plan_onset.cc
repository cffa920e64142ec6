// Plans for what a state began with: "since when does it fire", "when did db-01 go down".
#include <algorithm>

#include "ask/llm/intent.h"
#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr DurationMs kLookedAt = DurationMs::days(1);
constexpr DurationMs kStep = DurationMs::minutes(1);

/// Words beside the names, which say which state it is.
bool says_state(std::string_view word) {
  return is_any_of(word, {"alert", "firing", "down", "up", "scrape", "target", "host", "service",
                          "node", "instance", "pod", "container", "database", "rule", "running"});
}

/// A state that some label has as a value is no name: "up" of operstate="up".
bool is_name(const catalogue::Mention& mention) {
  return mention.names_thing || !says_state(mention.folded);
}

/// Whether a question says nothing but names and states.
bool speaks_of_state(const Reading& reading) {
  return std::ranges::all_of(reading.content, [&](const ContentWord& word) {
    return says_state(word.canonical) ||
           std::ranges::find(reading.mention_at, word.at) != reading.mention_at.end();
  });
}

}  // namespace

Plan Planner::onset_of(const std::string& state, const std::string& matchers) const {
  const bool alerts = state == "alerts";
  const bool up = state == "up";
  Plan plan;
  plan.intent = Intent::Anomaly;
  plan.wording = "onset";
  plan.confidence = 0.85;
  plan.subject = state;
  const std::string filter = matchers.empty() ? "" : "," + matchers;
  plan.promql =
      alerts ? "ALERTS{alertstate=\"firing\"" + filter + "}"
             : "up" + (matchers.empty() ? "" : "{" + matchers + "}") + (up ? " == 1" : " == 0");
  plan.explanation = alerts ? texts_.say("explain.when_alerts_fired")
                     : up   ? texts_.say("explain.when_it_was_up")
                            : texts_.say("explain.when_it_was_down");
  plan.entity_labels =
      alerts ? std::vector<std::string>{"alertname", "service", "instance", "pod", "consumergroup"}
             : std::vector<std::string>{"job", "instance"};
  plan.range = true;
  plan.start = now_ - kLookedAt;
  plan.end = now_;
  plan.step = kStep;
  if (snapshot_.find("up") != nullptr) {
    cover("up", alerts ? "" : matchers, {plan.start, plan.end}, plan);
  }
  if (alerts || up) return plan;
  // What lasts shorter than a step is between two of them.
  plan.calls.push_back({"query", "query_metrics",
                        Json{{"promql", plan.promql},
                             {"start", plan.start.as_seconds()},
                             {"end", plan.end.as_seconds()},
                             {"step_s", plan.step.as_seconds()}}});
  const std::string lowest =
      "min_over_time(up" + (matchers.empty() ? "" : "{" + matchers + "}") + "[1d]) == 0";
  plan.calls.push_back({"briefly", "query_metrics", Json{{"promql", lowest}}});
  return plan;
}

std::optional<Plan> Planner::plan_onset(const Reading& reading) const {
  const bool up = asks_for_up_onset(reading);
  if (!asks_for_onset(reading) && !up) return std::nullopt;
  if (!speaks_of_state(reading)) return std::nullopt;
  if (up) {
    if (auto started = plan_started(reading)) return started;
  }
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const bool alert = std::ranges::any_of(reading.mentions, [](const catalogue::Mention& m) {
    return std::ranges::any_of(m.places, [](const auto& p) { return p.label == "alertname"; });
  });
  const bool fires = reading.says_any({"alert", "alerts", "firing", "fire", "fires", "fired"});
  const bool down = asks_for_state_onset(reading) && !fires;
  const bool alerts = alert || fires;
  const catalogue::Metric* metric = snapshot_.find(alerts ? "ALERTS" : "up");
  if (metric == nullptr || !(alerts || down || up)) return std::nullopt;
  std::vector<catalogue::Binding> bindings;
  for (const catalogue::Mention& mention : reading.mentions) {
    if (!is_name(mention)) continue;
    if (auto binding = catalogue::bind(mention, *metric, lexicon)) {
      if (binding->label == "alertstate") continue;  // it is of those that fire anyway
      bindings.push_back(*std::move(binding));
    } else if (!mention.places.empty()) {
      return std::nullopt;
    }
  }
  if (bindings.empty() && !fires && !up) return std::nullopt;
  return onset_of(alerts ? "alerts"
                  : up   ? "up"
                         : "down",
                  catalogue::to_matchers(std::move(bindings)));
}

/// Of hosts it is known when they started, which is more than that scrapes reach them.
std::optional<Plan> Planner::plan_started(const Reading& reading) const {
  const catalogue::Concept* started = knowledge_.pack.of_role(catalogue::Role::Started);
  if (started == nullptr) return std::nullopt;
  const Subject subject = knowledge_.subjects.of_concept(*started, reading, snapshot_);
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (!subject.available || metric == nullptr) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const bool host = std::ranges::any_of(reading.tokens, [&](const Token& token) {
    const std::string word = lexicon.canonical(token.text);
    return word == "host" || word == "node";
  });
  const bool bound = std::ranges::all_of(reading.mentions, [&](const catalogue::Mention& m) {
    return !is_name(m) || catalogue::bind(m, *metric, lexicon).has_value();
  });
  const bool named = std::ranges::any_of(reading.mentions, is_name);
  if (!bound || (!named && !host)) return std::nullopt;
  Reading plain = reading;
  plain.intent = Intent::Query;
  Plan plan = plan_value(plain, subject);
  plan.confidence = 0.85;
  plan.frame = frame_of(plain, subject, plan);
  return plan;
}

/// Since when a value is beyond a limit: its condition is tried on the last day as an alert's is.
Plan Planner::plan_crossing(const Reading& reading, const Subject& asked) const {
  Reading plain = reading;
  plain.intent = Intent::Query;
  plain.thresholds.clear();
  plain.window.reset();
  plain.range.reset();
  plain.superlative = false;
  plain.how_many = false;
  Plan plan = plan_value(plain, asked);
  if (!plan.clarify.empty() || !plan.refuse_code.empty()) return plan;
  const Threshold& threshold = reading.thresholds.front();
  const auto limit = in_unit(threshold.quantity, plan.unit);
  if (!limit) {
    const std::string unit(unit_info(threshold.quantity.unit).symbol);
    return clarification(
        texts_.say("ask.limit", {{"subject", texts_.name(asked.name)}, {"unit", unit}}),
        {asked.name});
  }
  const std::string value = in_brackets(plan.promql);
  plan.intent = Intent::Anomaly;
  plan.wording = reading.says_any({"often", "times"}) ? "crossings" : "crossing";
  plan.finding = false;
  plan.limit_op = threshold.op;
  plan.limit = *limit;
  plan.calls.push_back({"query", "query_metrics", Json{{"promql", plan.promql}}});
  plan.more = {plan.promql};
  Json arguments{{"promql", plan.promql}, {"op", threshold.op}, {"limit", *limit}};
  // "how often today" counts those of today; since when it is so may be longer ago.
  if (reading.window && plan.wording == "crossings") {
    arguments["start"] = reading.window->start.as_seconds();
  }
  plan.promql = value + " " + threshold.op + " " + codec::format_general(*limit);
  const std::string& metric = asked.recipe->needs.front();
  if (is_legacy_metric_name(metric)) {
    const Expression expression(asked, plain, snapshot_, knowledge_.pack.lexicon);
    const std::string matchers = expression.matchers_of(metric);
    arguments["reads"] = metric + (matchers.empty() ? "" : "{" + matchers + "}");
  }
  plan.calls.push_back({"crossings", "crossings", std::move(arguments)});
  return plan;
}

}  // namespace prom5::llm
