// Whether there is data of all the time that an answer is about.
#include <algorithm>

#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

/// Of less nobody notices.
constexpr DurationMs kShortest = DurationMs::minutes(30);
constexpr int64_t kPoints = 400;

/// The stretch that reaches back furthest; an empty one where no stretch is asked for.
TimeRange stretch_of(const Reading& reading, TimeMs now) {
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  if (!span || reading.point) return {now, now};
  TimeRange out{span->start, std::min(span->end, now)};
  if (reading.other_window && reading.other_window->start < out.start) {
    out = {reading.other_window->start, reading.other_window->end};
  }
  if (reading.shift && reading.intent == Intent::Compare) {
    out = {out.start - reading.shift->length, out.end - reading.shift->length};
  }
  return out;
}

}  // namespace

/// Asks beside the answer when the first sample of the time is, if a longer time is looked at.
void Planner::add_coverage(const Reading& reading, const Subject& subject, Plan& plan) const {
  const bool looks_back = plan.intent == Intent::Query || plan.intent == Intent::Trend ||
                          plan.intent == Intent::Top || plan.intent == Intent::Compare;
  if (!looks_back || plan.promql.empty() || !plan.calls.empty()) return;
  const TimeRange time = stretch_of(reading, now_);
  const DurationMs length = time.end - time.start;
  if (length < kShortest) return;
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  const std::string& metric = subject.recipe->needs.front();
  cover(metric, expression.matchers_of(metric), time, plan);
}

void Planner::cover(const std::string& metric, const std::string& matchers, TimeRange time,
                    Plan& plan) const {
  if (!is_legacy_metric_name(metric)) return;
  const DurationMs length = time.end - time.start;
  // Of the few series of `up` the moment is told to the minute.
  const DurationMs step = step_of(length, metric == "up" ? 4 * kPoints : kPoints);
  plan.coverage = fmt::format("min_over_time(min(timestamp({}{}))[{}:{}]{})", metric,
                              matchers.empty() ? "" : "{" + matchers + "}", format_duration(length),
                              format_duration(step),
                              time.end < now_ ? " offset " + format_duration(now_ - time.end) : "");
  plan.covers = {time.start, time.end};
}

}  // namespace prom5::llm
