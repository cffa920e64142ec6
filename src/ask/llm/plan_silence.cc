// Plans that propose a silence. Nothing is created here.
#include <algorithm>

#include "ask/llm/planner.h"
#include "ask/llm/value_words.h"
#include "base/ascii.h"

namespace prom5::llm {

namespace {

using catalogue::Binding;
using catalogue::LabelInfo;
using catalogue::Mention;
using catalogue::Metric;

constexpr DurationMs kDefaultSilence = DurationMs::hours(2);
constexpr size_t kMaxOptions = 4;

/// The words of "KafkaConsumerLag" that tell it from other alerts.
std::vector<std::string> words_in(std::string_view name, const catalogue::Lexicon& lexicon) {
  std::vector<std::string> out = lexicon.words_of_name(name);
  std::erase_if(out, [&](const std::string& w) {
    return w.size() < 3 || lexicon.is_weak(w) || lexicon.says_nothing(w);
  });
  return out;
}

/// The alert that a question names: by its name, or as the only one that shares most words.
struct NamedAlert {
  std::vector<std::string> names;
  bool by_name = false;
};

/// Alerts called by their full name.
std::vector<std::string> alerts_by_name(const Reading& reading, const LabelInfo& names) {
  std::vector<std::string> out;
  for (const std::string& name : names.values) {
    for (const Mention& mention : reading.mentions) {
      if (mention.folded == catalogue::fold(name)) out.push_back(name);
    }
  }
  return out;
}

/// "the alerts of the hosts" names no alert with "host" in its name; "the disk alert" does.
bool says_of_what(const std::string& word) {
  return word == "host" || word == "node" || word == "service" || word == "pod" ||
         word == "container" || word == "instance" || word == "target";
}

std::optional<NamedAlert> named_alert(const Reading& reading, const Metric* alerts,
                                      const catalogue::Lexicon& lexicon) {
  const LabelInfo* names = alerts == nullptr ? nullptr : alerts->label("alertname");
  if (names == nullptr) return std::nullopt;
  std::optional<NamedAlert> best;
  double most = 0;
  if (const auto full = alerts_by_name(reading, *names); !full.empty()) {
    return NamedAlert{full, true};
  }
  for (const std::string& name : names->values) {
    const std::vector<std::string> words = words_in(name, lexicon);
    const auto found = std::count_if(words.begin(), words.end(), [&](const std::string& word) {
      return std::any_of(reading.content.begin(), reading.content.end(), [&](const ContentWord& c) {
        return c.canonical == word && !says_of_what(word);
      });
    });
    if (found == 0) continue;
    const double score = static_cast<double>(found) * (1 + 1 / static_cast<double>(words.size()));
    if (score == most) best.reset();  // another fits as well
    if (score <= most) continue;
    most = score;
    best = {{name}, false};
  }
  return best;
}

/// A host is silenced whatever tells of it: "db-02:9100" and "db-02:9187" are two of its exporters.
/// Nothing where the mention names no host, or one that has a single exporter.
std::optional<Binding> whole_host(const Mention& mention) {
  std::string host;
  size_t exporters = 0;
  for (const catalogue::Place& place : mention.places) {
    if (place.label != "instance") continue;
    ++exporters;
    const size_t colon = place.value.rfind(':');
    if (colon == std::string::npos || place.value.find('/') != std::string::npos) return {};
    const std::string name = place.value.substr(0, colon);
    if (catalogue::fold(name) != mention.folded || (!host.empty() && name != host)) return {};
    host = name;
  }
  if (exporters < 2) return std::nullopt;
  return Binding{"instance", {}, catalogue::escaped_regex(host) + "(:.*)?", false, 0};
}

/// What no alert bears now it may bear when it fires.
std::optional<Binding> likely_label(const Mention& mention) {
  for (const std::string_view label : {"service", "env", "instance", "job", "namespace", "pod",
                                       "database", "topic", "consumergroup"}) {
    for (const catalogue::Place& place : mention.places) {
      if (place.label == label) return Binding{place.label, {place.value}, "", false, 0};
    }
  }
  return std::nullopt;
}

/// What a silence matches by. Several names of one label are alternatives.
class SilenceMatchers {
 public:
  void add(const std::string& label, const Binding& binding) {
    auto found = std::ranges::find(labels_, label, &Label::name);
    if (found == labels_.end()) found = labels_.insert(found, {label, {}, {}});
    for (const std::string& value : binding.values) {
      if (std::ranges::find(found->values, value) == found->values.end()) {
        found->values.push_back(value);
      }
    }
    if (binding.values.empty()) found->patterns.push_back(binding.regex);
  }

  [[nodiscard]] bool empty() const { return labels_.empty(); }
  [[nodiscard]] bool has(std::string_view label) const {
    return std::ranges::find(labels_, label, &Label::name) != labels_.end();
  }

  /// As propose_silence takes them.
  [[nodiscard]] Json arguments() const {
    Json matchers = Json::object();
    Json regex = Json::array();
    for (const Label& label : labels_) {
      if (label.values.size() == 1 && label.patterns.empty()) {
        matchers[label.name] = label.values.front();
        continue;
      }
      std::vector<std::string> patterns = label.patterns;
      for (const std::string& value : label.values) {
        patterns.push_back(catalogue::escaped_regex(value));
      }
      matchers[label.name] = join_words(patterns, "|");
      regex.push_back(label.name);
    }
    Json out{{"matchers", std::move(matchers)}};
    if (!regex.empty()) out["regex"] = std::move(regex);
    return out;
  }

 private:
  struct Label {
    std::string name;
    std::vector<std::string> values;
    std::vector<std::string> patterns;
  };
  std::vector<Label> labels_;
};

SilenceMatchers matchers_of(const Reading& reading, const Metric* alerts,
                            const catalogue::Lexicon& lexicon) {
  SilenceMatchers out;
  const auto named = named_alert(reading, alerts, lexicon);
  if (named) out.add("alertname", {.values = named->names});
  for (const Mention& mention : reading.mentions) {
    if (mention.negated) continue;
    std::optional<Binding> binding;
    if (alerts != nullptr) binding = catalogue::bind(mention, *alerts, lexicon);
    if (binding && binding->label == "alertname") continue;
    if (!binding || binding->label == "alertstate") binding = likely_label(mention);
    if (!binding) continue;
    if (binding->label == "instance") {
      if (auto host = whole_host(mention)) binding = std::move(host);
    }
    // A product's name that is a word of the alert's says nothing more.
    if (named && (binding->label == "severity" || binding->label == "job")) continue;
    out.add(binding->label, *binding);
  }
  if (!reading.severity.empty()) out.add("severity", {.values = {reading.severity}});
  return out;
}

/// How long it shall be; nothing where that is not said.
std::optional<DurationMs> said_length(const Reading& reading, TimeMs now) {
  if (reading.hold) return reading.hold->length;
  if (reading.ahead) return reading.ahead->end - now;
  if (reading.window && reading.window->length.ms > 0) return reading.window->length;
  if (reading.numbers.size() == 1 && unit_info(reading.numbers[0].unit).kind == UnitKind::Seconds) {
    const double seconds = to_base(reading.numbers[0].value, reading.numbers[0].unit);
    return DurationMs::seconds(static_cast<int64_t>(std::clamp(seconds, 60.0, 31'536'000.0)));
  }
  return std::nullopt;
}

/// "everything", "all alerts", "the alerts": and nothing that narrows them.
bool means_all(const Reading& reading) {
  const bool all = reading.says_any({"everything", "all", "anything", "every", "whole", "any"});
  const bool alerts = reading.says_any({"alerts", "alarms", "notifications", "warnings", "pages"});
  return (all || alerts) && !reading.refers && reading.mentions.empty() &&
         reading.strangers.empty() && reading.numbered.empty() && reading.values.empty() &&
         std::ranges::all_of(reading.content, [](const ContentWord& word) {
           return is_any_of(word.canonical,
                            {"everything", "all", "alert", "alerts", "alarm", "any", "anything",
                             "every", "notification", "warning", "page", "silence", "system"});
         });
}

/// "remove the silence on web-01", "unmute it": of what is silenced already.
bool ends_silence(const Reading& reading) {
  if (reading.says_any({"unsilence", "unmute", "unmuted"})) return true;
  constexpr size_t kNear = 3;
  const auto& tokens = reading.tokens;
  for (size_t i = 0; i < tokens.size(); ++i) {
    // As written: a server has words like "remote", and this one is taken for misspelt.
    if (!is_any_of(to_lower(tokens[i].written),
                   {"remove", "delete", "expire", "lift", "end", "cancel", "drop", "revoke", "undo",
                    "clear", "disable", "stop"})) {
      continue;
    }
    for (size_t k = i + 1; k < std::min(tokens.size(), i + 1 + kNear); ++k) {
      if (is_any_of(tokens[k].text, {"silence", "silences", "mute"})) return true;
    }
  }
  return false;
}

/// From when to when a silence holds: from now, or from the beginning of a time to come.
struct Stretch {
  TimeMs start;
  DurationMs length;
};

std::optional<Stretch> stretch_of(const Reading& reading, TimeMs now) {
  if (reading.ahead && !reading.hold && reading.ahead->start > now) {
    return Stretch{reading.ahead->start, reading.ahead->end - reading.ahead->start};
  }
  const auto length = said_length(reading, now);
  return length ? std::optional(Stretch{now, *length}) : std::nullopt;
}

/// Fills the proposal in, as the tool and the one who accepts it need it.
void propose(Plan& plan, Json arguments, const Stretch& stretch, TimeMs now) {
  arguments["duration_s"] = stretch.length.ms / 1000;
  plan.action = arguments;
  (*plan.action)["kind"] = "silence";
  (*plan.action)["starts_at"] = format_rfc3339(stretch.start);
  (*plan.action)["ends_at"] = format_rfc3339(stretch.start + stretch.length);
  plan.window = format_duration(stretch.length);
  if (stretch.start > now) {
    arguments["start"] = (*plan.action)["start"] = stretch.start.as_seconds();
    plan.frame["starts"] = say_time(stretch.start, now);
  }
  plan.calls.push_back({"hits", "propose_silence", std::move(arguments)});
}

/// `text`: what was asked, which an answer is put behind.
Plan ask_which_alerts(const Metric* alerts, const std::string& text, bool long_said,
                      const texts::TextCatalogue& texts) {
  Plan plan = clarification(
      long_said ? texts.say("ask.which_alerts_only") : texts.say("ask.which_alerts"), {});
  if (alerts != nullptr && alerts->label("alertname") != nullptr) {
    for (const std::string& name : alerts->label("alertname")->values) {
      if (plan.options.size() == kMaxOptions) break;
      plan.options.push_back(long_said ? name : "silence " + name + " for two hours");
    }
  }
  plan.frame = {{"intent", "clarify"}, {"text", long_said ? text : "silence"}};
  return plan;
}

/// "silence FooBar": a name that nothing here has.
std::string unknown_name(const Reading& reading) {
  const auto found = std::ranges::find(reading.content, false, &ContentWord::known);
  return found == reading.content.end() ? "" : reading.tokens[found->at].written;
}

Plan refuse_alert(const std::string& name, const Metric* alerts,
                  const texts::TextCatalogue& texts) {
  std::string why = alerts == nullptr ? texts.say("refuse.no_alerts_here", {{"name", name}})
                                      : texts.say("refuse.none_fired", {{"name", name}});
  Plan plan = refusal("unknown_name", std::move(why), {});
  plan.suggestions = ask_which_alerts(alerts, "", false, texts).options;
  plan.frame = {{"intent", "refuse"}, {"text", "silence"}};
  return plan;
}

}  // namespace

std::optional<Plan> Planner::plan_silence_in(const Reading& reading, const std::string& text,
                                             const Json& before) const {
  if (ends_silence(reading)) {
    return refusal("not_allowed", texts_.say("refuse.unsilence"), {});
  }
  if (reading.intent == Intent::Silence) {
    Plan plan = plan_silence(reading, text);
    if (plan.action) plan.frame["text"] = text;
    return plan;
  }
  // "make it 6 hours"
  const bool length = !reading.numbers.empty() || reading.hold || reading.ahead || reading.window;
  const bool amends = before.is_object() && before.value("intent", "") == "silence" && length &&
                      !reading.intent_said && reading.content.empty() && reading.mentions.empty();
  if (!amends) return std::nullopt;
  const std::string silence = before.value("text", "");
  Reading again = read_question(silence, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_);
  again.numbers = reading.numbers;
  again.hold = reading.hold;
  again.ahead = reading.ahead;
  again.window = reading.window;
  Plan plan = plan_silence(again, silence);
  if (plan.action) plan.frame["text"] = silence;
  return plan;
}

/// Whether any fires is left to the tool: what is known of names may be older than the alert.
Plan Planner::plan_silence_of_all(const Reading& reading, const std::string& text) const {
  const auto stretch = stretch_of(reading, now_);
  if (!stretch) {
    Plan back = clarification(texts_.say("ask.how_long"), {"1 hour", "2 hours", "8 hours"});
    back.frame = {{"intent", "clarify"}, {"text", text}};
    return back;
  }
  Plan plan;
  plan.intent = Intent::Silence;
  plan.subject = "silence";
  plan.confidence = 0.8;
  plan.wording = "silence_all";
  plan.frame = {{"intent", "silence"}};
  propose(plan, {{"matchers", {{"alertname", ".+"}}}, {"regex", {"alertname"}}}, *stretch, now_);
  return plan;
}

Plan Planner::plan_silence(const Reading& reading, const std::string& text) const {
  const Metric* alerts = snapshot_.find("ALERTS");
  const bool leaves_out = std::any_of(reading.mentions.begin(), reading.mentions.end(),
                                      [](const Mention& m) { return m.negated; });
  if (leaves_out) {
    Plan back = clarification(texts_.say("ask.named_alerts"), {});
    back.frame = {{"intent", "clarify"}, {"text", "silence"}};
    return back;
  }
  const SilenceMatchers matchers = matchers_of(reading, alerts, knowledge_.pack.lexicon);
  if (matchers.empty()) {
    if (means_all(reading)) return plan_silence_of_all(reading, text);
    if (!reading.strangers.empty()) return refuse_stranger(reading.strangers.front());
    if (const std::string name = unknown_name(reading); !name.empty()) {
      return refuse_alert(name, alerts, texts_);
    }
    if (alerts == nullptr) {
      Plan none = refusal("unknown_name", texts_.say("refuse.no_alert_at_all"), {});
      none.frame = {{"intent", "refuse"}};
      return none;
    }
    return ask_which_alerts(alerts, text, said_length(reading, now_).has_value(), texts_);
  }
  Plan plan;
  plan.intent = Intent::Silence;
  plan.subject = "silence";
  plan.confidence = matchers.has("alertname") ? 0.9 : 0.8;
  plan.wording = "silence";
  plan.frame = {{"intent", "silence"}};
  propose(plan, matchers.arguments(),
          stretch_of(reading, now_).value_or(Stretch{now_, kDefaultSilence}), now_);
  return plan;
}

}  // namespace prom5::llm
