#include "ask/llm/fallback_model.h"

#include <gtest/gtest.h>

#include <deque>

namespace prom5::llm {

namespace {

/// Says what it was told to, one after another, and remembers what it was asked.
class ScriptedModel final : public LanguageModel {
 public:
  void calls(std::string promql) {
    Message m{Role::Assistant, "", {}, {}, {}};
    m.calls.push_back({"1", "query_metrics", Json{{"promql", std::move(promql)}}});
    m.content = {{"plan", "kept"}};
    script.emplace_back(Reply{std::move(m)});
  }
  void answers(std::string text) {
    Message m{Role::Assistant, std::move(text), {}, {}, {}};
    m.content = {{"intent", "query"}};
    script.emplace_back(Reply{std::move(m)});
  }
  void fails(ErrorCode code) { script.emplace_back(fail(code, "as told")); }

  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> /*tools*/,
                         const ReplyLimits& limits) override {
    deadline = limits.deadline;
    seen.assign(conversation.begin(), conversation.end());
    ++asked;
    if (script.empty()) return fail(ErrorCode::Internal, "the script is over");
    Result<Reply> next = std::move(script.front());
    script.pop_front();
    return next;
  }

  std::deque<Result<Reply>> script;
  std::vector<Message> seen;
  size_t asked = 0;
  TimeMs deadline;
};

class FallbackModelTest : public testing::Test {
 protected:
  /// Asks for the next turn, and puts it and a result of its calls to the conversation.
  Message next() {
    const auto reply = both_.complete(conversation_, {}, {});
    EXPECT_TRUE(reply) << reply.error().message;
    if (!reply) return {};
    conversation_.push_back(reply->message);
    for (const ToolCall& call : reply->message.calls) {
      conversation_.push_back({Role::Tool, "", {}, call.id, Json{{"result", 1}}});
    }
    return reply->message;
  }
  double fallbacks(const std::string& reason) {
    for (const auto& family : metrics_.collect()) {
      if (family.name != "prom5_assistant_model_fallbacks_total") continue;
      for (const auto& point : family.points) {
        if (point.labels[0].second == reason) return point.value;
      }
    }
    return -1;
  }

  ScriptedModel first_;
  ScriptedModel built_in_;
  ManualClock clock_{TimeMs{1'000'000}};
  MetricRegistry metrics_;
  Log log_{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  FallbackModel both_{
      first_, built_in_, {.model = "big", .max_steps = 3, .max_duration = DurationMs::seconds(60)},
      clock_, metrics_,  log_};
  std::vector<Message> conversation_{{Role::User, "before", {}, {}, {}},
                                     {Role::Assistant, "said", {}, {}, {}},
                                     {Role::User, "now?", {}, {}, {}}};
};

}  // namespace

TEST_F(FallbackModelTest, TheFirstModelAnswers) {
  first_.calls("up");
  first_.answers("Fine.");
  EXPECT_EQ(next().content["model"], "big");
  const Message last = next();
  EXPECT_EQ(last.text, "Fine.");
  EXPECT_EQ(last.content["model"], "big");
  EXPECT_FALSE(last.content.contains("fallback_reason"));
  EXPECT_FALSE(last.content.contains("restart"));
  EXPECT_EQ(built_in_.asked, 0U);
  EXPECT_EQ(fallbacks("unavailable"), 0);
}

TEST_F(FallbackModelTest, TheBuiltInModelBeginsAnew) {
  first_.calls("wrong");
  first_.fails(ErrorCode::Unavailable);
  built_in_.calls("right");
  built_in_.answers("Found.");
  next();
  const Message taken_over = next();
  EXPECT_EQ(built_in_.seen.size(), 3U);
  EXPECT_EQ(built_in_.seen.back().text, "now?");  // nothing of what the first one did
  EXPECT_EQ(taken_over.content["restart"], true);
  EXPECT_EQ(taken_over.content["plan"], "kept");
  const Message last = next();
  ASSERT_EQ(built_in_.seen.size(), 5U);
  EXPECT_EQ(built_in_.seen[3].calls[0].arguments["promql"], "right");
  EXPECT_EQ(built_in_.seen[4].role, Role::Tool);
  EXPECT_EQ(last.text, "Found.");
  EXPECT_EQ(last.content["model"], "built-in");
  EXPECT_EQ(last.content["fallback_reason"], "unavailable");
  EXPECT_FALSE(last.content.contains("restart"));
  EXPECT_EQ(first_.asked, 2U);  // not again for this question
  EXPECT_EQ(fallbacks("unavailable"), 1);
  // The next question begins with the first model.
  conversation_.push_back({Role::User, "and then?", {}, {}, {}});
  first_.answers("Back.");
  EXPECT_EQ(next().content["model"], "big");
}

TEST_F(FallbackModelTest, Reasons) {
  const auto gives = [this](ErrorCode code, const std::string& reason) {
    first_.fails(code);
    built_in_.answers("x");
    const auto reply = both_.complete(conversation_, {}, {});
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->message.content["fallback_reason"], reason);
    EXPECT_EQ(fallbacks(reason), 1);
  };
  gives(ErrorCode::Unavailable, "unavailable");
  gives(ErrorCode::Timeout, "timeout");
  gives(ErrorCode::LimitExceeded, "too_large");
  gives(ErrorCode::Internal, "nonsense");
}

TEST_F(FallbackModelTest, AModelThatOnlyAsksIsLeft) {
  for (int i = 0; i < 3; ++i) {
    first_.calls("up");
    next();
  }
  built_in_.answers("Here.");
  EXPECT_EQ(next().content["fallback_reason"], "no_answer");
  EXPECT_EQ(first_.asked, 3U);
}

TEST_F(FallbackModelTest, AQuestionHasATime) {
  first_.calls("up");
  next();
  clock_.advance(DurationMs::seconds(59));
  first_.calls("up");
  next();
  clock_.advance(DurationMs::seconds(1));
  built_in_.answers("Here.");
  EXPECT_EQ(next().content["fallback_reason"], "timeout");
}

TEST_F(FallbackModelTest, TimeIsLeftForTheBuiltInModel) {
  const auto deadline = [&](DurationMs left) {
    first_.answers("Fine.");
    EXPECT_TRUE(both_.complete(conversation_, {}, {{}, clock_.now() + left}));
    return first_.deadline - clock_.now();
  };
  EXPECT_EQ(deadline(DurationMs::seconds(30)), DurationMs::seconds(27));
  EXPECT_EQ(deadline(DurationMs::seconds(4)), DurationMs::seconds(3));
  EXPECT_EQ(deadline(DurationMs::minutes(5)), DurationMs::seconds(60));  // max_duration
}

TEST_F(FallbackModelTest, WhoGaveUpGetsNoOtherAnswer) {
  first_.fails(ErrorCode::Canceled);
  const auto reply = both_.complete(conversation_, {}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::Canceled);
  EXPECT_EQ(built_in_.asked, 0U);
}

TEST_F(FallbackModelTest, FaultsOfTheBuiltInModelAreTold) {
  first_.fails(ErrorCode::Unavailable);
  built_in_.fails(ErrorCode::Io);
  const auto reply = both_.complete(conversation_, {}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::Io);
}

}  // namespace prom5::llm
