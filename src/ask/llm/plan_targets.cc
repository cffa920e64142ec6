// Plans for what is up, was down, or started anew: questions that name targets and nothing else.
#include <algorithm>
#include <set>

#include "ask/llm/planner.h"

namespace prom5::llm {

namespace {

using catalogue::Mention;
using catalogue::Metric;

constexpr DurationMs kLately = DurationMs::days(1);
/// On both sides of a moment that is asked about.
constexpr DurationMs kAround = DurationMs::hours(6);
constexpr size_t kCountersOfOne = 5;
constexpr size_t kFewSeries = 100;
constexpr size_t kMostJobs = 8;

/// The stretch that a question is about; a day where it does not say.
TimeRange stretch_of(const Reading& reading, TimeMs now) {
  const std::optional<TimePhrase>& span = reading.range ? reading.range : reading.window;
  if (span) return {span->start, std::min(span->end, now)};
  if (reading.point) {
    return {reading.point->start - kAround, std::min(reading.point->start + kAround, now)};
  }
  return {now - kLately, now};
}

std::string selector(const std::string& metric, const std::string& matchers) {
  return metric + (matchers.empty() ? "" : "{" + matchers + "}");
}

std::string matchers_of(const std::vector<Mention>& mentions, const Metric& metric,
                        const catalogue::Lexicon& lexicon) {
  std::vector<catalogue::Binding> bindings;
  for (const Mention& mention : mentions) {
    if (auto binding = catalogue::bind(mention, metric, lexicon)) {
      bindings.push_back(*std::move(binding));
    }
  }
  return catalogue::to_matchers(std::move(bindings));
}

/// Sets the stretch, in words where it is a length that was said or is the usual one.
void look_at(const Reading& reading, TimeMs now, Plan& plan) {
  constexpr int64_t kMinute = 60'000;
  const TimeRange time = stretch_of(reading, now);
  plan.start = time.start;
  plan.end = time.end;
  const DurationMs length = time.end - time.start;
  const bool plain = !reading.range && !reading.point && length.ms % kMinute == 0;
  plan.window = plain ? format_duration(length) : "";
}

/// A kind of thing may be what restarts: a container, a pod.
bool restarts_of_containers(const Metric& metric) {
  return std::ranges::find(metric.words, "restart") != metric.words.end() &&
         (metric.label("container") != nullptr || metric.label("pod") != nullptr);
}

/// Selectors of counters of what a mention names.
std::vector<std::string> counters_of(const Mention& mention, const catalogue::Snapshot& snapshot,
                                     const catalogue::Lexicon& lexicon) {
  std::vector<const Metric*> found;
  for (const Metric& metric : snapshot.metrics()) {
    const bool counts = metric.type == MetricType::Counter || metric.name.ends_with("_total") ||
                        metric.name.ends_with("_count");
    if (!counts || metric.series > kFewSeries || !is_legacy_metric_name(metric.name)) continue;
    if (catalogue::bind(mention, metric, lexicon)) found.push_back(&metric);
  }
  std::ranges::stable_sort(found, {}, &Metric::series);
  // Of one alone it may be that it has counted nothing yet; those with most series change most.
  std::vector<std::string> out;
  const auto add = [&](const Metric& metric) {
    out.push_back(selector(metric.name, matchers_of({mention}, metric, lexicon)));
  };
  const size_t few = std::min(found.size(), kCountersOfOne);
  for (size_t i = 0; i < few; ++i) add(*found[found.size() - 1 - i]);
  return out;
}

/// What tells of restarts.
struct RestartSources {
  Json starts = Json::array();    ///< selectors of start times
  Json counters = Json::array();  ///< selectors of counters of those that have none
  std::vector<std::string> unknown;
};

/// The names that are asked about, else the jobs; `starts`: those that say when they started.
void part_by_start(const TargetTalk& talk, const catalogue::Snapshot& snapshot,
                   const catalogue::Lexicon& lexicon, const Metric* start,
                   std::vector<Mention>& starts, std::vector<Mention>& others) {
  for (const Mention& mention : talk.named) {
    const bool says = start != nullptr && catalogue::bind(mention, *start, lexicon);
    (says ? starts : others).push_back(mention);
  }
  const catalogue::LabelInfo* jobs = snapshot.find("up")->label("job");
  if (!talk.named.empty() || jobs == nullptr) return;
  for (const std::string& job : jobs->values) {
    if (start != nullptr && start->has("job", job)) continue;
    Mention mention;
    mention.text = job;
    mention.folded = catalogue::fold(job);
    mention.places = {{"job", job}};
    others.push_back(std::move(mention));
  }
}

RestartSources sources_of(const TargetTalk& talk, const catalogue::Snapshot& snapshot,
                          const catalogue::Lexicon& lexicon, const std::string& start) {
  const Metric* metric = snapshot.find(start);
  std::vector<Mention> starts;
  std::vector<Mention> others;
  part_by_start(talk, snapshot, lexicon, metric, starts, others);
  RestartSources out;
  if (!starts.empty()) {
    out.starts.push_back(selector(start, matchers_of(starts, *metric, lexicon)));
  } else if (talk.named.empty() && metric != nullptr) {
    out.starts.push_back(start);
  }
  for (size_t i = 0; i < others.size(); ++i) {
    const auto counters =
        i < kMostJobs ? counters_of(others[i], snapshot, lexicon) : std::vector<std::string>{};
    if (counters.empty()) out.unknown.push_back(others[i].text);
    for (const std::string& counter : counters) out.counters.push_back(counter);
  }
  return out;
}

}  // namespace

Plan Planner::plan_outages(const Reading& reading, const Subject& subject,
                           const std::string& wording) const {
  const Expression expression(subject, reading, snapshot_, knowledge_.pack.lexicon);
  const std::string up = selector("up", expression.matchers_of("up"));
  Plan plan = begin(reading, subject);
  plan.intent = Intent::Status;
  plan.wording = wording;
  plan.finding = false;
  plan.unit = "up";
  plan.entity_labels = {"job", "instance"};
  look_at(reading, now_, plan);
  if (reading.point) plan.covers = {reading.point->start, reading.point->start};
  const DurationMs window = DurationMs::seconds((plan.end - plan.start).ms / 1000);
  const DurationMs offset = DurationMs::seconds((now_ - plan.end).ms / 1000);
  plan.promql = fmt::format("min_over_time({}[{}]{})", up, format_duration(window),
                            offset.ms > 0 ? " offset " + format_duration(offset) : "");
  plan.explanation = texts_.say("explain.when_it_was_down");
  if (wording == "since") {
    const bool asks_up =
        reading.says_any({"up", "running", "alive", "online", "reachable", "back", "uptime"});
    plan.intent = Intent::Anomaly;
    plan.promql = up + (asks_up ? " == 1" : " == 0");
    if (asks_up) plan.explanation = texts_.say("explain.when_it_was_up");
  }
  plan.calls.push_back({"crossings", "crossings",
                        Json{{"promql", up},
                             {"op", "=="},
                             {"limit", 0},
                             {"reads", up},
                             {"start", plan.start.as_seconds()},
                             {"end", plan.end.as_seconds()},
                             {"closely", true}}});
  return plan;
}

std::optional<Plan> Planner::plan_restarts(const TargetTalk& talk, const Reading& reading) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const catalogue::Concept* process = knowledge_.pack.of_role(catalogue::Role::Process);
  const std::string start = process == nullptr ? "" : process->recipes.front().needs.front();
  // Who counts restarts of containers knows better.
  for (const Metric& metric : snapshot_.metrics()) {
    if (!restarts_of_containers(metric)) continue;
    const bool named = std::ranges::any_of(talk.named, [&](const Mention& mention) {
      return catalogue::bind(mention, metric, lexicon).has_value();
    });
    if (named || talk.named.empty()) return std::nullopt;
  }
  const RestartSources sources = sources_of(talk, snapshot_, lexicon, start);
  if (sources.starts.empty() && sources.counters.empty()) {
    if (talk.named.empty()) return std::nullopt;
    return refusal("unknown_metric",
                   texts_.say("refuse.restarts", {{"name", join_words(sources.unknown, ", ")}}),
                   {});
  }
  Plan plan;
  plan.intent = Intent::Query;
  plan.confidence = 0.85;
  plan.subject = process == nullptr ? "" : texts_.name(process->name);
  if (!talk.named.empty()) {
    plan.subject =
        texts_.say("name.of", {{"name", plan.subject}, {"thing", talk.named.front().text}});
  }
  plan.wording = "restarts";
  plan.unit = "count";
  plan.entity_labels = {"job", "instance"};
  look_at(reading, now_, plan);
  const DurationMs window = DurationMs::seconds((plan.end - plan.start).ms / 1000);
  const DurationMs offset = DurationMs::seconds((now_ - plan.end).ms / 1000);
  const bool counted = sources.starts.empty();
  const auto first = (counted ? sources.counters : sources.starts)[0].get<std::string>();
  plan.promql =
      fmt::format("{}({}[{}]{})", counted ? "resets" : "changes", first, format_duration(window),
                  offset.ms > 0 ? " offset " + format_duration(offset) : "");
  if (process != nullptr) plan.explanation = process->recipes.front().explain;
  if (!sources.unknown.empty()) {
    plan.note = texts_.say("restart.unknown", {{"names", join_words(sources.unknown, ", ")}});
  }
  plan.calls.push_back({"restarts", "restarts",
                        Json{{"starts", sources.starts},
                             {"counters", sources.counters},
                             {"start", plan.start.as_seconds()},
                             {"end", plan.end.as_seconds()}}});
  return plan;
}

std::optional<Plan> Planner::plan_state_of(const TargetTalk& talk, const Reading& reading,
                                           const Subject& subject) const {
  const bool common = talk.unread || talk.inherited;
  switch (talk.ask) {
    case TargetAsk::State: {
      // "is it up or down" is read as a direction elsewhere.
      if (!common && reading.intent != Intent::Trend) return std::nullopt;
      Plan plan = plan_status(reading, Subject{});
      return plan.clarify.empty() ? std::optional(std::move(plan)) : std::nullopt;
    }
    case TargetAsk::Availability: {
      if (!common) return std::nullopt;
      const std::string matchers =
          matchers_of(talk.named, *snapshot_.find("up"), knowledge_.pack.lexicon);
      Plan plan = begin(reading, subject);
      for (const catalogue::Concept& entry : knowledge_.pack.concepts) {
        const catalogue::Recipe& recipe = entry.recipes.front();
        if (recipe.promql.find("avg_over_time(up[") == std::string::npos) continue;
        plan.subject = texts_.name(entry.name);
        plan.explanation = recipe.explain;
        break;
      }
      look_at(reading, now_, plan);
      const DurationMs offset = DurationMs::seconds((now_ - plan.end).ms / 1000);
      const DurationMs window = DurationMs::seconds((plan.end - plan.start).ms / 1000);
      plan.intent = Intent::Query;
      plan.unit = "percent";
      plan.entity_labels = {"job", "instance"};
      plan.promql = fmt::format("100 * avg_over_time({}[{}]{})", selector("up", matchers),
                                format_duration(window),
                                offset.ms > 0 ? " offset " + format_duration(offset) : "");
      cover("up", matchers, {plan.start, plan.end}, plan);
      return plan;
    }
    case TargetAsk::Outages: return plan_outages(reading, subject, "outages");
    case TargetAsk::Since: {
      if (!common && !talk.down) return std::nullopt;
      return plan_outages(reading, subject, "since");
    }
    case TargetAsk::Why: {
      Plan plan = plan_why(reading, subject);
      Plan looked = plan_outages(reading, subject, "why_down");
      plan.wording = "why_down";
      plan.start = looked.start;
      plan.end = looked.end;
      plan.window = looked.window;
      plan.covers = looked.covers;
      plan.entity_labels = looked.entity_labels;
      plan.calls.push_back(std::move(looked.calls.front()));
      plan.calls.push_back({"targets", "targets", Json::object()});
      return plan;
    }
    case TargetAsk::Restarts: return plan_restarts(talk, reading);
  }
  return std::nullopt;
}

std::optional<Plan> Planner::plan_targets(const Reading& reading, const Json& before) const {
  const catalogue::Concept* state = knowledge_.pack.of_role(catalogue::Role::Targets);
  if (state == nullptr) return std::nullopt;
  const auto talk = read_target_talk(reading, snapshot_, knowledge_.pack.lexicon, before);
  if (!talk) return std::nullopt;
  if (talk->ask == TargetAsk::Since && !talk->down && !talk->inherited) {
    if (auto started = plan_started(reading)) return started;
  }
  Reading own = reading;
  own.mentions = talk->named;
  own.mention_at.assign(own.mentions.size(), SIZE_MAX);
  Subject subject = knowledge_.subjects.of_concept(*state, own, snapshot_);
  subject.filters.clear();
  for (size_t m = 0; m < own.mentions.size(); ++m) subject.filters.push_back(m);
  subject.score = 0.8;
  auto plan = plan_state_of(*talk, own, subject);
  if (!plan || !plan->refuse_code.empty()) return plan;
  plan->frame = frame_of(own, subject, *plan);
  std::vector<std::string> names;
  for (const Mention& mention : talk->named) names.push_back(mention.text);
  plan->frame["targets"] = names;
  plan->frame["talk"] = std::string(to_string(talk->ask));
  return plan;
}

}  // namespace prom5::llm
