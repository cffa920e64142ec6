#include "ask/llm/rule_model.h"

#include <algorithm>

#include "ask/llm/question.h"
#include "ask/llm/words.h"

namespace prom5::llm {

namespace {

constexpr int64_t kRangePoints = 120;

Json plan_to_json(const Plan& plan) {
  Json json{{"intent", plan.intent},
            {"subject", plan.subject},
            {"promql", plan.promql},
            {"unit", plan.unit},
            {"mode", plan.range ? "range" : "instant"},
            {"window_s", plan.window.ms / 1000},
            {"confidence", plan.confidence},
            {"explanation", plan.explanation},
            {"alternatives", plan.alternatives},
            {"entity_labels", plan.entity_labels}};
  if (plan.action) json["action"] = *plan.action;
  return json;
}

Plan plan_from_json(const Json& json) {
  Plan plan;
  plan.intent = json.value("intent", "");
  plan.subject = json.value("subject", "");
  plan.promql = json.value("promql", "");
  plan.unit = json.value("unit", "none");
  plan.range = json.value("mode", "") == "range";
  plan.window = DurationMs::seconds(json.value("window_s", int64_t{3600}));
  plan.confidence = json.value("confidence", 0.0);
  plan.explanation = json.value("explanation", "");
  plan.alternatives = json.value("alternatives", std::vector<std::string>{});
  plan.entity_labels = json.value("entity_labels", std::vector<std::string>{});
  if (json.contains("action")) plan.action = json["action"];
  return plan;
}

/// A final turn that asks back or refuses.
Message decline(const Plan& plan) {
  Message message;
  message.role = Role::Assistant;
  message.content = {{"intent", plan.intent}, {"confidence", 0.9}};
  if (!plan.clarify.empty()) {
    message.text = plan.clarify;
    message.content["clarification"] = {{"question", plan.clarify}, {"options", plan.options}};
  } else {
    message.text = plan.refuse_message;
    message.content["error"] = {{"code", plan.refuse_code},
                                {"message", plan.refuse_message},
                                {"suggestions", plan.suggestions}};
  }
  return message;
}

Message call_query(const Plan& plan) {
  Message message;
  message.role = Role::Assistant;
  Json arguments{{"promql", plan.promql}};
  if (plan.range) {
    arguments["range_s"] = plan.window.ms / 1000;
    arguments["step_s"] = std::max<int64_t>(1, plan.window.ms / 1000 / kRangePoints);
  }
  message.calls.push_back({"query", "query_metrics", std::move(arguments)});
  message.content = plan_to_json(plan);
  return message;
}

}  // namespace

Result<Plan> RuleModel::understand(std::span<const Message> conversation) {
  ParsedQuestion question = parse_question(conversation.back().text, pack_.synonyms);
  // What was asked before, for "and memory?" and for the answer to a question back.
  for (size_t i = conversation.size() - 1; i-- > 0;) {
    if (conversation[i].role != Role::User) continue;
    const ParsedQuestion before = parse_question(conversation[i].text, pack_.synonyms);
    const bool nothing_named = question.content.empty() || question.vague;
    if (nothing_named && !question.status && !question.list_metrics && question.follow_up) {
      question.content = before.content;
      question.raw = before.raw;
      question.vague = before.vague;
    }
    if (question.follow_up) {
      if (!question.window) question.window = before.window;
      question.trend = question.trend || before.trend;
      if (!question.top) question.top = before.top;
    }
    break;
  }
  return Planner(catalogue_, pack_).plan(question);
}

Result<Reply> RuleModel::complete(std::span<const Message> conversation,
                                  std::span<const ToolSpec> /*tools*/, const TokenSink& tokens) {
  CHECK(!conversation.empty());
  const Message& last = conversation.back();
  if (last.role == Role::User) {
    const Plan plan = TRY(understand(conversation));
    if (!plan.promql.empty()) return Reply{call_query(plan)};
    Reply reply{decline(plan)};
    if (tokens) tokens(reply.message.text);
    return reply;
  }
  // The tool has answered; its plan is in the turn before.
  const Plan plan = plan_from_json(conversation[conversation.size() - 2].content);
  Reply reply;
  reply.message.role = Role::Assistant;
  if (last.content.contains("error")) {
    reply.message.text = "The query failed: " + last.content["error"].get<std::string>();
    reply.message.content = {{"intent", "refuse"},
                             {"error",
                              {{"code", "query_failed"},
                               {"message", reply.message.text},
                               {"suggestions", Json::array()}}}};
  } else {
    reply.message.text = say_answer(plan, last.content);
    reply.message.content = plan_to_json(plan);
    reply.message.content["answer"] = reply.message.text;
  }
  if (tokens) tokens(reply.message.text);
  return reply;
}

}  // namespace prom5::llm
