// Which part of what is counted is of one kind: "what percentage of requests goes to /cart", "share
// of payments by method".
#include <algorithm>
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

bool asks_for_part(const Reading& reading) {
  return (reading.unit && unit_info(*reading.unit).kind == UnitKind::Ratio) ||
         std::ranges::any_of(reading.content,
                             [](const ContentWord& word) { return word.canonical == "share"; });
}

/// The verb that parts what is counted from the part that is asked for: "share of the requests
/// that |go| to /cart". The number of tokens where there is none.
size_t parting_verb(const Reading& reading) {
  static const std::set<std::string_view> kVerbs = {
      "go",     "goes",   "going",   "went",     "come",     "comes",     "coming",  "came",
      "is",     "are",    "was",     "were",     "use",      "used",      "uses",    "using",
      "end",    "ends",   "return",  "returned", "paid",     "pay",       "fail",    "fails",
      "failed", "made",   "get",     "gets",     "answered", "have",      "has",     "hit",
      "hits",   "belong", "belongs", "placed",   "served",   "completed", "handled", "from"};
  const auto& tokens = reading.tokens;
  bool of = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    // "what percentage is of …", "failed of the failed requests": only behind what is counted.
    const bool counted = i > 0 && tokens[i - 1].text != "of" && tokens[i - 1].text != "the";
    if (of && counted && kVerbs.contains(tokens[i].text)) return i;
    of = of || tokens[i].text == "of";
  }
  return tokens.size();
}

/// "share of orders by status" asks for no state.
bool asks_for_value(const Reading& reading) {
  return reading.intent == Intent::Query ||
         (reading.intent == Intent::Status && !reading.by.empty());
}

/// Verbs of things that come and go: they say nothing of what these are.
bool is_motion(std::string_view word) {
  return word.starts_with("go") || word.starts_with("com") || word.starts_with("end") ||
         is_any_of(word, {"went", "came", "hit", "hits"});
}

/// The same question of how many there are.
Reading of_all(const Reading& reading, size_t verb) {
  Reading out = reading;
  out.unit.reset();
  out.how_many = false;
  out.intent = Intent::Query;
  std::erase_if(out.content, [&](const ContentWord& word) {
    const bool moves = word.at == verb && is_motion(reading.tokens[verb].text);
    return moves || word.canonical == "share" || word.canonical == "percent";
  });
  return out;
}

bool is_share(const catalogue::Recipe& recipe) {
  return recipe.unit == "ratio" || recipe.unit == "percent";
}

/// The only condition of a recipe's text, "code" of `sum(rate(x{code="404"}[5m]))`, taken out of
/// it; its label. Empty where there is none, or not just one.
std::string take_condition(std::string& promql) {
  const size_t open = promql.find('{');
  const size_t close = promql.find('}');
  if (open == std::string::npos || close == std::string::npos ||
      promql.find('{', open + 1) != std::string::npos) {
    return "";
  }
  const std::string inside = promql.substr(open + 1, close - open - 1);
  if (inside.find(',') != std::string::npos) return "";
  promql.erase(open, close - open + 1);
  return inside.substr(0, inside.find_first_of("=!"));
}

}  // namespace

/// What a subject is a part of: itself without what narrows it to the part. Nothing where the
/// question says no part.
std::optional<Subject> Planner::whole_of(const Reading& reading, const Subject& part) const {
  const catalogue::Metric* metric = snapshot_.find(part.recipe->needs.front());
  if (metric == nullptr) return std::nullopt;
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const size_t verb = parting_verb(reading);
  const bool parted = verb < reading.tokens.size();
  Subject whole = part;
  std::string condition;
  auto recipe = std::make_shared<catalogue::Recipe>(*part.recipe);
  // "what share of the 5xx errors comes from /cart": all of them are errors.
  const bool own = !parted || std::ranges::any_of(reading.content, [&](const ContentWord& word) {
    return word.at >= verb &&
           std::ranges::find(part.phrase_words, word.canonical) != part.phrase_words.end();
  });
  if (own) condition = take_condition(recipe->promql);
  if (recipe->promql.find('{') != std::string::npos && own) return std::nullopt;
  whole.recipe = recipe;
  std::set<std::string> labels;
  for (const size_t m : part.filters) {
    if (const auto bound = catalogue::bind(reading.mentions[m], *metric, lexicon)) {
      labels.insert(bound->label);
    }
  }
  std::erase_if(whole.filters, [&](size_t m) {
    const auto bound = catalogue::bind(reading.mentions[m], *metric, lexicon);
    if (!bound) return false;
    // "what share of requests failed on /cart": of those on it.
    if (!condition.empty()) return bound->label == condition;
    if (parted) return reading.mention_at[m] > verb && reading.mention_at[m] != SIZE_MAX;
    return !is_naming_label(bound->label) || labels.size() == 1;
  });
  const bool smaller = whole.filters.size() < part.filters.size() || !condition.empty();
  return smaller ? std::optional(std::move(whole)) : std::nullopt;
}

std::optional<Plan> Planner::plan_share(const Reading& reading) const {
  if (!asks_for_part(reading) || !asks_for_value(reading) || reading.follow_up || reading.refers ||
      reading.quantile || reading.ahead || reading.shift || reading.superlative ||
      !reading.thresholds.empty() || !reading.aggregation.empty()) {
    return std::nullopt;
  }
  Reading counted = of_all(reading, parting_verb(reading));
  if (counted.content.empty()) return std::nullopt;
  Subject subject;
  const auto declined = choose(counted, subject);
  // Of "errors" those that are counted are meant, where a share is asked for.
  const bool parted = parting_verb(counted) < counted.tokens.size();
  const bool of_share = !declined && parted && subject.recipe && is_share(*subject.recipe);
  if ((declined && !declined->clarify.empty()) || of_share) {
    const auto ranked = knowledge_.subjects.rank(counted, snapshot_);
    const auto rate = std::ranges::find_if(ranked, [](const Subject& one) {
      return one.available && one.entry != nullptr && one.recipe->unit == "per_second";
    });
    if (rate == ranked.end()) return std::nullopt;
    subject = *rate;
  }
  if (subject.recipe == nullptr) return std::nullopt;
  const catalogue::Recipe& recipe = *subject.recipe;
  const bool counts = recipe.unit == "per_second" &&
                      recipe.promql.find("rate(") != std::string::npos &&
                      recipe.promql.find('/') == std::string::npos;
  if (!counts || !subject.available || !subject.unexplained.empty()) return std::nullopt;
  const Expression expression(subject, counted, snapshot_, knowledge_.pack.lexicon);
  if (!expression.lost_kinds().empty()) return std::nullopt;
  const auto whole = whole_of(counted, subject);
  // "error percentage of checkout", "cache hits in percent" are shares by themselves.
  const auto ranked = knowledge_.subjects.rank(reading, snapshot_);
  constexpr double kWholePhrase = 0.99;
  const bool known = !ranked.empty() && ranked.front().available &&
                     ranked.front().phrase >= kWholePhrase && is_share(*ranked.front().recipe);
  if (known && (!whole || whole->filters.size() == subject.filters.size())) return std::nullopt;
  const bool tells_apart = !reading.by.empty() || expression.tells_names_apart();
  if (!whole && !tells_apart) return std::nullopt;
  if (refuse_numbered(counted, subject) || refuse_values(counted, subject)) return std::nullopt;

  Plan plan = begin(counted, subject);
  Shape shape;
  if (tells_apart) shape.by = expression.shape().by;
  shape.total = shape.by.empty();
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  if (span) shape.window = span->end - span->start;
  if (reading.range) shape.offset = now_ - span->end;
  if (reading.point) shape.offset = now_ - reading.point->start;
  // Of things side by side the whole is all of them; a part by things is of each.
  const bool each = whole && !reading.by.empty();
  Shape all = shape;
  if (!each) all = {.total = true, .window = shape.window, .offset = shape.offset};
  const Subject& of = whole ? *whole : subject;
  const std::string total =
      in_brackets(Expression(of, counted, snapshot_, knowledge_.pack.lexicon).promql(all));
  const bool one = !each && tells_apart;
  plan.promql =
      in_brackets(expression.promql(shape)) + " / " + (one ? "scalar(" + total + ")" : total);
  plan.unit = "ratio";
  plan.entity_labels = shape.by;
  plan.subject = texts_.say("share.of", {{"subject", name_of_counted(subject)}});
  if (reading.window || reading.range) plan.subject = in_its_time(plan.subject, reading);
  plan.frame = frame_of(counted, subject, plan);
  add_coverage(counted, subject, plan);
  tell_narrowed(counted, subject, plan);
  return plan;
}

}  // namespace prom5::llm
