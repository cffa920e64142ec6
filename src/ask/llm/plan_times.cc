// Times that no value can be told of: those that cannot be, and those that lie ahead.
#include <algorithm>

#include "ask/llm/odd_time.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

/// Some words of a question, as they were written.
std::string written(const Reading& reading, size_t first, size_t count) {
  std::string out;
  for (size_t i = first; i < first + count && i < reading.tokens.size(); ++i) {
    if (reading.tokens[i].written.empty()) continue;
    out += (out.empty() ? "" : " ") + reading.tokens[i].written;
  }
  return out;
}

/// Whether a time is certainly ahead: "in 5 minutes" may also mean the last five.
bool lies_ahead(const Reading& reading, const TimePhrase& phrase, TimeMs now) {
  if (phrase.start > now) return true;
  for (size_t i = phrase.first; i < phrase.first + phrase.count; ++i) {
    const std::string& word = reading.tokens[i].text;
    if (is_any_of(word, {"tomorrow", "next", "coming", "upcoming", "following"})) return true;
    if (is_any_of(word, {"this", "today", "current"})) return false;  // it begins right now
    if (word == "from" && word_at(reading.tokens, i + 1) == "now") return true;
  }
  const std::string& first = reading.tokens[phrase.first].text;
  return !is_any_of(first, {"in", "within", "inside", "by", "until", "till", "til", "before"});
}

}  // namespace

std::optional<Plan> Planner::refuse_odd_time(const Reading& reading) const {
  if (!reading.expression.empty()) return std::nullopt;
  const auto odd = find_odd_time(reading.tokens);
  if (!odd) return std::nullopt;
  const std::string said = written(reading, odd->first, odd->count);
  if (!snapshot_.places(catalogue::fold(said)).empty()) return std::nullopt;
  std::string question;
  switch (odd->kind) {
    case OddTime::Kind::Clock: question = texts_.say("ask.no_clock", {{"time", said}}); break;
    case OddTime::Kind::Date: question = texts_.say("ask.no_date", {{"time", said}}); break;
    case OddTime::Kind::Length: question = texts_.say("ask.no_length", {{"time", said}}); break;
  }
  Plan plan = clarification(std::move(question), odd->instead);
  for (size_t i = odd->first; i < odd->first + odd->count; ++i) {
    plan.instead_of.push_back(reading.tokens[i].written);
  }
  return plan;
}

std::optional<Plan> Planner::refuse_ahead(const Reading& reading, const std::string& about) const {
  const bool foretells = reading.intent == Intent::Forecast || reading.intent == Intent::Alert ||
                         reading.intent == Intent::Silence;
  // "for tomorrow's meeting the cpu of the last day": the other time is what is asked about.
  const bool measured = reading.window || reading.range || reading.point;
  if (!reading.ahead || foretells || measured || !lies_ahead(reading, *reading.ahead, now_)) {
    return std::nullopt;
  }
  const std::string time = written(reading, reading.ahead->first, reading.ahead->count);
  Plan plan = clarification(texts_.say("ask.ahead", {{"time", time}}), {});
  if (!about.empty()) {
    plan.options.push_back("predict the " + about + " " + time);
    plan.options.push_back(about + " now");
  }
  return plan;
}

}  // namespace prom5::llm
