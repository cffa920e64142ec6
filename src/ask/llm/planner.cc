#include "ask/llm/planner.h"

#include <algorithm>
#include <set>

#include "ask/llm/intent.h"
#include "ask/llm/words.h"
#include "base/spelling.h"

namespace prom5::llm {

namespace {

using catalogue::Concept;
using catalogue::Mention;

/// Below this much of the question explained, what was found is not what was meant.
constexpr double kLeastCoverage = 0.55;
/// A phrase said in less than this part may be of something else.
constexpr double kWholePhrase = 0.7;
constexpr double kLeastScore = 0.3;
/// Two that are nearer than this cannot be told apart by their words.
constexpr double kTie = 0.02;
/// A concept whose metrics are missing is what was meant when it fits so much better.
constexpr double kClearlyBetter = 0.12;
/// Concepts that mean the like of a question are offered from this similarity on, of so many.
constexpr double kAlike = 0.3;
constexpr size_t kMostAlike = 20;
constexpr size_t kMaxOptions = 4;
/// What the catalogue of metrics looks back.
constexpr uint64_t kHoursKnown = 24;

bool strong(const ContentWord& word, const catalogue::Lexicon& lexicon) {
  return word.canonical != "not" && !lexicon.is_weak(word.canonical) &&
         lexicon.kind(word.canonical) == nullptr;
}

/// "cpu" and "disk" are kinds of things and subjects by themselves; "orders" is also a topic's
/// name. A service's name is none, though something may be called so.
bool is_called_so(const std::string& word, const Knowledge& knowledge) {
  return knowledge.subjects.names(word) && word != "pod" && word != "container" &&
         word != "service" && word != "host" && word != "target" && word != "node" &&
         word != "instance";
}

}  // namespace

bool names_subject(const Reading& reading, const Knowledge& knowledge) {
  const catalogue::Lexicon& lexicon = knowledge.pack.lexicon;
  return std::any_of(reading.content.begin(), reading.content.end(), [&](const ContentWord& w) {
    const bool plain = !w.minor && !lexicon.is_weak(w.canonical);
    const bool thing =
        std::any_of(reading.mentions.begin(), reading.mentions.end(), [](const Mention& m) {
          return m.kind == "service" || m.kind == "host" || m.kind == "pod";
        });
    if (plain && !thing && is_called_so(w.canonical, knowledge)) return true;
    if (!strong(w, lexicon)) return false;
    for (size_t m = 0; m < reading.mentions.size(); ++m) {
      if (reading.mention_at[m] == w.at && reading.mentions[m].names_thing) return false;
    }
    return true;
  });
}

namespace {

/// "the shipping service"
bool is_before_kind(const Reading& reading, const std::string& written,
                    const catalogue::Lexicon& lexicon) {
  for (size_t i = 0; i + 1 < reading.tokens.size(); ++i) {
    if (reading.tokens[i].written != written) continue;
    const std::string next = lexicon.canonical(reading.tokens[i + 1].text);
    return next == "service" || next == "host" || next == "pod" || next == "database" ||
           next == "container" || next == "topic" || next == "namespace" || next == "deployment";
  }
  return false;
}

/// Whether a word stands where a thing is named: "of the search service".
bool stands_as_name(const Reading& reading, const std::string& written,
                    const catalogue::Lexicon& lexicon) {
  for (size_t i = 0; i < reading.tokens.size(); ++i) {
    if (reading.tokens[i].written != written) continue;
    if (is_before_kind(reading, written, lexicon)) return true;
    size_t before = i;
    while (before > 0 &&
           (reading.tokens[before - 1].text == "the" || reading.tokens[before - 1].text == "our")) {
      --before;
    }
    if (before == 0) continue;
    const std::string& previous = reading.tokens[before - 1].text;
    if (previous == "of" || previous == "on" || previous == "for" || previous == "from" ||
        previous == "at" || previous == "to" || previous == "in") {
      return true;
    }
  }
  return false;
}

/// Whether a question says something that changes the one before: a name, a time, a grouping.
bool says_a_part(const Reading& reading) {
  return !reading.mentions.empty() || !reading.by.empty() || !reading.thresholds.empty() ||
         reading.quantile || reading.unit || reading.top || reading.superlative || reading.window ||
         reading.range || reading.point || reading.shift || reading.ahead || reading.intent_said;
}

/// The exporter that a metric is from, as its name tells.
std::string_view family(const Subject& subject) {
  const std::string_view name = subject.recipe->needs.front();
  return name.substr(0, name.find('_'));
}

bool shares_metric(const Subject& a, const Subject& b) {
  return std::any_of(a.recipe->needs.begin(), a.recipe->needs.end(), [&](const std::string& name) {
    return std::find(b.recipe->needs.begin(), b.recipe->needs.end(), name) != b.recipe->needs.end();
  });
}

/// Words that describe rather than name: an unknown one is no name of a thing.
bool descriptive(std::string_view word) {
  return word.ends_with("ing") || word.ends_with("ed") || word.ends_with("ly") ||
         word.ends_with("est") || word.ends_with("ish") || word.ends_with("ful") || word.size() < 3;
}

/// Words that nothing here knows, and that do not just describe.
std::vector<std::string> unknown_words(const Reading& reading, const catalogue::Lexicon& lexicon) {
  std::vector<std::string> out;
  for (const ContentWord& word : reading.content) {
    const Token& token = reading.tokens[word.at];
    if (word.known) continue;
    // "of billing", and nothing behind it, is of a thing.
    const bool last = word.at > 0 &&
                      (word.at + 1 == reading.tokens.size() ||
                       is_cue(reading.tokens[word.at + 1].text, reading.intent)) &&
                      is_any_of(reading.tokens[word.at - 1].text, {"of", "for", "on", "from"});
    if (!descriptive(token.text) || last || is_before_kind(reading, token.written, lexicon)) {
      out.push_back(token.written);
    }
  }
  return out;
}

/// Whether a question that only refers to the one before would have its answer once more, though
/// nothing in it asks for that.
bool repeats(const Reading& reading, const Plan& plan, const Json& before) {
  if (plan.promql.empty() || plan.promql != before.value("promql", "")) return false;
  if (!reading.refers || !reading.numbers.empty()) return false;
  return plan.intent == Intent::Query && before.value("intent", "") == "query" &&
         !reading.says_any({"again", "repeat", "now", "current", "currently", "once", "say"});
}

/// The metrics of which one would do: "a, b or c", of many the first.
std::string needed_by(const Subject& subject, const texts::TextCatalogue& texts) {
  constexpr size_t kMost = 3;
  std::vector<std::string> names{subject.recipe->needs.front()};
  if (subject.entry != nullptr) {
    for (const catalogue::Recipe& recipe : subject.entry->recipes) {
      const std::string& name = recipe.needs.front();
      if (names.size() < kMost && std::ranges::find(names, name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  const std::string last = names.back();
  names.pop_back();
  if (names.empty()) return last;
  return texts.say("list.or", {{"list", join_words(names, ", ")}, {"last", last}});
}

/// "CPU usage of web-01"
std::string named(const Subject& subject, const Reading& reading) {
  std::string out = subject.name;
  for (const size_t m : subject.filters) {
    const Mention& mention = reading.mentions[m];
    if (mention.names_thing && !mention.negated) return out + " of " + mention.text;
  }
  return out;
}

/// A question as it was written, where no word of it tells what it is about.
std::string all_of(const Reading& reading) {
  std::string out;
  for (const Token& token : reading.tokens) out += (out.empty() ? "" : " ") + token.written;
  return out;
}

/// The words of a question that say what is asked about, without the names of things.
std::vector<std::string> subject_words(const Reading& reading) {
  std::vector<std::string> out;
  for (const ContentWord& word : reading.content) {
    bool named = false;
    for (size_t m = 0; m < reading.mentions.size(); ++m) {
      named = named || (reading.mention_at[m] == word.at && reading.mentions[m].names_thing);
    }
    if (!word.minor && !named) out.push_back(reading.tokens[word.at].written);
  }
  return out;
}

}  // namespace

Plan clarification(std::string question, std::vector<std::string> options) {
  Plan plan;
  plan.intent = Intent::Clarify;
  plan.clarify = std::move(question);
  plan.options = std::move(options);
  plan.confidence = 0.7;
  return plan;
}

Plan refusal(std::string code, std::string message, std::vector<std::string> suggestions) {
  Plan plan;
  plan.intent = Intent::Refuse;
  plan.refuse_code = std::move(code);
  plan.refuse_message = std::move(message);
  plan.suggestions = std::move(suggestions);
  plan.confidence = 0.8;
  return plan;
}

std::optional<Plan> Planner::decline_at_once(const Reading& reading,
                                             const std::string& asked) const {
  if (reading.unsafe) {
    return refusal("not_allowed", texts_.say("refuse.unsafe"),
                   {"Show CPU usage", "Is anything down?"});
  }
  if (reading.says_phrase({"can", "you", "do"}) || reading.says_phrase({"can", "i", "ask"}) ||
      (reading.says("help") && reading.tokens.size() <= 2)) {
    return clarification(
        texts_.say("ask.help"),
        {"Show CPU usage", "Is anything down?", "anything unusual in the last hour?",
         "will the disk fill up this week?", "which metrics are there?"});
  }
  if (reading.small_talk) {
    return refusal("not_metrics", texts_.say("refuse.small_talk"),
                   {"Is anything down?", "anything unusual in the last hour?"});
  }
  if (auto slip = refuse_slip(reading, asked)) return slip;
  if (!reading.strangers.empty()) return refuse_stranger(reading.strangers.front());
  return std::nullopt;
}

Plan Planner::refuse_stranger(const std::string& name) const {
  const std::string folded = catalogue::fold(name);
  std::vector<std::pair<size_t, std::string>> near;
  for (const auto& [known, places] : snapshot_.names()) {
    if (known.size() + 2 < folded.size() || known.size() > folded.size() + 2) continue;
    if (known[0] != folded[0]) continue;
    const size_t distance = edit_distance(known, folded);
    if (distance > 2) continue;
    std::string value = places.front().value;
    if (places.front().label == "instance") value = value.substr(0, value.rfind(':'));
    if (catalogue::fold(value) == folded) continue;  // one of that name there is, elsewhere
    near.emplace_back(distance, std::move(value));
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> suggestions;
  for (auto& [distance, value] : near) {
    if (suggestions.size() == kMaxOptions) break;
    if (std::find(suggestions.begin(), suggestions.end(), value) == suggestions.end()) {
      suggestions.push_back(std::move(value));
    }
  }
  std::string message = texts_.say("refuse.name", {{"name", name}});
  if (!suggestions.empty()) {
    message += " " + texts_.say("refuse.there_is", {{"names", join_words(suggestions, ", ")}});
  }
  Plan plan = refusal("unknown_name", std::move(message), std::move(suggestions));
  plan.instead_of = {name};
  return plan;
}

std::vector<std::string> Planner::nearest(const std::vector<Subject>& ranked,
                                          const Reading& reading) const {
  std::vector<std::string> out;
  const auto add = [&](const std::string& name) {
    const bool full = out.size() == kMaxOptions;
    if (!full && std::ranges::find(out, name) == out.end()) out.push_back(name);
  };
  for (const Subject& subject : ranked) {
    if (subject.available) add(subject.name);
  }
  if (!out.empty()) return out;
  // No word is known; what it means may be.
  for (const catalogue::Hit& hit :
       knowledge_.meaning.nearest(all_of(reading), kMostAlike, catalogue::Hit::Kind::Concept)) {
    const Concept& entry = knowledge_.pack.concepts[hit.index];
    const bool here = std::ranges::any_of(entry.recipes, [&](const catalogue::Recipe& recipe) {
      return catalogue::is_available(recipe, snapshot_);
    });
    if (here && hit.similarity >= kAlike) add(entry.name);
  }
  return out;
}

std::vector<std::string> Planner::starting_points() const {
  std::vector<std::string> out;
  for (const Concept& entry : knowledge_.pack.concepts) {
    if (entry.role != catalogue::Role::First || out.size() == kMaxOptions) continue;
    const bool here = std::ranges::any_of(entry.recipes, [&](const catalogue::Recipe& recipe) {
      return catalogue::is_available(recipe, snapshot_);
    });
    if (here) out.push_back(entry.name);
  }
  return out;
}

Plan Planner::refuse_missing(const Subject& subject, const std::vector<Subject>& ranked,
                             const Reading& reading) const {
  std::vector<std::string> suggestions = nearest(ranked, reading);
  std::string said;
  for (const ContentWord& word : reading.content) {
    if (!word.minor) said += (said.empty() ? "" : " ") + reading.tokens[word.at].written;
  }
  if (said.empty()) said = all_of(reading);
  std::string message = texts_.say("refuse.missing", {{"words", said},
                                                      {"subject", texts_.name(subject.name)},
                                                      {"metrics", needed_by(subject, texts_)}});
  if (subject.entry != nullptr && !subject.entry->missing.empty()) {
    message = subject.entry->missing;
  }
  if (!suggestions.empty()) {
    message += " " + texts_.say("refuse.nearest", {{"names", join_words(suggestions, ", ")}});
  }
  Plan plan = refusal("unknown_metric", std::move(message), std::move(suggestions));
  plan.instead_of = subject_words(reading);
  return plan;
}

Plan Planner::refuse_unknown(const std::vector<std::string>& words,
                             const std::vector<Subject>& ranked, const Reading& reading) const {
  std::vector<std::string> suggestions = nearest(ranked, reading);
  const std::string said = words.empty() ? all_of(reading) : join_words(words, " ");
  std::string message = texts_.say("refuse.unknown", {{"words", said}});
  const bool near = !suggestions.empty();
  if (near) {
    message += " " + texts_.say("refuse.nearest", {{"names", join_words(suggestions, ", ")}});
  } else {
    suggestions = starting_points();
    suggestions.emplace_back("which metrics are there");
  }
  Plan plan = refusal("unknown_metric", std::move(message), std::move(suggestions));
  if (near) plan.instead_of = subject_words(reading);
  return plan;
}

Plan Planner::ask_which(const std::vector<Subject>& ranked, const Reading& reading) const {
  std::vector<std::string> options = nearest(ranked, reading);
  if (options.empty()) options = starting_points();
  std::string what;
  for (const ContentWord& word : reading.content) {
    if (!word.minor) what += (what.empty() ? "" : " ") + reading.tokens[word.at].written;
  }
  std::string question =
      what.empty() ? texts_.say("ask.what") : texts_.say("ask.which", {{"words", what}});
  Plan plan = clarification(std::move(question), std::move(options));
  plan.instead_of = subject_words(reading);
  return plan;
}

/// Prefers what is measured in the unit that the question speaks of.
void Planner::prefer_fitting(const Reading& reading, std::vector<Subject>& ranked) const {
  for (Subject& subject : ranked) {
    for (const Threshold& threshold : reading.thresholds) {
      if (threshold.quantity.unit == Unit::None) continue;
      subject.score += in_unit(threshold.quantity, subject.recipe->unit) ? 0.05 : -0.15;
    }
    if (reading.unit) {
      std::string unit;
      const bool same = in_unit({0, 0, 1, *reading.unit}, subject.recipe->unit).has_value();
      const bool converts =
          same || convert_unit("x", subject.recipe->unit, *reading.unit, unit) != "x";
      subject.score += converts ? 0.03 : -0.1;
    }
    // "how many errors" counts them.
    const bool a_part = subject.recipe->unit == "ratio" || subject.recipe->unit == "percent";
    if (reading.how_many && !reading.unit && a_part) subject.score -= 0.1;
    if (reading.quantile) {
      const bool has = gives_quantile(*subject.recipe, *reading.quantile, snapshot_);
      subject.score += has ? 0.05 : -0.2;
    }
    if (reading.intent == Intent::Forecast && subject.entry != nullptr &&
        !subject.entry->toward.empty()) {
      subject.score += 0.03;
    }
    if (!subject.available) subject.score -= 0.01;
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Subject& a, const Subject& b) { return a.score > b.score; });
}

/// The subject of a question; or a plan that asks back or refuses.
std::optional<Plan> Planner::choose(Reading& reading, Subject& subject) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  std::vector<Subject> ranked = knowledge_.subjects.rank(reading, snapshot_);
  prefer_fitting(reading, ranked);
  const auto best =
      std::find_if(ranked.begin(), ranked.end(), [](const Subject& s) { return s.available; });
  const bool fits = best != ranked.end() && best->phrase >= kWholePhrase && best->score >= 0.75;
  if (!names_subject(reading, knowledge_) && !fits) return ask_which(ranked, reading);
  const bool likely = best != ranked.end() && best->phrase >= kWholePhrase &&
                      (ranked.front().score < best->score + kClearlyBetter ||
                       (best->phrase == 1 && best->entry == nullptr));
  if (auto refused = likely ? refuse_values(reading, *best) : std::nullopt) return refused;
  const std::vector<std::string> unknown = unknown_words(reading, lexicon);
  if (best == ranked.end() || best->score < kLeastScore) {
    if (!ranked.empty() && ranked.front().phrase >= kWholePhrase && unknown.empty()) {
      return refuse_missing(ranked.front(), ranked, reading);
    }
    return unknown.empty() && best != ranked.end() ? ask_which(ranked, reading)
                                                   : refuse_unknown(unknown, ranked, reading);
  }
  if (!ranked.front().available && ranked.front().phrase >= kWholePhrase &&
      ranked.front().score >= best->score + kClearlyBetter) {
    return refuse_missing(ranked.front(), ranked, reading);
  }
  // "mongodb operations": an unknown word beside a known one names what is meant.
  const auto beside = [&](const std::string& written) {
    for (size_t c = 0; c < reading.content.size(); ++c) {
      const ContentWord& word = reading.content[c];
      if (reading.tokens[word.at].written != written) continue;
      const auto next = [&](size_t at) {
        return std::any_of(reading.content.begin(), reading.content.end(),
                           [&](const ContentWord& w) { return w.at == at && !w.minor; });
      };
      if (next(word.at + 1) || (word.at > 0 && next(word.at - 1))) return true;
    }
    return false;
  };
  for (const std::string& word : unknown) {
    if (stands_as_name(reading, word, lexicon)) return refuse_named(word, reading, *best);
    if (beside(word)) return refuse_unknown(unknown, ranked, reading);
  }
  if (best->coverage < kLeastCoverage) return refuse_unknown(best->unexplained, ranked, reading);
  for (const std::string& word : best->unexplained) {
    const bool named = is_before_kind(reading, word, lexicon);
    if (named || (stands_as_name(reading, word, lexicon) && !descriptive(word))) {
      return refuse_named(word, reading, *best);
    }
  }
  // Of one exporter the first of two that mean nearly the same is taken; of several, asked.
  std::vector<Subject> tied;
  for (const Subject& other : ranked) {
    if (!other.available || other.score < best->score - kTie) continue;
    const bool like = shares_metric(other, *best) || family(other) == family(*best);
    if (&other == &*best || !like) tied.push_back(other);
  }
  const bool vague = best->phrase < 1 || tied.back().phrase_words == best->phrase_words;
  if (tied.size() > 1 && vague) return ask_which(tied, reading);
  subject = *best;
  take_roles(reading, subject);
  // "total memory" is a thing; "total" in it adds nothing up.
  for (const ContentWord& word : reading.content) {
    const auto& said = subject.phrase_words;
    const bool averages = reading.aggregation == "avg";
    if (word.joins && !averages &&
        std::find(said.begin(), said.end(), word.canonical) != said.end()) {
      reading.aggregation.clear();
    }
  }
  return std::nullopt;
}

Plan Planner::begin(const Reading& reading, const Subject& subject) const {
  Plan plan;
  plan.intent = reading.intent;
  plan.subject = texts_.name(subject.name);
  plan.explanation = subject.recipe->explain;
  plan.finding = subject.recipe->finding;
  plan.least_is_worst = subject.entry != nullptr && subject.entry->least_is_worst;
  plan.confidence = std::clamp(0.35 + 0.6 * subject.score, 0.05, 0.98);
  plan.wording = "value";
  for (const std::string& word : subject.assumed) {
    // "error rate of the api", and nothing is called so: better said than passed over.
    const bool product = subject.recipe->needs.front().find(catalogue::fold(word)) == 0 ||
                         subject.name.find(word) != std::string::npos;
    // "of requests" is of nothing by name.
    const bool one = catalogue::singular(word) == word;
    if (product || !one || !stands_as_name(reading, word, knowledge_.pack.lexicon)) continue;
    plan.note = texts_.say("note.about_all", {{"name", word}});
    plan.confidence *= 0.8;
  }
  if (subject.recipe->only_scraped && subject.filters.empty() &&
      (reading.superlative || reading.which ||
       reading.says_any({"process", "processes", "program", "programs"}))) {
    plan.note = texts_.say("note.only_scraped");
  }
  if (!reading.everything.empty()) {
    plan.note = texts_.say("note.about_everything", {{"name", reading.everything}});
  }
  if (subject.entry != nullptr) {
    for (const std::string& name : subject.entry->related) {
      const Concept* other = knowledge_.pack.find(name);
      if (other == nullptr || plan.suggestions.size() == 3) continue;
      const bool here =
          std::any_of(other->recipes.begin(), other->recipes.end(),
                      [&](const catalogue::Recipe& r) { return is_available(r, snapshot_); });
      if (here) plan.suggestions.push_back("and " + name + "?");
    }
  }
  return plan;
}

std::optional<Plan> Planner::refuse_assumed(const Reading& reading, const Subject& subject) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  const bool named = std::ranges::any_of(subject.filters,
                                         [&](size_t m) { return reading.mentions[m].names_thing; });
  if (metric == nullptr || named) return std::nullopt;
  const catalogue::LabelInfo* things =
      metric->label(catalogue::label_of_kind("service", *metric, lexicon));
  if (things == nullptr || things->values.size() < 2) return std::nullopt;
  for (const std::string& word : subject.assumed) {
    const bool product = metric->name.starts_with(catalogue::fold(word)) ||
                         subject.name.find(word) != std::string::npos;
    // "for our users", "of the clients" are of nobody by name.
    const bool one = catalogue::singular(word) == word;
    if (!product && one && stands_as_name(reading, word, lexicon)) {
      return refuse_named(word, reading, subject);
    }
  }
  // "requests of the api service" are api requests, and of one service.
  for (const ContentWord& word : reading.content) {
    const std::string& text = reading.tokens[word.at].text;
    if (word.minor || descriptive(text) || lexicon.is_weak(word.canonical)) continue;
    const std::string& said = reading.tokens[word.at].written;
    const bool bound = std::ranges::find(reading.mention_at, word.at) != reading.mention_at.end();
    const bool in_phrase =
        std::ranges::find(subject.phrase_words, word.canonical) != subject.phrase_words.end();
    const std::string next = word.at + 1 < reading.tokens.size()
                                 ? lexicon.canonical(reading.tokens[word.at + 1].text)
                                 : "";
    const std::string before =
        word.at > 0 ? lexicon.canonical(reading.tokens[word.at - 1].text) : "";
    // "requests of service frontend"
    if (!bound && !in_phrase && before == "service" && next.empty()) {
      return refuse_named(said, reading, subject);
    }
    if (bound || !in_phrase || next != "service" || !stands_as_name(reading, said, lexicon))
      continue;
    if (lexicon.kind(word.canonical) == nullptr) return refuse_named(said, reading, subject);
  }
  return std::nullopt;
}

/// "redis memory in 12 hours": of what is not counted, what it will be. "orders in 30 minutes" are
/// those of the last.
bool is_foretold(const Reading& reading, const catalogue::Recipe& recipe) {
  const bool in = reading.ahead && reading.ahead->count > 0 &&
                  reading.tokens[reading.ahead->first].text == "in";
  const bool counted = recipe.promql.find("rate(") != std::string::npos ||
                       recipe.promql.find("increase(") != std::string::npos;
  const bool state = recipe.finding || recipe.unit == "flag" || recipe.unit == "up" ||
                     recipe.unit == "timestamp" ||
                     recipe.promql.find("time()") != std::string::npos;
  return in && !counted && !state && !reading.how_many && !reading.intent_said &&
         reading.intent == Intent::Query && reading.thresholds.empty();
}

Plan Planner::plan_subject(Reading& reading, Subject& subject) const {
  if (is_foretold(reading, *subject.recipe)) reading.intent = Intent::Forecast;
  if (reading.intent == Intent::Query || reading.intent == Intent::Status) {
    if (auto limit = plan_count_limit(reading, subject)) return *std::move(limit);
  }
  switch (reading.intent) {
    case Intent::Top: return plan_top(reading, as_counted(reading, subject));
    case Intent::Compare: return plan_compare(reading, subject);
    case Intent::Forecast: return plan_forecast(reading, subject);
    case Intent::Alert: return plan_alert(reading, subject);
    case Intent::Status: return plan_status(reading, subject);
    case Intent::Anomaly: {
      if (asks_for_crossing(reading)) return plan_crossing(reading, subject);
      const std::string& metric = subject.recipe->needs.front();
      if (!asks_for_onset(reading) || (metric != "ALERTS" && metric != "up")) {
        return plan_anomaly(reading, subject);
      }
      const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
      return onset_of(metric == "up" ? "down" : "alerts", expression.matchers_of(metric));
    }
    case Intent::Explain: return plan_explain(reading, subject);
    case Intent::Trend:
      return asks_for_direction(reading) ? plan_direction(reading, subject)
                                         : plan_value(reading, subject);
    default: return plan_value(reading, subject);
  }
}

/// What needs no subject.
std::optional<Plan> Planner::plan_at_once(Reading& reading, const std::string& text,
                                          const Json& before, bool goes_on) const {
  const bool asks_query = reading.intent == Intent::Explain || reading.tokens.size() < 3;
  if (!reading.expression.empty() && asks_query) return plan_explain(reading, std::nullopt);
  if (auto family = plan_family(reading)) return family;
  if (auto declined = decline_at_once(reading, text)) return declined;
  if (auto functions = plan_functions(reading)) return functions;
  if (auto targets = plan_targets(reading, before)) return targets;
  if (auto within = plan_within(reading)) return within;
  if (auto share = plan_share(reading)) return share;
  if (auto series = plan_series(reading)) return series;
  if (auto counted = plan_how_many(reading)) return counted;
  if (auto onset = plan_onset(reading)) return onset;
  if (auto silence = plan_silence_in(reading, text, before)) return silence;
  if (auto things = plan_things(reading)) return things;
  if (reading.says("labels")) reading.intent = Intent::Explain;
  if (!goes_on && reading.says_phrase({"do", "the", "same"})) return ask_which({}, reading);
  if (reading.intent == Intent::List) return plan_list(reading);
  if (reading.intent == Intent::Correlate) return plan_correlate(text, reading, before);
  // "is it down?", and nothing was named.
  static const std::set<std::string_view> kStates = {"up",     "down",    "healthy", "slow", "fast",
                                                     "status", "latency", "broken",  "hot"};
  const bool no_thing =
      std::all_of(reading.content.begin(), reading.content.end(),
                  [](const ContentWord& w) { return kStates.contains(w.canonical); });
  const bool of_what = reading.says("it") && !goes_on && !asks_how_things_are(reading) &&
                       reading.mentions.empty() && no_thing;
  if (of_what && (reading.intent == Intent::Status || reading.intent == Intent::Explain)) {
    Plan back = ask_which({}, reading);
    back.frame = {{"intent", "clarify"}, {"text", text}};
    return back;
  }
  if (asks_only_how_things_are(reading)) return plan_status(reading, Subject{});
  if (reading.intent == Intent::Status) return plan_site(reading);
  return std::nullopt;
}

/// What the question is about, from its words or from the turn before; else why not.
std::optional<Plan> Planner::find_subject(Reading& reading, const Json& before, bool goes_on,
                                          std::optional<Subject>& subject) const {
  // "make it critical": of the alert before, no question about critical alerts.
  const bool severity = goes_on && before.value("intent", "") == "alert" &&
                        std::ranges::all_of(reading.content, [](const ContentWord& word) {
                          return word.canonical == "critical" || word.canonical == "warning";
                        });
  if (severity) reading.content.clear();
  const bool names =
      !(goes_on && only_values_of(reading, before)) &&
      (names_subject(reading, knowledge_) || knowledge_.subjects.says_metric(reading, snapshot_));
  std::optional<Plan> declined;
  if (goes_on && (declined = tell_apart(before, reading, subject))) return declined;
  if (subject) return std::nullopt;
  // "how many hosts are there" is a whole question, whatever was asked before.
  const bool counts = reading.how_many && !reading.things.empty() && !reading.follow_up;
  if (names || !goes_on || counts) {
    Subject chosen;
    declined = choose(reading, chosen);
    if (!declined) subject = chosen;
    // "only the failed ones": of what was asked before, if that has such.
    if (goes_on && reading.follow_up && reading.says_any({"only", "ones", "just"})) {
      const auto same = resumed(before, reading);
      if (same && !same->filters.empty() && same->unexplained.empty()) subject.reset();
    }
  }
  // "mem?" after "web-01 cpu"
  const bool short_hand =
      reading.tokens.size() <= 2 && std::none_of(reading.mentions.begin(), reading.mentions.end(),
                                                 [](const Mention& m) { return m.names_thing; });
  // "is db-02 ok" is a whole question of its own, whatever was asked before.
  const bool whole = asks_for_alerts(reading) ||
                     (!reading.follow_up && !reading.refers && reading.intent_said &&
                      (reading.intent == Intent::Status || reading.intent == Intent::Anomaly) &&
                      std::ranges::any_of(reading.mentions, &Mention::names_thing));
  const bool may =
      !whole && (reading.follow_up || reading.refers || short_hand || says_a_part(reading));
  if (goes_on && may && (!subject || reading.follow_up || short_hand)) {
    // "and the gpu?" is of nothing here, whatever was asked before.
    const auto same = resumed(before, reading);
    const bool fits =
        same && (reading.content.empty() || (same->unexplained.empty() && same->coverage > 0.4));
    const std::vector<std::string> unknown = unknown_words(reading, knowledge_.pack.lexicon);
    const bool odd = std::ranges::any_of(unknown, [&](const std::string& word) {
      return stands_as_name(reading, word, knowledge_.pack.lexicon);
    });
    // A question that names a thing by itself is no part of the one before.
    const bool leans = reading.follow_up || reading.refers || short_hand || !names;
    const bool explains = fits || (same && leans && says_a_part(reading) && !odd);
    if (subject || explains) {
      go_on(before, reading, subject);
      if (subject) declined.reset();
    } else if (reading.refers && reading.mentions.empty() && (!names || !unknown.empty())) {
      return not_understood(all_of(reading), before);
    }
  }
  return declined;
}

/// What can be answered though nothing was found that it is about.
Plan Planner::plan_without_subject(const Reading& reading, const std::string& text,
                                   Plan declined) const {
  if (auto refused = refuse_any_number(reading)) return *std::move(refused);
  if (auto refused = refuse_any_value(reading)) return *std::move(refused);
  // What is asked of a thing that is not here is not asked of everything.
  if (declined.refuse_code == "unknown_name") return declined;
  const bool names = names_subject(reading, knowledge_);
  if (reading.intent == Intent::Anomaly) {
    if (reading.refers && reading.content.empty()) return declined;
    // "is the latency of shipping unusual", and nothing is called so.
    const bool of_nothing = std::ranges::any_of(reading.content, [&](const ContentWord& word) {
      return strong(word, knowledge_.pack.lexicon) && !is_called_so(word.canonical, knowledge_) &&
             std::ranges::find(reading.mention_at, word.at) == reading.mention_at.end() &&
             stands_as_name(reading, reading.tokens[word.at].written, knowledge_.pack.lexicon);
    });
    const bool refused = declined.refuse_code == "unknown_metric";
    const bool of_subject = std::ranges::any_of(reading.content, [&](const ContentWord& word) {
      return is_called_so(word.canonical, knowledge_);
    });
    if (of_nothing && refused && of_subject) return declined;
    return plan_anomaly(reading, std::nullopt);
  }
  if (reading.intent == Intent::Explain) {
    const bool about_nothing = declined.intent == Intent::Refuse && reading.mentions.empty();
    return about_nothing ? declined : plan_explain(reading, std::nullopt);
  }
  // "how is db-01?" names a thing and nothing of it: its state is meant.
  const bool thing = declined.intent == Intent::Clarify && !reading.mentions.empty() &&
                     reading.intent == Intent::Query;
  const bool trouble = declined.refuse_code == "unknown_metric" && asks_for_trouble(reading);
  if (trouble) return plan_status(reading, Subject{});
  if (!names && (thing || reading.intent == Intent::Status)) {
    Plan status = plan_status(reading, Subject{});
    if (status.clarify.empty()) return status;
  }
  declined.frame = {{"intent", std::string(to_string(declined.intent))}, {"text", text}};
  return declined;
}

Plan Planner::plan_text(const std::string& text, const Json& before) {
  if (snapshot_.metrics().empty()) {
    return refusal(
        "no_data",
        texts_.say("refuse.no_samples", {{"hours", kHoursKnown}, {"time", format_rfc3339(now_)}}),
        {});
  }
  Reading reading = read_question(text, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_);
  const bool goes_on = before.is_object() && before.contains("subject");
  if (auto odd = refuse_odd_time(reading)) return *std::move(odd);
  // Once: what is called "in" something says no more with another "in" before it.
  const std::string kind = goes_on ? before.value("called", "") : "";
  const bool has_kind =
      kind.empty() ||
      std::ranges::any_of(reading.tokens, [&](const Token& token) { return token.text == kind; });
  if (const std::string whole = has_kind ? "" : with_kind(reading, before); !whole.empty()) {
    return plan_text(whole, before);
  }
  if (goes_on) take_bare_window(before, reading);
  if (auto other = plan_otherwise(reading, before)) return *std::move(other);
  if (auto plan = plan_at_once(reading, text, before, goes_on)) return *std::move(plan);
  if (auto all = plan_all_unusual(reading, goes_on)) return *std::move(all);
  std::optional<Subject> subject;
  const bool adds = says_a_part(reading);  // before it takes over what was said before
  if (auto declined = find_subject(reading, before, goes_on, subject)) {
    // What was not understood of a conversation leaves it as it was.
    if (declined->frame.contains("subject")) return *std::move(declined);
    // "and payments?" after "topic orders"
    const std::string called = goes_on ? before.value("called", "") : "";
    const bool lone = !called.empty() && reading.follow_up && reading.tokens.size() < 4 &&
                      reading.content.size() == 1 && reading.mentions.empty();
    const catalogue::Metric* metric = lone ? snapshot_.find(before.value("metric", "")) : nullptr;
    const catalogue::LabelInfo* label =
        metric == nullptr
            ? nullptr
            : metric->label(catalogue::label_of_kind(called, *metric, knowledge_.pack.lexicon));
    if (label != nullptr && !label->values.empty() && !is_number(label->values.front())) {
      const size_t at = reading.content.front().at;
      Plan refused = refuse_value(reading, {at, at, called, false}, *label);
      refused.frame = before;
      return refused;
    }
    return plan_without_subject(reading, text, *std::move(declined));
  }
  if (!subject) return plan_without_subject(reading, text, ask_which({}, reading));
  for (auto refused :
       {refuse_numbered(reading, *subject), refuse_values(reading, *subject),
        refuse_assumed(reading, *subject), refuse_ahead(reading, named(*subject, reading))}) {
    if (!refused) continue;
    if (goes_on) refused->frame = before;
    return *std::move(refused);
  }
  Plan plan = plan_subject(reading, *subject);
  if (goes_on && !adds && repeats(reading, plan, before)) return not_understood(text, before);
  add_coverage(reading, *subject, plan);
  tell_mended(reading, plan);
  tell_narrowed(reading, *subject, plan);
  // What could not be done changes nothing of what the next question goes on from.
  const bool declined = goes_on && !plan.refuse_code.empty();
  Json frame = declined ? before : frame_of(reading, *subject, plan);
  if (goes_on && !declined && !frame.contains("called") && before.contains("called") &&
      reading.follow_up) {
    frame["called"] = before["called"];
  }
  const Json own = std::exchange(plan.frame, std::move(frame));
  if (plan.intent == Intent::Alert && own.is_object()) plan.frame.update(own);
  return plan;
}

}  // namespace prom5::llm
