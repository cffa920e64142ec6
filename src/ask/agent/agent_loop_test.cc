#include "ask/agent/agent_loop.h"

#include <gtest/gtest.h>

#include <deque>

namespace prom5::agent {

namespace {

/// A model that says what it was told to, then the last thing for ever.
class ScriptedModel final : public LanguageModel {
 public:
  void calls(std::string tool, Json arguments) {
    Message m;
    m.role = Role::Assistant;
    m.calls.push_back({"1", std::move(tool), std::move(arguments)});
    script_.push_back(std::move(m));
  }
  void answers(std::string text, Json content) {
    Message m;
    m.role = Role::Assistant;
    m.text = std::move(text);
    m.content = std::move(content);
    script_.push_back(std::move(m));
  }

  /// The last turn of the script, to be changed.
  Message& last() { return script_.back(); }

  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const TokenSink& /*tokens*/) override {
    ++asked;
    seen.assign(conversation.begin(), conversation.end());
    tool_count = tools.size();
    if (script_.empty()) return fail(ErrorCode::Unavailable, "no model");
    Reply reply{script_.front()};
    if (script_.size() > 1) script_.pop_front();
    return reply;
  }

  size_t asked = 0;
  size_t tool_count = 0;
  std::vector<Message> seen;

 private:
  std::deque<Message> script_;
};

class EchoTool final : public Tool {
 public:
  [[nodiscard]] ToolSpec spec() const override { return {"query_metrics", "Echoes.", Json{}}; }
  Result<Json> call(const Json& arguments, const ToolContext& context) override {
    if (arguments.contains("bad")) return fail(ErrorCode::BadData, "bad arguments");
    return Json{{"resultType", "scalar"},
                {"result", Json::array({1, "5"})},
                {"start", context.now.as_seconds()},
                {"end", context.now.as_seconds()},
                {"step", arguments.value("step", 0.0)}};
  }
};

class AgentLoopTest : public testing::Test {
 protected:
  static Question question(std::string text, std::string session = "") {
    Question out;
    out.text = std::move(text);
    out.session_id = std::move(session);
    out.time = TimeMs{60'000};
    return out;
  }
  AgentLoop make(AgentOptions options = {}) { return AgentLoop(model_, {&tool_}, options); }

  ScriptedModel model_;
  EchoTool tool_;
};

}  // namespace

TEST_F(AgentLoopTest, AnswersWithEvidence) {
  model_.calls("query_metrics", {{"promql", "up"}});
  model_.answers("It is 5.", {{"intent", "query"}, {"promql", "up"}, {"confidence", 0.5}});
  AgentLoop loop = make();
  const auto answer = loop.ask(question("how much?"), {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text, "It is 5.");
  EXPECT_EQ(answer->promql, "up");
  EXPECT_EQ(answer->confidence, 0.5);
  ASSERT_EQ(answer->evidence.size(), 1U);
  EXPECT_EQ(answer->evidence[0].promql, "up");
  EXPECT_EQ(answer->evidence[0].result["result"][1], "5");
  EXPECT_EQ(answer->start, TimeMs{60'000});
  EXPECT_FALSE(answer->range);
  EXPECT_FALSE(answer->session_id.empty());
  EXPECT_EQ(model_.asked, 2U);
  EXPECT_EQ(model_.tool_count, 1U);
}

TEST_F(AgentLoopTest, AModelThatNeverEndsIsStopped) {
  model_.calls("query_metrics", {{"promql", "up"}});
  AgentLoop loop = make({.max_steps = 3});
  const auto answer = loop.ask(question("?"), {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Internal);
  EXPECT_EQ(answer.error().message, "no answer after 3 steps");
  EXPECT_EQ(model_.asked, 3U);
}

TEST_F(AgentLoopTest, FaultsOfToolsGoToTheModel) {
  const auto told = [this](std::string tool, Json arguments, std::string_view error) {
    ScriptedModel model;
    model.calls(std::move(tool), std::move(arguments));
    model.answers("Sorry.", {{"error", {{"code", "x"}, {"message", "y"}}}});
    AgentLoop loop(model, {&tool_}, {});
    const auto answer = loop.ask(question("?"), {});
    ASSERT_TRUE(answer);
    ASSERT_TRUE(answer->refusal);
    EXPECT_EQ(answer->refusal->code, "x");
    EXPECT_TRUE(answer->evidence.empty());
    EXPECT_EQ(model.seen.back().role, Role::Tool);
    EXPECT_EQ(model.seen.back().content["error"], error);
  };
  told("query_metrics", {{"bad", true}}, "bad arguments");
  told("no_such_tool", Json::object(), "there is no tool called no_such_tool");
}

TEST_F(AgentLoopTest, AnotherModelTakesOver) {
  model_.calls("query_metrics", {{"promql", "wrong"}});
  model_.calls("query_metrics", {{"promql", "right"}});
  model_.last().content = {{"restart", true}};
  model_.answers("It is 5.", {{"intent", "query"},
                              {"promql", "right"},
                              {"model", "built-in"},
                              {"fallback_reason", "timeout"}});
  AgentLoop loop = make();
  const auto answer = loop.ask(question("how much?"), {});
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->evidence.size(), 1U);
  EXPECT_EQ(answer->evidence[0].promql, "right");
  EXPECT_EQ(answer->model, "built-in");
  EXPECT_EQ(answer->fallback_reason, "timeout");
}

TEST_F(AgentLoopTest, TheRangeIsThatOfTheNamedQuery) {
  model_.calls("query_metrics", {{"promql", "looked around"}});
  model_.calls("query_metrics", {{"promql", "up"}, {"step", 5}});
  model_.answers("Steady.", {{"intent", "trend"}, {"promql", "up"}});
  AgentLoop loop = make();
  const auto answer = loop.ask(question("how?"), {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->evidence.size(), 2U);
  EXPECT_TRUE(answer->range);
  EXPECT_EQ(answer->step, DurationMs::seconds(5));
}

TEST_F(AgentLoopTest, Clarifications) {
  model_.answers("Of what?",
                 {{"intent", "clarify"},
                  {"clarification", {{"question", "Of what?"}, {"options", {"cpu", "memory"}}}}});
  AgentLoop loop = make();
  const auto answer = loop.ask(question("usage"), {});
  ASSERT_TRUE(answer);
  ASSERT_TRUE(answer->clarification);
  EXPECT_EQ(answer->clarification->question, "Of what?");
  EXPECT_EQ(answer->suggestions, (std::vector<std::string>{"cpu", "memory"}));
  EXPECT_EQ(answer->promql, "");
  EXPECT_FALSE(answer->refusal);
}

TEST_F(AgentLoopTest, ErrorsOfTheModelAndOfTheCaller) {
  AgentLoop loop = make();
  const auto unreachable = loop.ask(question("?"), {});
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().code, ErrorCode::Unavailable);
  model_.answers("x", {{"intent", "query"}});
  Question gone = question("?");
  std::stop_source source;
  source.request_stop();
  gone.stop = source.get_token();
  const auto canceled = loop.ask(gone, {});
  ASSERT_FALSE(canceled);
  EXPECT_EQ(canceled.error().code, ErrorCode::Canceled);
}

TEST_F(AgentLoopTest, SessionsRemember) {
  model_.answers("First.", {{"intent", "query"}});
  AgentLoop loop = make({.max_sessions = 2});
  ASSERT_TRUE(loop.ask(question("one", "s1"), {}));
  ASSERT_TRUE(loop.ask(question("two", "s1"), {}));
  ASSERT_EQ(model_.seen.size(), 3U);
  EXPECT_EQ(model_.seen[0].text, "one");
  EXPECT_EQ(model_.seen[1].text, "First.");
  ASSERT_TRUE(loop.ask(question("three", "s2"), {}));
  EXPECT_EQ(model_.seen.size(), 1U);
  ASSERT_TRUE(loop.ask(question("four", "s3"), {}));
  const auto ids = [&] {
    std::vector<std::string> out;
    for (const SessionInfo& session : loop.sessions()) out.push_back(session.id);
    return out;
  };
  EXPECT_EQ(ids(), (std::vector<std::string>{"s3", "s2"}));
  EXPECT_EQ(loop.sessions()[0].title, "four");
  EXPECT_EQ(loop.sessions()[0].turns, 1U);
  EXPECT_EQ(loop.session("s3").value()["turns"][0]["question"], "four");
  EXPECT_EQ(loop.session("s3").value()["turns"][0]["answer"], "First.");
  EXPECT_FALSE(loop.session("s1"));
  EXPECT_TRUE(loop.forget("s2"));
  EXPECT_FALSE(loop.forget("s2"));
  EXPECT_EQ(ids(), std::vector<std::string>{"s3"});
}

}  // namespace prom5::agent
