#include "ask/agent/agent_loop.h"

#include <algorithm>
#include <atomic>
#include <random>

namespace prom5::agent {

namespace {

std::string new_session_id() {
  static std::atomic<uint64_t> sequence{std::random_device{}()};
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(),
                     static_cast<uint32_t>(sequence.fetch_add(1)));
}

TimeMs from_seconds(double seconds) { return {static_cast<int64_t>(seconds * 1000)}; }

/// What the final turn says, as an Answer.
Answer to_answer(const Message& message, std::vector<Evidence> evidence) {
  // A model that says nothing at the end has found nothing to say.
  const Json content = message.content.is_object() ? message.content : Json::object();
  Answer answer;
  answer.intent = content.value("intent", "");
  answer.confidence = content.value("confidence", 0.0);
  answer.text = message.text;
  answer.model = content.value("model", "");
  answer.fallback_reason = content.value("fallback_reason", "");
  if (content.contains("clarification")) {
    const Json& c = content["clarification"];
    answer.clarification = {c.value("question", ""),
                            c.value("options", std::vector<std::string>{})};
    answer.suggestions = answer.clarification->options;
    return answer;
  }
  if (content.contains("error")) {
    const Json& e = content["error"];
    answer.refusal = {e.value("code", ""), e.value("message", ""),
                      e.value("suggestions", std::vector<std::string>{})};
    answer.suggestions = answer.refusal->suggestions;
    return answer;
  }
  answer.promql = content.value("promql", "");
  if (content.contains("queries")) {
    for (const Json& query : content["queries"])
      answer.queries.push_back(query.value("promql", ""));
  }
  answer.unit = content.value("unit", "none");
  answer.explanation = content.value("explanation", "");
  answer.alternatives = content.value("alternatives", std::vector<std::string>{});
  answer.suggestions = content.value("suggestions", std::vector<std::string>{});
  if (content.contains("action")) answer.action = content["action"];
  // A model may have looked around before it found the query that it names.
  const auto named = std::find_if(evidence.begin(), evidence.end(),
                                  [&](const Evidence& e) { return e.promql == answer.promql; });
  if (!evidence.empty()) {
    const Evidence& shown = named == evidence.end() ? evidence.front() : *named;
    answer.range = shown.range;
    answer.start = shown.start;
    answer.end = shown.end;
    answer.step = shown.step;
  }
  answer.evidence = std::move(evidence);
  return answer;
}

}  // namespace

std::shared_ptr<AgentLoop::Session> AgentLoop::session_of(const std::string& id) {
  const MutexLock lock(mutex_);
  const auto found =
      std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& s) { return s->id == id; });
  if (found != sessions_.end()) {
    sessions_.splice(sessions_.begin(), sessions_, found);
    return sessions_.front();
  }
  auto session = std::make_shared<Session>();  // shared with the question under way
  session->id = id;
  sessions_.push_front(session);
  if (sessions_.size() > options_.max_sessions) sessions_.pop_back();
  return session;
}

Message AgentLoop::run_tool(const ToolCall& call, const ToolContext& context,
                            std::vector<Evidence>& evidence) {
  Message message;
  message.role = Role::Tool;
  message.call_id = call.id;
  message.time = context.now;
  for (Tool* tool : tools_) {
    if (tool->spec().name != call.tool) continue;
    auto result = tool->call(call.arguments, context);
    if (!result) {
      message.content = {{"error", result.error().message}};
      return message;
    }
    if (result->contains("resultType")) {
      Evidence e;
      e.promql = call.arguments["promql"].get<std::string>();
      e.start = from_seconds(result->value("start", 0.0));
      e.end = from_seconds(result->value("end", 0.0));
      e.step = DurationMs{from_seconds(result->value("step", 0.0)).ms};
      e.range = e.step.ms > 0;
      e.result = {{"resultType", (*result)["resultType"]}, {"result", (*result)["result"]}};
      evidence.push_back(std::move(e));
    }
    message.content = *std::move(result);
    return message;
  }
  message.content = {{"error", "there is no tool called " + call.tool}};
  return message;
}

Result<Answer> AgentLoop::ask(const Question& question, const TokenSink& tokens) {
  const std::string id = question.session_id.empty() ? new_session_id() : question.session_id;
  const std::shared_ptr<Session> session = session_of(id);
  const MutexLock lock(session->mutex);
  std::vector<Message>& messages = session->messages;
  if (messages.size() > options_.max_turns * 2) {
    messages.erase(messages.begin(), messages.end() - static_cast<ptrdiff_t>(options_.max_turns));
  }
  std::vector<ToolSpec> specs;
  for (const Tool* tool : tools_) specs.push_back(tool->spec());
  std::vector<Message> turns = messages;
  turns.push_back({Role::User, question.text, {}, {}, {}, question.time});
  std::vector<Evidence> evidence;
  const ToolContext context{question.time, question.stop};
  for (size_t step = 0; step < options_.max_steps; ++step) {
    if (question.stop.stop_requested()) {
      return fail(ErrorCode::Canceled, "the question was given up");
    }
    Reply reply = TRY(model_.complete_until(question.stop, turns, specs, tokens));
    const std::vector<ToolCall> calls = reply.message.calls;
    // Another model has taken over: what the first one found is not what its answer rests on.
    if (reply.message.content.is_object() && reply.message.content.contains("restart")) {
      evidence.clear();
    }
    turns.push_back(std::move(reply.message));
    if (calls.empty()) {
      // Only what was said is remembered, not the data: it would be old by the next question.
      messages.push_back({Role::User, question.text, {}, {}, {}, question.time});
      Json kept = Json::object();
      if (turns.back().content.is_object() && turns.back().content.contains("frame")) {
        kept["frame"] = turns.back().content["frame"];
      }
      messages.push_back({Role::Assistant, turns.back().text, {}, {}, std::move(kept)});
      Answer answer = to_answer(turns.back(), std::move(evidence));
      answer.session_id = id;
      note(*session, question, answer);
      return answer;
    }
    for (const ToolCall& call : calls) turns.push_back(run_tool(call, context, evidence));
  }
  return fail(ErrorCode::Internal, "no answer after {} steps", options_.max_steps);
}

void AgentLoop::note(Session& session, const Question& question, const Answer& answer) {
  constexpr size_t kTitleBytes = 80;
  const MutexLock lock(mutex_);
  if (session.info.turns++ == 0) {
    session.info.id = session.id;
    session.info.started = question.time;
    size_t cut = std::min(question.text.size(), kTitleBytes);
    while (cut > 0 && cut < question.text.size() && (question.text[cut] & 0xC0) == 0x80) --cut;
    session.info.title = question.text.substr(0, cut);
  }
  session.info.last_used = question.time;
  session.told.push_back({{"time", question.time.as_seconds()},
                          {"question", question.text},
                          {"answer", answer.text},
                          {"intent", answer.intent},
                          {"promql", answer.promql}});
  if (session.told.size() > options_.max_turns) session.told.erase(session.told.begin());
}

std::vector<SessionInfo> AgentLoop::sessions() const {
  const MutexLock lock(mutex_);
  std::vector<SessionInfo> out;
  for (const auto& session : sessions_) {
    out.push_back(session->info);
    out.back().id = session->id;  // also of one whose first question is still open
  }
  return out;
}

std::optional<Json> AgentLoop::session(const std::string& session_id) const {
  const MutexLock lock(mutex_);
  for (const auto& session : sessions_) {
    if (session->id != session_id) continue;
    return Json{{"id", session_id},
                {"started", session->info.started.as_seconds()},
                {"last_used", session->info.last_used.as_seconds()},
                {"title", session->info.title},
                {"turns", session->told}};
  }
  return std::nullopt;
}

bool AgentLoop::forget(const std::string& session_id) {
  const MutexLock lock(mutex_);
  return std::erase_if(sessions_, [&](const auto& s) { return s->id == session_id; }) > 0;
}

}  // namespace prom5::agent
