// Plans that propose an alert. Nothing is created here.
#include <algorithm>

#include "ask/llm/intent.h"
#include "ask/llm/planner.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr DurationMs kDefaultHold = DurationMs::minutes(5);

/// "CPU usage" as the name of an alert: "CPUUsage".
std::string camel_case(std::string_view subject) {
  std::string out;
  bool upper = true;
  for (const char c : subject) {
    if (!is_alnum(c)) {
      upper = true;
      continue;
    }
    out += upper && is_lower(c) ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  return out;
}

/// What fires: a comparison with a value.
struct Condition {
  std::string op;
  double value = 0;
};

/// What the question says, else what is usual for the subject; nothing where neither tells.
std::optional<Condition> condition_of(const Reading& reading, const Subject& subject) {
  const std::string& unit = subject.recipe->unit;
  std::optional<Condition> out;
  const auto say = [&](const std::string& op, const Quantity& quantity) {
    const auto value = in_unit(quantity, unit);
    if (value && !out) out = {op, *value};
  };
  for (const Threshold& threshold : reading.thresholds) say(threshold.op, threshold.quantity);
  if (!out && reading.ahead && unit == "seconds") {
    out = {"<", reading.ahead->length.as_seconds()};
  }
  const bool least = subject.entry != nullptr && subject.entry->least_is_worst;
  for (const Quantity& number : reading.numbers) say(least ? "<" : ">", number);
  if (unit == "up" && (!out || out->value > 0)) return Condition{"==", 0};
  if (unit == "flag" && !out) return Condition{"==", 1};
  if (!out && subject.entry != nullptr && subject.entry->alert) {
    out = {subject.entry->alert->op, subject.entry->alert->value};
  }
  return out;
}

Plan ask_for_value(const std::string& subject, std::string_view unit,
                   const texts::TextCatalogue& texts) {
  Plan back = clarification(texts.say("ask.alert_value", {{"subject", texts.name(subject)}}), {});
  if (unit == "percent" || unit == "ratio") {
    for (const std::string_view limit : {"80 %", "90 %", "95 %"}) {
      back.options.push_back(fmt::format("alert when {} is above {}", subject, limit));
    }
  }
  return back;
}

std::string severity_of(const Reading& reading) {
  if (!reading.severity.empty()) return reading.severity;
  const bool urgent =
      pages_somebody(reading) || reading.says_any({"urgent", "emergency", "wake", "critical"});
  return urgent ? "critical" : "warning";
}

Json alert_json(const std::string& name, const Plan& plan, DurationMs hold,
                const std::string& severity, const texts::TextCatalogue& texts) {
  std::string summary = plan.subject;
  if (!plan.entity_labels.empty()) {
    const std::string label = "{{ $labels." + plan.entity_labels.front() + " }}";
    summary = texts.say("name.of", {{"name", std::move(summary)}, {"thing", label}});
  }
  return {{"kind", "alert"},
          {"alert", name},
          {"expr", plan.promql},
          {"for_s", hold.ms / 1000},
          {"severity", severity},
          {"labels", {{"severity", severity}}},
          {"annotations", {{"summary", summary}}}};
}

/// The plan as a proposal that is tried on the past.
Plan proposed(Plan plan, const std::string& name, DurationMs hold, const std::string& severity,
              const texts::TextCatalogue& texts) {
  plan.action = alert_json(name, plan, hold, severity, texts);
  plan.wording = "alert";
  plan.calls.push_back(
      {"backtest", "propose_alert", Json{{"expr", plan.promql}, {"for_s", hold.ms / 1000}}});
  return plan;
}

/// A label that says what state or currency a thing is of.
bool tells_no_thing(const std::string& label) {
  return !is_naming_label(label) && label != "pod" && label != "mountpoint" && label != "device";
}

/// "fewer than 2 api pods" as an alert.
Plan proposed_count(Plan plan, const Subject& subject, const Reading& reading,
                    const texts::TextCatalogue& texts) {
  const DurationMs hold = reading.hold ? reading.hold->length : kDefaultHold;
  const std::string severity = severity_of(reading);
  plan.frame["hold_s"] = hold.ms / 1000;
  plan.frame["severity"] = severity;
  const bool many = plan.frame.value("op", "").starts_with('>');
  const std::string name = camel_case(subject.name) + (many ? "Many" : "Few");
  return proposed(std::move(plan), name, hold, severity, texts);
}

}  // namespace

/// "disk space is under 10 %": of what is left, as nobody is warned of little use.
Subject Planner::as_warned(const Reading& reading, const Subject& subject) const {
  const bool below = !reading.thresholds.empty() && reading.thresholds[0].op.starts_with('<');
  const bool share = subject.recipe->unit == "percent" || subject.recipe->unit == "ratio";
  if (!below || !share || subject.entry == nullptr || subject.entry->least_is_worst) return subject;
  // Who says "usage" means it, and what is counted is no stock that runs out: "cpu below 5 %".
  const catalogue::Metric* metric = snapshot_.find(subject.recipe->needs.front());
  if (metric == nullptr || metric->type == MetricType::Counter) return subject;
  if (reading.says_any({"usage", "used", "use", "utilisation", "utilization", "consumption"})) {
    return subject;
  }
  for (const catalogue::Concept& other : knowledge_.pack.concepts) {
    if (!other.least_is_worst) continue;
    Subject left = knowledge_.subjects.of_concept(other, reading, snapshot_);
    const auto& needs = subject.recipe->needs;
    const bool same = left.available && left.recipe->unit == subject.recipe->unit &&
                      left.recipe->needs.size() == needs.size() &&
                      std::is_permutation(needs.begin(), needs.end(), left.recipe->needs.begin());
    if (!same) continue;
    left.filters = subject.filters;
    left.score = subject.score;
    return left;
  }
  return subject;
}

/// "will be full within 4 hours": by where it leads; asks back where that is not foretold so.
std::optional<Plan> Planner::plan_ending(const Reading& reading, const Subject& asked) const {
  const bool ends = reading.says_any({"full", "empty", "fill", "fills", "out", "exhausted"});
  if (!reading.ahead || !ends) return std::nullopt;
  const Subject left = what_is_left(reading, asked);
  const Expression expression(left, reading, snapshot_, knowledge_.pack.lexicon);
  Shape each;
  each.by = left.recipe->by;
  const std::string selector = expression.promql(each);
  const bool plain = selector.find_first_of("( ") == std::string::npos;
  if (!plain || left.recipe->unit != "bytes")
    return ask_for_value(asked.name, asked.recipe->unit, texts_);
  Plan plan = begin(reading, asked);
  plan.intent = Intent::Alert;
  plan.promql = fmt::format("predict_linear({}[1h], {}) < 0", selector,
                            static_cast<int64_t>((reading.ahead->end - now_).as_seconds()));
  plan.entity_labels = asked.recipe->by;
  const DurationMs hold = reading.hold ? reading.hold->length : kDefaultHold;
  return proposed(std::move(plan), camel_case(asked.name) + "Ends", hold, severity_of(reading),
                  texts_);
}

Plan Planner::plan_alert(const Reading& reading, const Subject& asked) const {
  const bool changes = reading.shift || reading.says_any({"doubles", "doubled", "double", "triples",
                                                          "halves", "halved", "compared"});
  const bool limit = !reading.thresholds.empty();
  if (changes && !limit) return ask_for_value(asked.name, asked.recipe->unit, texts_);
  if (auto ending = plan_ending(reading, asked); ending && !limit) return *std::move(ending);
  const Subject subject = as_warned(reading, asked);
  if (auto count = plan_count_limit(reading, subject); count && !count->promql.empty()) {
    return proposed_count(*std::move(count), subject, reading, texts_);
  }
  for (const Threshold& threshold : reading.thresholds) {
    if (in_unit(threshold.quantity, subject.recipe->unit)) continue;
    return ask_for_value(subject.name, subject.recipe->unit, texts_);
  }
  Plan plan = begin(reading, subject);
  plan.intent = Intent::Alert;
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  Shape shape = expression.shape();
  // An alert names what it is about.
  if (shape.by.empty() && subject.filters.empty()) shape.by = expression.things();
  if (reading.by.empty()) std::erase_if(shape.by, tells_no_thing);
  shape.total = shape.by.empty();
  // "more than 3 in an hour" is counted over that hour.
  if ((reading.window || reading.ahead) && limit) {
    Reading counted = reading;
    const DurationMs length =
        reading.window ? reading.window->length : reading.ahead->end - reading.ahead->start;
    counted.window.emplace();
    counted.window->end = now_;
    counted.window->start = now_ - length;
    counted.window->length = length;
    Plan unused;
    look_back(counted, shape, unused, subject);
  }
  const std::string unit = expression.unit(shape);
  const bool complete = subject.recipe->finding && reading.thresholds.empty();
  const std::optional<Condition> condition = condition_of(reading, subject);
  if (!condition && !complete) return ask_for_value(subject.name, unit, texts_);
  const bool state = unit == "up" || unit == "flag";
  if (state) shape = Shape{};
  plan.promql = expression.promql(shape);
  std::string name = camel_case(subject.name);
  if (!complete) {
    plan.promql = in_brackets(plan.promql) + " " + condition->op + " " +
                  codec::format_general(condition->value);
    // "between 50 and 80 percent"
    for (size_t i = 1; i < reading.thresholds.size(); ++i) {
      const auto more = in_unit(reading.thresholds[i].quantity, unit);
      plan.promql += " " + reading.thresholds[i].op + " " + codec::format_general(more.value_or(0));
    }
    if (!state) name += condition->op.starts_with(">") ? "High" : "Low";
  }
  plan.unit = unit;
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  const auto& usual = subject.entry != nullptr ? subject.entry->alert : std::nullopt;
  const DurationMs hold = reading.hold                          ? reading.hold->length
                          : usual && reading.thresholds.empty() ? usual->hold
                                                                : kDefaultHold;
  // What the next question may change of it.
  plan.frame = {{"hold_s", hold.ms / 1000}, {"severity", severity_of(reading)}};
  if (!complete) {
    plan.frame["op"] = condition->op;
    plan.frame["value"] = condition->value;
  }
  return proposed(std::move(plan), name, hold, severity_of(reading), texts_);
}

}  // namespace prom5::llm
