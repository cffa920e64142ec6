// Plans for values: now, in a window, over time, the top of them, and compared.
#include <algorithm>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/intent.h"
#include "ask/llm/planner.h"
#include "ask/llm/words.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// What happens rarely is counted over an hour where the question names no time.
constexpr DurationMs kRareWindow = DurationMs::hours(1);
constexpr DurationMs kTrendWindow = DurationMs::hours(1);
constexpr int64_t kRangePoints = 250;
constexpr size_t kTopOfMany = 5;

/// "what part of the orders is paid with paypal"
bool asks_for_share(const Reading& reading) {
  return std::any_of(reading.content.begin(), reading.content.end(),
                     [](const ContentWord& w) { return w.canonical == "share"; });
}

bool same_metrics(const catalogue::Recipe& a, const catalogue::Recipe& b) {
  return a.needs.size() == b.needs.size() &&
         std::is_permutation(a.needs.begin(), a.needs.end(), b.needs.begin());
}

void as_range(Plan& plan, TimeMs start, TimeMs end) {
  plan.range = true;
  plan.start = start;
  plan.end = end;
  plan.step = chart_step(end - start, kRangePoints);
}

}  // namespace

/// What the times of a question make of a value: a window, a moment back then, or a curve.
void Planner::look_back(const Reading& reading, Shape& shape, Plan& plan,
                        const Subject& subject) const {
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  if (reading.point) shape.offset = now_ - reading.point->start;
  const bool rare = subject.recipe->promql.find("increase(") != std::string::npos;
  const catalogue::Recipe& recipe = *subject.recipe;
  const bool grows = rare || recipe.promql.find("rate(") != std::string::npos;
  const bool of_counts =
      recipe.unit == "per_second" || recipe.unit == "bytes_per_second" || recipe.unit == "count";
  const bool all =
      asks_for_all(reading) && grows && of_counts && recipe.promql.find('/') == std::string::npos;
  if (!span && (rare || all)) {
    const bool ever = !reading.thresholds.empty() || reading.intent == Intent::Top || all;
    shape.since_ever = ever;
    if (!ever) shape.window = kRareWindow;
  }
  if (!span) return;
  const DurationMs length = span->end - span->start;
  if (length.ms < 1000) return;
  const bool counts = recipe.promql.find("rate(") != std::string::npos &&
                      recipe.unit != "percent" && recipe.unit != "ratio" &&
                      recipe.unit != "seconds";
  const bool a_rate =
      reading.says_any({"rate", "rates", "throughput", "rps", "qps", "bandwidth"}) ||
      (reading.unit && unit_info(*reading.unit).kind >= UnitKind::BytesPerSecond &&
       unit_info(*reading.unit).kind <= UnitKind::PerTime);
  const bool simple = recipe.promql.find('/') == std::string::npos;
  const bool windowed = recipe.promql.find("[5m]") != std::string::npos;
  shape.window = length;
  if (reading.range) shape.offset = now_ - span->end;
  if (counts && simple && windowed &&
      (reading.how_many || (!a_rate && reading.aggregation.empty()) ||
       reading.aggregation == "sum")) {
    shape.growth = true;
    return;
  }
  if (!reading.aggregation.empty() && reading.aggregation != "sum") {
    shape.over_time = reading.aggregation;
    return;
  }
  const bool curve = recipe.unit == "percent" || recipe.unit == "seconds" || !windowed;
  if (!curve || reading.intent == Intent::Top || reading.intent == Intent::Compare) return;
  // A value over a time, and no word for what of it: its curve.
  shape.window = DurationMs::minutes(5);
  shape.offset = {};
  as_range(plan, span->start, span->end);
}

/// "as a percentage of the maximum", "memory in GiB": the concept that measures the same metrics as
/// a share, or in their own unit.
Subject Planner::as_asked(const Reading& reading, const Subject& subject) const {
  if (!reading.unit) return subject;
  const auto shares = [](std::string_view unit) { return unit == "percent" || unit == "ratio"; };
  const UnitKind kind = unit_info(*reading.unit).kind;
  const bool share = kind == UnitKind::Ratio;
  if (share == shares(subject.recipe->unit)) return subject;
  if (!share && kind != UnitKind::Bytes) return subject;
  // What is left stays what is left, and what is used what is used.
  const bool least = subject.entry != nullptr && subject.entry->least_is_worst;
  std::optional<Subject> other_way;
  for (const catalogue::Concept& other : knowledge_.pack.concepts) {
    Subject found = knowledge_.subjects.of_concept(other, reading, snapshot_);
    if (!found.available || shares(found.recipe->unit) != share) continue;
    if (!share && found.recipe->unit != "bytes") continue;
    if (share ? found.recipe->needs.front() != subject.recipe->needs.front()
              : !same_metrics(*found.recipe, *subject.recipe)) {
      continue;
    }
    found.filters = subject.filters;
    found.score = subject.score;
    if (other.least_is_worst == least) return found;
    if (!other_way) other_way = std::move(found);
  }
  return other_way.value_or(subject);
}

namespace {

/// "how many pods …", "alerts by severity": the series are the things, and counted.
void count_things(const Reading& reading, const Subject& subject, const Expression& expression,
                  Shape& shape, Plan& plan) {
  const bool flags = plan.unit == "flag" || plan.unit == "up" || subject.recipe->finding;
  if (!reading.by.empty() && flags && plan.unit != "up" && reading.thresholds.empty() &&
      !plan.range && !reading.how_many) {
    plan.promql = "count" + catalogue::by_clause(shape.by) + "(" +
                  expression.promql({.offset = shape.offset}) + ")";
    plan.unit = "count";
    plan.finding = false;
  }
  if (reading.how_many && flags && reading.thresholds.empty() && !plan.range) {
    const std::string condition = subject.recipe->finding ? "" : " == 1";
    plan.promql = "count" +
                  catalogue::by_clause(reading.by.empty() ? std::vector<std::string>{} : shape.by) +
                  "(" + expression.promql({.offset = shape.offset}) + condition + ")";
    plan.unit = "count";
    shape.by = reading.by.empty() ? std::vector<std::string>{} : shape.by;
    plan.finding = false;
  }
}

/// "hosts that booted in the last day": a moment is asked for that lies in the window.
bool tells_when(const Reading& reading, const Subject& subject) {
  return subject.recipe->unit == "timestamp" && (reading.window || reading.range) &&
         reading.thresholds.empty() && reading.aggregation.empty() &&
         reading.intent == Intent::Query;
}

/// "booted less than a day ago", "started more than a week ago": the side of that moment which is
/// asked for; empty where none is.
std::string_view side_of_moment(const Reading& reading, const Subject& subject) {
  if (subject.recipe->unit != "timestamp" || !(reading.point || reading.shift)) return "";
  if (!reading.thresholds.empty() || reading.intent != Intent::Query) return "";
  const auto either = [&](std::string_view first, std::string_view second) {
    return reading.says_phrase({first, "more", second}) ||
           reading.says_phrase({first, "less", second});
  };
  const bool turned = either("no", "than") || either("not", "than");
  const bool younger = reading.says_phrase({"less", "than"}) ||
                       reading.says_any({"under", "within"}) || reading.says_phrase({"at", "most"});
  const bool older = reading.says_phrase({"more", "than"}) || reading.says("over") ||
                     reading.says_phrase({"at", "least"});
  if (!younger && !older) return "";
  return younger != turned ? ">" : "<";
}

/// "how long ago", "how many minutes ago"
bool asks_for_age(const Reading& reading, const Subject& subject) {
  return subject.recipe->unit == "timestamp" && reading.says("ago") && reading.says("how") &&
         reading.says_any({"long", "many"}) && !reading.point && !reading.shift;
}

/// What the values are held against.
void add_conditions(const Reading& reading, const Subject& subject, TimeMs now, Plan& plan) {
  // "certificates that expire within 30 days"
  const bool remaining = subject.recipe->promql.find("- time()") != std::string::npos;
  if (remaining && reading.ahead && reading.thresholds.empty()) {
    plan.promql = in_brackets(plan.promql) + " < " +
                  codec::format_general(reading.ahead->length.as_seconds());
    plan.wording = "beyond";
  }
  if (tells_when(reading, subject)) {
    const TimePhrase& span = reading.range ? *reading.range : *reading.window;
    plan.promql =
        fmt::format("{} > time() - {}", in_brackets(plan.promql), (now - span.start).ms / 1000);
    if (span.end < now) plan.promql += fmt::format(" <= time() - {}", (now - span.end).ms / 1000);
    plan.wording = "beyond";
  }
  if (const auto side = side_of_moment(reading, subject); !side.empty()) {
    const TimePhrase& moment = reading.point ? *reading.point : *reading.shift;
    plan.promql = fmt::format("{} {} time() - {}", in_brackets(plan.promql), side,
                              (reading.point ? now - moment.start : moment.length).ms / 1000);
    plan.wording = "beyond";
  }
  if (asks_for_age(reading, subject)) {
    plan.promql = "time() - " + in_brackets(plan.promql);
    plan.unit = "seconds";
  }
  for (const Threshold& threshold : reading.thresholds) {
    const auto value = in_unit(threshold.quantity, plan.unit);
    if (!value) continue;
    plan.promql =
        in_brackets(plan.promql) + " " + threshold.op + " " + codec::format_general(*value);
    plan.wording = "beyond";
  }
  if (reading.how_many && !plan.range && plan.wording == "beyond") {
    plan.promql = "count(" + plan.promql + ")";
    plan.unit = "count";
    plan.wording = "value";
  }
}

/// A limit or percentile that the subject cannot have: better asked back than passed over.
std::optional<Plan> misfit(const Reading& reading, const Subject& subject,
                           const catalogue::Snapshot& snapshot, const texts::TextCatalogue& texts) {
  for (const Threshold& threshold : reading.thresholds) {
    if (in_unit(threshold.quantity, subject.recipe->unit)) continue;
    const std::string unit(unit_info(threshold.quantity.unit).symbol);
    return clarification(
        texts.say("ask.limit", {{"subject", texts.name(subject.name)}, {"unit", unit}}),
        {subject.name});
  }
  if (reading.quantile && !gives_quantile(*subject.recipe, *reading.quantile, snapshot)) {
    const std::string percentile = codec::format_general(*reading.quantile * 100);
    return refusal("no_distribution",
                   texts.say("refuse.percentile",
                             {{"subject", texts.name(subject.name)}, {"percentile", percentile}}),
                   {subject.name});
  }
  return std::nullopt;
}

}  // namespace

Plan Planner::plan_value(const Reading& reading, const Subject& asked) const {
  const Subject subject = as_asked(reading, asked);
  Plan plan = begin(reading, subject);
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  if (!expression.lost_kinds().empty()) {
    const std::string labels = say_and(expression.lost_kinds(), texts_);
    return refusal(
        "unknown_label",
        texts_.say("refuse.label", {{"subject", texts_.name(subject.name)}, {"labels", labels}}),
        {subject.name});
  }
  if (auto refused = misfit(reading, subject, snapshot_, texts_)) return *std::move(refused);
  Shape shape = expression.shape();
  if (asks_for_share(reading) && reading.by.empty()) {
    shape.by.clear();
    shape.total = true;
  }
  if (reading.intent == Intent::Trend) {
    const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
    // "plot it for six hours": the last six.
    const DurationMs length = reading.hold ? reading.hold->length : kTrendWindow;
    as_range(plan, span ? span->start : now_ - length, span ? span->end : now_);
    if (reading.point) shape.offset = now_ - reading.point->start;
  } else if (tells_when(reading, subject) || !side_of_moment(reading, subject).empty()) {
    shape = Shape{.by = expression.things()};  // each by itself: the latest of all says little
  } else {
    look_back(reading, shape, plan, subject);
  }
  name_counts(reading, subject, shape, plan);
  plan.promql = expression.promql(shape);
  plan.unit = expression.unit(shape);
  if (const auto whole = expression.without_attributes();
      whole && asks_for_share(reading) && plan.unit != "ratio" && plan.unit != "percent" &&
      !subject.recipe->finding) {
    plan.promql = in_brackets(plan.promql) + " / " + in_brackets(whole->promql(shape));
    plan.unit = "ratio";
  }
  count_things(reading, subject, expression, shape, plan);
  if (expression.inverted()) {
    plan.promql += " == 0";
    plan.finding = true;
  }
  add_conditions(reading, subject, now_, plan);
  if (reading.unit && reading.thresholds.empty()) {
    plan.promql = convert_unit(plan.promql, plan.unit, *reading.unit, plan.unit);
  }
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  if (reading.quantiles.size() > 1 && plan.wording == "value" && !plan.range) {
    add_quantiles(reading, subject, shape, plan);
  }
  return plan;
}

/// "p50 and p99 of checkout"
void Planner::add_quantiles(const Reading& reading, const Subject& subject, const Shape& shape,
                            Plan& plan) const {
  for (const double quantile : reading.quantiles) {
    Reading one = reading;
    one.quantile = quantile;
    const Expression expression(subject, one, snapshot_, knowledge_.pack.lexicon);
    std::string unit = subject.recipe->unit;
    std::string promql = expression.promql(shape);
    if (reading.unit) promql = convert_unit(promql, unit, *reading.unit, unit);
    plan.more.push_back(std::move(promql));
    plan.names.push_back("p" + codec::format_general(quantile * 100));
  }
  plan.wording = "several";
}

Subject Planner::as_counted(const Reading& reading, const Subject& subject) const {
  const std::string& text = subject.recipe->promql;
  const size_t over = text.find(" / ");
  const bool most = reading.says("most") || reading.says("fewest") || reading.says("least");
  if (!most || over == std::string::npos || asks_for_share(reading) || reading.unit ||
      subject.recipe->unit != "ratio" || !reading.says_any({"errors", "failures", "failed"}) ||
      reading.says_any({"rate", "rates", "ratio", "ratios"})) {
    return subject;
  }
  for (const catalogue::Concept& other : knowledge_.pack.concepts) {
    for (const catalogue::Recipe& recipe : other.recipes) {
      if (recipe.promql != text.substr(0, over) || recipe.unit != "per_second") continue;
      Subject counted = subject;
      counted.entry = &other;
      counted.name = other.name;
      counted.recipe = {std::shared_ptr<const catalogue::Recipe>(), &recipe};
      return counted;
    }
  }
  return subject;
}

Plan Planner::plan_top(const Reading& reading, const Subject& subject) const {
  Plan plan = begin(reading, subject);
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  Shape shape = expression.shape();
  if (shape.by.empty()) shape.by = expression.things();
  shape.total = shape.by.empty();
  look_back(reading, shape, plan, subject);
  if (plan.range) {
    // The top of a curve is the top of its averages.
    plan.range = false;
    const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
    shape.window = span->end - span->start;
    shape.over_time = "avg";
  }
  const bool many =
      !reading.things.empty() &&
      reading.says_any({"hosts",  "services", "pods",      "containers", "endpoints", "filesystems",
                        "disks",  "topics",   "servers",   "machines",   "nodes",     "databases",
                        "groups", "queries",  "offenders", "processes",  "programs",  "cores",
                        "jobs",   "targets",  "interfaces"});
  const bool one = reading.says_phrase({"which", "one"}) || reading.says_phrase({"is", "the"});
  const size_t n = reading.top.value_or(many && !reading.which && !one ? kTopOfMany : 1);
  const bool worst = reading.says_any({"worst", "worse"});
  const bool lowest = worst ? plan.least_is_worst : reading.least;
  name_counts(reading, subject, shape, plan);
  plan.unit = expression.unit(shape);
  plan.promql = expression.promql(shape);
  for (const Threshold& threshold : reading.thresholds) {
    if (const auto value = in_unit(threshold.quantity, plan.unit)) {
      plan.promql =
          in_brackets(plan.promql) + " " + threshold.op + " " + codec::format_general(*value);
    }
  }
  plan.promql =
      fmt::format("{}({}, {})", lowest ? "bottomk" : "topk", std::max<size_t>(n, 1), plan.promql);
  if (reading.unit) {
    plan.promql = convert_unit(plan.promql, plan.unit, *reading.unit, plan.unit);
  }
  plan.wording = lowest ? "bottom" : "top";
  plan.entity_labels = shape.by;
  return plan;
}

/// "the last hour with the last six": each over its own time.
Plan Planner::compare_windows(const Reading& reading, const Subject& subject) const {
  Plan plan = begin(reading, subject);
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  const Shape shape = expression.shape();
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  for (const auto& window : {reading.window, reading.other_window}) {
    Reading one = reading;
    one.window = window;
    if (one.aggregation.empty()) one.aggregation = "avg";
    Shape own = shape;
    Plan unused;
    look_back(one, own, unused, subject);
    plan.more.push_back(expression.promql(own));
    plan.unit = expression.unit(own);
  }
  plan.promql = in_brackets(plan.more[0]) + " - " + in_brackets(plan.more[1]);
  plan.window = format_duration(reading.other_window->length);
  plan.wording = "compare";
  return plan;
}

Plan Planner::plan_compare(const Reading& reading, const Subject& subject) const {
  Plan plan = begin(reading, subject);
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  Shape shape = expression.shape();
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  if (reading.window && reading.other_window) return compare_windows(reading, subject);
  DurationMs back;
  std::optional<TimePhrase> span = reading.window;
  if (reading.shift) {
    back = reading.shift->length;
    // "this hour against the hour before": both as long as what is compared with.
    const bool now_and_then =
        reading.says_phrase({"this", "hour"}) || reading.says_phrase({"this", "day"}) ||
        reading.says_phrase({"this", "week"}) || reading.says_phrase({"this", "month"});
    if (!span && now_and_then && !reading.says("at")) span.emplace();
    if (span && span->length < back) {
      span->end = now_;
      span->start = now_ - back;
    }
  } else if (reading.point) {
    back = now_ - reading.point->start;
  } else if (reading.range) {
    back = reading.range->end - reading.range->start;
    back = now_ - reading.range->start;
  } else if (reading.window && !expression.tells_names_apart()) {
    back = reading.window->length;
    span.reset();
  } else if (shape.by.size() > 0) {
    // Things side by side: "EUR against USD over the last hour".
    Plan value = plan_value(reading, subject);
    value.intent = Intent::Compare;
    return value;
  } else {
    return ask_which({}, reading);
  }
  // "revenue this hour against the hour before": both in windows as long as said.
  if (span) {
    Plan unused;
    Reading spanned = reading;
    spanned.window = span;
    look_back(spanned, shape, unused, subject);
  }
  if (shape.growth) plan.subject = name_of_counted(subject);
  Shape then = shape;
  then.offset = shape.offset + back;
  const std::string now_query = expression.promql(shape);
  const std::string then_query = expression.promql(then);
  plan.promql = in_brackets(now_query) + " - " + in_brackets(then_query);
  plan.more = {now_query, then_query};
  plan.unit = expression.unit(shape);
  plan.window = format_duration(back);
  plan.wording = "compare";
  if (!reading.shift && !reading.point) plan.confidence *= 0.95;
  return plan;
}

}  // namespace prom5::llm
