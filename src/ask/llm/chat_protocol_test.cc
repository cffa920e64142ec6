#include "ask/llm/chat_protocol.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5::llm {

namespace {

HttpModelOptions openai() {
  HttpModelOptions options;
  options.provider = Provider::OpenAi;
  options.model = "m";
  return options;
}

HttpModelOptions ollama() {
  HttpModelOptions options = openai();
  options.provider = Provider::Ollama;
  return options;
}

const std::vector<ChatTurn> kTurns = {
    {ChatTurn::Kind::System, "rules", {}, "", ""},
    {ChatTurn::Kind::User, "how much?", {}, "", ""},
    {ChatTurn::Kind::Assistant, "", {{"c1", "query_metrics", R"({"promql":"up"})"}}, "", ""},
    {ChatTurn::Kind::Tool, "{\"a\":1}", {}, "c1", "query_metrics"},
};
const std::vector<ToolSpec> kTools = {{"query_metrics", "Evaluates.", Json{{"type", "object"}}}};

std::string chunk(const Json& delta, const Json& finish = nullptr) {
  return "data: " +
         codec::dump_json(
             {{"object", "chat.completion.chunk"},
              {"choices", {{{"index", 0}, {"delta", delta}, {"finish_reason", finish}}}}}) +
         "\n\n";
}

Json call_part(size_t index, const Json& rest) {
  Json part{{"index", index}};
  part.update(rest);
  return {{"tool_calls", Json::array({part})}};
}

void bad(Provider provider, std::string_view body, std::string_view message) {
  const auto reply = parse_chat(provider, body);
  ASSERT_FALSE(reply) << body;
  EXPECT_EQ(reply.error().code, ErrorCode::Unavailable);
  EXPECT_NE(reply.error().message.find(message), std::string::npos) << reply.error().message;
}

}  // namespace

TEST(ChatProtocol, Urls) {
  HttpModelOptions options = openai();
  EXPECT_EQ(chat_url(options), "https://api.openai.com/v1/chat/completions");
  options.base_url = "http://vllm:8000/v1/";
  EXPECT_EQ(chat_url(options), "http://vllm:8000/v1/chat/completions");
  EXPECT_EQ(chat_url(ollama()), "http://127.0.0.1:11434/api/chat");
}

TEST(ChatProtocol, RequestToOpenAi) {
  HttpModelOptions options = openai();
  options.max_tokens = 7;
  options.temperature = 0.5;
  const std::string text = chat_request(options, kTurns, kTools, TokenLimitField::MaxTokens);
  const Json expected = Json::parse(R"({
    "model": "m", "stream": true,
    "messages": [
      {"role": "system", "content": "rules"},
      {"role": "user", "content": "how much?"},
      {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function",
        "function": {"name": "query_metrics", "arguments": "{\"promql\":\"up\"}"}}]},
      {"role": "tool", "content": "{\"a\":1}", "tool_call_id": "c1"}],
    "tools": [{"type": "function", "function": {"name": "query_metrics",
      "description": "Evaluates.", "parameters": {"type": "object"}}}],
    "stream_options": {"include_usage": true}, "max_tokens": 7, "temperature": 0.5})");
  EXPECT_EQ(Json::parse(text), expected) << text;
  const std::string newer =
      chat_request(openai(), kTurns, kTools, TokenLimitField::MaxCompletionTokens);
  EXPECT_EQ(Json::parse(newer)["max_completion_tokens"], 2000);
  EXPECT_FALSE(Json::parse(newer).contains("max_tokens"));
  EXPECT_FALSE(Json::parse(newer).contains("temperature"));
}

TEST(ChatProtocol, RequestToOllama) {
  const std::string text = chat_request(ollama(), kTurns, kTools, TokenLimitField::MaxTokens);
  const Json body = Json::parse(text);
  EXPECT_EQ(body["messages"][2]["tool_calls"][0]["function"]["arguments"],
            (Json{{"promql", "up"}}));
  EXPECT_EQ(body["messages"][3]["tool_name"], "query_metrics");
  EXPECT_EQ(body["options"], (Json{{"num_predict", 2000}}));
  EXPECT_FALSE(body.contains("stream_options"));
}

TEST(ChatProtocol, StreamOfText) {
  const auto reply = parse_chat(
      Provider::OpenAi,
      ": a comment\r\n\r\n" + chunk({{"role", "assistant"}, {"content", ""}}) +
          chunk({{"content", "Hel"}}) + chunk({{"content", "lo"}}) + chunk(Json::object(), "stop") +
          "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2}}\n\n"
          "data: [DONE]\n\n");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, "Hello");
  EXPECT_EQ(reply->finish, "stop");
  EXPECT_EQ(reply->input_tokens, 11U);
  EXPECT_EQ(reply->output_tokens, 2U);
  EXPECT_TRUE(reply->calls.empty());
}

TEST(ChatProtocol, ToolCallsInPiecesAndSideBySide) {
  const auto reply = parse_chat(
      Provider::OpenAi,
      chunk(call_part(0, {{"id", "a"}, {"function", {{"name", "x"}, {"arguments", ""}}}})) +
          chunk(call_part(0, {{"function", {{"arguments", "{\"pro"}}}})) +
          chunk(call_part(1, {{"id", "b"}, {"function", {{"name", "y"}, {"arguments", "{"}}}})) +
          chunk(call_part(0, {{"function", {{"arguments", "mql\":1}"}}}})) +
          chunk(call_part(1, {{"function", {{"arguments", "}"}}}})) +
          chunk(Json::object(), "tool_calls") + "data: [DONE]");
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->calls.size(), 2U);
  EXPECT_EQ(reply->calls[0].id, "a");
  EXPECT_EQ(reply->calls[0].tool, "x");
  EXPECT_EQ(reply->calls[0].arguments, "{\"promql\":1}");
  EXPECT_EQ(reply->calls[1].id, "b");
  EXPECT_EQ(reply->calls[1].arguments, "{}");
}

TEST(ChatProtocol, AnAnswerInOnePiece) {
  const auto reply = parse_chat(Provider::OpenAi, R"(
      {"choices": [{"finish_reason": "tool_calls", "message": {"content": null, "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "x", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "y", "arguments": "{}"}}]}}],
       "usage": {"prompt_tokens": 3, "completion_tokens": 4}})");
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->calls.size(), 2U);
  EXPECT_EQ(reply->calls[1].tool, "y");
  EXPECT_EQ(reply->output_tokens, 4U);
}

TEST(ChatProtocol, StreamOfOllama) {
  const Json call{{"function", {{"name", "x"}, {"arguments", {{"promql", "up"}}}}}};
  const Json middle{{"message", {{"content", "lo"}, {"tool_calls", Json::array({call})}}},
                    {"done", false}};
  const auto reply = parse_chat(
      Provider::Ollama,
      "{\"message\":{\"content\":\"Hel\"},\"done\":false}\n" + middle.dump() + "\n" +
          R"({"message":{"content":""},"done":true,"prompt_eval_count":9,"eval_count":8})");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, "Hello");
  ASSERT_EQ(reply->calls.size(), 1U);
  EXPECT_EQ(reply->calls[0].arguments, R"({"promql":"up"})");
  EXPECT_EQ(reply->input_tokens, 9U);
  EXPECT_EQ(reply->output_tokens, 8U);
}

TEST(ChatProtocol, WhatIsNoAnswer) {
  const Provider openai = Provider::OpenAi;
  bad(openai, "", "no event stream");
  bad(openai, "<html>hello</html>", "no event stream");
  bad(openai, "{\"choices\":[", "not JSON");
  bad(openai, "{}", "ends early");
  bad(openai, chunk({{"content", "Hel"}}), "ends early");
  bad(openai, "data: {\"choices\":[{\"del\n\n", "not JSON");
  bad(openai, "data: 5\n\n", "not JSON");
  bad(openai, "data: {\"error\":{\"message\":\"over\\nloaded\"}}\n\n", "over loaded");
  bad(openai, "data: {\"error\":\"no\"}\n\n", "no");
  bad(openai, chunk(call_part(16, {{"id", "a"}})), "more than 16 calls");
  bad(openai, chunk(call_part(4'000'000'000, {{"id", "a"}})), "more than 16 calls");
  bad(Provider::Ollama, "", "ends early");
  bad(Provider::Ollama, "{\"message\":{\"content\":\"a\"},\"done\":false}\n", "ends early");
  bad(Provider::Ollama, "{\"error\":\"model 'm' not found\"}\n", "model 'm' not found");
  bad(Provider::Ollama, "not JSON\n", "not JSON");
}

TEST(ChatProtocol, WrongTypesAreNotThere) {
  for (const std::string_view body :
       {R"({"choices":[{"finish_reason":"stop","message":5}]})",
        R"({"choices":[{"finish_reason":"stop","message":{"content":[1],"tool_calls":{}}}]})",
        R"({"choices":[{"finish_reason":"stop","message":{"tool_calls":[5,null,{"id":7}]}}]})",
        R"({"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":"x",
            "completion_tokens":-5}})"}) {
    const auto reply = parse_chat(Provider::OpenAi, body);
    ASSERT_TRUE(reply) << body;
    EXPECT_EQ(reply->text, "");
    EXPECT_TRUE(reply->calls.empty());
    EXPECT_EQ(reply->output_tokens, 0U);
  }
}

TEST(ChatProtocol, AnyBytesAreSurvived) {
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string good =
      chunk(call_part(0, {{"id", "a"}, {"function", {{"name", "x"}, {"arguments", "{}"}}}})) +
      chunk(Json::object(), "stop") + "data: [DONE]\n\n";
  for (int round = 0; round < 5000; ++round) {
    std::string body = good;
    for (uint64_t n = rng.below(4) + 1; n > 0; --n) {
      body[rng.below(body.size())] = static_cast<char>(rng.below(256));
    }
    body.resize(rng.below(body.size() + 1));
    // Whether it is an answer is not the point: that it is one or the other is.
    const bool either = parse_chat(Provider::OpenAi, body).has_value() ||
                        !parse_chat(Provider::Ollama, body).has_value();
    EXPECT_TRUE(either);
  }
}

TEST(ChatProtocol, Errors) {
  EXPECT_EQ(chat_error(R"({"error":{"message":"bad key"}})"), "bad key");
  EXPECT_EQ(chat_error(R"({"error":"bad key"})"), "bad key");
  EXPECT_EQ(chat_error("<html>"), "");
  EXPECT_LT(chat_error(codec::dump_json({{"error", std::string(5000, 'x')}})).size(), 310U);
}

}  // namespace prom5::llm
