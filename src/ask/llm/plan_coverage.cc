// Whether there is data of all the time that an answer is about.
#include <algorithm>

#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

/// Of less nobody notices.
constexpr DurationMs kShortest = DurationMs::minutes(30);

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

bool fills(std::string_view promql) {
  return promql.find("[" + format_duration(kRateWindow) + "]") != std::string_view::npos;
}

/// Asks beside the answer when the first sample of the time is, if a longer time is looked at, or
/// if it is a rate, which is taken over a time too.
void Planner::add_coverage(const Reading& reading, const Subject& subject, Plan& plan) const {
  const bool looks_back = plan.intent == Intent::Query || plan.intent == Intent::Trend ||
                          plan.intent == Intent::Top || plan.intent == Intent::Compare;
  if (!looks_back || plan.promql.empty() || !plan.calls.empty()) return;
  TimeRange time = stretch_of(reading, now_);
  if (plan.range && time.start == time.end) time = {plan.start, plan.end};
  const bool asks_now = !reading.range && !reading.window && !reading.point && !reading.shift;
  const bool is_rate = asks_now && !plan.range && fills(plan.promql);
  if (is_rate) time = {now_ - kRateWindow, now_};
  if (!is_rate && time.end - time.start < kShortest) return;
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  const std::string& metric = subject.recipe->needs.front();
  cover(metric, expression.matchers_of(metric), time, plan);
}

void Planner::cover(const std::string& metric, const std::string& matchers, TimeRange time,
                    Plan& plan) const {
  if (!is_legacy_metric_name(metric)) return;
  plan.coverage = metric + (matchers.empty() ? "" : "{" + matchers + "}");
  plan.covers = time;
}

}  // namespace prom5::llm
