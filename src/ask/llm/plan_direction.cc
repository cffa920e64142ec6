// Plans for which way something goes: "is the disk getting fuller", "are errors growing".
#include <algorithm>

#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// How far back is looked where the question does not say: what fills up does so slowly.
constexpr DurationMs kLately = DurationMs::hours(1);
constexpr DurationMs kOfWhatEnds = DurationMs::hours(6);

TimePhrase last(DurationMs length, TimeMs now) {
  TimePhrase out;
  out.length = length;
  out.start = now - length;
  out.end = now;
  return out;
}

/// What has a direction at all.
bool goes_somewhere(const Plan& plan) {
  return plan.clarify.empty() && plan.refuse_code.empty() && plan.range && !plan.finding &&
         plan.unit != "up" && plan.unit != "flag" && plan.unit != "timestamp";
}

}  // namespace

Plan Planner::plan_direction(const Reading& reading, const Subject& asked) const {
  const Subject subject = as_asked(reading, asked);
  const bool ends = subject.entry != nullptr && !subject.entry->toward.empty();
  Reading timed = reading;
  if (!timed.window && !timed.range) timed.window = last(ends ? kOfWhatEnds : kLately, now_);
  Plan plan = plan_value(timed, subject);
  if (!goes_somewhere(plan)) return plan;
  const Expression expression(subject, timed, snapshot_, knowledge_.pack.lexicon);
  plan.wording = "direction";
  plan.calls.push_back({"query", "query_metrics",
                        Json{{"promql", plan.promql},
                             {"start", plan.start.as_seconds()},
                             {"end", plan.end.as_seconds()},
                             {"step_s", plan.step.as_seconds()}}});
  Json arguments{{"promql", plan.promql},
                 {"base_s", (plan.end - plan.start).ms / 1000},
                 {"end", plan.end.as_seconds()}};
  if (fills(plan.promql)) arguments["filling_s"] = kRateWindow.as_seconds();
  const std::string limit = limit_of(timed, subject, expression, expression.shape());
  const auto level = codec::parse_double(limit);
  const bool own_unit = plan.unit == subject.recipe->unit;
  if (level && own_unit) arguments["level"] = *level;
  plan.calls.push_back({"trend", "forecast", std::move(arguments)});
  const std::string& metric = subject.recipe->needs.front();
  cover(metric, expression.matchers_of(metric), {plan.start, plan.end}, plan);
  return plan;
}

}  // namespace prom5::llm
