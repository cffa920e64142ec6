#include "ask/llm/rule_model.h"

#include <algorithm>

#include "ask/llm/coverage_words.h"
#include "ask/llm/past_turns.h"
#include "ask/llm/words.h"
#include "base/ascii.h"
#include "query/typed_query.h"

namespace prom5::llm {

namespace {

Json plan_to_json(const Plan& plan) {
  Json json{{"intent", std::string(to_string(plan.intent))},
            {"subject", plan.subject},
            {"promql", plan.promql},
            {"queries", Json::array()},
            {"unit", plan.unit},
            {"mode", plan.range ? "range" : "instant"},
            {"start", plan.start.as_seconds()},
            {"end", plan.end.as_seconds()},
            {"step", plan.step.as_seconds()},
            {"window", plan.window},
            {"note", plan.note},
            {"confidence", plan.confidence},
            {"explanation", plan.explanation},
            {"alternatives", plan.alternatives},
            {"suggestions", plan.suggestions},
            {"entity_labels", plan.entity_labels},
            {"wording", plan.wording},
            {"finding", plan.finding},
            {"least_is_worst", plan.least_is_worst},
            {"limit_op", plan.limit_op},
            {"limit", plan.limit},
            {"written", plan.written},
            {"covers_from", plan.covers.start.as_seconds()},
            {"covers_to", plan.covers.end.as_seconds()},
            {"frame", plan.frame}};
  for (size_t i = 0; i < plan.more.size(); ++i) {
    json["queries"].push_back({{"promql", plan.more[i]}});
    if (i < plan.names.size()) json["queries"].back()["name"] = plan.names[i];
  }
  if (plan.action) json["action"] = *plan.action;
  return json;
}

Plan plan_from_json(const Json& json) {
  const auto time = [&](const char* key) {
    return TimeMs{static_cast<int64_t>(json.value(key, 0.0) * 1000)};
  };
  Plan plan;
  plan.intent = intent_of(json.value("intent", "")).value_or(Intent::Query);
  plan.subject = json.value("subject", "");
  plan.promql = json.value("promql", "");
  for (const Json& query : json["queries"]) {
    plan.more.push_back(query.value("promql", ""));
    if (query.contains("name")) plan.names.push_back(query.value("name", ""));
  }
  plan.unit = json.value("unit", "none");
  plan.range = json.value("mode", "") == "range";
  plan.start = time("start");
  plan.end = time("end");
  plan.step = DurationMs{time("step").ms};
  plan.window = json.value("window", "");
  plan.note = json.value("note", "");
  plan.confidence = json.value("confidence", 0.0);
  plan.explanation = json.value("explanation", "");
  plan.alternatives = json.value("alternatives", std::vector<std::string>{});
  plan.suggestions = json.value("suggestions", std::vector<std::string>{});
  plan.entity_labels = json.value("entity_labels", std::vector<std::string>{});
  plan.wording = json.value("wording", "");
  plan.finding = json.value("finding", false);
  plan.least_is_worst = json.value("least_is_worst", false);
  plan.limit_op = json.value("limit_op", "");
  plan.limit = json.value("limit", 0.0);
  plan.written = json.value("written", false);
  plan.covers = {time("covers_from"), time("covers_to")};
  plan.frame = json.value("frame", Json());
  if (json.contains("action")) plan.action = json["action"];
  return plan;
}

/// Whether a text begins with these words, and not only with the beginning of another.
bool begins_with(std::string_view text, std::string_view words) {
  if (words.empty() || !text.starts_with(words)) return false;
  return text.size() == words.size() || !is_word_byte(text[words.size()]);
}

/// A sentence that begins with what is asked about begins in upper case. What bears a name of its
/// own (a metric, a host) keeps it.
void begin_sentence(std::string& text, const Plan& plan, const catalogue::ConceptPack& pack,
                    const texts::TextCatalogue& texts) {
  if (plan.written) return;  // a query stays as it was typed
  if (text.empty() || (!is_lower(text[0]) && text[0] != '\xC3')) return;
  const bool metric = plan.frame.is_object() && !plan.frame.value("concept", true);
  const bool subject = !metric && begins_with(text, plan.subject);
  const bool named = subject || std::ranges::any_of(pack.concepts, [&](const auto& entry) {
                       return begins_with(text, texts.name(entry.name));
                     });
  if (!named) return;
  constexpr char kCase = 0x20;
  const auto second = static_cast<unsigned char>(text.size() > 1 ? text[1] : 0);
  if (is_lower(text[0])) {
    text[0] = static_cast<char>(text[0] - kCase);
  } else if (text.starts_with('\xC3') && second >= 0xA0 && second <= 0xBE && second != 0xB7) {
    text[1] = static_cast<char>(second - kCase);  // "übertragene" begins with "Ü"
  }
}

/// A final turn that asks back or refuses.
Message decline(const Plan& plan) {
  Message message;
  message.role = Role::Assistant;
  message.content = {{"intent", std::string(to_string(plan.intent))},
                     {"confidence", plan.confidence},
                     {"frame", plan.frame}};
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

ToolCall query_call(std::string id, const std::string& promql, const Plan& plan) {
  Json arguments{{"promql", promql}};
  if (plan.range) {
    arguments["start"] = plan.start.as_seconds();
    arguments["end"] = plan.end.as_seconds();
    arguments["step_s"] = plan.step.as_seconds();
  }
  return {std::move(id), "query_metrics", std::move(arguments)};
}

/// Of a gauge over time, what was highest and lowest between the points of its chart, too.
void look_between(const Plan& plan, std::vector<ToolCall>& calls) {
  if (!plan.range || plan.wording != "value" || plan.step <= kLeastChartStep) return;
  if (!query::is_plain_selector(plan.promql)) return;
  const std::string range = "[" + format_duration(plan.end - plan.start) + "]";
  for (const std::string side : {"max", "min"}) {
    calls.push_back({side, "query_metrics",
                     Json{{"promql", side + "_over_time(" + plan.promql + range + ")"},
                          {"end", plan.end.as_seconds()}}});
  }
}

Message call_tools(const Plan& plan) {
  Message message;
  message.role = Role::Assistant;
  message.calls = plan.calls;
  if (plan.wording == "compare") {
    message.calls.push_back(query_call("query", plan.promql, plan));
    message.calls.push_back(query_call("now", plan.more[0], plan));
    message.calls.push_back(query_call("then", plan.more[1], plan));
  } else if (plan.wording == "several") {
    for (size_t i = 0; i < plan.more.size(); ++i) {
      message.calls.push_back(query_call("query" + std::to_string(i), plan.more[i], plan));
    }
  } else if (plan.calls.empty()) {
    message.calls.push_back(query_call("query", plan.promql, plan));
    look_between(plan, message.calls);
  }
  if (!plan.coverage.empty()) {
    message.calls.push_back({"coverage", "data_since",
                             Json{{"selector", plan.coverage},
                                  {"start", plan.covers.start.as_seconds()},
                                  {"end", plan.covers.end.as_seconds()}}});
  }
  message.content = plan_to_json(plan);
  return message;
}

/// The last turn that called tools, and what they gave.
const Message* last_calls(std::span<const Message> conversation, Results& results) {
  for (size_t i = conversation.size(); i-- > 0;) {
    const Message& message = conversation[i];
    if (message.role == Role::User) return nullptr;
    if (message.role == Role::Tool) {
      results.emplace(message.call_id, message.content);
    } else if (!message.calls.empty() && message.content.contains("wording")) {
      return &message;
    }
  }
  return nullptr;
}

/// An empty result may be right, and may be a question about what is silent: find out which.
bool wants_doctor(const Plan& plan, const Results& results) {
  const auto query = results.find("query");
  if (query == results.end() || results.contains("doctor") || plan.range) return false;
  if (plan.finding || plan.wording != "value" || plan.promql.starts_with("count(")) return false;
  return query->second.contains("result") && query->second["result"].is_array() &&
         query->second["result"].empty();
}

/// An expression of the question itself that cannot be read is the asker's to mend; any other
/// failure is ours.
Message failed(const ToolCall& call, const Plan& plan, const std::string& reason,
               const texts::TextCatalogue& texts) {
  const bool none = call.tool == "explain_query";
  Message message;
  message.role = Role::Assistant;
  message.text = none ? texts.say("refuse.not_promql", {{"reason", reason}})
                      : texts.say("refuse.query_failed", {{"reason", reason}});
  message.content = {{"intent", "refuse"},
                     {"error",
                      {{"code", none || plan.written ? "bad_query" : "query_failed"},
                       {"message", message.text},
                       {"suggestions", Json::array()}}}};
  return message;
}

/// A silence of all alerts is proposed only where there are some.
void propose_for_some(Plan& plan, const Results& results) {
  const auto hits = results.find("hits");
  if (plan.wording != "silence_all" || hits == results.end()) return;
  const Json alerts = hits->second.value("alerts", Json::array());
  if (hits->second.contains("alerts") && alerts.empty()) plan.action.reset();
}

/// The language that the last question is to be answered in; empty when it does not say.
std::string_view language_of(std::span<const Message> conversation) {
  for (size_t i = conversation.size(); i-- > 0;) {
    if (conversation[i].role == Role::User) return conversation[i].language;
  }
  return "";
}

}  // namespace

Result<Plan> RuleModel::understand(std::span<const Message> conversation, TimeMs now,
                                   const texts::TextCatalogue& texts) {
  Before asked{frame_before(conversation), conversation.back().text};
  if (auto past = past_turn(conversation, pack_.lexicon, texts)) {
    if (past->plan) return *std::move(past->plan);
    asked = std::move(past->again);
  }
  const auto& [before, text] = asked;
  const Knowledge knowledge{pack_, vocabulary_, subjects_, meaning_};
  const auto snapshot = TRY(catalogue_.snapshot(now));
  Plan plan = Planner(knowledge, *snapshot, now, texts).plan(text, before);
  // What is not known may have come in the last seconds; what must not be done stays so.
  if (plan.refuse_code != "unknown_metric" && plan.refuse_code != "unknown_name" &&
      plan.refuse_code != "no_data") {
    return plan;
  }
  const auto fresh = TRY(catalogue_.fresh_snapshot(now));
  return fresh == snapshot ? plan : Planner(knowledge, *fresh, now, texts).plan(text, before);
}

Result<Reply> RuleModel::complete(std::span<const Message> conversation,
                                  std::span<const ToolSpec> /*tools*/, const ReplyLimits& limits) {
  CHECK(!conversation.empty());
  if (limits.stop.stop_requested()) return fail(ErrorCode::Canceled, "the question was given up");
  const Message& last = conversation.back();
  const texts::TextCatalogue& texts = languages_.of(language_of(conversation));
  if (last.role == Role::User) {
    Plan plan = TRY(understand(conversation, last.time, texts));
    begin_sentence(plan.clarify, plan, pack_, texts);
    begin_sentence(plan.refuse_message, plan, pack_, texts);
    if (plan.clarify.empty() && plan.refuse_code.empty()) return Reply{call_tools(plan)};
    return Reply{decline(plan)};
  }
  Results results;
  const Message* calls = last_calls(conversation, results);
  CHECK(calls != nullptr);
  Plan plan = plan_from_json(calls->content);
  propose_for_some(plan, results);
  Reply reply;
  const auto first = results.find(calls->calls.front().id);
  if (first != results.end() && first->second.contains("error")) {
    reply.message =
        failed(calls->calls.front(), plan, first->second["error"].get<std::string>(), texts);
  } else if (wants_doctor(plan, results)) {
    reply.message.role = Role::Assistant;
    reply.message.content = calls->content;
    reply.message.calls.push_back({"doctor", "diagnose_query", Json{{"promql", plan.promql}}});
    // The query's result is needed once more when the doctor has spoken.
    reply.message.calls.push_back(query_call("query", plan.promql, plan));
    return reply;
  } else {
    reply.message.role = Role::Assistant;
    reply.message.text = say_answer(plan, results, last.time, texts);
    begin_sentence(reply.message.text, plan, pack_, texts);
    reply.message.text += say_coverage(plan, results, last.time, texts);
    if (!plan.note.empty()) reply.message.text += " " + plan.note;
    reply.message.content = plan_to_json(plan);
    reply.message.content["answer"] = reply.message.text;
  }
  return reply;
}

}  // namespace prom5::llm
