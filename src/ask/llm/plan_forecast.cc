// Plans that look ahead: when something is full, what will be, how long is left.
#include <algorithm>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// How much of the past a forecast goes on from.
constexpr DurationMs kShortBase = DurationMs::hours(1);
constexpr DurationMs kLongBase = DurationMs::hours(6);
/// And how much of it decides whether there is a trend at all.
constexpr DurationMs kTrendBase = DurationMs::hours(3);
constexpr DurationMs kUsualHorizon = DurationMs::days(1);

/// How far ahead a question looks; 0 where it does not say.
DurationMs horizon_of(const Reading& reading, TimeMs now) {
  if (!reading.ahead) {
    if (reading.hold) return reading.hold->length;
    if (!reading.window || !reading.says("this")) return {};
    return reading.says("week")    ? DurationMs::days(7)
           : reading.says("month") ? DurationMs::days(30)
                                   : DurationMs::days(1);
  }
  // "tomorrow" is a day from now, not the end of it.
  if (reading.ahead->start > now) {
    return {(reading.ahead->start - now).ms / 2 + (reading.ahead->end - now).ms / 2};
  }
  return reading.ahead->length;
}

/// As it is said.
DurationMs in_minutes(DurationMs length) {
  return DurationMs::minutes(std::max<int64_t>(1, (length.ms + 30'000) / 60'000));
}

/// Whether it is asked for an end, not for a value.
bool asks_for_end(const Reading& reading) {
  return reading.says_any({"full",   "fill",    "fills", "filling", "out",        "exhausted",
                           "reach",  "reaches", "hit",   "hits",    "exceed",     "limit",
                           "empty",  "last",    "long",  "when",    "exhaustion", "capacity",
                           "runway", "exhaust", "cross", "before"}) ||
         !reading.thresholds.empty();
}

}  // namespace

/// What fills up is foretold by what is left in its own unit, not by a share.
Subject Planner::what_is_left(const Reading& reading, const Subject& subject) const {
  const bool gauge = subject.recipe->promql.find("[5m]") == std::string::npos;
  if (subject.recipe->unit != "percent" || !gauge) return subject;
  const auto& needs = subject.recipe->needs;
  for (const catalogue::Concept& other : knowledge_.pack.concepts) {
    if (other.role != catalogue::Role::Left) continue;
    Subject left = knowledge_.subjects.of_concept(other, reading, snapshot_);
    const bool shares = left.available && std::find(needs.begin(), needs.end(),
                                                    left.recipe->needs.front()) != needs.end();
    if (!shares) continue;
    // "above 90 %" is a share; only where nothing is left it is the same.
    if (!reading.thresholds.empty() &&
        !in_unit(reading.thresholds[0].quantity, left.recipe->unit)) {
      const auto wanted = in_unit(reading.thresholds[0].quantity, subject.recipe->unit);
      if (wanted && *wanted != 100) return subject;
    }
    left.filters = subject.filters;
    left.score = subject.score;
    return left;
  }
  return subject;
}

/// Where another concept says that this metric ends: that of a container's memory, say.
std::string Planner::limit_of_metric(const std::string& metric) const {
  for (const catalogue::Concept& entry : knowledge_.pack.concepts) {
    for (const catalogue::Recipe& recipe : entry.recipes) {
      const bool same = recipe.needs.size() == 1 && recipe.needs.front() == metric;
      if (same && !entry.toward.empty() && !codec::parse_double(entry.toward)) return entry.toward;
    }
  }
  return "";
}

/// Where the subject ends: a number, a query, or nothing.
std::string Planner::limit_of(const Reading& reading, const Subject& subject,
                              const Expression& expression, const Shape& shape) const {
  if (!reading.thresholds.empty()) {
    const auto wanted = in_unit(reading.thresholds[0].quantity, subject.recipe->unit);
    if (wanted) return codec::format_general(*wanted);
  }
  std::string limit = subject.entry != nullptr ? subject.entry->toward : "";
  // A number is of the unit that the concept is mostly told in.
  const bool own =
      subject.entry != nullptr && subject.entry->recipes.front().unit == subject.recipe->unit;
  if (codec::parse_double(limit) && !own) limit = limit_of_metric(subject.recipe->needs.front());
  if (limit.empty() || codec::parse_double(limit)) return limit;
  for (const std::string& metric : catalogue::metrics_in(limit)) {
    if (snapshot_.find(metric) == nullptr) return "";
  }
  const std::string narrowed = expression.narrowed(limit, shape);
  if (shape.by.empty() || catalogue::has_aggregation(limit)) return narrowed;
  return "max" + catalogue::by_clause(shape.by) + "(" + narrowed + ")";
}

/// Remaining times are forecasts already: "days left on the certificates".
Plan Planner::plan_remaining(const Reading& reading, const Subject& subject,
                             DurationMs ahead) const {
  Plan plan = plan_value(reading, subject);
  plan.intent = Intent::Forecast;
  plan.wording = "left";
  if (reading.ahead && reading.thresholds.empty()) {
    plan.promql = in_brackets(plan.promql) + " < " + codec::format_general(ahead.as_seconds());
    plan.wording = "beyond";
  }
  return plan;
}

Plan Planner::plan_forecast(const Reading& reading, const Subject& asked) const {
  // "how full will it be tomorrow" is asked as a share, and told as one.
  const bool share = reading.says_phrase({"how", "full"}) ||
                     (reading.unit && unit_info(*reading.unit).kind == UnitKind::Ratio);
  const Subject subject = share ? as_asked(reading, asked) : what_is_left(reading, asked);
  const DurationMs ahead = horizon_of(reading, now_);
  if (subject.recipe->unit == "seconds" &&
      subject.recipe->promql.find("time()") != std::string::npos) {
    return plan_remaining(reading, subject, ahead);
  }
  Plan plan = begin(reading, subject);
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  const Shape shape = expression.shape();
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  plan.unit = subject.recipe->unit;
  const std::string value = expression.promql(shape);
  const DurationMs base = ahead <= DurationMs::days(1) ? kShortBase : kLongBase;
  const bool plain = value.find_first_of("( ") == std::string::npos;
  const std::string range =
      (plain ? value : "(" + value + ")") + "[" + format_duration(base) + (plain ? "]" : ":1m]");
  const DurationMs horizon = ahead.ms > 0 ? ahead : kUsualHorizon;
  // What comes soon needs less of the past.
  const DurationMs known = horizon <= kShortBase ? base : std::max(base, kTrendBase);
  const std::string& metric = subject.recipe->needs.front();
  cover(metric, expression.matchers_of(metric), {now_ - known, now_}, plan);
  const std::string limit = limit_of(reading, subject, expression, shape);
  // Of one thing it is told how much there will be; of many, which are at their end.
  const bool value_asked =
      share || !asks_for_end(reading) || (ahead.ms > 0 && expression.is_single());
  if (limit.empty() || value_asked) {
    plan.promql = fmt::format("predict_linear({}, {})", range, horizon.ms / 1000);
    if (share && plan.unit == "percent") {
      plan.promql = fmt::format("clamp({}, 0, 100)", plan.promql);  // no more than all of it
    }
    if (reading.unit) {
      plan.promql = convert_unit(plan.promql, plan.unit, *reading.unit, plan.unit);
    }
    plan.more = {plan.promql, value};
    plan.wording = "predicted";
    plan.window = format_duration(in_minutes(horizon));
    return plan;
  }
  const bool below = !reading.thresholds.empty() && reading.thresholds[0].op.starts_with('<');
  const bool falls = limit == "0" || below;
  if (ahead.ms > 0) {
    plan.promql = fmt::format("predict_linear({}, {}) {} {}", range, ahead.ms / 1000,
                              falls ? "<" : ">=", limit);
    plan.wording = "runs_out";
    plan.window = format_duration(ahead);
    plan.finding = true;
  } else {
    plan.promql = limit == "0"
                      ? fmt::format("{} / -deriv({})", in_brackets(value), range)
                      : fmt::format("({} - {}) / deriv({})", limit, in_brackets(value), range);
    plan.more = {plan.promql, value};
    plan.unit = "seconds";
    plan.wording = "time_to";
  }
  // A line through anything leads somewhere: whether there is a trend is asked beside it.
  if (const auto level = codec::parse_double(limit)) {
    plan.calls.push_back({"query", "query_metrics", Json{{"promql", plan.promql}}});
    Json arguments{{"promql", value},
                   {"level", *level},
                   {"horizon_s", horizon.ms / 1000},
                   {"base_s", std::max(base, kTrendBase).ms / 1000}};
    if (fills(value)) arguments["filling_s"] = kRateWindow.as_seconds();
    plan.calls.push_back({"forecast", "forecast", std::move(arguments)});
  }
  return plan;
}

}  // namespace prom5::llm
