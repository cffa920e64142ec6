#include "ask/agent/agent_metrics.h"

#include <algorithm>

#include "ask/intent.h"

namespace prom5::agent {

namespace {

constexpr std::string_view kQuestions = "prom5_assistant_questions_total";
constexpr std::string_view kQuestionsHelp =
    "Questions by what was wanted and how they ended: answered, clarified, refused, failed.";
constexpr std::string_view kCalls = "prom5_assistant_tool_calls_total";
constexpr std::string_view kCallsHelp = "Calls of the assistant's tools by how they ended.";
constexpr std::string_view kFeedback = "prom5_assistant_feedback_total";
constexpr std::string_view kFeedbackHelp =
    "Verdicts of people on answers; the same one on the same answer counts once.";

constexpr std::array kOutcomes =
    std::to_array<std::string_view>({"answered", "clarified", "refused", "failed"});
constexpr std::array kLimits =
    std::to_array<std::string_view>({"steps", "time", "samples", "tokens"});

}  // namespace

std::string_view to_string(Limit limit) { return kLimits[static_cast<size_t>(limit)]; }

AgentMetrics::AgentMetrics(MetricRegistry& metrics, const std::vector<ToolSpec>& tools)
    : metrics_(metrics),
      seconds_(metrics.histogram(
          "prom5_assistant_question_duration_seconds", "How long questions took, waiting included.",
          {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})),
      unfounded_(metrics.counter("prom5_assistant_unchecked_numbers_total",
                                 "Numbers in answers that could not be recomputed from what the "
                                 "tools gave; they were not shown.")),
      up_(metrics.counter(kFeedback, kFeedbackHelp, {{"verdict", "up"}})),
      down_(metrics.counter(kFeedback, kFeedbackHelp, {{"verdict", "down"}})),
      evicted_(metrics.counter("prom5_assistant_sessions_evicted_total",
                               "Conversations that were forgotten to make room for others.")),
      sessions_(metrics.gauge("prom5_assistant_sessions", "Conversations that are remembered.")) {
  // All are there from the start, so that a rate of them has a beginning.
  for (const ToolSpec& tool : tools) {
    const auto counter = [&](const char* outcome) {
      return &metrics.counter(kCalls, kCallsHelp, {{"tool", tool.name}, {"outcome", outcome}});
    };
    calls_[tool.name] = {counter("done"), counter("failed")};
  }
  for (const std::string_view intent : kIntents) {
    const std::string_view outcome = intent == "clarify"  ? kOutcomes[1]
                                     : intent == "refuse" ? kOutcomes[2]
                                                          : kOutcomes[0];
    metrics.counter(kQuestions, kQuestionsHelp,
                    {{"intent", std::string(intent)}, {"outcome", std::string(outcome)}});
  }
  for (size_t i = 0; i < kLimits.size(); ++i) {
    exhausted_[i] = &metrics.counter("prom5_assistant_budget_exhausted_total",
                                     "Questions that were given up, by what they had used up.",
                                     {{"budget", std::string(kLimits[i])}});
  }
}

void AgentMetrics::count_question(std::string_view intent, Outcome outcome, double seconds) {
  const bool known = std::ranges::find(kIntents, intent) != kIntents.end();
  metrics_
      .counter(kQuestions, kQuestionsHelp,
               {{"intent", known ? std::string(intent) : "other"},
                {"outcome", std::string(kOutcomes[static_cast<size_t>(outcome)])}})
      .add();
  seconds_.observe(seconds);
}

void AgentMetrics::count_tool_call(const std::string& tool, bool failed) {
  const auto found = calls_.find(tool);
  if (found == calls_.end()) return;
  (failed ? found->second.failed : found->second.done)->add();
}

}  // namespace prom5::agent
