#include "app/api/live_api.h"

#include <algorithm>
#include <cmath>

#include "app/api/answer.h"
#include "app/api/assistant_json.h"
#include "app/api/parameters.h"
#include "io/codec/json_writer.h"
#include "model/labels.h"
#include "model/quote.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

std::string frame(std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(event.size() + data.size() + 24);
  codec::JsonWriter(out).begin_object().field("event", event).key("data").raw(data).end_object();
  return out;
}

class WebSocketSink final : public LiveSink {
 public:
  explicit WebSocketSink(std::shared_ptr<io::WebSocket> socket) : socket_(std::move(socket)) {}
  bool send(std::string_view event, std::string_view data) override {
    return socket_->send(frame(event, data));
  }
  bool heartbeat() override { return socket_->ping(); }
  [[nodiscard]] size_t unsent_bytes() const override { return socket_->unsent_bytes(); }
  void close() override { socket_->close(); }

 private:
  std::shared_ptr<io::WebSocket> socket_;  // shared with the server, which may close first
};

class StreamSink final : public LiveSink {
 public:
  explicit StreamSink(std::shared_ptr<io::ResponseStream> stream) : stream_(std::move(stream)) {}
  bool send(std::string_view event, std::string_view data) override {
    return stream_->write(fmt::format("event: {}\ndata: {}\n\n", event, data));
  }
  bool heartbeat() override { return stream_->write(": heartbeat\n\n"); }
  [[nodiscard]] size_t unsent_bytes() const override { return stream_->unsent_bytes(); }
  void close() override { stream_->close(); }

 private:
  std::shared_ptr<io::ResponseStream> stream_;  // shared with the server, which may close first
};

/// The member as text; empty when it is not there or is none.
std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

constexpr size_t kMaxIdBytes = 128;

/// What a "subscribe" asks for. `next`: the name of one that brings none.
Result<LiveUpdates::Subscription> read_subscription(const LiveUpdates& live, const Json& data,
                                                    size_t next) {
  LiveUpdates::Subscription out;
  out.id = data.contains("id") ? text_of(data, "id") : std::to_string(next);
  if (out.id.empty() || out.id.size() > kMaxIdBytes) {
    return fail(ErrorCode::BadData, "\"id\" must be a text of 1 to {} bytes", kMaxIdBytes);
  }
  out.promql = text_of(data, "promql");
  const std::string metric = text_of(data, "metric");
  if (out.promql.empty() == metric.empty()) {
    return fail(ErrorCode::BadData, "\"subscribe\" needs either \"promql\" or \"metric\"");
  }
  if (!metric.empty()) out.promql = "{__name__=" + prom5::quoted(metric) + "}";
  if (data.contains("interval_s")) {
    const Json& seconds = data["interval_s"];
    if (!seconds.is_number()) {
      return fail(ErrorCode::BadData, "\"interval_s\" must be a number of seconds");
    }
    // Far beyond the bounds, which are looked at in full milliseconds.
    constexpr double kBeyond = 1e6;
    out.interval = {std::llround(std::clamp(seconds.get<double>(), 0.0, kBeyond) * 1000)};
    const auto good = live.check_interval(out.interval);
    if (!good) return fail(ErrorCode::BadData, "\"interval_s\": {}", good.error().message);
  }
  return out;
}

/// One client of /ws. The server calls one after the other; close() may come at any time.
class LiveSocket {
 public:
  LiveSocket(Agent& agent, LiveUpdates& live, const Clock& clock, const HttpRequest& handshake)
      : agent_(agent),
        live_(live),
        clock_(clock),
        user_(handshake.user),
        languages_(handshake.headers.get("Accept-Language")) {}

  void open(std::shared_ptr<io::WebSocket> socket) {
    auto joined = live_.join(std::make_shared<WebSocketSink>(socket));
    const MutexLock lock(mutex_);
    socket_ = std::move(socket);
    if (joined) {
      subscriber_ = *joined;
    } else {
      socket_->send(frame("error", codec::dump_json({{"message", joined.error().message}})));
      socket_->close();
    }
  }

  void close() {
    const MutexLock lock(mutex_);
    if (subscriber_) live_.leave(*subscriber_);
    subscriber_.reset();
    socket_.reset();
  }

  void take(const std::string& text, const std::stop_token& stop) {
    const auto message = codec::parse_json(text);
    if (!message || !message->is_object()) return complain("", "expected {event, data}");
    const std::string event = text_of(*message, "event");
    const auto found = message->find("data");
    const Json data = found != message->end() && found->is_object() ? *found : Json::object();
    if (event == "text_message") return answer(data, stop);
    if (event == "subscribe") return subscribe(data);
    if (event == "unsubscribe") return unsubscribe(data);
    if (event == "ping") return send("pong", data);
    complain(event, "unknown event \"" + event + "\"");
  }

 private:
  void answer(const Json& data, const std::stop_token& stop) {
    Question question;
    question.text = text_of(data, "message");
    if (question.text.empty() || question.text.size() > kMaxQuestionBytes) {
      return complain("text_message", fmt::format("\"message\" must be a text of 1 to {} bytes",
                                                  kMaxQuestionBytes));
    }
    question.session_id = data.contains("session_id") ? text_of(data, "session_id") : session_id_;
    if (question.session_id.size() > kMaxSessionIdBytes) {
      return complain("text_message", "\"session_id\" is too long");
    }
    question.time = clock_.now();
    question.user = user_;
    question.stop = stop;
    question.languages = languages_;
    const auto answer = agent_.ask(question, {});
    if (!answer) return complain("text_message", answer.error().message);
    session_id_ = answer->session_id;
    send("text_reply", agent_json(*answer));
  }

  void subscribe(const Json& data) {
    const auto subscriber = me();
    if (!subscriber) return;
    auto wanted = read_subscription(live_, data, next_subscription_);
    if (!wanted) return complain("subscribe", wanted.error().message, text_of(data, "id"));
    const std::string id = wanted->id;
    const Json told{{"id", id}, {"promql", wanted->promql}};
    const auto done = live_.subscribe(*subscriber, *std::move(wanted));
    if (!done) return complain("subscribe", done.error().message, id);
    ++next_subscription_;
    send("subscribed", told);
  }

  void unsubscribe(const Json& data) {
    const auto subscriber = me();
    if (!subscriber) return;
    const std::string id = text_of(data, "id");
    if (!live_.unsubscribe(*subscriber, id)) {
      return complain("unsubscribe", "there is no subscription \"" + id + "\"", id);
    }
    send("unsubscribed", {{"id", id}});
  }

  void complain(const std::string& event, const std::string& message, const std::string& id = "") {
    Json data{{"message", message}};
    if (!event.empty()) data["for"] = event;
    if (!id.empty()) data["id"] = id;
    send("error", data);
  }

  [[nodiscard]] std::optional<LiveUpdates::SubscriberId> me() {
    const MutexLock lock(mutex_);
    return subscriber_;
  }

  void send(std::string_view event, const Json& data) {
    std::shared_ptr<io::WebSocket> socket;
    {
      const MutexLock lock(mutex_);
      socket = socket_;
    }
    if (socket) socket->send(frame(event, codec::dump_json(data)));
  }

  Agent& agent_;
  LiveUpdates& live_;
  const Clock& clock_;
  const std::string user_;
  const std::string languages_;  // of the replies, as the handshake's Accept-Language has it
  // Of the messages, which come one after the other.
  std::string session_id_;
  size_t next_subscription_ = 1;

  Mutex mutex_;
  std::shared_ptr<io::WebSocket> socket_ GUARDED_BY(mutex_);  // shared with the server
  std::optional<LiveUpdates::SubscriberId> subscriber_ GUARDED_BY(mutex_);
};

HttpResponse too_many(const Error& error) {
  HttpResponse response = error_answer(error);
  response.status = 503;
  response.headers.add("Retry-After", "5");
  return response;
}

}  // namespace

void LiveApi::add_routes(io::Router& router) {
  using io::PathArguments;
  router.add("GET", "/ws", "Questions, live metrics and alerts over a WebSocket.",
             [this](const HttpRequest& r, const PathArguments&) { return websocket(r); });
  router.add("GET", "/api/v5/events", "Live metrics and alerts as server-sent events.",
             answering([this](const HttpRequest& r, const PathArguments&) { return events(r); }));
}

HttpResponse LiveApi::websocket(const HttpRequest& request) {
  if (const auto room = live_.room(); !room) return too_many(room.error());
  // Shared by the callbacks.
  auto client = std::make_shared<LiveSocket>(agent_, live_, clock_, request);
  HttpResponse response;
  response.websocket = std::make_shared<io::WebSocketHandler>();
  response.websocket->on_open = [client](std::shared_ptr<io::WebSocket> socket) {
    client->open(std::move(socket));
  };
  response.websocket->on_message = [client](const std::string& message,
                                            const std::stop_token& stop) {
    client->take(message, stop);
  };
  response.websocket->on_close = [client] { client->close(); };
  // A look that costs little; what only mentions it waits a little longer.
  response.websocket->is_long = [](const std::string& message) {
    return message.find("\"text_message\"") != std::string::npos;
  };
  return response;
}

Result<HttpResponse> LiveApi::events(const HttpRequest& request) {
  const std::vector<std::string> queries = request.parameters_named("promql");
  std::vector<LiveUpdates::Subscription> wanted;
  DurationMs interval;
  if (const std::string_view text = request.parameter("interval"); !text.empty()) {
    const auto step = parse_step(text);
    if (!step) return std::unexpected(invalid_parameter("interval", step.error()));
    interval = *step;
    const auto good = live_.check_interval(interval);
    if (!good) return std::unexpected(invalid_parameter("interval", good.error()));
  }
  for (const std::string& promql : queries) {
    wanted.push_back({std::to_string(wanted.size() + 1), promql, interval});
    const auto good = live_.check(wanted.back(), wanted.size() - 1);
    if (!good) return std::unexpected(invalid_parameter("promql", good.error()));
  }
  if (const auto room = live_.room(); !room) return too_many(room.error());
  HttpResponse response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Accel-Buffering", "no");  // for an nginx before us
  // Ends with its handler; the sink goes on to be written to.
  response.stream = [this, wanted](std::shared_ptr<io::ResponseStream> stream) {
    stream->write("retry: 3000\n\n");
    const auto sink = std::make_shared<StreamSink>(stream);
    const auto joined = live_.join(sink);
    Result<void> done;
    if (!joined) done = std::unexpected(joined.error());
    for (size_t i = 0; done && i < wanted.size(); ++i) done = live_.subscribe(*joined, wanted[i]);
    if (done) return;
    sink->send("error", codec::dump_json({{"message", done.error().message}}));
    if (joined) live_.leave(*joined);
    stream->close();
  };
  return response;
}

}  // namespace prom5::api
