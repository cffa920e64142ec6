// Plans for "is it up?" and "what is there?".
#include <algorithm>
#include <set>

#include "ask/llm/intent.h"
#include "ask/llm/planner.h"
#include "query/functions.h"

namespace prom5::llm {

namespace {

/// "what is broken": of no one kind of thing.
bool says_trouble(std::string_view word) {
  return word == "broken" || word == "problem" || word == "fail" || word == "wrong" ||
         word == "bad" || word == "fire";
}

/// Which rules: of which kind, and with which word in name or query.
Json rules_arguments(const Reading& reading) {
  Json out = Json::object();
  if (reading.says_any({"alert", "alerts", "alerting"})) out["kind"] = "alert";
  if (reading.says_any({"recording", "record"})) out["kind"] = "record";
  for (const ContentWord& word : reading.content) {
    const std::string& said = word.canonical;
    if (said.starts_with("rule") || said.starts_with("alert") || said.starts_with("record"))
      continue;
    out["text"] = said;
    break;
  }
  return out;
}

/// "was the shop down?", "which targets were down today": at any time of it.
bool is_of_the_past(const Reading& reading) {
  const bool was = !reading.tokens.empty() && is_any_of(reading.tokens[0].text, {"was", "were"});
  return (reading.window || reading.range || was) && !reading.point;
}

}  // namespace

bool asks_for_trouble(const Reading& reading) {
  return reading.intent == Intent::Status && !reading.content.empty() &&
         std::ranges::all_of(reading.content, says_trouble, &ContentWord::canonical);
}

/// "how many hosts are up": not everything that is scraped is a host.
bool Planner::targets_are_hosts(const Reading& reading, const Subject& subject) const {
  const catalogue::Metric* up = snapshot_.find("up");
  const bool of_targets =
      up != nullptr && std::ranges::any_of(subject.filters, [&](size_t m) {
        const auto binding = catalogue::bind(reading.mentions[m], *up, knowledge_.pack.lexicon);
        return binding && (binding->label == "job" || binding->label == "instance");
      });
  return reading.things == "host" && subject.recipe->needs.front() == "up" && !of_targets &&
         subject.recipe->promql == "up";
}

/// The jobs that tell of hosts, as a pattern; empty where none does.
std::string Planner::jobs_of_hosts() const {
  const catalogue::Concept* hosts = knowledge_.pack.find("hosts");
  if (hosts == nullptr) return "";
  std::vector<std::string> jobs;
  for (const catalogue::Recipe& recipe : hosts->recipes) {
    const catalogue::Metric* metric = snapshot_.find(recipe.needs.front());
    const catalogue::LabelInfo* label = metric == nullptr ? nullptr : metric->label("job");
    if (label == nullptr) continue;
    for (const std::string& job : label->values) {
      const std::string pattern = catalogue::escaped_regex(job);
      if (pattern.find('\\') == std::string::npos) jobs.push_back(pattern);
    }
    break;
  }
  return join_words(jobs, "|");
}

/// "list all hosts", "which services are there": the values of their label.
std::optional<Plan> Planner::plan_things(const Reading& reading) const {
  const bool lists = !reading.tokens.empty() &&
                     is_any_of(reading.tokens[0].text, {"list", "show", "which", "what", "name"});
  const bool plain = reading.mentions.empty() && reading.by.empty() && !reading.superlative &&
                     reading.thresholds.empty() && !reading.window && !reading.range &&
                     !reading.how_many;
  const bool only =
      !reading.things.empty() && std::ranges::all_of(reading.content, [&](const ContentWord& word) {
        return word.minor || word.canonical == reading.things;
      });
  const bool kind = reading.things == "host" || reading.things == "service" ||
                    reading.things == "job" || reading.things == "namespace" ||
                    reading.things == "pod" || reading.things == "target";
  if (!lists || !plain || reading.refers) return std::nullopt;
  if (!only || !kind) return plan_label_values(reading);
  const auto* labels = knowledge_.pack.lexicon.kind(reading.things);
  const catalogue::Metric* best = nullptr;
  std::string label;
  const std::string jobs = reading.things == "host" ? jobs_of_hosts() : "";
  if (!jobs.empty() || reading.things == "job" || reading.things == "target") {
    best = snapshot_.find("up");
    label = reading.things == "job" ? "job" : "instance";
  }
  for (size_t l = 0; best == nullptr && labels != nullptr && l < labels->size(); ++l) {
    size_t most = 0;
    for (const catalogue::Metric& metric : snapshot_.metrics()) {
      const catalogue::LabelInfo* info = metric.label((*labels)[l]);
      const size_t values = info == nullptr ? 0 : info->values.size();
      const bool fewer = best != nullptr && values == most && metric.series < best->series;
      if (values > most || (values > 0 && fewer)) {
        most = values;
        best = &metric;
        label = (*labels)[l];
      }
    }
  }
  if (best == nullptr || !is_legacy_metric_name(best->name)) return std::nullopt;
  Plan plan;
  plan.intent = Intent::List;
  plan.confidence = 0.85;
  plan.subject = reading.things + "s";
  plan.explanation = texts_.say("explain.things");
  plan.wording = "things";
  plan.unit = "count";
  plan.entity_labels = {label};
  const std::string matcher = jobs.empty() ? "" : fmt::format("{{job=~\"{}\"}}", jobs);
  plan.promql = fmt::format("count by ({}) ({}{})", label, best->name, matcher);
  return plan;
}

Plan Planner::plan_status(const Reading& reading, const Subject& asked) const {
  const bool any = std::ranges::all_of(asked.phrase_words, says_trouble);
  const bool targets = asked.recipe == nullptr || (any && !asked.phrase_words.empty());
  const catalogue::Concept* state = knowledge_.pack.of_role(catalogue::Role::Targets);
  if (targets && (state == nullptr || snapshot_.find("up") == nullptr))
    return ask_which({}, reading);
  Subject subject = asked;
  if (targets) {
    subject = knowledge_.subjects.of_concept(*state, reading, snapshot_);
    subject.filters.clear();
    const catalogue::Metric* up = snapshot_.find("up");
    bool lost = false;
    for (size_t m = 0; m < reading.mentions.size(); ++m) {
      const auto binding = catalogue::bind(reading.mentions[m], *up, knowledge_.pack.lexicon);
      if (binding) subject.filters.push_back(m);
      lost = lost || (!binding && !reading.mentions[m].places.empty());
    }
    if (lost && subject.filters.empty()) return ask_which({}, reading);
    subject.score = 0.8;
  }
  const bool past = is_of_the_past(reading);
  if (past && !targets) subject = by_its_course(reading, subject);
  Plan plan = begin(reading, subject);
  plan.intent = Intent::Status;
  const bool problems = reading.says_any({"broken", "wrong", "problem", "problems", "issue",
                                          "issues", "trouble", "bad", "failing", "fire"}) ||
                        asks_how_things_are(reading);
  if (targets && problems && snapshot_.find("ALERTS") != nullptr) return plan_problems(reading);
  if (subject.recipe->unit != "up") {
    Plan value = plan_value(reading, subject);
    value.intent = value.intent == Intent::Clarify || value.intent == Intent::Refuse
                       ? value.intent
                       : Intent::Status;
    return value;
  }
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  Shape shape;
  look_back(reading, shape, plan, subject);
  shape.window = DurationMs::minutes(5);
  if (past) {
    constexpr DurationMs kLately = DurationMs::days(1);
    const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
    shape.window = span ? span->end - span->start : kLately;
    shape.offset = reading.range ? now_ - reading.range->end : DurationMs{};
    shape.over_time = "min";
    plan.range = false;
    plan.window = format_duration(shape.window);
  }
  plan.promql = expression.promql(shape);
  plan.unit = "up";
  plan.wording = "status";
  plan.entity_labels = {"job", "instance"};
  if (reading.how_many) {
    const bool down = reading.says_any({"down", "dead", "offline", "unreachable", "failing"});
    if (targets_are_hosts(reading, subject)) {
      const std::string jobs = jobs_of_hosts();
      const std::string named = expression.matchers_of("up");
      if (!jobs.empty()) {
        plan.promql = fmt::format("up{{job=~\"{}\"{}{}}}", jobs, named.empty() ? "" : ",", named);
      }
      plan.subject = down ? texts_.say("status.hosts_down") : texts_.say("status.hosts_up");
    }
    plan.promql = fmt::format("count({} == {})", plan.promql, down ? 0 : 1);
    plan.unit = "count";
    plan.wording = "value";
  }
  plan.frame = frame_of(reading, subject, plan);
  return plan;
}

/// "can people reach shop.example.com": a site is asked for by its probe.
std::optional<Plan> Planner::plan_site(const Reading& reading) const {
  const catalogue::Concept* probe = knowledge_.pack.of_role(catalogue::Role::Probes);
  if (probe == nullptr) return std::nullopt;
  const catalogue::Metric* metric = snapshot_.find(probe->recipes.front().needs.front());
  if (metric == nullptr) return std::nullopt;
  static const std::set<std::string_view> kState = {"up",   "user",      "healthy", "status",
                                                    "down", "available", "working"};
  if (reading.says_any({"site", "sites"}) && !snapshot_.has_label("site")) {
    const bool state = std::ranges::all_of(
        reading.content, [&](const ContentWord& word) { return kState.contains(word.canonical); });
    if (state && reading.mentions.empty()) {
      const Subject sites = knowledge_.subjects.of_concept(*probe, reading, snapshot_);
      Plan answer = plan_status(reading, sites);
      answer.frame = frame_of(reading, sites, answer);
      return answer;
    }
  }
  for (const ContentWord& word : reading.content) {
    const bool site = reading.tokens[word.at].text.find('.') != std::string::npos;
    if (!site && !kState.contains(word.canonical)) return std::nullopt;
  }
  for (size_t m = 0; m < reading.mentions.size(); ++m) {
    if (reading.mentions[m].text.find('.') == std::string::npos) continue;
    const auto binding = catalogue::bind(reading.mentions[m], *metric, knowledge_.pack.lexicon);
    if (!binding || binding->label != "instance") continue;
    Subject site = knowledge_.subjects.of_concept(*probe, reading, snapshot_);
    site.filters = {m};
    Plan answer = plan_status(reading, site);
    answer.frame = frame_of(reading, site, answer);
    return answer;
  }
  return std::nullopt;
}

/// "what is broken?": the alerts that fire, and what is down.
Plan Planner::plan_problems(const Reading& reading) const {
  Plan plan;
  plan.intent = Intent::Status;
  plan.subject = "problems";
  plan.confidence = 0.75;
  plan.wording = "problems";
  plan.entity_labels = {"job", "instance"};
  const auto matchers = [&](const char* name) {
    std::vector<catalogue::Binding> bindings;
    for (const catalogue::Mention& mention : reading.mentions) {
      auto binding = catalogue::bind(mention, *snapshot_.find(name), knowledge_.pack.lexicon);
      // What no alert bears now is still asked about.
      if (!binding && !mention.places.empty()) {
        const catalogue::Place& place = mention.places.front();
        binding = catalogue::Binding{place.label, {place.value}, "", mention.negated, 0};
      }
      if (binding) bindings.push_back(*std::move(binding));
    }
    return catalogue::to_matchers(std::move(bindings));
  };
  const std::string alerts = matchers("ALERTS");
  const std::string filter = alerts.empty() ? "" : "," + alerts;
  const std::string targets = matchers("up");
  plan.promql = "ALERTS{alertstate=\"firing\"" + filter + "}";
  plan.more = {plan.promql, "up" + (targets.empty() ? "" : "{" + targets + "}") + " == 0"};
  plan.calls.push_back({"alerts", "query_metrics", Json{{"promql", plan.promql}}});
  plan.calls.push_back({"down", "query_metrics", Json{{"promql", plan.more[1]}}});
  return plan;
}

/// "what is the difference between rate and increase?": PromQL's functions, from their table.
std::optional<Plan> Planner::plan_functions(const Reading& reading) const {
  const bool asks = reading.says_any({"difference", "explain", "mean", "function", "functions"}) ||
                    reading.says_phrase({"what", "does"});
  if (!asks || !reading.mentions.empty()) return std::nullopt;
  std::string text;
  Json names = Json::array();
  const auto all = query::functions();
  for (const Token& token : reading.tokens) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& f) { return f.name == token.text; });
    if (found == all.end()) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : " ", found->name, found->help);
    names.push_back(token.text);
  }
  for (const ContentWord& word : reading.content) {
    const std::string& said = reading.tokens[word.at].text;
    const bool function =
        std::any_of(all.begin(), all.end(), [&](const auto& f) { return f.name == said; });
    if (!function && said != "function" && said != "functions" && said != "promql")
      return std::nullopt;
  }
  if (text.empty()) return std::nullopt;
  Plan plan;
  plan.intent = Intent::Explain;
  plan.subject = "functions";
  plan.confidence = 0.9;
  plan.wording = "functions";
  plan.explanation = text;
  plan.calls.push_back({"found", "find_metrics", Json{{"words", std::move(names)}}});
  return plan;
}

Plan Planner::plan_list(const Reading& reading) const {
  Plan plan;
  plan.intent = Intent::List;
  plan.confidence = 0.8;
  plan.frame = {{"intent", "list"}};
  if (reading.says_any({"silences", "silenced", "muted"})) {
    plan.wording = "silences";
    plan.subject = "silences";
    Json arguments = Json::object();
    if (!reading.mentions.empty()) arguments["text"] = reading.mentions.front().text;
    plan.calls.push_back({"silences", "silences", std::move(arguments)});
    return plan;
  }
  if (reading.says_any({"rule", "rules"})) {
    plan.wording = "rules";
    plan.subject = "rules";
    plan.calls.push_back({"rules", "rules", rules_arguments(reading)});
    return plan;
  }
  plan.wording = "list";
  Json words = Json::array();
  for (const ContentWord& word : reading.content) words.push_back(word.canonical);
  plan.subject = "metrics";
  plan.calls.push_back({"found", "find_metrics", Json{{"words", std::move(words)}}});
  return plan;
}

}  // namespace prom5::llm
