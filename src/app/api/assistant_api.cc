#include "app/api/assistant_api.h"

#include <cmath>

#include "app/api/answer.h"
#include "app/api/assistant_json.h"
#include "app/api/origin.h"
#include "io/codec/json.h"
#include "query/engine.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

constexpr size_t kMaxCorrectionBytes = 4 * 1024;

Result<Json> read_object(const HttpRequest& request) {
  Json body = TRY(json_body(request));
  if (!body.is_object()) return fail(ErrorCode::BadData, "expected a JSON object");
  return body;
}

/// Which texts a member may have.
struct TextRule {
  size_t max_bytes = 0;
  bool required = false;
};

/// A member of a body; empty when it is not there.
Result<std::string> text_member(const Json& body, const char* name, TextRule rule) {
  const auto found = body.find(name);
  const bool there = found != body.end() && (rule.required || !found->is_null());
  if (there && !found->is_string()) return fail(ErrorCode::BadData, "\"{}\" must be a text", name);
  std::string text = there ? found->get<std::string>() : std::string();
  if (rule.required && text.empty()) {
    return fail(ErrorCode::BadData, "\"{}\" must be a text that is not empty", name);
  }
  if (text.size() > rule.max_bytes) {
    return fail(ErrorCode::BadData, "\"{}\" is longer than {} bytes", name, rule.max_bytes);
  }
  return text;
}

/// The question in a request's body, under `field`.
Result<Question> read_question(const HttpRequest& request, const char* field, TimeMs now) {
  const Json body = TRY(read_object(request));
  Question question;
  question.text = TRY(text_member(body, field, {kMaxQuestionBytes, true}));
  question.session_id = TRY(text_member(body, "session_id", {kMaxSessionIdBytes}));
  question.time = now;
  if (body.contains("time")) {
    constexpr double kMaxSeconds = 1e11;  // in the year 5138
    const Json& time = body["time"];
    if (!time.is_number() || !(std::abs(time.get<double>()) <= kMaxSeconds)) {
      return fail(ErrorCode::BadData, "\"time\" must be Unix seconds");
    }
    question.time = {static_cast<int64_t>(time.get<double>() * 1000)};
  }
  question.user = request.user;
  question.stop = request.stop;
  question.languages = request.headers.get("Accept-Language");
  return question;
}

Result<Feedback> read_feedback(const HttpRequest& request, TimeMs now) {
  const Json body = TRY(read_object(request));
  Feedback feedback;
  feedback.session_id = TRY(text_member(body, "session_id", {kMaxSessionIdBytes, true}));
  const std::string verdict = TRY(text_member(body, "verdict", {16, true}));
  if (verdict != "up" && verdict != "down") {
    return fail(ErrorCode::BadData, "\"verdict\" must be \"up\" or \"down\"");
  }
  feedback.verdict = verdict == "up" ? Feedback::Verdict::Up : Feedback::Verdict::Down;
  feedback.correction = TRY(text_member(body, "correction", {kMaxCorrectionBytes}));
  feedback.promql = TRY(text_member(body, "promql", {kMaxCorrectionBytes}));
  if (!feedback.promql.empty()) {
    const auto type = query::result_type(feedback.promql);
    if (!type) return std::unexpected(invalid_parameter("promql", type.error()));
  }
  if (body.contains("turn") && !body["turn"].is_null()) {
    if (!body["turn"].is_number_unsigned()) {
      return fail(ErrorCode::BadData, "\"turn\" must be a whole number from 0");
    }
    feedback.turn = body["turn"].get<size_t>();
  }
  feedback.user = request.user;
  feedback.time = now;
  return feedback;
}

/// What kept a question from being answered. An assistant that cannot is no fault of the server's.
HttpResponse question_error(const Error& error) {
  HttpResponse response = error_answer(error);
  if (error.code == ErrorCode::Unavailable) response.status = 503;
  return response;
}

/// An answer, with the language that it is in.
HttpResponse told(const Answer& answer, const Json& json) {
  HttpResponse response = HttpResponse::json(200, codec::dump_json(json));
  if (!answer.language.empty()) response.headers.add("Content-Language", answer.language);
  return response;
}

std::string event(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, codec::dump_json(data));
}

}  // namespace

bool AssistantApi::is_question(const HttpRequest& request) {
  return request.path == "/api/v5/agent/text" || request.path == "/api/v5/query/natural";
}

void AssistantApi::add_routes(io::Router& router) {
  using io::PathArguments;
  router.add("POST", "/api/v5/query/natural", "Turns a question into PromQL.",
             [this](const HttpRequest& r, const PathArguments&) { return natural(r); });
  router.add("POST", "/api/v5/agent/text", "Answers a question with evidence; may stream.",
             [this](const HttpRequest& r, const PathArguments&) { return text(r); });
  router.add("GET", "/api/v5/agent/session", "Lists conversations.",
             [this](const HttpRequest& r, const PathArguments&) {
               Json list = Json::array();
               for (const SessionInfo& s : agent_.sessions(r.user)) list.push_back(session_json(s));
               return HttpResponse::json(200, codec::dump_json(Json{{"sessions", list}}));
             });
  router.add("GET", "/api/v5/agent/session/{id}", "What was said in a conversation.",
             [this](const HttpRequest& r, const PathArguments& arguments) {
               const auto session = agent_.session(r.user, arguments[0]);
               if (!session) return error_answer({ErrorCode::NotFound, "no such session"});
               return HttpResponse::json(200, codec::dump_json(*session));
             });
  router.add("DELETE", "/api/v5/agent/session/{id}", "Forgets a conversation.",
             [this](const HttpRequest& r, const PathArguments& arguments) {
               if (!agent_.forget(r.user, arguments[0])) {
                 return error_answer({ErrorCode::NotFound, "no such session"});
               }
               HttpResponse done;
               done.status = 204;
               return done;
             });
  router.add("POST", "/api/v5/agent/feedback", "Takes what a person thinks of an answer.",
             answering([this](const HttpRequest& r, const PathArguments&) { return feedback(r); }));
  router.add("GET", "/api/v5/agent/feedback", "What the feedback of all users comes to.",
             [this](const HttpRequest&, const PathArguments&) {
               return HttpResponse::json(200, codec::dump_json(agent_.feedback_report()));
             });
}

Result<HttpResponse> AssistantApi::feedback(const HttpRequest& request) {
  const Feedback feedback = TRY(read_feedback(request, clock_.now()));
  TRY(agent_.feedback(feedback));
  return HttpResponse::json(200, codec::dump_json({{"status", "success"}}));
}

HttpResponse AssistantApi::natural(const HttpRequest& request) {
  const auto question = read_question(request, "query", clock_.now());
  if (!question) return error_answer(question.error());
  const auto answer = agent_.ask(*question, {});
  if (!answer) return question_error(answer.error());
  return told(*answer, natural_json(*answer));
}

HttpResponse AssistantApi::text(const HttpRequest& request) {
  auto question = read_question(request, "message", clock_.now());
  if (!question) return error_answer(question.error());
  if (request.headers.get("Accept").find("text/event-stream") != std::string_view::npos) {
    return text_stream(*std::move(question));
  }
  const auto answer = agent_.ask(*question, {});
  if (!answer) return question_error(answer.error());
  return told(*answer, agent_json(*answer));
}

HttpResponse AssistantApi::text_stream(Question question) {
  HttpResponse response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.stream = [this, question](std::shared_ptr<io::ResponseStream> stream) {
    std::stop_source gone;
    const std::stop_callback request_ends(question.stop, [&] { gone.request_stop(); });
    Question asked = question;
    asked.stop = gone.get_token();
    const auto tell = [&](const char* name, const Json& data) {
      if (!stream->write(event(name, data))) gone.request_stop();
    };
    const auto answer =
        agent_.ask(asked, {[&](const ToolCall& call) {
                             tell("step", {{"tool", call.tool}, {"arguments", call.arguments}});
                           },
                           [&](std::string_view words) { tell("token", {{"text", words}}); }});
    const std::string last = answer ? event("answer", agent_json(*answer))
                                    : event("error", Json{{"message", answer.error().message}});
    stream->write(last);
    stream->close();
  };
  return response;
}

}  // namespace prom5::api
