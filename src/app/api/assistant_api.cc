#include "app/api/assistant_api.h"

#include "app/api/answer.h"
#include "io/codec/json.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

constexpr size_t kMaxQuestionBytes = 8 * 1024;
constexpr size_t kMaxSessionIdBytes = 128;

/// The question in a request's body, under `field`.
Result<Question> read_question(const HttpRequest& request, const char* field, TimeMs now) {
  const Json body = TRY(codec::parse_json(request.body));
  if (!body.is_object()) return fail(ErrorCode::BadData, "expected a JSON object");
  if (!body.contains(field) || !body[field].is_string() || body[field].get<std::string>().empty()) {
    return fail(ErrorCode::BadData, "\"{}\" must be a text that is not empty", field);
  }
  Question question;
  question.text = body[field].get<std::string>();
  if (question.text.size() > kMaxQuestionBytes) {
    return fail(ErrorCode::BadData, "\"{}\" is longer than {} bytes", field, kMaxQuestionBytes);
  }
  if (body.contains("session_id")) {
    if (!body["session_id"].is_string()) {
      return fail(ErrorCode::BadData, "\"session_id\" must be a text");
    }
    question.session_id = body["session_id"].get<std::string>();
    if (question.session_id.size() > kMaxSessionIdBytes) {
      return fail(ErrorCode::BadData, "\"session_id\" is longer than {} bytes", kMaxSessionIdBytes);
    }
  }
  question.time = now;
  if (body.contains("time")) {
    if (!body["time"].is_number()) {
      return fail(ErrorCode::BadData, "\"time\" must be Unix seconds");
    }
    question.time = {static_cast<int64_t>(body["time"].get<double>() * 1000)};
  }
  question.stop = request.stop;
  return question;
}

/// Which model answered, where more than one may, and why it was not the first.
void add_model(const Answer& answer, Json& out) {
  if (!answer.model.empty()) out["model"] = answer.model;
  if (!answer.fallback_reason.empty()) out["fallback_reason"] = answer.fallback_reason;
}

Json natural_fields(const Answer& answer) {
  if (answer.clarification) {
    return {{"intent", "clarify"},
            {"confidence", answer.confidence},
            {"clarification",
             {{"question", answer.clarification->question},
              {"options", answer.clarification->options}}}};
  }
  if (answer.refusal) {
    return {{"intent", "refuse"},
            {"confidence", answer.confidence},
            {"error",
             {{"code", answer.refusal->code},
              {"message", answer.refusal->message},
              {"suggestions", answer.refusal->suggestions}}}};
  }
  Json out{{"promql", answer.promql}, {"mode", answer.range ? "range" : "instant"}};
  if (answer.range) {
    out["start"] = answer.start.as_seconds();
    out["end"] = answer.end.as_seconds();
    out["step"] = answer.step.as_seconds();
  }
  out["intent"] = answer.intent;
  out["confidence"] = answer.confidence;
  out["answer"] = answer.text;
  out["explanation"] = answer.explanation;
  out["alternatives"] = answer.alternatives;
  if (answer.action) out["action"] = *answer.action;
  return out;
}

Json natural_json(const Answer& answer) {
  Json out = natural_fields(answer);
  add_model(answer, out);
  return out;
}

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

Json agent_json(const Answer& answer) {
  Json evidence = Json::array();
  Json charts = Json::array();
  for (const Evidence& e : answer.evidence) {
    evidence.push_back(evidence_json(e));
    charts.push_back(chart_json(e, answer.unit));
  }
  Json actions = Json::array();
  if (answer.action) actions.push_back(*answer.action);
  Json out{{"session_id", answer.session_id},
           {"reply", answer.text},
           {"intent", answer.intent},
           {"explanation", answer.explanation},
           {"confidence", answer.confidence},
           {"evidence", evidence},
           {"charts", charts},
           {"actions_proposed", actions},
           {"suggestions", answer.suggestions}};
  add_model(answer, out);
  return out;
}

std::string event(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, codec::dump_json(data));
}

/// A conversation over a WebSocket: frames {"event","data"} both ways.
class ChatSocket : public std::enable_shared_from_this<ChatSocket> {
 public:
  ChatSocket(Agent& agent, const Clock& clock) : agent_(agent), clock_(clock) {}

  void open(std::shared_ptr<io::WebSocket> socket) { socket_ = std::move(socket); }

  void take(const std::string& text) {
    const auto frame = codec::parse_json(text);
    if (!frame || !frame->is_object())
      return send("error", {{"message", "expected {event, data}"}});
    const auto text_of = [](const Json& object, const char* key) {
      const auto found = object.find(key);
      return found != object.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const std::string name = text_of(*frame, "event");
    if (name != "text_message") {
      return send("error", {{"message", "unknown event \"" + name + "\""}});
    }
    const auto data = frame->find("data");
    Question question;
    if (data != frame->end() && data->is_object()) question.text = text_of(*data, "message");
    if (question.text.empty() || question.text.size() > kMaxQuestionBytes) {
      return send("error", {{"message", "\"message\" must be a text that is not empty"}});
    }
    question.session_id = session_id_;
    question.time = clock_.now();
    const auto answer = agent_.ask(question, {});
    if (!answer) return send("error", {{"message", answer.error().message}});
    session_id_ = answer->session_id;
    send("text_reply", agent_json(*answer));
  }

  void close() { socket_.reset(); }

 private:
  void send(std::string_view name, const Json& data) {
    if (socket_) socket_->send(codec::dump_json(Json{{"event", name}, {"data", data}}));
  }

  Agent& agent_;
  const Clock& clock_;
  std::shared_ptr<io::WebSocket> socket_;  // shared with the server, which may close first
  std::string session_id_;
};

}  // namespace

void AssistantApi::add_routes(io::Router& router) {
  using io::PathArguments;
  router.add("POST", "/api/v5/query/natural", "Turns a question into PromQL.",
             [this](const HttpRequest& r, const PathArguments&) { return natural(r); });
  router.add("POST", "/api/v5/agent/text", "Answers a question with evidence; may stream.",
             [this](const HttpRequest& r, const PathArguments&) { return text(r); });
  router.add("GET", "/api/v5/agent/session", "Lists conversations.",
             [this](const HttpRequest&, const PathArguments&) {
               return HttpResponse::json(200,
                                         codec::dump_json(Json{{"sessions", agent_.sessions()}}));
             });
  router.add("DELETE", "/api/v5/agent/session/{id}", "Forgets a conversation.",
             [this](const HttpRequest&, const PathArguments& arguments) {
               if (!agent_.forget(arguments[0])) {
                 return error_answer({ErrorCode::NotFound, "no such session"});
               }
               HttpResponse done;
               done.status = 204;
               return done;
             });
  router.add("GET", "/ws", "The same conversation over a WebSocket.",
             [this](const HttpRequest&, const PathArguments&) { return websocket(); });
}

HttpResponse AssistantApi::natural(const HttpRequest& request) {
  const auto question = read_question(request, "query", clock_.now());
  if (!question) return error_answer(question.error());
  const auto answer = agent_.ask(*question, {});
  if (!answer) return error_answer(answer.error());
  return HttpResponse::json(200, codec::dump_json(natural_json(*answer)));
}

HttpResponse AssistantApi::text(const HttpRequest& request) {
  auto question = read_question(request, "message", clock_.now());
  if (!question) return error_answer(question.error());
  if (request.headers.get("Accept").find("text/event-stream") != std::string_view::npos) {
    return text_stream(*std::move(question));
  }
  const auto answer = agent_.ask(*question, {});
  if (!answer) return error_answer(answer.error());
  return HttpResponse::json(200, codec::dump_json(agent_json(*answer)));
}

HttpResponse AssistantApi::text_stream(Question question) {
  HttpResponse response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.stream = [this, question](std::shared_ptr<io::ResponseStream> stream) {
    const auto answer = agent_.ask(question, [&](std::string_view words) {
      // A client that is gone is noticed at the last event.
      static_cast<void>(stream->write(event("token", Json{{"text", words}})));
    });
    const std::string last = answer ? event("answer", agent_json(*answer))
                                    : event("error", Json{{"message", answer.error().message}});
    stream->write(last);
    stream->close();
  };
  return response;
}

HttpResponse AssistantApi::websocket() {
  auto chat = std::make_shared<ChatSocket>(agent_, clock_);  // shared by the three callbacks
  HttpResponse response;
  response.websocket = std::make_shared<io::WebSocketHandler>();
  response.websocket->on_open = [chat](std::shared_ptr<io::WebSocket> s) {
    chat->open(std::move(s));
  };
  response.websocket->on_message = [chat](std::string message) { chat->take(message); };
  response.websocket->on_close = [chat] { chat->close(); };
  return response;
}

}  // namespace prom5::api
