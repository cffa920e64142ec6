// What counts of events are called: "Orders in the last 10m", "Orders so far".
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/planner.h"
#include "ask/llm/value_words.h"

namespace prom5::llm {

namespace {

/// "in the last 10 minutes", as long as it says; "since 14:00" and "today" begin at a time.
bool says_length(const Reading& reading, const TimePhrase& window) {
  for (size_t i = window.first; i < window.first + window.count && i < reading.tokens.size(); ++i) {
    const std::string& word = reading.tokens[i].text;
    if (word == "since" || word == "today") return false;
    if (is_any_of(word, {"last", "past", "within", "over", "in"})) return true;
  }
  return window.length.ms % DurationMs::minutes(1).ms == 0;
}

/// "how many orders failed", "how many payments were made": what is over, and no time is said.
bool says_what_happened(const Reading& reading) {
  static const std::set<std::string_view> kHappened = {
      "failed", "succeeded", "completed", "cancelled", "placed", "made",     "served",
      "sent",   "received",  "arrived",   "happened",  "paid",   "answered", "processed"};
  if (!reading.how_many || reading.point || reading.says_any({"now", "currently", "second"})) {
    return false;
  }
  const auto& tokens = reading.tokens;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const std::string& before = tokens[i - 1].text;
    // "how many failed orders" are those of a second.
    const bool verb = kHappened.contains(tokens[i].text) &&
                      !is_any_of(before, {"many", "of", "the", "are", "is", "being", "get", "all"});
    if (verb) return true;
  }
  return false;
}

}  // namespace

bool asks_for_all(const Reading& reading) {
  const bool rate = reading.says_any({"rate", "rates", "throughput", "rps", "qps", "bandwidth"}) ||
                    (reading.unit && unit_info(*reading.unit).kind >= UnitKind::BytesPerSecond &&
                     unit_info(*reading.unit).kind <= UnitKind::PerTime);
  if (rate || reading.window || reading.range || reading.shift) return false;
  // "orders total", "order count"
  const bool behind =
      reading.tokens.size() > 1 && is_any_of(reading.tokens.back().text, {"total", "count"});
  return reading.all_told || behind || says_what_happened(reading) || reading.says("altogether") ||
         reading.says_phrase({"so", "far"}) || reading.says_phrase({"in", "total"}) ||
         reading.says_phrase({"all", "told"}) || reading.says_phrase({"all", "in", "all"}) ||
         (reading.how_many && reading.says_any({"total", "overall"}));
}

std::string Planner::in_its_time(std::string counted, const Reading& reading) const {
  if (reading.range) {
    return texts_.say("counted.between", {{"subject", std::move(counted)},
                                          {"from", say_time(reading.range->start, now_)},
                                          {"to", say_time(reading.range->end, now_)}});
  }
  if (!reading.window) return counted;
  if (says_length(reading, *reading.window)) {
    return texts_.say("counted.last", {{"subject", std::move(counted)},
                                       {"window", format_duration(reading.window->length)}});
  }
  return texts_.say("counted.since", {{"subject", std::move(counted)},
                                      {"time", say_time(reading.window->start, now_)}});
}

std::string Planner::name_of_counted(const Subject& subject) const {
  const bool own = subject.entry != nullptr && !subject.entry->counted.empty();
  return texts_.name(own ? subject.entry->counted : subject.name);
}

std::string Planner::counted_name(const Reading& reading, const Subject& subject,
                                  const Shape& shape) const {
  std::string counted = name_of_counted(subject);
  if (shape.since_ever) return texts_.say("counted.so_far", {{"subject", std::move(counted)}});
  if (reading.window || reading.range) return in_its_time(std::move(counted), reading);
  return texts_.say("counted.last",
                    {{"subject", std::move(counted)}, {"window", format_duration(shape.window)}});
}

void Planner::name_counts(const Reading& reading, const Subject& subject, const Shape& shape,
                          Plan& plan) const {
  const std::string& recipe = subject.recipe->promql;
  const bool rare = recipe.find("increase(") != std::string::npos;
  const bool counts = shape.since_ever || shape.growth || rare;
  if (!counts || plan.range || !shape.over_time.empty()) return;
  plan.subject = counted_name(reading, subject, shape);
  if (shape.since_ever && asks_for_all(reading)) {
    plan.note += (plan.note.empty() ? "" : " ") + texts_.say("note.since_start");
  }
}

}  // namespace prom5::llm
