// Values that a question names: those that are not there, and how an answer says what it is
// narrowed to. Metrics whose names are misspelt, too.
#include <algorithm>
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/intent.h"
#include "ask/llm/planner.h"
#include "base/ascii.h"
#include "base/spelling.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::LabelInfo;
using catalogue::Metric;

constexpr size_t kMostNamed = 4;
/// Where a label has more series than this, one metric tells its values for all.
constexpr size_t kMostSeries = 20'000;

/// "of topic payments", "where method is put": what stands behind them is a name.
bool leads_to_name(std::string_view word) {
  return is_any_of(word, {"of", "for", "on", "in", "from", "with", "at", "where", "to", "and"});
}

bool is_article(std::string_view word) { return is_any_of(word, {"the", "our", "my"}); }

/// Where a name may end.
bool ends_name(std::string_view word) {
  return word.empty() || leads_to_name(word) ||
         is_any_of(word, {"by", "per", "over", "during", "since", "or", "is", "are", "was", "now",
                          "today", "yesterday", "right", "currently", "above", "below"});
}

/// The question with one word of it, or one part of a word, replaced.
std::string with_word_replaced(const Reading& reading, size_t at, const std::string& value) {
  std::string out;
  for (size_t i = 0; i < reading.tokens.size(); ++i) {
    out += (i == 0 ? "" : " ") + (i == at ? value : reading.tokens[i].written);
  }
  return out;
}

std::string spoken(const std::string& label, const std::string& value) {
  return label == "instance" ? value.substr(0, value.rfind(':')) : value;
}

/// The label of some metric that tells things of a kind apart, of those with most values.
const LabelInfo* label_anywhere(const std::string& kind, const catalogue::Snapshot& snapshot,
                                const catalogue::Lexicon& lexicon) {
  const LabelInfo* best = nullptr;
  const bool own = snapshot.has_label(kind);
  for (const Metric& metric : snapshot.metrics()) {
    const LabelInfo* label =
        metric.label(own ? kind : catalogue::label_of_kind(kind, metric, lexicon));
    if (label == nullptr) continue;
    if (best == nullptr || label->values.size() > best->values.size()) best = label;
  }
  return best;
}

/// "p95" of a query that has one quantile; else empty.
std::string quantile_in(const std::string& promql) {
  std::string found;
  for (const std::string_view before : {"histogram_quantile(", "quantile=\""}) {
    for (size_t at = promql.find(before); at != std::string::npos; at = promql.find(before, at)) {
      at += before.size();
      const size_t end = promql.find_first_not_of("0123456789.", at);
      const auto value = codec::parse_double(promql.substr(at, end - at));
      if (!value) continue;
      std::string name = "p" + codec::format_general(*value * 100);
      if (!found.empty() && found != name) return "";
      found = std::move(name);
    }
  }
  return found;
}

/// Whether each series of a query's result has the label, so that its rows say the value.
bool keeps_label(const std::string& promql, const std::string& label) {
  if (!catalogue::has_aggregation(promql) && promql.find(" by (") == std::string::npos) return true;
  for (size_t at = promql.find("by ("); at != std::string::npos; at = promql.find("by (", at + 1)) {
    const std::string by = promql.substr(at + 4, promql.find(')', at) - at - 4);
    if ((", " + by + ",").find(" " + label + ",") != std::string::npos) return true;
  }
  return false;
}

/// Ways to say an answer that begin with the subject.
bool says_subject(std::string_view wording) {
  return is_any_of(wording,
                   {"value", "beyond", "top", "bottom", "compare", "left", "runs_out", "time_to",
                    "predicted", "crossing", "crossings", "direction", "several", "anomaly"});
}

}  // namespace

Plan Planner::refuse_value(const Reading& reading, const SpokenValue& value,
                           const LabelInfo& label) const {
  const Token& word = reading.tokens[value.at];
  std::vector<std::string> values;
  for (const std::string& each : label.values) values.push_back(spoken(label.name, each));
  std::ranges::stable_sort(values, {}, [&](const std::string& each) {
    return edit_distance(catalogue::fold(each), catalogue::fold(word.text));
  });
  values.erase(std::unique(values.begin(), values.end()), values.end());
  const size_t more = values.size() - std::min(values.size(), kMostNamed);
  values.resize(values.size() - more);
  Plan plan = refusal("unknown_name",
                      texts_.say("refuse.name", {{"name", value.kind + " " + word.written}}), {});
  for (const std::string& each : values) {
    plan.suggestions.push_back(with_word_replaced(reading, value.at, each));
  }
  std::string names = value.kind + " " + join_words(values, ", ");
  if (more > 0) {
    names = texts_.say("list.rest_of_names", {{"list", std::move(names)}, {"more", more}});
  }
  if (!values.empty()) {
    plan.refuse_message += " " + texts_.say("refuse.there_is", {{"names", std::move(names)}});
  }
  return plan;
}

/// "lag of topic payments", "of the payments topic": known words, of something else, where the name
/// of a thing stands.
std::vector<SpokenValue> Planner::misplaced_values(const Reading& reading, const Subject& subject,
                                                   const Metric& metric) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  std::vector<SpokenValue> out;
  for (const ContentWord& word : reading.content) {
    const size_t i = word.at;
    const std::string& text = reading.tokens[i].text;
    const bool bound =
        std::ranges::any_of(subject.filters, [&](size_t m) { return reading.mention_at[m] == i; });
    const bool in_phrase =
        std::ranges::find(subject.phrase_words, word.canonical) != subject.phrase_words.end();
    const bool product = metric.name.find(catalogue::fold(text)) != std::string::npos ||
                         subject.name.find(text) != std::string::npos;
    const bool names = std::ranges::find(reading.mention_at, i) != reading.mention_at.end();
    const bool describes =
        !names && (text.ends_with("ing") || text.ends_with("ed") || text.ends_with("ly"));
    if (bound || in_phrase || product || word.minor || word.joins || word.canonical == "not" ||
        lexicon.is_weak(word.canonical) || reading.used[i] ||
        lexicon.kind(word.canonical) != nullptr || lexicon.role(word.canonical) != nullptr) {
      continue;
    }
    const auto kind_at = [&](size_t at) {
      const std::string& said = reading.tokens[at].text;
      return catalogue::singular(said) == said ? kind_of_value(said, lexicon, snapshot_) : "";
    };
    const auto name_begins = [&](size_t at) {
      const bool the = is_article(word_before(reading.tokens, at));
      return leads_to_name(word_before(reading.tokens, at, the ? 2 : 1));
    };
    const auto ends = [&](size_t at) {
      const std::string_view next = word_at(reading.tokens, at);
      return names || ends_name(next) || is_cue(next, reading.intent);
    };
    if (i > 0 && name_begins(i - 1) && ends(i + 1)) {
      if (std::string kind = kind_at(i - 1); !kind.empty()) {
        out.push_back({i - 1, i, std::move(kind), false});
        continue;
      }
    }
    // What nothing knows is refused as a name by itself.
    if (word.known && !describes && i + 1 < reading.tokens.size() && name_begins(i) &&
        ends(i + 2)) {
      if (std::string kind = kind_at(i + 1); !kind.empty()) {
        out.push_back({i + 1, i, std::move(kind), false});
      }
    }
  }
  return out;
}

std::optional<Plan> Planner::refuse_values(const Reading& reading, const Subject& subject) const {
  const Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  for (const SpokenValue& value : reading.values) {
    const bool bound = std::ranges::any_of(
        subject.filters, [&](size_t m) { return reading.mention_at[m] == value.at; });
    const std::string said = to_lower(reading.tokens[value.at].text);
    const bool in_recipe =
        to_lower(subject.recipe->promql).find("\"" + said + "\"") != std::string::npos;
    if (bound || in_recipe) continue;
    const LabelInfo* label = metric->label(catalogue::label_of_kind(value.kind, *metric, lexicon));
    if (label != nullptr) return refuse_value(reading, value, *label);
    if (value.here || lexicon.kind_of_value(said) != nullptr) {
      return refusal("unknown_label",
                     texts_.say("refuse.label",
                                {{"subject", texts_.name(subject.name)}, {"labels", value.kind}}),
                     {subject.name});
    }
    if (auto refused = refuse_any_value(reading)) return refused;
  }
  for (const SpokenValue& value : misplaced_values(reading, subject, *metric)) {
    const LabelInfo* label = metric->label(catalogue::label_of_kind(value.kind, *metric, lexicon));
    if (label != nullptr) return refuse_value(reading, value, *label);
  }
  // "and of billing?", and what was asked before is not told apart by anything called so.
  for (size_t m = 0; reading.follow_up && m < reading.mentions.size(); ++m) {
    const catalogue::Mention& mention = reading.mentions[m];
    const size_t at = reading.mention_at[m];
    if (at >= reading.tokens.size() || !mention.names_thing || mention.negated) continue;
    const std::string word = lexicon.canonical(reading.tokens[at].text);
    const bool explained =
        std::ranges::find(subject.phrase_words, word) != subject.phrase_words.end() ||
        (subject.entry != nullptr && subject.entry->about.contains(word));
    const bool binds = std::ranges::any_of(subject.recipe->needs, [&](const std::string& name) {
      const Metric* read = snapshot_.find(name);
      return read != nullptr && catalogue::bind(mention, *read, lexicon);
    });
    if (!explained && !binds) return refuse_named(mention.text, reading, subject);
  }
  return std::nullopt;
}

std::optional<Plan> Planner::refuse_any_value(const Reading& reading) const {
  for (const SpokenValue& value : reading.values) {
    if (value.here) continue;
    const LabelInfo* label = label_anywhere(value.kind, snapshot_, knowledge_.pack.lexicon);
    if (label != nullptr) return refuse_value(reading, value, *label);
  }
  return std::nullopt;
}

std::optional<Plan> Planner::refuse_slip(const Reading& reading, const std::string& text) const {
  for (size_t i = 0; i < reading.tokens.size(); ++i) {
    const Token& token = reading.tokens[i];
    const bool name = token.text.find('_') != std::string::npos &&
                      std::ranges::any_of(token.text, [](char c) { return is_lower(c); });
    if (!name || snapshot_.find(token.written) != nullptr ||
        snapshot_.find(token.text) != nullptr || snapshot_.has_label(token.text) ||
        !snapshot_.places(catalogue::fold(token.text)).empty()) {
      continue;
    }
    const size_t allowed = token.text.size() / 6;
    std::vector<std::pair<size_t, std::string>> near;
    for (const Metric& metric : snapshot_.metrics()) {
      if (metric.name.size() > token.text.size() + allowed ||
          token.text.size() > metric.name.size() + allowed) {
        continue;
      }
      const size_t distance = edit_distance(token.text, to_lower(metric.name));
      if (distance <= allowed) near.emplace_back(distance, metric.name);
    }
    std::ranges::sort(near);
    if (near.size() > kMostNamed) near.resize(kMostNamed);
    if (near.empty()) continue;
    std::vector<std::string> names;
    std::vector<std::string> questions;
    for (const auto& [distance, metric] : near) {
      names.push_back(metric);
      const size_t at = text.find(token.written);
      questions.push_back(at == std::string::npos
                              ? metric
                              : std::string(text).replace(at, token.written.size(), metric));
    }
    return refusal("unknown_metric",
                   texts_.say("refuse.unknown", {{"words", token.written}}) + " " +
                       texts_.say("refuse.nearest", {{"names", join_words(names, ", ")}}),
                   std::move(questions));
  }
  return std::nullopt;
}

std::string Planner::with_kind(const Reading& reading, const Json& before) const {
  const std::string called = before.value("called", "");
  if (called.empty() || !reading.numbered.empty() || !reading.values.empty()) return "";
  if (before.value("intent", "") == "top" || !reading.mentions.empty()) return "";
  const std::string kind = kind_of_value(called, knowledge_.pack.lexicon, snapshot_);
  std::optional<size_t> at;
  for (size_t i = 0; i < reading.tokens.size(); ++i) {
    const std::string& text = reading.tokens[i].text;
    if (is_any_of(text, {"and", "what", "about", "how", "for", "of", "now", "the", "or", "only",
                         "on", "then", "with", "in", "also", "same"})) {
      continue;
    }
    if (at) return "";
    at = i;
  }
  if (!at) return "";
  const std::string& text = reading.tokens[*at].text;
  const bool unknown = std::ranges::any_of(
      reading.content, [&](const ContentWord& word) { return word.at == *at && !word.known; });
  // "and us?" of a region: a word that says nothing elsewhere.
  const bool here =
      std::ranges::any_of(snapshot_.places(catalogue::fold(text)),
                          [&](const catalogue::Place& place) { return place.label == kind; });
  if (!is_number(text) && !unknown && !here) return "";
  return with_word_replaced(reading, *at, called + " " + reading.tokens[*at].written);
}

std::string Planner::kind_called(const Reading& reading, const Subject& subject,
                                 const catalogue::Lexicon& lexicon) {
  for (const Numbered& one : reading.numbered) {
    return one.word == one.at ? one.kind : reading.tokens[one.word].text;
  }
  for (const size_t m : subject.filters) {
    const size_t at = reading.mention_at[m];
    if (at == 0 || at >= reading.tokens.size()) continue;
    const std::string& before = reading.tokens[at - 1].text;
    if (lexicon.kind(before) != nullptr || reading.mentions[m].label == before) return before;
  }
  return "";
}

/// "which codes are there": the values of a label, of all that have it.
std::optional<Plan> Planner::plan_label_values(const Reading& reading) const {
  const bool all = reading.says_any({"there", "exist", "have", "list", "available", "known"});
  static const std::set<std::string_view> kElsewhere = {
      "alert", "disk", "filesystem", "cpu", "status", "state", "unit", "customer"};
  const bool one_word = reading.content.size() == 1 && !reading.content.front().minor;
  const bool only = std::ranges::all_of(reading.content, [&](const ContentWord& word) {
    return word.minor || word.canonical == reading.things;
  });
  std::string kind = only ? reading.things : "";
  if (kind.empty() && one_word) {
    kind = catalogue::singular(reading.tokens[reading.content.front().at].text);
    if (!snapshot_.has_label(kind)) return std::nullopt;
  }
  if (!all || kind.empty() || kElsewhere.contains(kind)) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const LabelInfo* label = label_anywhere(kind, snapshot_, lexicon);
  if (label == nullptr || !is_legacy_label_name(label->name)) return std::nullopt;
  const Metric* most = nullptr;
  size_t series = 0;
  for (const Metric& metric : snapshot_.metrics()) {
    const LabelInfo* own = metric.label(label->name);
    if (own == nullptr) continue;
    series += metric.series;
    if (most == nullptr || own->values.size() > most->label(label->name)->values.size()) {
      most = &metric;
    }
  }
  const bool one = series > kMostSeries && is_legacy_metric_name(most->name);
  Plan plan;
  plan.intent = Intent::List;
  plan.confidence = 0.8;
  plan.subject = kLabelValues;
  plan.explanation = texts_.say("explain.things");
  plan.wording = "things";
  plan.unit = "count";
  plan.entity_labels = {label->name};
  plan.promql = one ? fmt::format("count by ({}) ({})", label->name, most->name)
                    : fmt::format("count by ({0}) ({{{0}!=\"\"}})", label->name);
  return plan;
}

void Planner::tell_narrowed(const Reading& reading, const Subject& subject, Plan& plan) const {
  const Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr || plan.subject.empty() || !says_subject(plan.wording)) return;
  if (!plan.clarify.empty() || !plan.refuse_code.empty()) return;
  std::vector<std::string> parts;
  const std::string quantile = quantile_in(plan.promql);
  if (!quantile.empty() && plan.wording != "several") parts.push_back(quantile);
  for (const size_t m : subject.filters) {
    const catalogue::Mention& mention = reading.mentions[m];
    const auto binding = catalogue::bind(mention, *metric, knowledge_.pack.lexicon);
    if (!binding) continue;
    const bool told =
        std::ranges::find(plan.entity_labels, binding->label) != plan.entity_labels.end() &&
        keeps_label(plan.promql, binding->label);
    const bool asked =
        plan.promql.find(binding->values.empty() ? binding->regex : binding->values.front()) !=
        std::string::npos;
    if (!asked || (told && !binding->negated)) continue;
    const bool plain = binding->values.size() == 1;
    const std::string value =
        plain ? spoken(binding->label, binding->values.front()) : mention.text;
    const auto number = std::ranges::find(reading.numbered, reading.mention_at[m], &Numbered::at);
    std::string name = number != reading.numbered.end() ? number->kind + " " + value
                       : is_naming_label(binding->label) && mention.kind.empty()
                           ? value
                           : binding->label + " " + value;
    if (binding->negated) name = texts_.say("subject.without", {{"name", std::move(name)}});
    if (std::ranges::find(parts, name) == parts.end()) parts.push_back(std::move(name));
  }
  if (parts.empty()) return;
  plan.subject = texts_.say("subject.narrowed",
                            {{"subject", plan.subject}, {"parts", join_words(parts, ", ")}});
}

}  // namespace prom5::llm
