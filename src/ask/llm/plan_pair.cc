// Two things in one question: "payments per order", "orders minus failed orders", "cpu and memory
// of web-01".
#include <algorithm>
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

/// How two things are said to belong together, and where.
struct Pairing {
  std::string_view op;    ///< "/", "-", "+"; empty where both are asked for
  size_t begin = 0;       ///< the first token of the first one
  size_t at = 0;          ///< what joins them
  size_t behind = 0;      ///< the first token of the second one
  bool grouping = false;  ///< "per": may as well tell things apart
};

bool leads_on(std::string_view word) {
  return is_any_of(word, {"of", "on", "for", "in", "at", "over", "during", "since", "from", "today",
                          "yesterday", "right", "now", "last", "within", "between", "by", "per"});
}

/// "ratio of", "difference between", "sum of", past which the two stand.
Pairing told_ahead(const Reading& reading) {
  const auto& tokens = reading.tokens;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!is_any_of(tokens[i + 1].text, {"of", "between"})) continue;
    const std::string& word = tokens[i].text;
    const std::string_view op = word == "ratio"        ? "/"
                                : word == "difference" ? "-"
                                : word == "sum"        ? "+"
                                                       : "";
    if (op.empty()) continue;
    for (size_t k = i + 3; k + 1 < tokens.size(); ++k) {
      const bool joins = tokens[k].text == "and" || (op == "/" && tokens[k].text == "to");
      if (joins) return {op, i + 2, k, k + 1};
    }
  }
  return {};
}

std::vector<Pairing> pairings(const Reading& reading) {
  const auto& tokens = reading.tokens;
  std::vector<Pairing> out;
  if (const Pairing ahead = told_ahead(reading); ahead.at > 0) return {ahead};
  for (size_t i = 1; i + 1 < tokens.size(); ++i) {
    const std::string& word = tokens[i].text;
    const bool divided = word == "divided" && tokens[i + 1].text == "by" && i + 2 < tokens.size();
    if (divided) out.push_back({"/", 0, i, i + 2});
    const bool of_time = is_any_of(tokens[i + 1].text, {"second", "minute", "hour", "day", "week"});
    if (word == "per" && !of_time) out.push_back({"/", 0, i, i + 1, true});
    // Spelling may have taken it for "minutes".
    const std::string& written = tokens[i].written;
    if (written == "minus" || written == "-") out.push_back({"-", 0, i, i + 1});
    if (word == "plus") out.push_back({"+", 0, i, i + 1});
    if (word == "and") out.push_back({"", 0, i, i + 1});
  }
  return out.size() == 1 ? out : std::vector<Pairing>{};
}

std::string words_of(const Reading& reading, size_t from, size_t to) {
  std::string out;
  for (size_t i = from; i < to; ++i) out += (out.empty() ? "" : " ") + reading.tokens[i].written;
  return out;
}

bool is_named(const Reading& reading, size_t at) {
  return std::ranges::find(reading.mention_at, at) != reading.mention_at.end();
}

/// The two as questions of their own; what is said behind the second one is said of both.
std::pair<std::string, std::string> apart(const Reading& reading, const Pairing& pair) {
  const size_t size = reading.tokens.size();
  size_t end = pair.behind + 1;
  while (end < size && !leads_on(reading.tokens[end].text)) ++end;
  std::string first = words_of(reading, pair.begin, pair.at);
  std::string second = words_of(reading, pair.behind, end);
  const std::string rest = words_of(reading, end, size);
  // "cpu of web-01 minus cpu of web-02": each of its own.
  bool own = false;
  for (size_t i = pair.begin + 1; end < size && i + 1 < pair.at; ++i) {
    own = own || (reading.tokens[i].text == reading.tokens[end].text && is_named(reading, i + 1));
  }
  if (own) return {std::move(first), second + " " + rest};
  if (!rest.empty()) return {first + " " + rest, second + " " + rest};
  // "cpu of web-01 and memory"
  for (size_t i = pair.begin + 1; i + 1 < pair.at; ++i) {
    const bool named = is_named(reading, i + 1) || (i + 2 < pair.at && is_named(reading, i + 2));
    if (!leads_on(reading.tokens[i].text) || !named) continue;
    second += " " + words_of(reading, i, pair.at);
    break;
  }
  return {std::move(first), std::move(second)};
}

bool is_simple(const Plan& plan) {
  return plan.intent == Intent::Query && plan.wording == "value" && !plan.promql.empty() &&
         plan.calls.empty() && plan.more.empty() && !plan.range && plan.clarify.empty() &&
         plan.refuse_code.empty();
}

bool is_ratio(const Plan& plan) { return plan.unit == "ratio" || plan.unit == "percent"; }

/// The unit of one divided by the other.
std::string unit_of_ratio(const Plan& first, const Plan& second) {
  if (first.unit == "bytes_per_second" && second.unit == "per_second") return "bytes";
  return "none";
}

}  // namespace

/// Whether a part of a question asks for something by itself.
std::optional<Subject> Planner::subject_of_part(const std::string& text, bool grouping) const {
  Reading part =
      read_question(text, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_, Intent::Query);
  if (!names_subject(part, knowledge_) && !knowledge_.subjects.says_metric(part, snapshot_)) {
    return std::nullopt;
  }
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  if (grouping && std::ranges::any_of(part.content, [&](const ContentWord& word) {
        return lexicon.kind(word.canonical) != nullptr || snapshot_.has_label(word.canonical);
      })) {
    return std::nullopt;
  }
  Subject subject;
  if (choose(part, subject) || subject.recipe == nullptr) return std::nullopt;
  constexpr double kSurely = 0.9;
  const bool found = subject.available && subject.unexplained.empty() &&
                     subject.coverage > kSurely && !subject.phrase_words.empty();
  return found ? std::optional(std::move(subject)) : std::nullopt;
}

/// "reads and writes", "queries per transaction": one thing that is called by both.
bool Planner::is_joint(const Reading& reading, const Subject& first, const Subject& second,
                       const std::vector<std::string>& parts) const {
  const auto ranked = knowledge_.subjects.rank(reading, snapshot_);
  if (ranked.empty() || !ranked.front().available) return false;
  const Subject& whole = ranked.front();
  const auto says = [&](const Subject& part) {
    return std::ranges::any_of(part.phrase_words, [&](const std::string& word) {
      return !knowledge_.pack.lexicon.is_weak(word) &&
             std::ranges::find(whole.phrase_words, word) != whole.phrase_words.end();
    });
  };
  if (!says(first) || !says(second)) return false;
  // "requests and errors": request errors are what the second one says by itself.
  return std::ranges::none_of(parts, [&](const std::string& part) {
    const Reading alone =
        read_question(part, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_, Intent::Query);
    return std::ranges::any_of(
        knowledge_.subjects.rank(alone, snapshot_), [&](const Subject& subject) {
          constexpr double kWholePhrase = 0.99;
          return subject.phrase >= kWholePhrase && subject.recipe->promql == whole.recipe->promql;
        });
  });
}

/// "request rate of api and payment": the second is another name of what the first is asked of.
bool Planner::is_more_of(const Reading& reading, const Subject& first, size_t behind) const {
  const catalogue::Metric* metric = snapshot_.find(first.recipe->needs.front());
  const auto at = std::ranges::find(reading.mention_at, behind);
  if (metric == nullptr || at == reading.mention_at.end()) return false;
  const auto& mention = reading.mentions[static_cast<size_t>(at - reading.mention_at.begin())];
  const bool last =
      behind + 1 == reading.tokens.size() || leads_on(reading.tokens[behind + 1].text);
  return last && catalogue::bind(mention, *metric, knowledge_.pack.lexicon).has_value();
}

std::optional<Plan> Planner::plan_pair(const Reading& reading) {
  const bool compares = reading.intent == Intent::Compare && reading.tokens[0].text == "compare" &&
                        !reading.point && !reading.range && !reading.other_window;
  if ((reading.intent != Intent::Query && !compares) || reading.refers || reading.superlative ||
      !reading.thresholds.empty() || !reading.expression.empty() || reading.quantile ||
      reading.ahead || reading.shift) {
    return std::nullopt;
  }
  const std::vector<Pairing> pairs = pairings(reading);
  if (pairs.empty()) return std::nullopt;
  Pairing pair = pairs.front();
  if (reading.follow_up && pair.op.empty()) return std::nullopt;
  if (compares) pair.begin = 1;
  const auto [one, other] = apart(reading, pair);
  const auto first = subject_of_part(one, false);
  const auto second = first ? subject_of_part(other, pair.grouping) : std::nullopt;
  const bool same = second && first->recipe->promql == second->recipe->promql;
  if (!second || (same && pair.op.empty()) || is_more_of(reading, *first, pair.behind)) {
    return std::nullopt;
  }
  if (is_joint(reading, *first, *second, {one, other})) return std::nullopt;
  Plan plan = plan_text(one, Json());
  const Plan with = plan_text(other, Json());
  if (!is_simple(with) || plan.promql.empty() || plan.promql == with.promql) return std::nullopt;
  if (pair.op.empty()) {
    plan.note += (plan.note.empty() ? "" : " ") +
                 texts_.say("note.one_at_a_time", {{"subject", with.subject}, {"question", other}});
    plan.suggestions.insert(plan.suggestions.begin(), other);
    return plan;
  }
  if (!is_simple(plan)) return std::nullopt;
  if (!same && pair.op == "/" && (is_ratio(plan) || is_ratio(with))) {
    // "errors per request" are the error ratio.
    const bool whole = first->recipe->promql.ends_with("/ " + second->recipe->promql);
    return whole ? std::optional(std::move(plan)) : std::nullopt;
  }
  if (same) {
    // Of two things the labels that tell them apart join nothing.
    const std::string join = is_ratio(plan) ? "avg(" : "sum(";
    plan.promql = join + plan.promql + ")";
    Plan beside = with;
    beside.promql = join + with.promql + ")";
    plan.subject = one;
    beside.subject = other;
    plan.entity_labels.clear();
    return computed(std::move(plan), beside, pair.op);
  }
  return computed(std::move(plan), with, pair.op);
}

std::optional<Plan> Planner::plan_otherwise(const Reading& reading, const Json& before) {
  const bool goes_on = before.is_object() && before.contains("subject");
  const std::string named = with_value_for_kind(reading, goes_on ? before.value("metric", "") : "");
  return named.empty() ? plan_pair(reading) : plan_text(named, before);
}

/// One plan's value with the other's: a quotient, a difference or a sum.
Plan Planner::computed(Plan plan, const Plan& with, std::string_view op) const {
  if (op != "/" && plan.unit != with.unit) {
    return refusal(
        "unknown_metric",
        texts_.say("refuse.other_units", {{"subject", plan.subject}, {"other", with.subject}}), {});
  }
  std::string left = plan.promql;
  std::string right = with.promql;
  // Of a total and of things the total is meant.
  if (catalogue::has_aggregation(left) != catalogue::has_aggregation(right)) {
    for (std::string* side : {&left, &right}) {
      if (!catalogue::has_aggregation(*side)) *side = "sum(" + *side + ")";
    }
    plan.entity_labels.clear();
  }
  plan.promql = in_brackets(left) + " " + std::string(op) + " " + in_brackets(right);
  plan.unit = op == "/" ? unit_of_ratio(plan, with) : plan.unit;
  plan.subject += " " + std::string(op) + " " + with.subject;
  plan.explanation.clear();
  plan.note = plan.note == with.note || with.note.empty() ? plan.note : plan.note + " " + with.note;
  plan.frame = {{"intent", "query"}, {"promql", plan.promql}};
  return plan;
}

}  // namespace prom5::llm
