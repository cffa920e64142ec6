// Plans that look beyond one query: what moves together, what is unusual, and why.
#include <algorithm>

#include "ask/llm/planner.h"
#include "base/ascii.h"

namespace prom5::llm {

namespace {

constexpr DurationMs kCorrelated = DurationMs::hours(6);
/// A question of two things has few places where it may come apart.
constexpr size_t kMaxCuts = 12;
constexpr DurationMs kRecent = DurationMs::hours(1);
constexpr DurationMs kRecentOfOne = DurationMs::hours(2);

/// Where a question about two things comes apart.
constexpr std::string_view kBetween[] = {" correlate with ",
                                         " correlates with ",
                                         " correlated with ",
                                         " correlated to ",
                                         " move with ",
                                         " moves with ",
                                         " related to ",
                                         " relate to ",
                                         " depend on ",
                                         " depends on ",
                                         " affect ",
                                         " affects ",
                                         " impact ",
                                         " influence ",
                                         " versus ",
                                         " vs ",
                                         " follow ",
                                         " follows ",
                                         " track ",
                                         " tracks ",
                                         " go with ",
                                         " goes with ",
                                         " together with ",
                                         " linked to ",
                                         " connected to ",
                                         " when ",
                                         " while ",
                                         " whenever ",
                                         " because of ",
                                         " against ",
                                         " rise with ",
                                         " in step with ",
                                         " go up with ",
                                         " to do with ",
                                         " and ",
                                         " with ",
                                         " as ",
                                         " on ",
                                         " to "};

/// The matchers of a question's names, as label: value, for what looks at many metrics at once.
Json filters_of(const Reading& reading) {
  Json out = Json::array();
  for (const catalogue::Mention& mention : reading.mentions) {
    if (mention.negated) continue;
    out.push_back({{"text", mention.text}, {"kind", mention.kind}});
  }
  return out;
}

bool names_alert(const Reading& reading, const catalogue::Snapshot& snapshot) {
  if (snapshot.find("ALERTS") == nullptr) return false;
  return std::any_of(
      reading.mentions.begin(), reading.mentions.end(), [](const catalogue::Mention& m) {
        return std::any_of(m.places.begin(), m.places.end(),
                           [](const auto& place) { return place.label == "alertname"; });
      });
}

}  // namespace

/// Which of the two things is not here: said of each by itself.
std::optional<Plan> Planner::refuse_sides(const std::string& text) const {
  const size_t cut = to_lower(text).find(" and ");
  if (cut == std::string::npos) return std::nullopt;
  std::string message;
  std::vector<std::string> suggestions;
  for (const std::string& part : {text.substr(0, cut), text.substr(cut + 5)}) {
    Reading own = read_question(part, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_,
                                Intent::Correlate);
    Subject subject;
    const auto declined = choose(own, subject);
    if (!declined || declined->refuse_code.empty()) continue;
    message += (message.empty() ? "" : " ") + declined->refuse_message;
    suggestions.insert(suggestions.end(), declined->suggestions.begin(),
                       declined->suggestions.end());
  }
  if (message.empty()) return std::nullopt;
  return refusal("unknown_metric", std::move(message), std::move(suggestions));
}

Plan Planner::plan_correlate(const std::string& text, const Reading& reading,
                             const Json& before) const {
  Plan plan;
  plan.intent = Intent::Correlate;
  plan.wording = "correlate";
  plan.confidence = 0.75;
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  const TimeMs end = span ? span->end : now_;
  TimeMs start = span ? span->start : end - kCorrelated;
  const auto side = [&](const std::string& part, Subject& subject, Reading& own) {
    own = read_question(part, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_,
                        Intent::Correlate);
    if (!own.strangers.empty()) return false;
    return !choose(own, subject).has_value();
  };
  const std::string small = to_lower(text);
  std::optional<Plan> half;
  size_t tried = 0;
  for (const std::string_view cut : kBetween) {
    for (size_t at = small.find(cut); at != std::string::npos; at = small.find(cut, at + 1)) {
      if (++tried > kMaxCuts) break;
      Subject a;
      Subject b;
      Reading of_a;
      Reading of_b;
      if (!side(text.substr(0, at), a, of_a)) continue;
      // "mysql threads … its queries": what is meant by "its" is said before.
      std::string rest = text.substr(at + cut.size());
      const auto thing = std::ranges::find_if(of_a.mentions, &catalogue::Mention::names_thing);
      for (const std::string_view its : {"its ", "their "}) {
        if (thing == of_a.mentions.end() || !rest.starts_with(its)) continue;
        rest = thing->text + " " + rest.substr(its.size());
      }
      // "redis evictions and the cache hit rate": of redis, both.
      const bool found = side(rest, b, of_b) ||
                         (thing != of_a.mentions.end() && side(thing->text + " " + rest, b, of_b));
      if (!found) {
        // One side is known: what is missing is the other.
        if (!half && a.phrase == 1) half = choose(of_b, b);
        continue;
      }
      // "cpu on app-02 … with its temperature": names said once hold for both.
      const auto lend = [&](const Reading& from, const Subject& lender, Reading& to, Subject& s) {
        const catalogue::Metric* metric = snapshot_.find(s.recipe->needs.front());
        if (!s.filters.empty() || metric == nullptr) return;
        for (const size_t m : lender.filters) {
          if (!catalogue::bind(from.mentions[m], *metric, knowledge_.pack.lexicon)) continue;
          s.filters.push_back(to.mentions.size());
          to.mentions.push_back(from.mentions[m]);
          to.mention_at.push_back(SIZE_MAX);
        }
      };
      lend(of_a, a, of_b, b);
      lend(of_b, b, of_a, a);  // "load and temperature on app-02"
      const auto query = [&](const Subject& s, const Reading& r) {
        const Expression e(s, r, snapshot_, knowledge_.pack.lexicon);
        Shape shape = e.shape();
        if (r.by.empty()) shape.by.clear();
        shape.total = shape.by.empty();
        return e.promql(shape);
      };
      const std::string first = query(a, of_a);
      const std::string second = query(b, of_b);
      if (first == second) continue;
      plan.subject =
          texts_.say("list.and", {{"list", texts_.name(a.name)}, {"last", texts_.name(b.name)}});
      plan.promql = first;
      plan.more = {first, second};
      plan.range = true;
      plan.start = start;
      plan.end = end;
      plan.calls.push_back({"correlation", "correlate",
                            Json{{"a", first},
                                 {"a_name", a.name},
                                 {"b", second},
                                 {"b_name", b.name},
                                 {"start", start.as_seconds()},
                                 {"end", end.as_seconds()}}});
      cover(a.recipe->needs.front(), "", {start, end}, plan);
      return plan;
    }
  }
  // One thing only: what of all goes with it?
  Reading one = read_question(text, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_,
                              Intent::Correlate);
  Subject subject;
  std::string name;
  std::string metric;
  if (!half) half = refuse_sides(text);
  if (half && half->refuse_code == "unknown_metric") {
    half->frame = {{"intent", "refuse"}, {"text", text}};
    return *std::move(half);
  }
  if (auto declined = choose(one, subject)) {
    if (before.is_object() && before.contains("promql") && !before.value("promql", "").empty()) {
      plan.promql = before.value("promql", "");
      name = before.value("subject", "");
    } else {
      declined->frame = {{"intent", std::string(to_string(declined->intent))}, {"text", text}};
      return *std::move(declined);
    }
  } else {
    const Expression expression(subject, one, snapshot_, knowledge_.pack.lexicon);
    Shape shape = expression.shape();
    shape.by.clear();
    shape.total = true;
    plan.promql = expression.promql(shape);
    name = subject.name;
    metric = subject.recipe->needs.front();
  }
  plan.subject = texts_.name(name);
  TimeMs until = end;
  if (reading.point) {
    start = reading.point->start - DurationMs::hours(2);
    until = std::min(now_, reading.point->start + DurationMs::hours(1));
  } else if (reading.range) {
    const DurationMs around = DurationMs::hours(2);
    start = reading.range->start - around;
    until = std::min(now_, reading.range->end + DurationMs::hours(1));
  }
  plan.range = true;
  plan.start = start;
  plan.end = until;
  plan.calls.push_back({"correlation", "correlate",
                        Json{{"a", plan.promql},
                             {"a_name", name},
                             {"start", start.as_seconds()},
                             {"end", until.as_seconds()}}});
  cover(metric, "", {start, until}, plan);
  return plan;
}

/// Of what is down, whether it is up: the course of a finding is there only while it holds.
Subject Planner::by_its_course(const Reading& reading, const Subject& subject) const {
  const catalogue::Concept* state = knowledge_.pack.of_role(catalogue::Role::Targets);
  if (state == nullptr || subject.recipe->needs != state->recipes.front().needs) return subject;
  return knowledge_.subjects.of_concept(*state, reading, snapshot_);
}

/// "anything odd with the site": what is unusual of all, where nothing is named that is known.
std::optional<Plan> Planner::plan_all_unusual(const Reading& reading, bool goes_on) const {
  const bool any = reading.intent == Intent::Anomaly && !goes_on && !reading.content.empty() &&
                   !names_subject(reading, knowledge_);
  if (!any) return std::nullopt;
  Reading again = reading;
  Subject meant;
  // "how long has the queue been above 10": a limit of what only a metric's name tells.
  if (!reading.thresholds.empty() && !choose(again, meant)) return std::nullopt;
  return refuse_ahead(reading, "").value_or(plan_anomaly(reading, std::nullopt));
}

Plan Planner::plan_anomaly(const Reading& reading, const std::optional<Subject>& asked) const {
  std::optional<Subject> subject;
  if (asked) subject = by_its_course(reading, *asked);
  Plan plan;
  plan.intent = Intent::Anomaly;
  plan.wording = "anomaly";
  plan.confidence = 0.75;
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  TimeMs end = span ? span->end : now_;
  DurationMs recent = span ? span->end - span->start : kRecent;
  if (reading.point) {
    end = std::min(now_, reading.point->start + DurationMs::minutes(30));
  }
  // Of one thing, all of its last hours.
  if (!span && !reading.point && !reading.mentions.empty() && !subject) recent = kRecentOfOne;
  recent = std::clamp(recent, DurationMs::minutes(10), DurationMs::hours(12));
  Json arguments{{"end", end.as_seconds()}, {"recent_s", recent.ms / 1000}};
  if (subject) {
    const Expression expression(*subject, reading, snapshot_, knowledge_.pack.lexicon);
    Shape shape = expression.shape();
    if (shape.by.empty()) shape.by = expression.things();
    shape.total = shape.by.empty();
    plan.subject = texts_.name(subject->name);
    plan.promql = expression.promql(shape);
    plan.unit = expression.unit(shape);
    plan.entity_labels = shape.by;
    arguments["queries"] =
        Json::array({{{"name", subject->name}, {"promql", plan.promql}, {"unit", plan.unit}}});
  } else {
    plan.subject = kEverything;
    arguments["filters"] = filters_of(reading);
    // "which consumer group": what is told apart so.
    const auto* labels = knowledge_.pack.lexicon.kind(reading.things);
    if (labels != nullptr) arguments["things"] = *labels;
  }
  plan.calls.push_back({"anomalies", "anomalies", std::move(arguments)});
  return plan;
}

std::optional<Plan> Planner::plan_family(const Reading& reading) const {
  const bool alone = reading.says_phrase({"what", "is"}) && reading.content.size() <= 1 &&
                     reading.mentions.empty() && reading.by.empty() && !reading.quantile &&
                     !reading.window && !reading.range && !reading.point &&
                     reading.aggregation.empty();
  const bool meaning =
      reading.intent == Intent::Explain && !reading.says("why") && reading.expression.empty();
  if (reading.family.empty() || (!alone && !meaning)) return std::nullopt;
  Plan plan;
  plan.intent = Intent::Explain;
  plan.confidence = 0.9;
  plan.wording = "describe";
  plan.subject = reading.family;
  plan.calls.push_back({"series", "describe_series", Json{{"metric", reading.family}}});
  const bool buckets = snapshot_.find(reading.family + "_bucket") != nullptr;
  const std::string metric = reading.family + (buckets ? "_bucket" : "_count");
  plan.frame = {{"subject", metric}, {"concept", false}, {"metric", metric}, {"intent", "explain"}};
  return plan;
}

Plan Planner::plan_explain(const Reading& reading, const std::optional<Subject>& subject) const {
  Plan plan;
  plan.intent = Intent::Explain;
  plan.confidence = 0.75;
  if (!reading.expression.empty()) {
    plan.wording = "explain_query";
    plan.subject = reading.expression;
    plan.calls.push_back({"query", "explain_query", Json{{"promql", reading.expression}}});
    return plan;
  }
  for (const Token& token : reading.tokens) {
    if (snapshot_.find(token.written) == nullptr || token.written.find('_') == std::string::npos) {
      continue;
    }
    plan.wording = "describe";
    plan.subject = token.written;
    plan.calls.push_back({"series", "describe_series", Json{{"metric", token.written}}});
    return plan;
  }
  const bool meaning =
      reading.says_any({"mean", "measure", "means", "measures", "definition", "represent"}) ||
      (reading.says("explain") && subject && !reading.says("why"));
  if (meaning && subject) {
    plan.wording = "describe";
    plan.subject = texts_.name(subject->name);
    plan.explanation = subject->recipe->explain;
    plan.calls.push_back(
        {"series", "describe_series", Json{{"metric", subject->recipe->needs.front()}}});
    return plan;
  }
  return plan_why(reading, subject);
}

namespace {

/// Whether a question why is about a rise; nothing where its words leave that open. "Slow" and "too
/// many" are said of what alerts are written for: which way those look is the bad way.
std::optional<bool> asks_of_rise(const Reading& reading, const Subject& subject) {
  if (reading.says_any({"low", "lower", "drop", "dropped", "fall", "fell", "fallen", "decrease",
                        "decreased", "decline", "declined", "less", "few", "fewer", "shrink"})) {
    return false;
  }
  if (reading.says_any({"high", "higher", "spike", "spiked", "spiking", "rise", "rising", "rose",
                        "increase", "increased", "climb", "peak", "more", "jump", "jumped"})) {
    return true;
  }
  if (subject.entry == nullptr || !subject.entry->alert) return std::nullopt;
  return subject.entry->alert->op == ">";
}

}  // namespace

/// Why: what else was unusual then, and came first.
Plan Planner::plan_why(const Reading& reading, const std::optional<Subject>& subject) const {
  Plan plan;
  plan.intent = Intent::Explain;
  plan.confidence = 0.75;
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  TimeMs at = reading.point ? reading.point->start : span ? span->end : now_;
  if (span && reading.range) at = span->start + DurationMs{(span->end - span->start).ms / 2};
  plan.wording = "why";
  Json arguments{{"at", at.as_seconds()}, {"filters", filters_of(reading)}};
  if (reading.point || reading.range) arguments["past"] = true;
  if (span && (span->end - span->start) > DurationMs::minutes(40)) {
    arguments["from"] = span->start.as_seconds();
    arguments["to"] = std::min(span->end, now_).as_seconds();
  }
  Json words = Json::array();
  for (const ContentWord& word : reading.content) words.push_back(word.canonical);
  for (const catalogue::Mention& m : reading.mentions) words.push_back(m.folded);
  arguments["words"] = std::move(words);
  const bool alert =
      names_alert(reading, snapshot_) || reading.says_any({"alert", "alerts", "firing", "alarm"});
  arguments["alert"] = alert;
  if (subject && !alert) {
    const Expression expression(*subject, reading, snapshot_, knowledge_.pack.lexicon);
    Shape shape = expression.shape();
    std::string name = subject->name;
    plan.promql = expression.promql(shape);
    plan.unit = expression.unit(shape);
    if (const Subject up = by_its_course(reading, *subject); up.entry != subject->entry) {
      const Expression of_up(up, reading, snapshot_, knowledge_.pack.lexicon);
      plan.promql = of_up.promql(Shape{});
      name = up.name;
      plan.unit = "up";
    } else if (const std::optional<bool> rise = asks_of_rise(reading, *subject)) {
      arguments["rise"] = *rise;
    }
    arguments["promql"] = plan.promql;
    arguments["unit"] = plan.unit;
    plan.subject = texts_.name(name);
    arguments["name"] = std::move(name);
  }
  plan.calls.push_back({"causes", "find_causes", std::move(arguments)});
  return plan;
}

}  // namespace prom5::llm
