#include "app/api/assistant_api.h"

#include <gtest/gtest.h>

#include "io/codec/json.h"

namespace prom5::api {

namespace {

/// Answers everything in the same words, and keeps what it is told.
class ScriptedAgent final : public Agent {
 public:
  Result<Answer> ask(const Question& question, const Follower& follower) override {
    asked = question;
    if (follower.step) follower.step({"1", "query_metrics", Json{{"promql", "up"}}});
    if (follower.words) {
      follower.words("It is ");
      follower.words("three.");
    }
    return next;
  }
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string& user) const override {
    if (user != owner) return {};
    return {{"s", TimeMs{1000}, TimeMs{2500}, 2, "How much?"}};
  }
  [[nodiscard]] std::optional<Json> session(const std::string& user,
                                            const std::string& id) const override {
    return user == owner && id == "s" ? std::optional(Json{{"id", "s"}}) : std::nullopt;
  }
  bool forget(const std::string& user, const std::string& id) override {
    return user == owner && id == "s";
  }
  Result<void> feedback(const Feedback& given) override {
    if (given.user != owner || given.session_id != "s")
      return fail(ErrorCode::NotFound, "no such session");
    judged = given;
    return {};
  }
  [[nodiscard]] Json feedback_report() const override { return {{"up", 4}}; }

  std::string owner;  // of the conversation "s"
  Question asked;
  Feedback judged;
  Result<Answer> next = Answer{};
};

class RecordingStream final : public io::ResponseStream {
 public:
  bool write(std::string bytes) override {
    text += bytes;
    return !gone;
  }
  [[nodiscard]] size_t unsent_bytes() const override { return 0; }
  void close() override { closed = true; }

  std::string text;
  bool gone = false;
  bool closed = false;
};

class AssistantApiTest : public testing::Test {
 protected:
  void SetUp() override {
    api_.add_routes(router_);
    Answer answer;
    answer.session_id = "s";
    answer.intent = "query";
    answer.text = "It is three.";
    answer.promql = "three";
    agent_.next = answer;
  }
  io::HttpResponse send(const std::string& method, const std::string& path,
                        const std::string& body = "", const std::string& accept = "") {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.user = user_;
    if (!accept.empty()) request.headers.add("Accept", accept);
    if (!languages_.empty()) request.headers.add("Accept-Language", languages_);
    return router_.route(request);
  }

  std::string user_;
  std::string languages_;
  ScriptedAgent agent_;
  ManualClock clock_{TimeMs{7000}};
  AssistantApi api_{agent_, clock_};
  io::Router router_;
};

TEST_F(AssistantApiTest, Sessions) {
  EXPECT_EQ(send("GET", "/api/v5/agent/session").body,
            R"({"sessions":[{"id":"s","started":1.0,"last_used":2.5,"turns":2,)"
            R"("title":"How much?"}]})");
  EXPECT_EQ(send("GET", "/api/v5/agent/session/s").body, R"({"id":"s"})");
  EXPECT_EQ(send("GET", "/api/v5/agent/session/t").status, 404);
  EXPECT_EQ(send("DELETE", "/api/v5/agent/session/s").status, 204);
  EXPECT_EQ(send("DELETE", "/api/v5/agent/session/t").status, 404);
}

TEST_F(AssistantApiTest, WhoAsksIsPassedOn) {
  agent_.owner = "ann";
  const std::string opinion = R"({"session_id":"s","verdict":"up"})";
  const auto all = [&] {
    return std::vector{send("GET", "/api/v5/agent/session/s").status,
                       send("DELETE", "/api/v5/agent/session/s").status,
                       send("POST", "/api/v5/agent/feedback", opinion).status};
  };
  for (const char* stranger : {"", "bob"}) {
    user_ = stranger;
    EXPECT_EQ(send("GET", "/api/v5/agent/session").body, R"({"sessions":[]})");
    EXPECT_EQ(all(), (std::vector{404, 404, 404}));
  }
  user_ = "ann";
  EXPECT_NE(send("GET", "/api/v5/agent/session").body, R"({"sessions":[]})");
  EXPECT_EQ(all(), (std::vector{200, 204, 200}));
  send("POST", "/api/v5/agent/text", R"({"message":"m"})");
  EXPECT_EQ(agent_.asked.user, "ann");
  user_ = "bob";
  send("POST", "/api/v5/query/natural", R"({"query":"m"})");
  EXPECT_EQ(agent_.asked.user, "bob");
}

TEST_F(AssistantApiTest, LanguagesArePassedOnAndTheAnswersIsTold) {
  languages_ = "de-AT, en;q=0.5";
  for (const auto& [path, body] : {std::pair{"/api/v5/agent/text", R"({"message":"m"})"},
                                   std::pair{"/api/v5/query/natural", R"({"query":"m"})"}}) {
    agent_.next->language = "de";
    const io::HttpResponse german = send("POST", path, body);
    EXPECT_EQ(agent_.asked.languages, languages_) << path;
    EXPECT_EQ(german.headers.get("Content-Language"), "de") << path;
    EXPECT_EQ(codec::parse_json(german.body)->value("language", ""), "de") << path;
    // A model on the network does not say which it was.
    agent_.next->language = "";
    const io::HttpResponse unknown = send("POST", path, body);
    EXPECT_EQ(unknown.headers.get("Content-Language"), "") << path;
    EXPECT_FALSE(codec::parse_json(unknown.body)->contains("language")) << path;
  }
}

TEST_F(AssistantApiTest, Feedback) {
  const std::string path = "/api/v5/agent/feedback";
  EXPECT_EQ(send("POST", path,
                 R"({"session_id":"s","turn":1,"verdict":"down","correction":"four",)"
                 R"("promql":"three + four"})")
                .body,
            R"({"status":"success"})");
  EXPECT_EQ(agent_.judged.session_id, "s");
  EXPECT_EQ(agent_.judged.turn, 1U);
  EXPECT_EQ(agent_.judged.verdict, Feedback::Verdict::Down);
  EXPECT_EQ(agent_.judged.correction, "four");
  EXPECT_EQ(agent_.judged.promql, "three + four");
  EXPECT_EQ(agent_.judged.time, TimeMs{7000});
  EXPECT_EQ(send("POST", path, R"({"session_id":"s","verdict":"up","correction":null})").status,
            200);
  EXPECT_EQ(agent_.judged.turn, std::nullopt);
  EXPECT_EQ(agent_.judged.correction, "");
  EXPECT_EQ(send("POST", path, R"({"session_id":"t","verdict":"up"})").status, 404);
  EXPECT_EQ(send("GET", path).body, R"({"up":4})");
  for (const char* wrong :
       {"", "[]", "{}", R"({"session_id":"s"})", R"({"session_id":"","verdict":"up"})",
        R"({"session_id":null,"verdict":"up"})", R"({"session_id":"s","verdict":"?"})",
        R"({"session_id":"s","verdict":"up","turn":-1})",
        R"({"session_id":"s","verdict":"up","turn":"1"})",
        R"({"session_id":"s","verdict":"up","promql":"sum("})",
        R"({"session_id":"s","verdict":"up","correction":1})"}) {
    EXPECT_EQ(send("POST", path, wrong).status, 400) << wrong;
  }
}

TEST_F(AssistantApiTest, TimesOfQuestions) {
  const auto status = [&](const std::string& time) {
    return send("POST", "/api/v5/agent/text", R"({"message":"m","time":)" + time + "}").status;
  };
  EXPECT_EQ(status("12.5"), 200);
  EXPECT_EQ(agent_.asked.time, TimeMs{12'500});
  EXPECT_EQ(send("POST", "/api/v5/agent/text", R"({"message":"m"})").status, 200);
  EXPECT_EQ(agent_.asked.time, TimeMs{7000});
  for (const char* wrong : {"1e300", "-1e300", "\"now\"", "null", "[]"}) {
    EXPECT_EQ(status(wrong), 400) << wrong;
  }
}

TEST_F(AssistantApiTest, AnswersAlwaysHaveWords) {
  const auto reply = [&] {
    return codec::parse_json(send("POST", "/api/v5/agent/text", R"({"message":"m"})").body).value();
  };
  EXPECT_EQ(reply()["reply"], "It is three.");
  EXPECT_EQ(reply()["promql"], "three");
  Answer unclear;
  unclear.clarification = {"Which one?", {"a", "b"}};
  agent_.next = unclear;
  EXPECT_EQ(reply()["reply"], "Which one?");
  EXPECT_EQ(reply()["clarification"]["options"], Json::array({"a", "b"}));
  Answer refused;
  refused.refusal = {"unknown", "There is none.", {}};
  agent_.next = refused;
  EXPECT_EQ(reply()["reply"], "There is none.");
  EXPECT_EQ(reply()["error"]["code"], "unknown");
  agent_.next = fail(ErrorCode::Timeout, "too late");
  EXPECT_EQ(reply()["errorType"], "timeout");
  agent_.next = fail(ErrorCode::Unavailable, "switched off");
  EXPECT_EQ(reply()["errorType"], "unavailable");
  EXPECT_EQ(send("POST", "/api/v5/agent/text", R"({"message":"m"})").status, 503);
  EXPECT_EQ(send("POST", "/api/v5/query/natural", R"({"query":"m"})").status, 503);
}

TEST_F(AssistantApiTest, StreamsOfWords) {
  const auto response =
      send("POST", "/api/v5/agent/text", R"({"message":"m"})", "text/event-stream");
  ASSERT_TRUE(response.stream);
  const auto stream = std::make_shared<RecordingStream>();
  response.stream(stream);
  EXPECT_TRUE(
      stream->text.starts_with("event: step\ndata: {\"tool\":\"query_metrics\","
                               "\"arguments\":{\"promql\":\"up\"}}\n\n"
                               "event: token\ndata: {\"text\":\"It is \"}\n\n"
                               "event: token\ndata: {\"text\":\"three.\"}\n\n"
                               "event: answer\ndata: {\"session_id\":\"s\","))
      << stream->text;
  EXPECT_TRUE(stream->closed);
  EXPECT_FALSE(agent_.asked.stop.stop_requested());
  const auto left = std::make_shared<RecordingStream>();
  left->gone = true;
  response.stream(left);
  EXPECT_TRUE(agent_.asked.stop.stop_requested()) << "nobody waits for the rest";
}

}  // namespace

}  // namespace prom5::api
