// What is said of names: those that nothing bears, and those that were misspelt.
#include <algorithm>
#include <cmath>

#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr size_t kMostNamed = 4;

/// A value as people say it: an instance without its port.
std::string said(const std::string& label, const std::string& value) {
  return label == "instance" ? value.substr(0, value.rfind(':')) : value;
}

}  // namespace

/// "requests of the foo service", and there is none: with the names that there are.
Plan Planner::refuse_named(const std::string& name, const Reading& reading,
                           const Subject& subject) const {
  Plan plan = refuse_stranger(name);
  if (!snapshot_.places(catalogue::fold(name)).empty()) {
    plan = refusal("unknown_name",
                   texts_.say("refuse.name_elsewhere",
                              {{"name", name}, {"subject", texts_.name(subject.name)}}),
                   {});
  }
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (!plan.suggestions.empty() || metric == nullptr) return plan;
  // The label of the kind that is said behind the name, else what tells the subject's things apart.
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  std::string label;
  for (size_t i = 0; i + 1 < reading.tokens.size(); ++i) {
    if (reading.tokens[i].written != name) continue;
    label =
        catalogue::label_of_kind(lexicon.canonical(reading.tokens[i + 1].text), *metric, lexicon);
  }
  for (size_t i = 0; label.empty() && i + 1 < reading.tokens.size(); ++i) {
    if (reading.tokens[i].written != name) continue;
    const auto* of_kind = lexicon.kind(lexicon.canonical(reading.tokens[i + 1].text));
    for (size_t l = 0; of_kind != nullptr && label.empty() && l < of_kind->size(); ++l) {
      if (metric->label((*of_kind)[l]) != nullptr) label = (*of_kind)[l];
    }
  }
  std::vector<std::string> labels = subject.recipe->by;
  labels.insert(labels.end(), {"service", "instance", "job"});
  for (const catalogue::LabelInfo& other : metric->labels) {
    if (!std::ranges::all_of(other.values, is_number)) labels.push_back(other.name);
  }
  // What has one value for all tells nothing apart.
  std::ranges::stable_partition(labels, [&](const std::string& each) {
    const catalogue::LabelInfo* info = metric->label(each);
    return info != nullptr && info->values.size() > 1 &&
           !std::ranges::all_of(info->values, is_number);
  });
  labels.insert(labels.begin(), label);
  for (const std::string& each : labels) {
    const catalogue::LabelInfo* info = metric->label(each);
    if (info == nullptr) continue;
    for (const std::string& value : info->values) {
      if (plan.suggestions.size() == kMostNamed) break;
      plan.suggestions.push_back(said(each, value));
    }
    const size_t more = info->values.size() - plan.suggestions.size();
    std::string names = join_words(plan.suggestions, ", ");
    if (more > 0) {
      names = texts_.say("list.rest_of_names", {{"list", std::move(names)}, {"more", more}});
    }
    plan.refuse_message += " " + texts_.say("refuse.there_is", {{"names", std::move(names)}});
    break;
  }
  return plan;
}

/// What there is instead of a number that nothing has: the nearest, and how many others.
std::optional<Plan> Planner::refuse_numbered(const Reading& reading, const Subject& subject) const {
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr) return std::nullopt;
  for (const Numbered& one : reading.numbered) {
    std::string said = reading.tokens[one.at].text;
    if (one.word == one.at && said.ends_with('s')) said.pop_back();  // "404s"
    const bool bound = std::ranges::any_of(
        subject.filters, [&](size_t m) { return reading.mention_at[m] == one.at; });
    const bool in_recipe = subject.recipe->promql.find("\"" + said + "\"") != std::string::npos;
    if (bound || in_recipe) continue;
    const catalogue::LabelInfo* label = nullptr;
    for (const std::string& name : one.labels) {
      if (label == nullptr) label = metric->label(name);
    }
    if (label == nullptr) {
      return refusal("unknown_label",
                     texts_.say("refuse.label",
                                {{"subject", texts_.name(subject.name)}, {"labels", one.kind}}),
                     {subject.name});
    }
    return refuse_number(reading, one, *label);
  }
  return std::nullopt;
}

std::optional<Plan> Planner::refuse_any_number(const Reading& reading) const {
  for (const Numbered& one : reading.numbered) {
    if (!one.places.empty()) continue;
    for (const std::string& name : one.labels) {
      for (const catalogue::Metric& metric : snapshot_.metrics()) {
        const catalogue::LabelInfo* label = metric.label(name);
        if (label != nullptr) return refuse_number(reading, one, *label);
      }
    }
  }
  return std::nullopt;
}

Plan Planner::refuse_number(const Reading& reading, const Numbered& one,
                            const catalogue::LabelInfo& label) const {
  const auto distance = [&](const std::string& value) {
    const double wanted = codec::parse_double(reading.tokens[one.at].text).value_or(0);
    return std::fabs(codec::parse_double(value).value_or(HUGE_VAL) - wanted);
  };
  std::vector<std::string> values;
  for (const std::string& value : label.values) {
    const size_t colon = label.name == "instance" ? value.rfind(':') : std::string::npos;
    std::string number = colon == std::string::npos ? value : value.substr(colon + 1);
    if (is_number(number) && std::ranges::find(values, number) == values.end()) {
      values.push_back(std::move(number));
    }
  }
  std::ranges::stable_sort(values, {}, distance);
  const size_t more = values.size() - std::min(values.size(), kMostNamed);
  values.resize(values.size() - more);
  std::string number = reading.tokens[one.at].written;
  if (one.word == one.at && number.ends_with('s')) number.pop_back();  // "404s"
  Plan plan =
      refusal("unknown_name", texts_.say("refuse.name", {{"name", one.kind + " " + number}}), {});
  for (const std::string& value : values) {
    std::string question;
    for (size_t i = 0; i < reading.tokens.size(); ++i) {
      question += (i == 0 ? "" : " ") + (i == one.at ? value : reading.tokens[i].written);
    }
    plan.suggestions.push_back(std::move(question));
  }
  std::ranges::sort(
      values, {}, [](const std::string& value) { return codec::parse_double(value).value_or(0); });
  std::string names = one.kind + " " + join_words(values, ", ");
  if (more > 0) {
    names = texts_.say("list.rest_of_names", {{"list", std::move(names)}, {"more", more}});
  }
  if (!values.empty()) {
    plan.refuse_message += " " + texts_.say("refuse.there_is", {{"names", std::move(names)}});
  }
  return plan;
}

/// "memory of checkuot": what was taken for it.
void Planner::tell_mended(const Reading& reading, Plan& plan) const {
  for (size_t m = 0; m < reading.mentions.size(); ++m) {
    const size_t at = reading.mention_at[m];
    if (at >= reading.tokens.size() || !reading.tokens[at].mended) continue;
    const catalogue::Mention& mention = reading.mentions[m];
    const std::string meant = mention.places.empty()
                                  ? reading.tokens[at].text
                                  : said(mention.places[0].label, mention.places[0].value);
    if (!plan.note.empty()) plan.note += " ";
    plan.note += texts_.say("note.mended", {{"written", mention.text}, {"meant", meant}});
  }
}

/// "cpu of the database": where hosts are told apart and no databases, the hosts called so.
void Planner::take_roles(Reading& reading, Subject& subject) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr || reading.tokens.empty()) return;
  for (size_t i = 1; i < reading.tokens.size(); ++i) {
    const std::string word = lexicon.canonical(reading.tokens[i].text);
    const auto* labels = lexicon.kind(word);
    const auto* names = lexicon.role(word);
    const std::string& before = reading.tokens[i - 1].text;
    if (labels == nullptr || names == nullptr || word == "service") continue;
    if ((before != "the" && before != "our") || reading.used[i] || reading.which) continue;
    const std::string label = catalogue::label_of_kind(word, *metric, lexicon);
    if (label != "instance" && label != "node") continue;
    if (std::ranges::find(subject.phrase_words, word) != subject.phrase_words.end()) continue;
    if (std::ranges::find(reading.mention_at, i) != reading.mention_at.end()) continue;
    const bool named = std::ranges::any_of(subject.filters, [&](size_t m) {
      const auto binding = catalogue::bind(reading.mentions[m], *metric, lexicon);
      return binding && binding->label == label;
    });
    if (named) continue;
    catalogue::Mention mention;
    mention.text = reading.tokens[i].written;
    mention.folded = word;
    mention.kind = "host";
    mention.prefixes = *names;
    mention.names_thing = true;
    if (!catalogue::bind(mention, *metric, lexicon)) continue;
    subject.filters.push_back(reading.mentions.size());
    reading.mentions.push_back(std::move(mention));
    reading.mention_at.push_back(SIZE_MAX);
  }
}

}  // namespace prom5::llm
