#include "app/api/live_api.h"

#include <gtest/gtest.h>

#include "io/codec/json.h"
#include "store/memory_storage.h"

namespace prom5::api {

namespace {

class EchoAgent final : public Agent {
 public:
  Result<Answer> ask(const Question& question, const Follower&) override {
    if (question.stop.stop_requested()) return fail(ErrorCode::Canceled, "given up");
    asked = question;
    Answer answer;
    answer.session_id = question.session_id.empty() ? "new" : question.session_id;
    answer.text = question.text;
    return answer;
  }
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string&) const override { return {}; }
  [[nodiscard]] std::optional<Json> session(const std::string&, const std::string&) const override {
    return std::nullopt;
  }
  bool forget(const std::string&, const std::string&) override { return false; }

  Question asked;
};

class FakeStream final : public io::ResponseStream {
 public:
  bool write(std::string bytes) override {
    text += bytes;
    return true;
  }
  [[nodiscard]] size_t unsent_bytes() const override { return 0; }
  void close() override { closed = true; }

  std::string text;
  bool closed = false;
};

class FakeSocket final : public io::WebSocket {
 public:
  bool send(std::string text) override {
    frames.push_back(codec::parse_json(text).value());
    return true;
  }
  bool ping() override {
    ++pings;
    return true;
  }
  [[nodiscard]] size_t unsent_bytes() const override { return 0; }
  void close() override { closed = true; }

  std::vector<Json> frames;
  int pings = 0;
  bool closed = false;
};

class LiveApiTest : public testing::Test {
 protected:
  void SetUp() override { api_.add_routes(router_); }
  io::HttpResponse get(const std::string& path, const io::Parameters& parameters = {}) {
    io::HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.parameters = parameters;
    request.user = "ann";
    request.headers.add("Accept-Language", "de");
    return router_.route(request);
  }

  MemoryStorage storage_;
  ManualClock clock_{TimeMs{5000}};
  MetricRegistry metrics_;
  query::Engine engine_{storage_, {}, metrics_, clock_};
  EchoAgent agent_;
  LiveUpdates live_{engine_, clock_, metrics_, {.max_subscribers = 1}};
  LiveApi api_{agent_, live_, clock_};
  io::Router router_;
};

TEST_F(LiveApiTest, StreamOfEvents) {
  const auto response = get("/api/v5/events", {{"promql", "1"}, {"interval", "2s"}});
  EXPECT_EQ(response.headers.get("Content-Type"), "text/event-stream");
  ASSERT_TRUE(response.stream);
  const auto stream = std::make_shared<FakeStream>();
  response.stream(stream);
  EXPECT_EQ(stream->text, "retry: 3000\n\n");
  live_.tick(TimeMs{6000}, {});
  EXPECT_EQ(stream->text,
            "retry: 3000\n\n: heartbeat\n\nevent: metrics_update\ndata: "
            "{\"id\":\"1\",\"promql\":\"1\",\"time\":6,"
            "\"resultType\":\"scalar\",\"result\":[6,\"1\"]}\n\n");
  EXPECT_FALSE(stream->closed);
}

TEST_F(LiveApiTest, NoMoreThanTheLimit) {
  const auto first = get("/api/v5/events");
  const auto second = get("/api/v5/events");
  const auto stream = std::make_shared<FakeStream>();
  first.stream(stream);
  EXPECT_EQ(get("/api/v5/events").status, 503);
  EXPECT_EQ(get("/ws").status, 503);
  // Two that came at the same time: the later one is told and ended.
  const auto late = std::make_shared<FakeStream>();
  second.stream(late);
  EXPECT_NE(late->text.find("event: error\n"), std::string::npos) << late->text;
  EXPECT_TRUE(late->closed);
  live_.stop();
  EXPECT_TRUE(stream->closed);
  EXPECT_EQ(get("/api/v5/events").status, 503);
}

TEST_F(LiveApiTest, WrongParameters) {
  EXPECT_EQ(get("/api/v5/events", {{"promql", "sum("}}).status, 400);
  EXPECT_EQ(get("/api/v5/events", {{"promql", "1"}, {"interval", "soon"}}).status, 400);
  for (const char* interval : {"1ms", "2h", "0", "0s", "-1", "-0", "0.0001"}) {
    const auto refused = get("/api/v5/events", {{"promql", "1"}, {"interval", interval}});
    EXPECT_EQ(refused.status, 400);
    EXPECT_NE(refused.body.find(R"(invalid parameter \"interval\": the interval must be)"),
              std::string::npos)
        << refused.body;
  }
  EXPECT_EQ(get("/api/v5/events", io::Parameters(21, {"promql", "1"})).status, 422);
}

TEST_F(LiveApiTest, Socket) {
  const auto response = get("/ws");
  ASSERT_TRUE(response.websocket);
  const auto socket = std::make_shared<FakeSocket>();
  response.websocket->on_open(socket);
  EXPECT_TRUE(response.websocket->is_long(R"({"event": "text_message", "data": {}})"));
  EXPECT_FALSE(response.websocket->is_long(R"({"event": "ping", "data": {}})"));
  const auto say = [&](const std::string& text, const std::stop_token& stop = {}) {
    socket->frames.clear();
    response.websocket->on_message(text, stop);
    return socket->frames.empty() ? Json() : socket->frames[0];
  };
  const Json reply = say(R"({"event":"text_message","data":{"message":"how much"}})");
  EXPECT_EQ(reply["event"], "text_reply");
  EXPECT_EQ(reply["data"]["reply"], "how much");
  EXPECT_EQ(reply["data"]["session_id"], "new");
  EXPECT_EQ(agent_.asked.user, "ann");
  EXPECT_EQ(agent_.asked.languages, "de") << "of the handshake";
  std::stop_source left;
  left.request_stop();
  EXPECT_EQ(say(R"({"event":"text_message","data":{"message":"m"}})",
                left.get_token())["data"]["message"],
            "given up");
  EXPECT_EQ(say(R"({"event":"subscribe","data":{"metric":"a \"b\""}})").dump(),
            R"({"event":"subscribed","data":{"id":"1","promql":"{__name__=\"a \\\"b\\\"\"}"}})");
  EXPECT_EQ(say(R"({"event":"dance"})")["data"]["for"], "dance");
  live_.tick(TimeMs{6000}, {});
  EXPECT_EQ(socket->frames.back()["event"], "metrics_update");
  EXPECT_EQ(socket->pings, 1);
  response.websocket->on_close();
  EXPECT_EQ(live_.subscribers(), 0U);
  EXPECT_TRUE(say(R"({"event":"ping"})").is_null()) << "nobody is there";
}

}  // namespace

}  // namespace prom5::api
