#include "ask/llm/http_model.h"

#include <gtest/gtest.h>

#include <deque>

namespace prom5::llm {

namespace {

/// Answers as it was told to, one after another, and keeps what it was asked.
class ScriptedHttp final : public io::HttpClient {
 public:
  using Answer = std::function<Result<io::HttpClientResponse>(const io::HttpClientRequest&)>;

  void start(io::HttpClientRequest request, Completion completion) override {
    requests.push_back(request);
    if (answers.empty()) {
      completion(fail(ErrorCode::Unavailable, "the script is over"));
      return;
    }
    const Answer answer = std::move(answers.front());
    answers.pop_front();
    completion(answer(request));
  }

  void says(int status, std::string body, const io::Headers& headers = {}) {
    answers.push_back([=](const io::HttpClientRequest&) {
      io::HttpClientResponse response;
      response.status = status;
      response.body = body;
      response.headers = headers;
      return response;
    });
  }
  void fails(ErrorCode code) {
    answers.push_back([=](const io::HttpClientRequest&) -> Result<io::HttpClientResponse> {
      return fail(code, "as told");
    });
  }
  void calls(const std::string& tool, const Json& arguments) {
    says(200, stream(tool, arguments.dump()));
  }
  void ends(const Json& arguments) { calls("final_answer", arguments); }

  /// One call, its arguments in two pieces.
  static std::string stream(const std::string& tool, const std::string& arguments) {
    const auto chunk = [](const Json& delta, const Json& finish) {
      return "data: " +
             Json{{"choices", Json::array({{{"delta", delta}, {"finish_reason", finish}}})}}
                 .dump() +
             "\n\n";
    };
    const size_t half = arguments.size() / 2;
    const auto part = [](const Json& function) {
      return Json{
          {"tool_calls", Json::array({{{"index", 0}, {"id", "x1"}, {"function", function}}})}};
    };
    return chunk(part({{"name", tool}, {"arguments", arguments.substr(0, half)}}), nullptr) +
           chunk(part({{"arguments", arguments.substr(half)}}), nullptr) +
           chunk(Json::object(), "tool_calls") +
           "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":10}}\n\n"
           "data: [DONE]\n\n";
  }

  [[nodiscard]] Json body(size_t request) const { return Json::parse(requests[request].body); }

  std::deque<Answer> answers;
  std::vector<io::HttpClientRequest> requests;
};

/// Waits by moving on at once.
class SteppingClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override { return now_; }
  bool wait_until(TimeMs deadline, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    waits.push_back(deadline - now_);
    now_ = std::max(now_, deadline);
    return true;
  }
  void advance(DurationMs by) { now_ = now_ + by; }

  std::vector<DurationMs> waits;

 private:
  TimeMs now_{1'763'797'138'000};
};

HttpModelOptions default_options() {
  HttpModelOptions options;
  options.provider = Provider::OpenAi;
  options.base_url = "http://model.example/v1";
  options.model = "m";
  options.api_key.text = "the-secret-key";
  options.price_input_per_million = 2;
  options.price_output_per_million = 8;
  return options;
}

const std::vector<ToolSpec> kTools = {
    {"query_metrics", "Evaluates.",
     Json::parse(R"({"type": "object", "required": ["promql"], "properties": {
       "promql": {"type": "string"}}})")}};

class HttpModelTest : public testing::Test {
 protected:
  Result<Reply> ask(TimeMs deadline = ReplyLimits{}.deadline) {
    if (!model_) model_.emplace(options_, http_, clock_, metrics_, log_);
    return model_->complete(conversation_, kTools, {stop_.get_token(), deadline});
  }
  /// The error of the next turn.
  ErrorCode asks_in_vain() {
    const auto reply = ask();
    EXPECT_FALSE(reply);
    return reply ? ErrorCode::NotFound : reply.error().code;
  }
  void ran(const std::string& promql, const Json& result) {
    const std::string id = fmt::format("r{}", conversation_.size());
    Message call{Role::Assistant, "", {}, {}, {}};
    call.calls.push_back({id, "query_metrics", Json{{"promql", promql}}});
    conversation_.push_back(call);
    conversation_.push_back({Role::Tool, "", {}, id, result});
  }
  double metric(std::string_view name, std::string_view label = "") {
    for (const auto& family : metrics_.collect()) {
      if (family.name != name) continue;
      for (const auto& point : family.points) {
        if (label.empty() || point.labels[0].second == label) return point.value;
      }
    }
    return -1;
  }
  double requests(std::string_view outcome) {
    return metric("prom5_assistant_model_requests_total", outcome);
  }

  HttpModelOptions options_ = default_options();
  ScriptedHttp http_;
  SteppingClock clock_;
  MetricRegistry metrics_;
  std::string logged_;
  Log log_{LogLevel::Debug, LogFormat::Logfmt, [this](std::string_view line) { logged_ += line; }};
  std::stop_source stop_;
  std::vector<Message> conversation_{{Role::User, "how full is the disk?", {}, {}, {}}};
  std::optional<HttpModel> model_;
};

const Json kScalar{{"resultType", "scalar"}, {"result", {1763797138, "0.42"}}};

}  // namespace

TEST_F(HttpModelTest, ATurnWithACall) {
  http_.calls("query_metrics", {{"promql", "disk"}});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->message.calls.size(), 1U);
  EXPECT_EQ(reply->message.calls[0].tool, "query_metrics");
  EXPECT_EQ(reply->message.calls[0].arguments, (Json{{"promql", "disk"}}));
  ASSERT_EQ(http_.requests.size(), 1U);
  const io::HttpClientRequest& request = http_.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "http://model.example/v1/chat/completions");
  EXPECT_EQ(request.security->credentials.text, "the-secret-key");
  EXPECT_FALSE(request.security->follow_redirects);
  EXPECT_EQ(request.connect_timeout_ms, 5000);
  EXPECT_EQ(request.timeout_ms, 60'000);
  EXPECT_EQ(request.max_body_bytes, options_.max_response_bytes);
  const Json body = http_.body(0);
  EXPECT_EQ(body["messages"][0]["role"], "system");
  EXPECT_EQ(body["messages"][1]["content"], "how full is the disk?");
  EXPECT_EQ(body["tools"].size(), 2U);
  EXPECT_EQ(requests("ok"), 1);
  EXPECT_EQ(metric("prom5_assistant_model_tokens_total", "input"), 1000);
  EXPECT_EQ(metric("prom5_assistant_model_tokens_total", "output"), 10);
  EXPECT_EQ(metric("prom5_assistant_model_cost_micros_total"), 2080);
}

TEST_F(HttpModelTest, TheFinalAnswer) {
  ran("disk", kScalar);
  http_.ends({{"intent", "status"}, {"promql", "disk"}, {"text", "It is 42 % full."}});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->message.calls.empty());
  EXPECT_EQ(reply->message.text, "It is 42 % full.");
  EXPECT_EQ(reply->message.content["promql"], "disk");
  EXPECT_EQ(reply->tokens, 1010U);
  const Json messages = http_.body(0)["messages"];
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[2]["tool_calls"][0]["id"], messages[3]["tool_call_id"]);
  const Json sent = Json::parse(messages[3]["content"].get<std::string>());
  EXPECT_EQ(sent["data"], kScalar);
  EXPECT_EQ(sent["source"], "tool query_metrics");
}

TEST_F(HttpModelTest, TurnsThatCannotBeUsedGoBack) {
  ran("disk", kScalar);
  http_.calls("shell", {{"command", "rm"}});
  http_.ends({{"promql", "disk"}, {"text", "It is 99 %."}});
  http_.ends({{"promql", "disk"}, {"text", "It is 42 %."}});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->message.text, "It is 42 %.");
  EXPECT_EQ(reply->tokens, 3030U);  // of all three tries
  EXPECT_EQ(metric("prom5_assistant_model_corrections_total"), 2);
  const Json messages = http_.body(2)["messages"];
  ASSERT_EQ(messages.size(), 8U);
  EXPECT_EQ(messages[4]["tool_calls"][0]["function"]["name"], "shell");
  EXPECT_EQ(messages[5]["tool_call_id"], messages[4]["tool_calls"][0]["id"]);
  EXPECT_NE(messages[5]["content"].get<std::string>().find("no such tool"), std::string::npos);
  EXPECT_NE(messages[7]["content"].get<std::string>().find("99"), std::string::npos);
}

TEST_F(HttpModelTest, TheQuestionsDeadlineIsTheModelsToo) {
  http_.calls("query_metrics", {{"promql", "disk"}});
  ASSERT_TRUE(ask(clock_.now() + DurationMs::seconds(7)));
  EXPECT_EQ(http_.requests[0].timeout_ms, 7000);
  const auto late = ask(clock_.now());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::Timeout);
  EXPECT_EQ(http_.requests.size(), 1U);
}

TEST_F(HttpModelTest, NonsenseEnds) {
  for (int i = 0; i < 3; ++i) http_.calls("shell", Json::object());
  EXPECT_EQ(asks_in_vain(), ErrorCode::Internal);
  EXPECT_EQ(http_.requests.size(), 3U);
  // Text without a call, and a call whose arguments are broken.
  http_.says(200, R"({"choices":[{"finish_reason":"stop","message":{"content":"It is 7."}}]})");
  http_.says(200, ScriptedHttp::stream("query_metrics", "{\"promql\": tru"));
  http_.calls("query_metrics", {{"promql", "disk"}});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  const Json messages = http_.body(5)["messages"];
  EXPECT_EQ(messages[3]["role"], "user");
  EXPECT_EQ(messages[4]["tool_calls"][0]["function"]["arguments"], "{}");  // still JSON
}

TEST_F(HttpModelTest, NothingPrivateIsSent) {
  conversation_ = {{Role::User, "is jane@example.org on 10.1.2.3? password=hunter22", {}, {}, {}}};
  ran("logins{user=\"jane@example.org\"}",
      {{"resultType", "vector"},
       {"result",
        {{{"metric", {{"user", "jane@example.org"}, {"note", "hunter22"}}},
          {"value", {1763797138, "1"}}}}}});
  ran("x", {{"error", "the-secret-key was refused"}});
  http_.calls("query_metrics", {{"promql", "sum(logins{user=\"[email 1]\"})"}});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  const std::string& sent = http_.requests[0].body;
  for (const std::string_view original :
       {"jane@example.org", "10.1.2.3", "hunter22", "the-secret-key"}) {
    EXPECT_EQ(sent.find(original), std::string::npos) << original << "\n" << sent;
  }
  EXPECT_EQ(reply->message.calls[0].arguments["promql"], "sum(logins{user=\"jane@example.org\"})");
  EXPECT_EQ(metric("prom5_assistant_model_redactions_total", "email"), 1);
  EXPECT_EQ(metric("prom5_assistant_model_redactions_total", "secret"), 1);
  EXPECT_EQ(metric("prom5_assistant_model_redactions_total", "ip"), 1);
}

TEST_F(HttpModelTest, PassingFailuresAreTriedAgain) {
  http_.says(503, "");
  http_.fails(ErrorCode::Unavailable);
  http_.calls("query_metrics", {{"promql", "disk"}});
  ASSERT_TRUE(ask());
  ASSERT_EQ(clock_.waits.size(), 2U);
  EXPECT_GE(clock_.waits[0].ms, 375);
  EXPECT_LE(clock_.waits[0].ms, 625);
  EXPECT_GE(clock_.waits[1].ms, 750);
  EXPECT_LE(clock_.waits[1].ms, 1250);
  EXPECT_EQ(requests("server_error"), 1);
  EXPECT_EQ(requests("transport"), 1);
  EXPECT_EQ(metric("prom5_assistant_model_retries_total"), 2);
  EXPECT_LT(http_.requests[2].timeout_ms, 60'000);  // the time is that of all tries
}

TEST_F(HttpModelTest, TriesAreBounded) {
  for (int i = 0; i < 9; ++i) http_.says(500, R"({"error":{"message":"oops the-secret-key"}})");
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::Unavailable);
  EXPECT_NE(reply.error().message.find("status 500: oops [secret 1]"), std::string::npos);
  EXPECT_EQ(http_.requests.size(), 3U);
}

TEST_F(HttpModelTest, RetryAfterIsHonoured) {
  const auto after = [this](const std::string& name, const std::string& value, int64_t ms) {
    io::Headers headers;
    headers.add(name, value);
    http_.says(429, "", headers);
    http_.calls("query_metrics", {{"promql", "disk"}});
    clock_.waits.clear();
    ASSERT_TRUE(ask()) << value;
    ASSERT_EQ(clock_.waits.size(), 1U);
    EXPECT_EQ(clock_.waits[0].ms, ms) << value;
  };
  after("Retry-After", "7", 7000);
  after("Retry-After", "0", 0);
  after("retry-after-ms", "120", 120);
  after("Retry-After", "-3", 0);
  EXPECT_EQ(requests("rate_limited"), 4);
}

TEST_F(HttpModelTest, RetryAfterAsADate) {
  io::Headers headers;
  headers.add("Retry-After", "Sat, 22 Nov 2025 07:39:08 GMT");  // ten seconds after the clock
  http_.says(429, "", headers);
  http_.calls("query_metrics", {{"promql", "disk"}});
  ASSERT_TRUE(ask());
  ASSERT_EQ(clock_.waits.size(), 1U);
  EXPECT_EQ(clock_.waits[0], DurationMs::seconds(10));
}

TEST_F(HttpModelTest, NobodyWaitsLongerThanTheTurnMayTake) {
  io::Headers headers;
  headers.add("Retry-After", "3600");
  http_.says(429, "", headers);
  EXPECT_EQ(asks_in_vain(), ErrorCode::Unavailable);
  EXPECT_TRUE(clock_.waits.empty());
}

TEST_F(HttpModelTest, WhatWillNotPassIsNotTriedAgain) {
  for (const int status : {400, 401, 403, 404, 302}) {
    http_.says(status, R"({"error":"no"})");
    EXPECT_EQ(asks_in_vain(), ErrorCode::Unavailable) << status;
    // Not a success, which would set the breaker back; it opens in time.
  }
  EXPECT_EQ(http_.requests.size(), 5U);
  EXPECT_EQ(requests("client_error"), 5);
}

TEST_F(HttpModelTest, TimeoutsAndSizes) {
  http_.fails(ErrorCode::Timeout);
  EXPECT_EQ(asks_in_vain(), ErrorCode::Timeout);
  http_.fails(ErrorCode::LimitExceeded);
  EXPECT_EQ(asks_in_vain(), ErrorCode::LimitExceeded);
  EXPECT_EQ(http_.requests.size(), 2U);
  EXPECT_EQ(requests("timeout"), 1);
  EXPECT_EQ(requests("too_large"), 1);
}

TEST_F(HttpModelTest, TheTimeIsThatOfTheWholeTurn) {
  http_.answers.push_back([this](const io::HttpClientRequest&) {
    clock_.advance(DurationMs::seconds(61));
    io::HttpClientResponse response;
    response.status = 200;
    response.body = ScriptedHttp::stream("shell", "{}");
    return response;
  });
  EXPECT_EQ(asks_in_vain(), ErrorCode::Timeout);
  EXPECT_EQ(http_.requests.size(), 1U);
}

TEST_F(HttpModelTest, BrokenAnswersAreTriedAgain) {
  const std::string whole = ScriptedHttp::stream("query_metrics", R"({"promql":"disk"})");
  http_.says(200, whole.substr(0, whole.size() / 3));
  http_.says(200, "\x80garbage\xff");
  http_.says(200, whole);
  ASSERT_TRUE(ask());
  EXPECT_EQ(requests("malformed"), 2);
}

TEST_F(HttpModelTest, TheBreakerOpensAndCloses) {
  options_.max_retries = 0;
  for (int i = 0; i < 5; ++i) http_.says(500, "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(asks_in_vain(), ErrorCode::Unavailable);
  EXPECT_EQ(metric("prom5_assistant_model_breaker_state"), 2);
  EXPECT_NE(logged_.find("not asked for a while"), std::string::npos);
  const auto refused = ask();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("it is not asked until"), std::string::npos);
  EXPECT_EQ(http_.requests.size(), 5U);
  EXPECT_EQ(requests("breaker_open"), 1);
  clock_.advance(DurationMs::seconds(30));
  http_.says(500, "");  // the probe
  EXPECT_EQ(asks_in_vain(), ErrorCode::Unavailable);
  EXPECT_EQ(asks_in_vain(), ErrorCode::Unavailable);
  EXPECT_EQ(http_.requests.size(), 6U);
  clock_.advance(DurationMs::seconds(30));
  http_.calls("query_metrics", {{"promql", "disk"}});
  ASSERT_TRUE(ask());
  EXPECT_EQ(metric("prom5_assistant_model_breaker_state"), 0);
}

TEST_F(HttpModelTest, GivenUp) {
  http_.answers.push_back([this](const io::HttpClientRequest& request) {
    EXPECT_FALSE(request.canceled->load());
    stop_.request_stop();
    EXPECT_TRUE(request.canceled->load());
    return Result<io::HttpClientResponse>(fail(ErrorCode::Canceled, "given up by the caller"));
  });
  EXPECT_EQ(asks_in_vain(), ErrorCode::Canceled);
  EXPECT_EQ(http_.requests.size(), 1U);
  EXPECT_EQ(requests("canceled"), 1);
}

TEST_F(HttpModelTest, GivenUpWhileWaiting) {
  http_.answers.push_back([this](const io::HttpClientRequest&) {
    io::HttpClientResponse response;
    response.status = 503;
    clock_.advance(DurationMs::millis(1));
    return response;
  });
  ASSERT_EQ(http_.answers.size(), 1U);
  std::stop_source& stop = stop_;
  options_.min_backoff = DurationMs::seconds(1);
  http_.answers.push_back([&stop](const io::HttpClientRequest&) {
    stop.request_stop();
    return Result<io::HttpClientResponse>(fail(ErrorCode::Unavailable, "gone"));
  });
  EXPECT_EQ(asks_in_vain(), ErrorCode::Canceled);
  EXPECT_EQ(http_.requests.size(), 2U);
}

TEST_F(HttpModelTest, NewerModelsWantAnotherLimit) {
  http_.says(400, R"({"error":{"message":"Use 'max_completion_tokens' instead."}})");
  http_.calls("query_metrics", {{"promql", "disk"}});
  http_.calls("query_metrics", {{"promql", "disk"}});
  options_.max_retries = 0;
  ASSERT_TRUE(ask());
  ASSERT_TRUE(ask());
  EXPECT_TRUE(http_.body(0).contains("max_tokens"));
  EXPECT_TRUE(http_.body(1).contains("max_completion_tokens"));
  EXPECT_TRUE(http_.body(2).contains("max_completion_tokens"));
}

TEST_F(HttpModelTest, LongConversationsLoseTheirBeginning) {
  options_.max_request_bytes = 3000;
  conversation_.clear();
  for (int i = 0; i < 10; ++i) {
    conversation_.push_back(
        {Role::User, fmt::format("question {} ", i) + std::string(500, 'q'), {}, {}, {}});
    conversation_.push_back({Role::Assistant, fmt::format("answer {}", i), {}, {}, {}});
  }
  conversation_.push_back({Role::User, "the last question", {}, {}, {}});
  ran("a", {{"resultType", "string"}, {"result", std::string(300, 'r')}});
  http_.calls("query_metrics", {{"promql", "disk"}});
  ASSERT_TRUE(ask());
  const std::string sent = http_.requests[0].body;
  EXPECT_EQ(sent.find("question 0"), std::string::npos);
  EXPECT_NE(sent.find("question 9"), std::string::npos);
  EXPECT_NE(sent.find("the last question"), std::string::npos);
  EXPECT_NE(sent.find("rrr"), std::string::npos);
}

TEST_F(HttpModelTest, Ollama) {
  options_.provider = Provider::Ollama;
  options_.base_url = "http://ollama.example:11434";
  options_.api_key = {};
  ran("disk", kScalar);
  http_.says(200, R"({"message":{"content":"","tool_calls":[{"function":{"name":"final_answer",)"
                  R"("arguments":{"promql":"disk","text":"It is 42 %."}}}]},"done":false})"
                  "\n"
                  R"({"message":{"content":""},"done":true,"prompt_eval_count":5,"eval_count":6})"
                  "\n");
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->message.text, "It is 42 %.");
  EXPECT_EQ(http_.requests[0].url, "http://ollama.example:11434/api/chat");
  EXPECT_TRUE(http_.requests[0].security->credentials.empty());
  EXPECT_EQ(http_.body(0)["messages"][3]["tool_name"], "query_metrics");
  EXPECT_EQ(metric("prom5_assistant_model_tokens_total", "output"), 6);
}

TEST_F(HttpModelTest, AKeyThatCannotBeReadAsksNobody) {
  options_.api_key = {"", "/no/such/file"};
  EXPECT_EQ(asks_in_vain(), ErrorCode::NotFound);
  EXPECT_TRUE(http_.requests.empty());
}

}  // namespace prom5::llm
