// What a question takes over from the turn before: "and memory?", "only production", "make it
// five".
#include <algorithm>
#include <map>
#include <set>

#include "ask/llm/planner.h"
#include "ask/llm/time_words.h"

namespace prom5::llm {

namespace {

using catalogue::Concept;
using catalogue::Mention;

Json mention_json(const Mention& m) {
  return {{"text", m.text}, {"folded", m.folded}, {"kind", m.kind}, {"negated", m.negated}};
}

/// "90", "and 90 %?": a number and nothing that it could be of.
bool is_amount(const Reading& reading) {
  constexpr size_t kFewWords = 5;
  return reading.numbers.size() == 1 && reading.tokens.size() <= kFewWords &&
         reading.thresholds.empty() && reading.content.empty() && reading.mentions.empty() &&
         reading.numbered.empty() && reading.values.empty();
}

/// "make it 2 %", "90", "for 15 minutes", "and critical": the alert before, with something else.
void inherit_alert(const Json& before, Reading& reading) {
  const bool amends = reading.says_phrase({"make", "it"}) ||
                      reading.says_phrase({"make", "that"}) ||
                      (reading.says("actually") && reading.numbers.size() == 1) || reading.hold ||
                      !reading.severity.empty() || is_amount(reading) ||
                      reading.says_any({"critical", "warning", "only"});
  if (before.value("intent", "") != "alert" || reading.intent_said || !amends) return;
  reading.intent = Intent::Alert;
  if (before.contains("op") && reading.thresholds.empty()) {
    Threshold threshold;
    threshold.op = before.value("op", ">");
    threshold.quantity.value = before.value("value", 0.0);
    if (!reading.numbers.empty()) threshold.quantity = reading.numbers.front();
    reading.thresholds.push_back(std::move(threshold));
  }
  if (!reading.hold && before.contains("hold_s")) {
    reading.hold.emplace();
    reading.hold->length = DurationMs::seconds(before.value("hold_s", int64_t{0}));
  }
  if (reading.severity.empty()) reading.severity = before.value("severity", "");
  if (reading.says("critical")) reading.severity = "critical";
  if (reading.says("warning")) reading.severity = "warning";
}

/// Top and trend go on; what was a list stays as long as it was.
void inherit_slots(const Json& before, bool new_subject, Reading& reading) {
  const Intent intent = intent_of(before.value("intent", "")).value_or(Intent::Query);
  const bool keeps = intent == Intent::Top || (intent == Intent::Trend && !reading.point);
  if (!reading.intent_said && keeps && !(reading.by.size() > 0 && new_subject)) {
    reading.intent = intent;
    reading.superlative = intent == Intent::Top;
  }
  // "make it five" of a list that was told: five of it.
  const bool so_many = intent == Intent::Query && !reading.intent_said &&
                       reading.says_phrase({"make", "it"}) && reading.numbers.size() == 1 &&
                       reading.numbers[0].unit == Unit::None && reading.content.empty();
  if (so_many) reading.intent = Intent::Top;
  if (reading.intent == Intent::Top && !reading.top) {
    if (reading.numbers.size() == 1) {
      reading.top = static_cast<size_t>(std::clamp(reading.numbers[0].value, 1.0, 1000.0));
    } else if (before.contains("top") && !reading.intent_said) {
      reading.top = before["top"].get<size_t>();
    }
    if (!reading.intent_said) reading.least = before.value("least", false);
  }
  if (reading.by.empty()) reading.by = before.value("by", std::vector<std::string>{});
  if (reading.things.empty()) reading.things = before.value("things", "");
  if (!new_subject) {
    if (reading.aggregation.empty()) reading.aggregation = before.value("aggregation", "");
    if (!reading.quantile && before.contains("quantile")) {
      reading.quantile = before["quantile"].get<double>();
    }
    if (!reading.unit && before.contains("unit")) {
      reading.unit = unit_of_symbol(before.value("unit", ""));
    }
  }
}

/// "and yesterday at the same time?", "what about yesterday?": the same, back then.
void inherit_times(const Json& before, bool new_subject, TimeMs now, Reading& reading) {
  const bool compares = reading.intent == Intent::Compare && reading.shift &&
                        reading.says_any({"compare", "compared", "vs", "versus", "than"});
  if (!new_subject && reading.shift && !compares) {
    reading.point = reading.shift;
    reading.shift.reset();
    reading.intent = Intent::Query;
  }
  const DurationMs day = DurationMs::days(1);
  if (!new_subject && reading.range && reading.range->length == day &&
      reading.aggregation.empty()) {
    reading.point = reading.range;
    reading.point->start = now - day;
    reading.range.reset();
  }
  // A whole question of its own says its own time; "what about memory" means the one before.
  static const std::set<std::string_view> kLeans = {"and",  "also", "what", "how", "now",
                                                    "same", "then", "but",  "or",  "only"};
  const bool leans = reading.tokens.size() < 3 || reading.refers ||
                     (reading.follow_up && kLeans.contains(reading.tokens[0].text));
  if (new_subject && !leans) return;
  // "tomorrow" is no part of what was measured.
  const bool own = reading.window || reading.range || reading.point || reading.ahead;
  reading.all_told = !own && !reading.shift && before.value("all", false);
  if (!own && before.contains("window_ms")) {
    TimePhrase window;
    window.length = {before["window_ms"].get<int64_t>()};
    window.end = now;
    window.start = now - window.length;
    reading.window = window;
  }
}

}  // namespace

void Planner::take_bare_window(const Json& before, Reading& reading) const {
  static const std::set<std::string_view> kBeside = {
      "and",    "or",   "make", "it",    "now",   "over",  "for",    "in",      "just",   "only",
      "use",    "take", "what", "about", "how",   "try",   "rather", "instead", "please", "then",
      "but",    "the",  "with", "as",    "of",    "to",    "set",    "change",  "show",   "me",
      "window", "no",   "i",    "mean",  "meant", "sorry", "rather", "that",    "same"};
  if (reading.window || reading.range || reading.point || reading.shift || reading.ahead) return;
  if (!reading.mentions.empty() || !reading.by.empty() || reading.quantile) return;
  const TimeWords words(reading.tokens, now_, DurationMs{});
  std::optional<TimeWords::Length> length;
  for (size_t i = 0; i < reading.tokens.size();) {
    const auto found = length ? std::nullopt : words.length_at(i);
    if (!found && !kBeside.contains(reading.tokens[i].text)) return;
    if (found) length = found;
    i += found ? found->count : 1;
  }
  if (!length || length->length.ms <= 0) return;
  reading.numbers.clear();
  reading.thresholds.clear();
  reading.content.clear();
  reading.unit.reset();
  reading.hold.reset();
  reading.follow_up = true;
  TimePhrase phrase;
  phrase.length = length->length;
  phrase.approximate = length->approximate;
  const std::string intent = before.value("intent", "");
  if (intent == "alert" || intent == "silence") {
    reading.hold = phrase;
  } else if (intent == "forecast") {
    phrase.kind = TimePhrase::Kind::Ahead;
    phrase.start = now_;
    phrase.end = now_ + length->length;
    reading.ahead = phrase;
    reading.intent = Intent::Forecast;
  } else {
    phrase.start = now_ - length->length;
    phrase.end = now_;
    reading.window = phrase;
  }
}

Json Planner::frame_of(const Reading& reading, const Subject& subject, const Plan& plan) const {
  Json mentions = Json::array();
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  for (const size_t m : subject.filters) {
    Json mention = mention_json(reading.mentions[m]);
    const auto binding =
        metric == nullptr ? std::nullopt
                          : catalogue::bind(reading.mentions[m], *metric, knowledge_.pack.lexicon);
    if (binding && binding->values.size() == 1 && !binding->negated) {
      mention["label"] = binding->label;
    }
    mentions.push_back(std::move(mention));
  }
  Json out{{"subject", subject.name},
           {"concept", subject.entry != nullptr},
           {"metric", subject.recipe->needs.front()},
           {"intent", std::string(to_string(plan.intent))},
           {"mentions", std::move(mentions)},
           {"by", reading.by},
           {"things", reading.things},
           {"aggregation", reading.aggregation},
           {"promql", plan.promql},
           {"least", reading.least}};
  if (reading.quantile) out["quantile"] = *reading.quantile;
  if (reading.top) out["top"] = *reading.top;
  if (reading.window) out["window_ms"] = reading.window->length.ms;
  if (asks_for_all(reading)) out["all"] = true;
  const std::string called = kind_called(reading, subject, knowledge_.pack.lexicon);
  if (!called.empty()) out["called"] = called;
  if (reading.unit) out["unit"] = std::string(unit_info(*reading.unit).symbol);
  return out;
}

/// What the turn before was about; nothing when it is not here any more.
std::optional<Subject> Planner::resumed(const Json& before, const Reading& reading) const {
  const std::string name = before.value("subject", "");
  const Concept* entry = before.value("concept", false) ? knowledge_.pack.find(name) : nullptr;
  const std::string read = before.value("metric", "");
  if (entry != nullptr) return knowledge_.subjects.of_concept(*entry, reading, snapshot_, read);
  const catalogue::Metric* metric = snapshot_.find(read);
  if (metric == nullptr) return std::nullopt;
  Subject plain;
  plain.recipe = std::make_shared<catalogue::Recipe>(recipe_of_metric(*metric));
  plain.name = metric->name;
  plain.available = true;
  plain.score = plain.phrase = plain.coverage = 1;
  for (size_t m = 0; m < reading.mentions.size(); ++m) plain.filters.push_back(m);
  return plain;
}

/// A name of the same kind takes the place of the one before; others stay.
void Planner::inherit_mentions(const Json& before, Reading& reading, Subject& subject) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  const Json old_mentions = before.value("mentions", Json::array());
  // "memory of api pods", "and payment?": of its pods too.
  for (const Json& old : old_mentions) {
    const std::string kind = old.value("kind", "");
    for (const size_t m : subject.filters) {
      if (metric == nullptr || kind.empty() || !reading.mentions[m].kind.empty()) continue;
      Mention same = reading.mentions[m];
      same.kind = kind;
      const auto binding = catalogue::bind(same, *metric, lexicon);
      if (binding && binding->label == catalogue::label_of_kind(kind, *metric, lexicon)) {
        reading.mentions[m].kind = kind;
      }
    }
  }
  std::set<std::string> replaced;
  // "by card", "and by method?": of all methods again.
  std::map<std::string, size_t> alone;
  for (const Json& old : old_mentions) ++alone[old.value("label", "")];
  for (const std::string& kind : reading.by) {
    const std::string label =
        metric == nullptr ? "" : catalogue::label_of_kind(kind, *metric, lexicon);
    if (!label.empty() && alone[label] == 1) replaced.insert(label);
  }
  for (const size_t m : subject.filters) {
    if (metric == nullptr) break;
    if (const auto binding = catalogue::bind(reading.mentions[m], *metric, lexicon)) {
      replaced.insert(binding->label);
    }
  }
  for (const Json& old : old_mentions) {
    Reading again = read_question(
        old.value("text", "") + (old.value("kind", "").empty() ? "" : " " + old.value("kind", "")),
        knowledge_.pack, knowledge_.vocabulary, snapshot_, now_);
    if (again.mentions.empty() || metric == nullptr) continue;
    Mention mention = again.mentions.front();
    mention.negated = old.value("negated", false);
    const auto binding = catalogue::bind(mention, *metric, lexicon);
    if (!binding || replaced.contains(binding->label)) continue;
    subject.filters.push_back(reading.mentions.size());
    reading.mentions.push_back(std::move(mention));
    reading.mention_at.push_back(SIZE_MAX);
  }
}

std::optional<Plan> Planner::tell_apart(const Json& before, Reading& reading,
                                        std::optional<Subject>& subject) const {
  const auto& tokens = reading.tokens;
  const bool asks = tokens.size() > 3 && tokens.size() < 6 &&
                    is_any_of(tokens[0].text, {"which", "what"}) &&
                    is_any_of(tokens[2].text, {"is", "are", "was", "were"}) &&
                    is_any_of(tokens[3].text, {"it", "that", "this", "they", "them", "those"});
  if (!asks || reading.superlative) return std::nullopt;
  const auto same = resumed(before, reading);
  const catalogue::Metric* metric = same ? snapshot_.find(same->recipe->needs.front()) : nullptr;
  if (metric == nullptr) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const std::string kind = lexicon.canonical(tokens[1].text);
  const bool ones = tokens[1].text == "one" || tokens[1].text == "ones";
  std::vector<std::string> by = same->recipe->by;
  if (!ones) by = {catalogue::label_of_kind(kind, *metric, lexicon)};
  if (by.empty() || by.front().empty()) {
    std::vector<std::string> labels;
    for (const catalogue::LabelInfo& label : metric->labels) {
      if (label.values.size() > 1 && label.name != "le") labels.push_back(label.name);
    }
    Plan plan = refusal("unknown_label",
                        texts_.say("refuse.other_labels", {{"subject", texts_.name(same->name)},
                                                           {"label", tokens[1].written},
                                                           {"labels", join_words(labels, ", ")}}),
                        {});
    for (const std::string& label : labels) plan.suggestions.push_back("by " + label);
    if (plan.suggestions.size() > 4) plan.suggestions.resize(4);
    plan.frame = before;
    return plan;
  }
  reading.content.clear();
  reading.by = by;
  reading.things.clear();
  subject = resumed(before, reading);
  inherit_mentions(before, reading, *subject);
  reading.intent = Intent::Query;
  if (before.contains("quantile")) reading.quantile = before["quantile"].get<double>();
  inherit_times(before, false, now_, reading);
  return std::nullopt;
}

/// What was said of the subject before is nothing that can be asked of it: what can.
Plan Planner::not_understood(const std::string& text, const Json& before) const {
  Plan plan = clarification(
      texts_.say("ask.what_of_it",
                 {{"question", text}, {"subject", texts_.name(before.value("subject", ""))}}),
      {"and over the last 6 hours?", "compare it with yesterday", "is it unusual?", "why?"});
  plan.frame = before;
  return plan;
}

/// "failed orders", "and cancelled ones?": the subject is of one status alone, and another is asked
/// for; the one that is of all takes its place.
void Planner::open_up(const Reading& reading, Subject& subject) const {
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr) return;
  const std::string& text = subject.recipe->promql;
  const bool closed = std::ranges::any_of(subject.filters, [&](size_t m) {
    const auto binding = catalogue::bind(reading.mentions[m], *metric, knowledge_.pack.lexicon);
    return binding && !binding->negated && !binding->values.empty() &&
           text.find(binding->label + "=\"") != std::string::npos &&
           text.find(binding->label + "=\"" + binding->values.front()) == std::string::npos;
  });
  if (!closed) return;
  for (const Concept& other : knowledge_.pack.concepts) {
    Subject open = knowledge_.subjects.of_concept(other, reading, snapshot_);
    const bool all = open.available && open.recipe->needs == subject.recipe->needs &&
                     open.recipe->unit == subject.recipe->unit &&
                     open.recipe->promql.find('{') == std::string::npos;
    if (!all) continue;
    open.filters = subject.filters;
    subject = std::move(open);
    return;
  }
}

std::string Planner::with_value_for_kind(const Reading& reading, const std::string& metric) const {
  const catalogue::Metric* known = snapshot_.find(metric);
  if (known == nullptr) return "";
  for (size_t i = 0; i + 1 < reading.tokens.size(); ++i) {
    if (!is_any_of(reading.tokens[i].text, {"by", "per"})) continue;
    const std::string& word = reading.tokens[i + 1].text;
    if (!catalogue::label_of_kind(word, *known, knowledge_.pack.lexicon).empty()) continue;
    const auto places = snapshot_.places(catalogue::fold(word));
    if (std::ranges::none_of(places, [&](const catalogue::Place& place) {
          return known->has(place.label, place.value);
        })) {
      continue;
    }
    std::string out;
    for (size_t k = 0; k < reading.tokens.size(); ++k) {
      out += (k == 0 ? "" : " ") + (k == i ? "of" : reading.tokens[k].written);
    }
    return out;
  }
  return "";
}

/// "and card?" after payments by method: a value of what was asked about, whatever else is called
/// so.
bool Planner::only_values_of(const Reading& reading, const Json& before) const {
  const catalogue::Metric* metric = snapshot_.find(before.value("metric", ""));
  constexpr size_t kFewWords = 4;
  if (metric == nullptr || reading.content.empty() || reading.tokens.size() > kFewWords) {
    return false;
  }
  return std::ranges::all_of(reading.content, [&](const ContentWord& word) {
    for (size_t m = 0; m < reading.mentions.size(); ++m) {
      if (reading.mention_at[m] != word.at) continue;
      const auto binding = catalogue::bind(reading.mentions[m], *metric, knowledge_.pack.lexicon);
      if (binding && !binding->values.empty() && !is_naming_label(binding->label)) return true;
    }
    return false;
  });
}

void Planner::go_on(const Json& before, Reading& reading, std::optional<Subject>& subject) const {
  const bool new_subject = subject.has_value();
  if (!new_subject) subject = resumed(before, reading);
  if (!subject) return;
  if (!new_subject) open_up(reading, *subject);
  inherit_mentions(before, reading, *subject);
  inherit_slots(before, new_subject, reading);
  if (!new_subject) inherit_alert(before, reading);
  inherit_times(before, new_subject, now_, reading);
}

}  // namespace prom5::llm
