// What a question about alerts and silences is about: which side of a limit, from when on, whom to
// page, and what there is only to read.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

Json action_of(const std::string& question, const std::string& session = "") {
  const Answer a = assistant().ask(question, session);
  expect_sound(a, question);
  EXPECT_TRUE(a.action) << question << "\n" << shown(a);
  return a.action.value_or(Json::object());
}

std::string condition_of(const std::string& question) {
  return action_of(question).value("expr", "");
}

}  // namespace

TEST(AlertWords, BelowIsOfWhatIsLeftUnlessUseIsSaid) {
  for (const char* question : {"alert when cpu usage of web-01 drops below 5%",
                               "alert me when cpu of web-01 is below 5 percent"}) {
    const std::string condition = condition_of(question);
    EXPECT_NE(condition.find("1 - "), std::string::npos) << condition;
    EXPECT_NE(condition.find("< 5"), std::string::npos) << condition;
  }
  const std::string used = condition_of("alert when disk usage of web-01 is below 10%");
  EXPECT_NE(used.find("1 - "), std::string::npos) << used;
  const std::string left = condition_of("alert when the disk of web-01 drops below 10%");
  EXPECT_EQ(left.find("1 - "), std::string::npos) << left;
}

TEST(AlertWords, APageIsNotAlwaysForSomebody) {
  for (const char* question : {"page me when cpu is above 90 %", "page the on-call if cpu > 90 %",
                               "I want to be paged when cpu is above 90 %"}) {
    EXPECT_EQ(action_of(question)["severity"], "critical") << question;
  }
  for (const char* question : {"availability of the status page today", "landing page error rate",
                               "request rate of the page", "was the status page down?"}) {
    EXPECT_FALSE(assistant().ask(question).action) << question;
  }
}

TEST(AlertWords, ThatAndActuallyAmendAProposal) {
  for (const auto& [turn, limit] :
       {std::pair{"make that 95%", "> 95"}, std::pair{"actually 80", "> 80"},
        std::pair{"make it 70 %", "> 70"}}) {
    const std::string session = std::string("amend ") + turn;
    (void)action_of("alert when cpu of web-01 is above 90 %", session);
    const std::string condition = action_of(turn, session).value("expr", "");
    EXPECT_NE(condition.find(limit), std::string::npos) << turn << ": " << condition;
  }
}

TEST(SilenceWords, WhatIsToComeBeginsThen) {
  const Json now = action_of("silence HighCpu for 2 hours");
  EXPECT_EQ(now["duration_s"], 7200);
  const Json action = action_of("silence HighCpu tomorrow from 8 to 10");
  EXPECT_EQ(action["duration_s"], 7200);
  EXPECT_NE(action["starts_at"].get<std::string>().find("T08:00:00Z"), std::string::npos) << action;
  EXPECT_NE(action["ends_at"].get<std::string>().find("T10:00:00Z"), std::string::npos) << action;
  text_has(assistant().ask("silence HighCpu tomorrow from 8 to 10"), "It begins at ");
  text_lacks(assistant().ask("silence HighCpu for 2 hours"), "It begins at ");
}

TEST(SilenceWords, EndingOneIsNotProposingOne) {
  for (const char* question : {"remove the silence on HighCpu", "delete silence 123",
                               "unsilence HighCpu", "expire all silences", "unmute HighCpu"}) {
    const Answer a = assistant().ask(question);
    ASSERT_TRUE(a.refusal) << question << "\n" << shown(a);
    EXPECT_EQ(a.refusal->code, "not_allowed") << question;
    EXPECT_FALSE(a.action);
  }
  EXPECT_TRUE(action_of("stop paging me about HighCpu for 2 hours").contains("matchers"));
}

TEST(Doubts, AskTheSame) {
  EXPECT_EQ(assistant().ask("isn't web-01 up?").text, assistant().ask("is web-01 up?").text);
  EXPECT_NE(assistant().ask("which hosts are not up?").text,
            assistant().ask("which hosts are up?").text);
}

}  // namespace prom5::llm
