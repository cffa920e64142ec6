// How many, or which part, of what a histogram counts is beyond a limit: "percentage of requests
// over 1s", "how many requests take longer than 500 ms".
#include <algorithm>
#include <cmath>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/histogram_part.h"
#include "ask/llm/planner.h"
#include "ask/llm/value_words.h"

namespace prom5::llm {

namespace {

using catalogue::Metric;

/// The only limit of a question, where it is one of a time, and what is asked is how many or which
/// part; else null.
const Threshold* limit_of_part(const Reading& reading, bool share) {
  if (reading.thresholds.size() != 1 || reading.intent != Intent::Query) return nullptr;
  if (!share && !reading.how_many) return nullptr;
  // "how many services have a latency above 1s" counts services, and "of the time" is no part of
  // what is counted.
  if (!reading.things.empty() || reading.says_phrase({"the", "time"})) return nullptr;
  const Threshold& limit = reading.thresholds.front();
  const bool time = unit_info(limit.quantity.unit).kind == UnitKind::Seconds;
  return time && limit.quantity.value > 0 && limit.op != "==" && limit.op != "!=" ? &limit
                                                                                  : nullptr;
}

bool is_part_word(const ContentWord& word) {
  return word.canonical == "share" || word.canonical == "percent" || word.canonical == "slow" ||
         word.canonical == "fast" || word.canonical == "duration" || word.canonical == "count";
}

/// The question without its limit, of how long that takes.
Reading of_its_time(const Reading& reading) {
  Reading out = reading;
  out.thresholds.clear();
  out.how_many = false;
  out.unit.reset();
  std::erase_if(out.content, is_part_word);
  out.content.push_back({0, "latency", true, true});
  return out;
}

HistogramParts parts_of(const Reading& reading, const Expression& expression,
                        const std::string& metric, bool share, TimeMs now) {
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  HistogramParts parts{metric, expression.matchers_of(metric), "", "rate", ""};
  if (!reading.by.empty()) parts.by = catalogue::by_clause(expression.shape().by);
  if (span && !share) parts.function = "increase";
  if (!span && asks_for_all(reading)) {
    parts.function.clear();
    return parts;
  }
  parts.behind = "[" + format_duration(span ? span->end - span->start : kRateWindow) + "]";
  const DurationMs back = reading.range   ? now - reading.range->end
                          : reading.point ? now - reading.point->start
                                          : DurationMs{};
  if (back.ms > 0) parts.behind += " offset " + format_duration(back);
  return parts;
}

/// "request latency above 250 ms, share"
std::string name_of_part(const std::string& subject, const std::string& limit, bool below,
                         bool share, const texts::TextCatalogue& texts) {
  const std::initializer_list<texts::Filling> places = {{"subject", subject}, {"limit", limit}};
  if (share) {
    return below ? texts.say("within.share_below", places)
                 : texts.say("within.share_above", places);
  }
  return below ? texts.say("within.below", places) : texts.say("within.above", places);
}

}  // namespace

Plan Planner::refuse_bounds(const Subject& subject, double asked,
                            const std::vector<double>& bounds) const {
  std::vector<std::string> said;
  said.reserve(bounds.size());
  for (const double bound : bounds) said.push_back(say_seconds(bound, texts_));
  return refusal("no_distribution",
                 texts_.say("refuse.bounds", {{"subject", texts_.name(subject.name)},
                                              {"limit", say_seconds(asked, texts_)},
                                              {"bounds", join_words(said, ", ")}}),
                 {subject.name});
}

std::optional<Plan> Planner::plan_within(const Reading& reading) const {
  const bool share = (reading.unit && unit_info(*reading.unit).kind == UnitKind::Ratio) ||
                     std::ranges::any_of(reading.content, [](const ContentWord& word) {
                       return word.canonical == "share" || word.canonical == "percent";
                     });
  const Threshold* limit = limit_of_part(reading, share);
  if (limit == nullptr) return std::nullopt;
  Reading whole = of_its_time(reading);
  Subject subject;
  if (choose(whole, subject) || subject.recipe == nullptr) return std::nullopt;
  const Metric* metric = snapshot_.find(subject.recipe->needs.front());
  const bool distributed = subject.recipe->promql.find("histogram_quantile(") != std::string::npos;
  if (metric == nullptr || !distributed || subject.recipe->unit != "seconds") return std::nullopt;
  const Expression expression(subject, whole, snapshot_, knowledge_.pack.lexicon);
  if (!expression.lost_kinds().empty()) return std::nullopt;
  Plan plan = begin(whole, subject);
  const HistogramParts parts = parts_of(reading, expression, metric->name, share, now_);
  const double asked = to_base(limit->quantity.value, limit->quantity.unit);
  const bool below = limit->op.starts_with('<');
  double used = asked;
  if (metric->name.ends_with("_bucket")) {
    const std::vector<Bound> bounds = bounds_of(*metric);
    if (bounds.empty()) return std::nullopt;
    if (asked < bounds.front().value || asked > bounds.back().value) {
      std::vector<double> values;
      for (const Bound& bound : bounds) values.push_back(bound.value);
      return refuse_bounds(subject, asked, values);
    }
    const Bound& nearest = *std::ranges::min_element(
        bounds, {}, [&](const Bound& bound) { return std::fabs(bound.value - asked); });
    used = nearest.value;
    const std::string family(catalogue::family_of(metric->name));
    plan.promql =
        of_buckets(parts, *metric, snapshot_.find(family + "_count"), nearest, {below, share});
  } else {
    plan.promql = of_native(parts, asked, {below, share});
  }
  if (used != asked) {
    plan.note = texts_.say("note.bound", {{"limit", say_seconds(asked, texts_)},
                                          {"nearest", say_seconds(used, texts_)}});
  }
  plan.subject =
      name_of_part(texts_.name(subject.name), say_seconds(used, texts_), below, share, texts_);
  const bool ever = parts.function.empty();
  const bool counts = ever || parts.function == "increase";
  if (ever) {
    plan.subject = texts_.say("counted.so_far", {{"subject", std::move(plan.subject)}});
    plan.note += (plan.note.empty() ? "" : " ") + texts_.say("note.since_start");
  } else if (reading.window || reading.range) {
    plan.subject = in_its_time(std::move(plan.subject), reading);
  }
  plan.unit = share ? "ratio" : counts ? "count" : "per_second";
  if (reading.unit && !share) {
    plan.promql = convert_unit(plan.promql, plan.unit, *reading.unit, plan.unit);
  }
  plan.explanation.clear();
  if (!reading.by.empty()) plan.entity_labels = expression.shape().by;
  plan.frame = {{"intent", "query"}, {"promql", plan.promql}};
  add_coverage(whole, subject, plan);
  tell_narrowed(whole, subject, plan);
  return plan;
}

}  // namespace prom5::llm
