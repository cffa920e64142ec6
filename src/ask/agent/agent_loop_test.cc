#include "ask/agent/agent_loop.h"

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <latch>
#include <thread>

#include "io/file/memory_file_system.h"

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
                         const ReplyLimits& /*limits*/) override {
    ++asked;
    seen.assign(conversation.begin(), conversation.end());
    tool_count = tools.size();
    if (takes.ms > 0) clock->advance(takes);
    if (script_.empty()) return fail(ErrorCode::Unavailable, "no model");
    Reply reply{script_.front(), tokens_each};
    if (script_.size() > 1) script_.pop_front();
    return reply;
  }

  size_t asked = 0;
  size_t tool_count = 0;
  uint64_t tokens_each = 0;
  DurationMs takes;
  ManualClock* clock = nullptr;
  std::vector<Message> seen;

 private:
  std::deque<Message> script_;
};

class EchoTool final : public Tool {
 public:
  [[nodiscard]] ToolSpec spec() const override {
    ++specs;
    return {"query_metrics", "Echoes.", Json{}};
  }
  Result<Json> call(const Json& arguments, const ToolContext& context) override {
    if (arguments.contains("bad")) return fail(ErrorCode::BadData, "bad arguments");
    TRY(context.budget->admit());
    context.budget->draw(arguments.value("reads", uint64_t{0}));
    return Json{{"resultType", "scalar"},
                {"result", Json::array({1, "5"})},
                {"start", context.now.as_seconds()},
                {"end", context.now.as_seconds()},
                {"step", arguments.value("step", 0.0)}};
  }

  mutable size_t specs = 0;
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
  AgentLoop make(const AgentOptions& options = {}) { return make(model_, options); }
  AgentLoop make(LanguageModel& model, AgentOptions options) {
    options.directory = "assistant";
    return {model, {&tool_}, {clock_, metrics_, log_, &files_}, options};
  }
  AgentLoop make(const Budgets& budgets) {
    AgentOptions options;
    options.budgets = budgets;
    return make(options);
  }
  double metric(std::string_view name, const MetricLabels& labels = {}) {
    for (const MetricRegistry::Family& family : metrics_.collect()) {
      if (family.name != name) continue;
      for (const MetricRegistry::Point& point : family.points) {
        if (point.labels == labels) return point.value;
      }
    }
    return -1;
  }
  /// Asks, and is refused as that budget is used up.
  void gives_up(AgentLoop& loop, const std::string& budget, std::string_view message) {
    const auto answer = loop.ask(question("?", "given-up"), {});
    ASSERT_TRUE(answer);
    ASSERT_TRUE(answer->refusal);
    EXPECT_EQ(answer->refusal->code, "budget_" + budget);
    EXPECT_EQ(answer->intent, "refuse");
    EXPECT_NE(answer->text.find(message), std::string::npos) << answer->text;
    EXPECT_EQ(metric("prom5_assistant_budget_exhausted_total", {{"budget", budget}}), 1);
    EXPECT_EQ(
        metric("prom5_assistant_questions_total", {{"intent", "refuse"}, {"outcome", "refused"}}),
        1);
  }

  ManualClock clock_{TimeMs{1'700'000'000'000}};
  MetricRegistry metrics_;
  std::vector<std::string> logged_;
  Log log_{LogLevel::Warn, LogFormat::Logfmt,
           [this](std::string_view line) { logged_.emplace_back(line); }};
  io::MemoryFileSystem files_;
  ScriptedModel model_;
  EchoTool tool_;
};

/// Answers when it is let.
class WaitingModel final : public LanguageModel {
 public:
  explicit WaitingModel(ptrdiff_t wanted) : arrived(wanted) {}
  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec>,
                         const ReplyLimits&) override {
    const int now = ++running;
    int most = at_once;
    while (now > most && !at_once.compare_exchange_weak(most, now)) {
    }
    arrived.count_down();
    go.wait();
    --running;
    Message message;
    message.role = Role::Assistant;
    message.text = "To " + conversation.back().text;
    message.content = {{"intent", "query"}};
    return Reply{message};
  }

  std::latch arrived;  ///< as many as were wanted are here
  std::promise<void> let;
  std::shared_future<void> go{let.get_future()};
  std::atomic<int> running{0};
  std::atomic<int> at_once{0};
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
  AgentLoop loop = make({.steps = 3});
  gives_up(loop, "steps", "3 steps");
  EXPECT_EQ(model_.asked, 3U);
  // It is a turn like any other.
  EXPECT_EQ(loop.session("", "given-up").value()["turns"][0]["intent"], "refuse");
}

TEST_F(AgentLoopTest, TimeIsABudget) {
  model_.calls("query_metrics", {{"promql", "up"}});
  model_.clock = &clock_;
  model_.takes = DurationMs::seconds(4);
  AgentLoop loop = make({.time = DurationMs::seconds(10)});
  gives_up(loop, "time", "a question may take 10s");
  EXPECT_EQ(model_.asked, 3U);
}

TEST_F(AgentLoopTest, SamplesAreABudget) {
  model_.calls("query_metrics", {{"promql", "up"}, {"reads", 400}});
  AgentLoop loop = make({.samples = 1000});
  gives_up(loop, "samples", "1000 samples");
  EXPECT_EQ(model_.asked, 4U);  // the fourth query was turned away
}

TEST_F(AgentLoopTest, TokensAreABudget) {
  model_.calls("query_metrics", {{"promql", "up"}});
  model_.tokens_each = 300;
  AgentLoop loop = make({.tokens = 1000});
  gives_up(loop, "tokens", "1000 tokens");
  EXPECT_EQ(model_.asked, 4U);
}

TEST_F(AgentLoopTest, TokensThatAreNotCountedAreEstimated) {
  model_.calls("query_metrics", {{"promql", std::string(400, 'x')}});
  model_.last().content = {{"model", "far"}};
  AgentLoop loop = make({.tokens = 1000});
  gives_up(loop, "tokens", "1000 tokens");
  EXPECT_LT(model_.asked, 6U);
}

TEST_F(AgentLoopTest, ToolsAreDescribedOnce) {
  model_.answers("Fine.", {{"intent", "query"}});
  AgentLoop loop = make();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(loop.ask(question("?"), {}));
  EXPECT_EQ(tool_.specs, 1U);
}

TEST_F(AgentLoopTest, NumbersFromNowhereAreNotSaid) {
  const auto said = [&](std::string text, Json content) {
    ScriptedModel model;
    model.calls("query_metrics", {{"promql", "up"}});
    model.answers(std::move(text), std::move(content));
    std::string streamed;
    AgentLoop loop = make(model, {});
    const auto answer = loop.ask(
        question("?"),
        {[&](const ToolCall& call) { streamed += call.arguments.value("promql", "") + ": "; },
         [&](std::string_view words) { streamed += words; }});
    EXPECT_EQ(streamed, "up: " + answer->text);
    return answer->text;
  };
  const std::string table = "What the queries gave:\nup\n  5";
  EXPECT_EQ(said("It is 5.", {{"intent", "query"}}), "It is 5.");
  EXPECT_EQ(metric("prom5_assistant_unchecked_numbers_total"), 0);
  EXPECT_EQ(said("It is 5. It was 7.", {{"intent", "query"}}), "It is 5.");
  EXPECT_EQ(said("It is 6.", {{"intent", "query"}}), table);
  EXPECT_EQ(said("It is 5. It was 7.", {{"intent", "query"}, {"model", "far"}}), table);
  EXPECT_EQ(metric("prom5_assistant_unchecked_numbers_total"), 3);
  EXPECT_EQ(logged_.size(), 3U);
}

TEST_F(AgentLoopTest, FaultsOfToolsGoToTheModel) {
  const auto told = [this](std::string tool, Json arguments, std::string_view error) {
    ScriptedModel model;
    model.calls(std::move(tool), std::move(arguments));
    model.answers("Sorry.", {{"error", {{"code", "x"}, {"message", "y"}}}});
    AgentLoop loop = make(model, {});
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
  const auto unreachable = loop.ask(question("?", "s"), {});
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().code, ErrorCode::Unavailable);
  EXPECT_FALSE(loop.session("", "s"));
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
  AgentLoop loop = make(AgentOptions{.sessions = {.max_sessions = 2}});
  EXPECT_EQ(loop.ask(question("one", "s1"), {}).value().turn, 0U);
  EXPECT_EQ(loop.ask(question("two", "s1"), {}).value().turn, 1U);
  ASSERT_EQ(model_.seen.size(), 3U);
  EXPECT_EQ(model_.seen[0].text, "one");
  EXPECT_EQ(model_.seen[1].text, "First.");
  ASSERT_TRUE(loop.ask(question("three", "s2"), {}));
  EXPECT_EQ(model_.seen.size(), 1U);
  ASSERT_TRUE(loop.ask(question("four", "s3"), {}));
  const auto ids = [&] {
    std::vector<std::string> out;
    for (const SessionInfo& session : loop.sessions("")) out.push_back(session.id);
    return out;
  };
  EXPECT_EQ(ids(), (std::vector<std::string>{"s3", "s2"}));
  EXPECT_EQ(metric("prom5_assistant_sessions_evicted_total"), 1);
  EXPECT_EQ(loop.sessions("")[0].title, "four");
  EXPECT_EQ(loop.sessions("")[0].turns, 1U);
  EXPECT_EQ(loop.session("", "s3").value()["turns"][0]["question"], "four");
  EXPECT_EQ(loop.session("", "s3").value()["turns"][0]["answer"], "First.");
  EXPECT_FALSE(loop.session("", "s1"));
  EXPECT_TRUE(loop.forget("", "s2"));
  EXPECT_FALSE(loop.forget("", "s2"));
  EXPECT_EQ(ids(), std::vector<std::string>{"s3"});
}

TEST_F(AgentLoopTest, ARestartChangesNothing) {
  model_.answers("First.", {{"intent", "query"}, {"promql", "up"}, {"frame", {{"subject", "x"}}}});
  {
    AgentLoop loop = make();
    ASSERT_TRUE(loop.ask(question("one", "s"), {}));
  }
  clock_.advance(DurationMs::days(6));
  {
    AgentLoop loop = make();
    EXPECT_EQ(metric("prom5_assistant_sessions"), 1);
    ASSERT_TRUE(loop.ask(question("two", "s"), {}));
    ASSERT_EQ(model_.seen.size(), 3U);
    EXPECT_EQ(model_.seen[1].text, "First.");
    EXPECT_EQ(model_.seen[1].content["frame"]["subject"], "x");
  }
  clock_.advance(DurationMs::days(8));
  AgentLoop loop = make();
  EXPECT_TRUE(loop.sessions("").empty());
  EXPECT_EQ(metric("prom5_assistant_sessions"), 0);
}

TEST_F(AgentLoopTest, UsersAreApart) {
  model_.answers("Fine.", {{"intent", "query"}});
  AgentLoop loop = make();
  Question anns = question("one", "s");
  anns.user = "ann";
  ASSERT_TRUE(loop.ask(anns, {}));
  Question bobs = question("two", "s");
  bobs.user = "bob";
  ASSERT_TRUE(loop.ask(bobs, {}));
  EXPECT_EQ(model_.seen.size(), 1U);
  EXPECT_EQ(loop.session("ann", "s").value()["title"], "one");
  EXPECT_FALSE(loop.session("", "s"));
  EXPECT_FALSE(loop.forget("eve", "s"));
  EXPECT_EQ(loop.sessions("bob").size(), 1U);
  Feedback feedback;
  feedback.session_id = "s";
  feedback.user = "eve";
  EXPECT_EQ(loop.feedback(feedback).error().code, ErrorCode::NotFound);
}

TEST_F(AgentLoopTest, FeedbackIsKept) {
  model_.answers("Fine.", {{"intent", "query"}, {"promql", "up"}});
  Feedback feedback;
  feedback.session_id = "s";
  feedback.time = clock_.now();
  {
    AgentLoop loop = make();
    EXPECT_EQ(loop.feedback(feedback).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(loop.ask(question("one", "s"), {}));
    EXPECT_TRUE(loop.feedback(feedback));
    feedback.turn = 1;
    EXPECT_EQ(loop.feedback(feedback).error().code, ErrorCode::NotFound);
    feedback.turn = 0;
    feedback.verdict = Feedback::Verdict::Down;
    feedback.promql = "up == 0";
    EXPECT_TRUE(loop.feedback(feedback));
  }
  const Json report = make().feedback_report();
  EXPECT_EQ(report["up"], 0) << "the same turn, judged anew";
  EXPECT_EQ(report["down"], 1);
  EXPECT_EQ(report["corrections"][0]["question"], "one");
  EXPECT_EQ(report["corrections"][0]["promql"], "up");
  EXPECT_EQ(report["corrections"][0]["suggested"], "up == 0");
  EXPECT_EQ(metric("prom5_assistant_feedback_total", {{"verdict", "down"}}), 1);
}

TEST_F(AgentLoopTest, ItCountsWhatItDoes) {
  model_.calls("query_metrics", {{"promql", "up"}});
  model_.answers("Fine.", {{"intent", "poetry"}});
  AgentLoop loop = make();
  ASSERT_TRUE(loop.ask(question("one"), {}));
  const auto questions = [&](const char* intent, const char* outcome) {
    return metric("prom5_assistant_questions_total", {{"intent", intent}, {"outcome", outcome}});
  };
  EXPECT_EQ(questions("other", "answered"), 1);
  EXPECT_EQ(
      metric("prom5_assistant_tool_calls_total", {{"tool", "query_metrics"}, {"outcome", "done"}}),
      1);
  EXPECT_GT(metric("prom5_assistant_question_duration_seconds"), 0);
}

TEST_F(AgentLoopTest, ManyAtOnceWaitForTheirPlaces) {
  constexpr int kConversations = 100;
  constexpr int kPlaces = 8;
  WaitingModel model(kPlaces);
  AgentLoop loop = make(model, {.max_concurrent = kPlaces});
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < kConversations; ++i) {
      askers.emplace_back([&, i] {
        const std::string name = "s" + std::to_string(i);
        const auto answer = loop.ask(question(name, name), {});
        answered += answer && answer->text == "To " + name ? 1 : 0;
      });
    }
    model.arrived.wait();
    model.let.set_value();
  }
  EXPECT_EQ(answered, kConversations);
  EXPECT_EQ(model.at_once, kPlaces);
  EXPECT_EQ(loop.sessions("").size(), size_t{kConversations});
  EXPECT_EQ(metric("prom5_assistant_questions_running"), 0);
}

TEST_F(AgentLoopTest, WhoWaitsTooLongOrInVainIsTold) {
  WaitingModel model(1);
  AgentOptions options{.max_concurrent = 1, .max_waiting = 1};
  options.budgets.time = DurationMs::millis(20);
  AgentLoop loop = make(model, options);
  std::jthread first([&] { EXPECT_TRUE(loop.ask(question("one"), {})); });
  model.arrived.wait();
  EXPECT_EQ(loop.ask(question("two"), {}).error().code, ErrorCode::Timeout);
  Question gone = question("three");
  std::stop_source source;
  source.request_stop();
  gone.stop = source.get_token();
  EXPECT_EQ(loop.ask(gone, {}).error().code, ErrorCode::Canceled);
  model.let.set_value();
  first.join();
  const auto turned_away = [&](const char* reason) {
    return metric("prom5_assistant_questions_turned_away_total", {{"reason", reason}});
  };
  EXPECT_EQ(turned_away("timeout"), 1);
  EXPECT_EQ(turned_away("full"), 0);
  WaitingModel busy(1);
  AgentLoop full = make(busy, {.max_concurrent = 1, .max_waiting = 0});
  std::jthread only([&] { EXPECT_TRUE(full.ask(question("four"), {})); });
  busy.arrived.wait();
  EXPECT_EQ(full.ask(question("five"), {}).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(turned_away("full"), 1);
  busy.let.set_value();
}

TEST_F(AgentLoopTest, OneConversationTakesFewPlaces) {
  WaitingModel model(1);
  AgentLoop loop = make(model, {.max_waiting_each = 0});
  std::jthread first([&] { EXPECT_TRUE(loop.ask(question("one", "s"), {})); });
  model.arrived.wait();
  const auto second = loop.ask(question("two", "s"), {});
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  EXPECT_NE(second.error().message.find("of this conversation"), std::string::npos);
  model.let.set_value();
  EXPECT_TRUE(loop.ask(question("three", "t"), {}));
}

TEST_F(AgentLoopTest, OneConversationIsTakenInOrder) {
  WaitingModel model(1);
  AgentLoop loop = make(model, {});
  std::jthread first([&] { EXPECT_TRUE(loop.ask(question("one", "s"), {})); });
  model.arrived.wait();
  std::jthread second([&] { EXPECT_TRUE(loop.ask(question("two", "s"), {})); });
  std::jthread other([&] { EXPECT_TRUE(loop.ask(question("three", "t"), {})); });
  model.let.set_value();
  first.join();
  second.join();
  other.join();
  const Json turns = loop.session("", "s").value()["turns"];
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0]["question"], "one");
  EXPECT_EQ(turns[1]["question"], "two");
}

}  // namespace prom5::agent
