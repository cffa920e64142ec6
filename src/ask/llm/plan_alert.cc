// Plans that propose something: an alert, a silence. Nothing is carried out here.
#include <algorithm>

#include "ask/llm/planner.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::LabelInfo;
using catalogue::Mention;
using catalogue::Metric;

constexpr DurationMs kDefaultHold = DurationMs::minutes(5);
constexpr DurationMs kDefaultSilence = DurationMs::hours(2);

/// "CPU usage" as the name of an alert: "CpuUsageHigh".
std::string alert_name(std::string_view subject, bool above) {
  std::string out;
  bool upper = true;
  for (const char c : subject) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter) {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  return out + (above ? "High" : "Low");
}

/// The words of "KafkaConsumerLag".
std::vector<std::string> words_in(std::string_view name, const catalogue::Lexicon& lexicon) {
  std::vector<std::string> out = lexicon.words_of_name(name);
  std::erase_if(out, [&](const std::string& w) {
    return w.size() < 3 || lexicon.is_weak(w) || lexicon.says_nothing(w);
  });
  return out;
}

}  // namespace

Plan Planner::plan_alert(const Reading& reading, const Subject& subject) const {
  Plan plan = begin(reading, subject);
  plan.intent = Intent::Alert;
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  Shape shape = expression.shape();
  // An alert names what it is about.
  if (shape.by.empty() && subject.filters.empty()) shape.by = expression.things();
  shape.total = shape.by.empty();
  std::string op;
  std::optional<double> value;
  for (const Threshold& threshold : reading.thresholds) {
    value = in_unit(threshold.quantity, subject.recipe.unit);
    op = threshold.op;
    if (value) break;
  }
  if (!value && reading.ahead && subject.recipe.unit == "seconds") {
    value = reading.ahead->length.as_seconds();
    op = "<";
  }
  for (const Quantity& number : reading.numbers) {
    if (value) break;
    value = in_unit(number, subject.recipe.unit);
    op = plan.least_is_worst ? "<" : ">";
  }
  const std::string& unit = subject.recipe.unit;
  if (unit == "up" && (!value || *value > 0)) {
    value = 0;
    op = "==";
  }
  if (unit == "flag" && !value) {
    value = 1;
    op = "==";
  }
  const auto& usual = subject.entry != nullptr ? subject.entry->alert : std::nullopt;
  if (!value && usual) {
    value = usual->value;
    op = usual->op;
  }
  const bool complete = subject.recipe.finding && reading.thresholds.empty();
  if (!value && !complete) {
    Plan back =
        clarification(fmt::format("At which value shall the alert for {} fire?", subject.name), {});
    for (const std::string_view limit : {"above 80", "above 90", "above 95"}) {
      back.options.push_back(fmt::format("alert when {} is {}", subject.name, limit));
    }
    return back;
  }
  if (unit == "up" || unit == "flag") shape = Shape{};
  plan.promql = expression.promql(shape);
  if (!complete) {
    plan.promql = in_brackets(plan.promql) + " " + op + " " + codec::format_general(*value);
    plan.limit = value;
  }
  plan.unit = unit;
  plan.entity_labels = shape.by.empty() ? expression.things() : shape.by;
  const DurationMs hold = reading.hold                          ? reading.hold->length
                          : usual && reading.thresholds.empty() ? usual->hold
                                                                : kDefaultHold;
  const bool urgent =
      reading.says_any({"page", "paged", "urgent", "emergency", "wake", "critical"});
  const std::string severity = !reading.severity.empty() ? reading.severity
                               : urgent                  ? "critical"
                                                         : "warning";
  const bool above = op.starts_with(">");
  const std::string name =
      complete || unit == "up" || unit == "flag"
          ? alert_name(subject.name, true).substr(0, alert_name(subject.name, true).size() - 4)
          : alert_name(subject.name, above);
  plan.action =
      Json{{"kind", "alert"},
           {"alert", name},
           {"expr", plan.promql},
           {"for_s", hold.ms / 1000},
           {"severity", severity},
           {"labels", {{"severity", severity}}},
           {"annotations",
            {{"summary",
              subject.name + (plan.entity_labels.empty()
                                  ? std::string()
                                  : " of {{ $labels." + plan.entity_labels.front() + " }}")}}}};
  plan.wording = "alert";
  plan.calls.push_back(
      {"backtest", "propose_alert", Json{{"expr", plan.promql}, {"for_s", hold.ms / 1000}}});
  return plan;
}

Plan Planner::plan_silence(const Reading& reading) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  Json matchers = Json::object();
  const Metric* alerts = snapshot_.find("ALERTS");
  // The alert that shares most words with the question.
  std::string best;
  double most = 0;
  bool unique = true;  // no other fits as well
  if (alerts != nullptr) {
    if (const LabelInfo* names = alerts->label("alertname")) {
      for (const std::string& name : names->values) {
        const std::vector<std::string> words = words_in(name, lexicon);
        double found = 0;
        for (const std::string& word : words) {
          const bool said = std::any_of(reading.content.begin(), reading.content.end(),
                                        [&](const ContentWord& c) { return c.canonical == word; });
          found += said ? 1 : 0;
        }
        const bool whole =
            std::any_of(reading.mentions.begin(), reading.mentions.end(),
                        [&](const Mention& m) { return m.folded == catalogue::fold(name); });
        const double share = words.empty() ? 0 : found / static_cast<double>(words.size());
        const double score = whole ? 10 : found == 0 ? 0 : found + share;
        unique = unique && score != most;
        if (score > most) {
          most = score;
          best = name;
          unique = true;
        }
      }
    }
  }
  const bool named = most >= 1 && unique;
  if (named) matchers["alertname"] = best;
  for (const Mention& mention : reading.mentions) {
    if (mention.negated || most == 10) continue;
    std::optional<catalogue::Binding> binding;
    if (alerts != nullptr) binding = catalogue::bind(mention, *alerts, lexicon);
    if (binding && binding->label == "alertname") continue;
    if (!binding || binding->label == "alertstate") {
      binding.reset();
      // What no alert bears now it may bear when it fires.
      for (const std::string_view label : {"service", "env", "instance", "job", "namespace", "pod",
                                           "database", "topic", "consumergroup"}) {
        for (const catalogue::Place& place : mention.places) {
          if (place.label != label || binding) continue;
          binding = catalogue::Binding{place.label, {place.value}, "", false, 0};
        }
      }
    }
    if (!binding || matchers.contains(binding->label)) continue;
    if (binding->label == "severity" || binding->label == "job") {
      // A product's name that is a word of the alert's says nothing more.
      if (named) continue;
    }
    matchers[binding->label] = binding->values.empty() ? binding->regex : binding->values.front();
  }
  if (!reading.severity.empty()) matchers["severity"] = reading.severity;
  if (!reading.strangers.empty() && matchers.empty()) return refuse_stranger(reading.strangers[0]);
  if (matchers.empty()) {
    Plan plan = clarification("Which alerts shall I silence, and for how long?", {});
    if (alerts != nullptr && alerts->label("alertname") != nullptr) {
      for (const std::string& name : alerts->label("alertname")->values) {
        if (plan.options.size() == 4) break;
        plan.options.push_back("silence " + name + " for two hours");
      }
    }
    plan.frame = {{"intent", "clarify"}, {"text", "silence"}};
    return plan;
  }
  DurationMs length = kDefaultSilence;
  if (reading.hold) {
    length = reading.hold->length;
  } else if (reading.ahead) {
    length = reading.ahead->end - now_;
  } else if (reading.window) {
    length = reading.window->length;
  } else if (reading.numbers.size() == 1 &&
             unit_info(reading.numbers[0].unit).kind == UnitKind::Seconds) {
    const double seconds = to_base(reading.numbers[0].value, reading.numbers[0].unit);
    length = DurationMs::seconds(static_cast<int64_t>(std::clamp(seconds, 60.0, 31'536'000.0)));
  }
  Plan plan;
  plan.intent = Intent::Silence;
  plan.subject = "silence";
  plan.confidence = matchers.contains("alertname") ? 0.9 : 0.8;
  plan.wording = "silence";
  plan.action = Json{{"kind", "silence"},
                     {"matchers", matchers},
                     {"duration_s", length.ms / 1000},
                     {"starts_at", format_rfc3339(now_)},
                     {"ends_at", format_rfc3339(now_ + length)}};
  plan.window = format_duration(length);
  plan.calls.push_back(
      {"hits", "propose_silence", Json{{"matchers", matchers}, {"duration_s", length.ms / 1000}}});
  plan.frame = {{"intent", "silence"}};
  return plan;
}

}  // namespace prom5::llm
