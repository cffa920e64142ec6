#include "ask/llm/reply_reader.h"

#include <gtest/gtest.h>

namespace prom5::llm {

namespace {

const std::vector<ToolSpec> kTools = {
    {"query_metrics", "Evaluates.",
     Json::parse(R"({"type": "object", "required": ["promql"], "properties": {
       "promql": {"type": "string"}, "range_s": {"type": "integer"}}})")},
    {"find_metrics", "Finds.",
     Json::parse(R"({"type": "object", "required": ["words"], "properties": {
       "words": {"type": "array", "items": {"type": "string"}}}})")}};

std::vector<Message> conversation(bool ran) {
  std::vector<Message> out{{Role::User, "how full is the disk?", {}, {}, {}}};
  if (!ran) return out;
  Message call{Role::Assistant, "", {}, {}, {}};
  call.calls.push_back({"call1", "query_metrics", Json{{"promql", "disk"}}});
  out.push_back(call);
  Message result{Role::Tool, "", {}, "call1", {}};
  result.content = {{"resultType", "scalar"}, {"result", {1763797138, "0.42"}}};
  out.push_back(result);
  return out;
}

ChatReply calls(std::vector<ChatCall> list) {
  ChatReply reply;
  reply.calls = std::move(list);
  reply.finish = "tool_calls";
  return reply;
}

ChatReply ends(const Json& arguments) { return calls({{"z", "final_answer", arguments.dump()}}); }

std::variant<Message, Complaint> read(const ChatReply& reply, bool ran = true) {
  return read_reply(reply, conversation(ran), kTools, Scrubber());
}

/// The complaint about the first call, or about the turn.
std::string fault(const ChatReply& reply, bool ran = true) {
  const auto got = read(reply, ran);
  const auto* complaint = std::get_if<Complaint>(&got);
  if (complaint == nullptr) return "";
  for (const std::string& text : complaint->of_calls) {
    if (!text.empty()) return text;
  }
  return complaint->text;
}

void complains(const ChatReply& reply, std::string_view about, bool ran = true) {
  const std::string got = fault(reply, ran);
  EXPECT_NE(got.find(about), std::string::npos) << "got: " << got;
}

}  // namespace

TEST(ReplyReader, Calls) {
  const auto got = read(calls({{"a", "query_metrics", R"({"promql":"up","range_s":60.0})"},
                               {"call1", "find_metrics", R"({"words":["x"]})"},
                               {"<bad>", "find_metrics", R"({"words":[]})"},
                               {"x", "final_answer", R"({"text":"too early"})"}}));
  const auto* message = std::get_if<Message>(&got);
  ASSERT_NE(message, nullptr);
  ASSERT_EQ(message->calls.size(), 3U);
  EXPECT_EQ(message->calls[0].id, "a");
  EXPECT_EQ(message->calls[0].arguments, (Json{{"promql", "up"}, {"range_s", 60}}));
  EXPECT_NE(message->calls[1].id, "call1");  // taken already
  EXPECT_EQ(message->calls[2].id.size(), 9U);
  EXPECT_NE(message->calls[1].id, message->calls[2].id);
  EXPECT_TRUE(message->content.is_null());
}

TEST(ReplyReader, CallsThatCannotBeMade) {
  complains(calls({{"a", "delete_series", "{}"}}), "no such tool");
  complains(calls({{"a", "query_metrics", "{\"promql\":"}}), "no JSON object");
  complains(calls({{"a", "query_metrics", "[1]"}}), "no JSON object");
  complains(calls({{"a", "query_metrics", ""}}), "\"promql\" is missing");
  complains(calls({{"a", "query_metrics", R"({"promql":5})"}}), "must be of type string");
  complains(calls({{"a", "query_metrics", R"({"promql":"up","range_s":"1h"})"}}), "type integer");
  complains(calls({{"a", "query_metrics", R"({"promql":"up","url":"x"})"}}), "no argument \"url\"");
  complains(calls({{"a", "query_metrics", R"({"promql":"up","range_s":0.5})"}}), "type integer");
  complains(calls({{"a", "find_metrics", R"({"words":[5]})"}}), "values of type string");
  complains(calls({}), "That was text");
  ChatReply cut = calls({{"a", "query_metrics", "{\"promql\":\"su"}});
  cut.finish = "length";
  complains(cut, "limit of tokens");
  // One wrong call spoils the turn: a right one is not made behind the model's back.
  complains(calls({{"a", "query_metrics", R"({"promql":"up"})"}, {"b", "shell", "{}"}}),
            "no such tool");
}

TEST(ReplyReader, AnAnswer) {
  const auto got = read(ends({{"intent", "status"},
                              {"promql", " disk "},
                              {"queries", {"disk", "disk"}},
                              {"text", "The disk is 42 % full."},
                              {"explanation", "Its share."},
                              {"unit", "ratio"},
                              {"confidence", 7},
                              {"action", {{"kind", "silence"}}}}));
  const auto* message = std::get_if<Message>(&got);
  ASSERT_NE(message, nullptr);
  EXPECT_TRUE(message->calls.empty());
  EXPECT_EQ(message->text, "The disk is 42 % full.");
  EXPECT_EQ(message->content["intent"], "status");
  EXPECT_EQ(message->content["promql"], "disk");
  EXPECT_EQ(message->content["queries"].size(), 2U);
  EXPECT_EQ(message->content["confidence"], 1.0);
  EXPECT_EQ(message->content["unit"], "ratio");
  EXPECT_FALSE(message->content.contains("action"));
}

TEST(ReplyReader, AnswersThatRestOnNothing) {
  complains(ends({{"promql", "up"}, {"text", "Fine."}}), "was not run");
  complains(ends({{"promql", "disk"}, {"queries", {"up"}}, {"text", "Fine."}}), "was not run");
  complains(ends({{"promql", "disk"}, {"text", "It is 43 %."}}), "in no result");
  complains(ends({{"promql", "disk"}, {"text", "ok"}, {"explanation", "of 9000"}}), "in no result");
  complains(ends({{"promql", "disk"}, {"text", ""}}), "no text");
  complains(ends({{"promql", "disk"}}), "no text");
  complains(ends({{"text", "Fine."}}), "at least one result", false);
  complains(ends({{"promql", "disk"}, {"text", std::string(5000, 'x')}}), "shorter");
  complains(ends({{"refusal", {{"message", "it is 99"}}}}), "in no result");
  complains(ends({{"refusal", Json::object()}}), "no message");
  complains(ends({{"clarification", {{"question", ""}}}}), "no question");
}

TEST(ReplyReader, ClarificationsAndRefusals) {
  const auto asked =
      read(ends({{"clarification", {{"question", "Which?"}, {"options", {"a", 5, "b"}}}}}), false);
  ASSERT_TRUE(std::holds_alternative<Message>(asked));
  const Message& clarify = std::get<Message>(asked);
  EXPECT_EQ(clarify.text, "Which?");
  EXPECT_EQ(clarify.content["intent"], "clarify");
  EXPECT_EQ(clarify.content["clarification"]["options"], Json({"a", "b"}));
  const auto refused = read(ends({{"refusal",
                                   {{"code", "No Such!"},
                                    {"message", "None. See https://evil.example/?q=1"},
                                    {"suggestions", "cpu"}}}}),
                            false);
  ASSERT_TRUE(std::holds_alternative<Message>(refused));
  const Message& refuse = std::get<Message>(refused);
  EXPECT_EQ(refuse.content["error"]["code"], "refused");
  EXPECT_EQ(refuse.content["error"]["message"], "None. See [link removed]");
  EXPECT_EQ(refuse.content["error"]["suggestions"], Json::array());
}

TEST(ReplyReader, WrongTypesDoNotThrow) {
  for (const std::string_view text :
       {R"({"intent":5,"promql":["disk"],"text":{},"confidence":"high"})",
        R"({"clarification":"what?"})", R"({"refusal":[1]})",
        R"({"promql":"disk","text":"ok","unit":7,"intent":null,"queries":"disk"})",
        R"({"clarification":{"question":1,"options":{}}})"}) {
    fault(calls({{"a", "final_answer", std::string(text)}}));
  }
}

TEST(ReplyReader, PlaceholdersComeBack) {
  Scrubber scrubber;
  scrubber.learn("jane@example.org");
  const auto got =
      read_reply(calls({{"a", "query_metrics", R"({"promql":"logins{user=\"[email 1]\"}"})"}}),
                 conversation(false), kTools, scrubber);
  ASSERT_TRUE(std::holds_alternative<Message>(got));
  EXPECT_EQ(std::get<Message>(got).calls[0].arguments["promql"],
            "logins{user=\"jane@example.org\"}");
}

}  // namespace prom5::llm
