#include "app/api/assistant_json.h"

namespace prom5::api {

namespace {

/// More are no picture of anything; all queries are told as evidence.
constexpr size_t kMaxCharts = 6;

Json evidence_json(const Evidence& e) {
  return {{"promql", e.promql},
          {"mode", e.range ? "range" : "instant"},
          {"start", e.start.as_seconds()},
          {"end", e.end.as_seconds()},
          {"step", e.step.as_seconds()},
          {"result", e.result}};
}

/// What to draw for a query: an instant answer shows how it came about.
Json chart_json(const Evidence& e, const std::string& unit) {
  constexpr double kHour = 3600;
  const double end = e.end.as_seconds();
  return {{"promql", e.promql},
          {"start", e.range ? e.start.as_seconds() : end - kHour},
          {"end", end},
          {"unit", unit}};
}

Json clarification_json(const Answer::Clarification& clarification) {
  return {{"question", clarification.question}, {"options", clarification.options}};
}

Json refusal_json(const Answer::Refusal& refusal) {
  return {
      {"code", refusal.code}, {"message", refusal.message}, {"suggestions", refusal.suggestions}};
}

/// What there is to read, also where the model gave no words of its own.
std::string reply_of(const Answer& answer) {
  if (!answer.text.empty()) return answer.text;
  if (answer.clarification) return answer.clarification->question;
  return answer.refusal ? answer.refusal->message : "";
}

/// Which model answered, where more than one may, why it was not the first, and in which language.
void add_origin(const Answer& answer, Json& out) {
  if (!answer.model.empty()) out["model"] = answer.model;
  if (!answer.fallback_reason.empty()) out["fallback_reason"] = answer.fallback_reason;
  if (!answer.language.empty()) out["language"] = answer.language;
}

}  // namespace

Json natural_json(const Answer& answer) {
  if (answer.clarification) {
    return {{"intent", "clarify"},
            {"confidence", answer.confidence},
            {"clarification", clarification_json(*answer.clarification)}};
  }
  if (answer.refusal) {
    return {{"intent", "refuse"},
            {"confidence", answer.confidence},
            {"error", refusal_json(*answer.refusal)}};
  }
  Json out{{"promql", answer.promql}, {"mode", answer.range ? "range" : "instant"}};
  if (answer.range) {
    out["start"] = answer.start.as_seconds();
    out["end"] = answer.end.as_seconds();
    out["step"] = answer.step.as_seconds();
  }
  if (!answer.queries.empty()) {
    Json queries = Json::array();
    for (const std::string& query : answer.queries) queries.push_back({{"promql", query}});
    out["queries"] = std::move(queries);
  }
  out["intent"] = answer.intent;
  out["confidence"] = answer.confidence;
  out["answer"] = answer.text;
  out["explanation"] = answer.explanation;
  out["alternatives"] = answer.alternatives;
  if (answer.action) out["action"] = *answer.action;
  add_origin(answer, out);
  return out;
}

Json agent_json(const Answer& answer) {
  Json evidence = Json::array();
  Json charts = Json::array();
  for (const Evidence& e : answer.evidence) {
    evidence.push_back(evidence_json(e));
    if (charts.size() < kMaxCharts) charts.push_back(chart_json(e, answer.unit));
  }
  Json actions = Json::array();
  if (answer.action) actions.push_back(*answer.action);
  Json out{{"session_id", answer.session_id},
           {"turn", answer.turn},
           {"reply", reply_of(answer)},
           {"intent", answer.intent},
           {"promql", answer.promql},
           {"unit", answer.unit},
           {"explanation", answer.explanation},
           {"confidence", answer.confidence},
           {"evidence", evidence},
           {"charts", charts},
           {"actions_proposed", actions},
           {"alternatives", answer.alternatives},
           {"suggestions", answer.suggestions}};
  if (answer.clarification) out["clarification"] = clarification_json(*answer.clarification);
  if (answer.refusal) out["error"] = refusal_json(*answer.refusal);
  add_origin(answer, out);
  return out;
}

Json session_json(const SessionInfo& session) {
  return {{"id", session.id},
          {"started", session.started.as_seconds()},
          {"last_used", session.last_used.as_seconds()},
          {"turns", session.turns},
          {"title", session.title}};
}

}  // namespace prom5::api
