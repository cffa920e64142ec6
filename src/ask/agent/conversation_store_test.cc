#include "ask/agent/conversation_store.h"

#include <gtest/gtest.h>

#include "ask/agent/feedback_store.h"
#include "io/file/memory_file_system.h"

namespace prom5::agent {

namespace {

constexpr TimeMs kStart{1'700'000'000'000};
const std::string kFile = "data/assistant/conversations.jsonl";

class ConversationStoreTest : public testing::Test {
 protected:
  ConversationStore open(ConversationOptions options = {}, TimeMs now = kStart) {
    const JournalServices services{files_, metrics_, log_};
    return {&services, "data/assistant", options, now};
  }
  static Turn turn(std::string question, DurationMs after = {}) {
    Turn out;
    out.time = out.asked = kStart + after;
    out.answer = "To " + question + ".";
    out.question = std::move(question);
    out.intent = "query";
    out.promql = "up";
    out.frame = {{"subject", "x"}};
    return out;
  }
  static std::vector<std::string> ids(const ConversationStore& store,
                                      const std::string& user = "") {
    std::vector<std::string> out;
    for (const SessionInfo& one : store.sessions(user)) out.push_back(one.id);
    return out;
  }
  uint64_t errors() {
    return metrics_
        .counter("prom5_assistant_journal_errors_total", "", {{"file", "conversations.jsonl"}})
        .value();
  }

  io::FaultyFileSystem files_;
  MetricRegistry metrics_;
  std::vector<std::string> logged_;
  Log log_{LogLevel::Warn, LogFormat::Logfmt,
           [this](std::string_view line) { logged_.emplace_back(line); }};
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_F(ConversationStoreTest, OutlivesARestart) {
  Json before;
  {
    ConversationStore store = open();
    store.add({"", "a"}, turn("one"));
    store.add({"", "b"}, turn("two", DurationMs::minutes(1)));
    store.add({"", "a"}, turn("three", DurationMs::minutes(2)));
    store.add({"", "c"}, turn("four", DurationMs::minutes(3)));
    EXPECT_TRUE(store.forget({"", "c"}));
    EXPECT_FALSE(store.forget({"", "c"}));
    before = store.told({"", "a"}).value();
  }
  const ConversationStore store = open({}, kStart + DurationMs::hours(1));
  EXPECT_EQ(ids(store), (Ids{"a", "b"}));
  EXPECT_EQ(store.told({"", "a"}), before);
  EXPECT_EQ(before["turns"].size(), 2U);
  EXPECT_EQ(before["title"], "one");
  EXPECT_EQ(before["turns"][1]["promql"], "up");
  const auto history = store.history({"", "a"});
  ASSERT_EQ(history.size(), 4U);
  EXPECT_EQ(history[2].text, "three");
  EXPECT_EQ(history[2].time, kStart + DurationMs::minutes(2));
  // A turn may go back to any of those before.
  EXPECT_EQ(history[1].content["frame"]["subject"], "x");
  EXPECT_EQ(history[3].content["frame"]["subject"], "x");
  EXPECT_EQ(errors(), 0U);
}

TEST_F(ConversationStoreTest, UsersDoNotSeeEachOther) {
  ConversationStore store = open();
  store.add({"ann", "s"}, turn("ann's"));
  store.add({"bob", "s"}, turn("bob's"));
  store.add({"", "s"}, turn("nobody's"));
  EXPECT_EQ(ids(store, "ann"), Ids{"s"});
  EXPECT_EQ(store.told({"ann", "s"}).value()["title"], "ann's");
  EXPECT_EQ(store.history({"bob", "s"})[0].text, "bob's");
  EXPECT_EQ(ids(store, "eve"), Ids{});
  EXPECT_FALSE(store.told({"eve", "s"}));
  EXPECT_TRUE(store.history({"eve", "s"}).empty());
  EXPECT_FALSE(store.turn({"eve", "s"}, {}));
  EXPECT_FALSE(store.forget({"eve", "s"}));
  EXPECT_TRUE(store.forget({"ann", "s"}));
  const ConversationStore again = open();
  EXPECT_EQ(ids(again, "ann"), Ids{});
  EXPECT_EQ(ids(again, "bob"), Ids{"s"});
}

TEST_F(ConversationStoreTest, OldOnesManyAndLargeOnesGo) {
  ConversationStore store = open({.max_sessions = 2, .max_age = DurationMs::days(1)});
  store.add({"", "a"}, turn("1"));
  store.add({"", "b"}, turn("2", DurationMs::hours(1)));
  store.add({"", "a"}, turn("3", DurationMs::hours(2)));
  EXPECT_EQ(store.add({"", "c"}, turn("4", DurationMs::hours(3))).evicted, 1U);
  EXPECT_EQ(store.add({"", "c"}, turn("5", DurationMs::hours(3))).evicted, 0U);
  EXPECT_EQ(ids(store), (Ids{"c", "a"}));
  store.expire(kStart + DurationMs::hours(26));
  EXPECT_EQ(ids(store), (Ids{"c", "a"}));
  store.expire(kStart + DurationMs::hours(27));
  EXPECT_EQ(ids(store), Ids{"c"});
  EXPECT_EQ(ids(open({.max_age = DurationMs::days(1)}, kStart + DurationMs::hours(27))), Ids{"c"});
  EXPECT_EQ(ids(open({.max_age = DurationMs::days(1)}, kStart + DurationMs::days(3))), Ids{});

  ConversationStore small = open({.max_bytes = 3000}, kStart + DurationMs::days(30));
  for (int i = 0; i < 20; ++i) small.add({"", std::to_string(i)}, turn(std::string(400, 'x')));
  EXPECT_LT(small.size(), 4U);
  EXPECT_EQ(ids(small)[0], "19");
}

TEST_F(ConversationStoreTest, TurnsKeepTheirNumbers) {
  {
    ConversationStore store = open({.max_turns = 2});
    for (const char* question : {"q0", "q1", "q2", "q3"}) store.add({"", "a"}, turn(question));
    EXPECT_EQ(store.turn({"", "a"}, {})->first, 3U);
    EXPECT_EQ(store.turn({"", "a"}, 2)->second.question, "q2");
    EXPECT_EQ(store.turn({"", "a"}, 1).error().code, ErrorCode::NotFound);
    EXPECT_EQ(store.turn({"", "a"}, 4).error().code, ErrorCode::NotFound);
    EXPECT_EQ(store.sessions("")[0].turns, 4U);
    EXPECT_EQ(store.sessions("")[0].title, "q0");
    EXPECT_EQ(store.history({"", "a"}).size(), 4U);
    EXPECT_EQ(store.add({"", "a"}, turn("q4")).turn, 4U);
    EXPECT_EQ(store.add({"", "b"}, turn("other")).turn, 0U);
    const Json told = store.told({"", "a"}).value()["turns"];
    EXPECT_EQ(told[0]["turn"], 3U);
    EXPECT_EQ(told[1]["turn"], 4U);
    EXPECT_EQ(store.turn({"", "a"}, told[1]["turn"].get<size_t>())->second.question,
              told[1]["question"]);
  }
  const ConversationStore store = open({.max_turns = 2});
  EXPECT_EQ(store.turn({"", "a"}, {})->second.question, "q4");
  EXPECT_EQ(store.told({"", "a"}).value()["turns"][0]["turn"], 3U);
}

TEST_F(ConversationStoreTest, WhatIsForgottenIsNotOnTheDisk) {
  ConversationStore store = open();
  store.add({"", "a"}, turn("the secret"));
  store.add({"", "b"}, turn("the rest"));
  EXPECT_NE(files_.read(kFile).value().find("the secret"), std::string::npos);
  EXPECT_TRUE(store.forget({"", "a"}));
  EXPECT_EQ(files_.read(kFile).value().find("the secret"), std::string::npos);
  EXPECT_NE(files_.read(kFile).value().find("the rest"), std::string::npos);
  EXPECT_EQ(ids(open()), Ids{"b"});
}

TEST_F(ConversationStoreTest, TheFileIsRewrittenWhenItHasGrown) {
  const std::string title(79, 't');
  {
    ConversationStore store = open({.max_turns = 2});
    store.add({"", "a"}, turn(title));
    for (int i = 0; i < 2000; ++i) store.add({"", "a"}, turn(std::string(2000, 'x')));
    EXPECT_LT(files_.size(kFile).value(), uint64_t{3} << 20);
  }
  const ConversationStore store = open({.max_turns = 2});
  EXPECT_EQ(store.sessions("")[0].turns, 2001U);
  EXPECT_EQ(store.sessions("")[0].title, title);
  EXPECT_EQ(store.turn({"", "a"}, 2000)->second.question.size(), 2000U);
  EXPECT_EQ(errors(), 0U);
}

TEST_F(ConversationStoreTest, ATornEndIsCutOff) {
  {
    ConversationStore store = open();
    store.add({"", "a"}, turn("one"));
    store.add({"", "b"}, turn("two"));
  }
  const std::string whole = files_.read(kFile).value();
  const size_t first = whole.find('\n') + 1;
  for (size_t size = 0; size <= whole.size(); ++size) {
    files_.corrupt(kFile, [&](std::string& bytes) { bytes = whole.substr(0, size); });
    ConversationStore store = open();
    const Ids known = ids(store);
    EXPECT_EQ(known, size == whole.size() ? (Ids{"b", "a"})
                     : size >= first      ? Ids{"a"}
                                          : Ids{})
        << size;
    store.add({"", "c"}, turn("three"));
  }
  EXPECT_EQ(ids(open()), (Ids{"c", "b", "a"}));
  EXPECT_EQ(errors(), 0U);
}

TEST_F(ConversationStoreTest, DamageIsSetAsideAndSaid) {
  {
    ConversationStore store = open();
    for (const char* id : {"a", "b", "c"}) store.add({"", id}, turn(id));
  }
  const std::string whole = files_.read(kFile).value();
  const size_t middle = whole.find("\"b\"");
  files_.corrupt(kFile, [&](std::string& bytes) { bytes[middle + 1] = 'x'; });
  const std::string damaged = files_.read(kFile).value();
  EXPECT_EQ(ids(open()), (Ids{"c", "a"}));
  EXPECT_EQ(errors(), 1U);
  ASSERT_EQ(logged_.size(), 1U);
  EXPECT_NE(logged_[0].find("damaged"), std::string::npos);
  EXPECT_EQ(files_.read(kFile + ".damaged").value(), damaged);
  EXPECT_EQ(ids(open()), (Ids{"c", "a"}));
  EXPECT_EQ(errors(), 1U);
  files_.corrupt(kFile, [](std::string& bytes) { bytes = std::string(5000, '\0') + "\n\n\xFF\n"; });
  EXPECT_EQ(ids(open()), Ids{});
}

TEST_F(ConversationStoreTest, AnyByteMayBeWrong) {
  {
    ConversationStore store = open();
    for (const char* id : {"a", "b"}) store.add({"", id}, turn(id));
  }
  const std::string whole = files_.read(kFile).value();
  for (size_t at = 0; at < whole.size(); ++at) {
    files_.corrupt(kFile, [&](std::string& bytes) {
      bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x15);
    });
    EXPECT_LE(open().size(), 1U) << at;
  }
}

TEST_F(ConversationStoreTest, ADiskThatFailsLosesNothingInMemory) {
  for (uint64_t n = 1; n < 12; ++n) {
    {
      ConversationStore store = open({}, kStart);
      files_.fail_from(n);
      store.add({"", "a"}, turn("one"));
      store.add({"", "a"}, turn("two"));
      EXPECT_EQ(store.told({"", "a"}).value()["turns"].size() % 2, 0U);
      files_.fail_from(0);
      for (int i = 0; i < 101; ++i) store.add({"", "b"}, turn("three"));
    }
    // Once the disk works again all is written.
    const ConversationStore store = open();
    EXPECT_EQ(store.sessions("").size(), 2U) << n;
    EXPECT_EQ(store.turn({"", "b"}, {})->second.question, "three") << n;
  }
  EXPECT_GT(errors(), 0U);
  io::FaultyFileSystem broken;
  broken.fail_from(1);
  const JournalServices services{broken, metrics_, log_};
  ConversationStore store(&services, "d", {}, kStart);
  store.add({"", "a"}, turn("one"));
  EXPECT_EQ(ids(store), Ids{"a"});
}

TEST_F(ConversationStoreTest, FeedbackOutlivesARestart) {
  const JournalServices services{files_, metrics_, log_};
  size_t number = 0;
  const auto judge = [&](FeedbackStore& store, Feedback::Verdict verdict, std::string correction,
                         std::string promql) {
    Feedback feedback;
    feedback.session_id = "s";
    feedback.verdict = verdict;
    feedback.correction = std::move(correction);
    feedback.promql = std::move(promql);
    feedback.time = kStart;
    store.add(feedback, {number++, turn("how?")});
  };
  {
    FeedbackStore store(&services, "data/assistant");
    judge(store, Feedback::Verdict::Up, "", "");
    judge(store, Feedback::Verdict::Down, "only web", "");
    judge(store, Feedback::Verdict::Down, "", "up == 0");
  }
  FeedbackStore store(&services, "data/assistant", {.max_entries = 3});
  Json report = store.report();
  EXPECT_EQ(report["up"], 1);
  EXPECT_EQ(report["down"], 2);
  EXPECT_EQ(report["intents"]["query"]["down"], 2);
  ASSERT_EQ(report["corrections"].size(), 2U);
  EXPECT_EQ(report["corrections"][0]["id"], 3);
  EXPECT_EQ(report["corrections"][0]["suggested"], "up == 0");
  EXPECT_EQ(report["corrections"][0]["promql"], "up");
  EXPECT_EQ(report["corrections"][1]["question"], "how?");
  EXPECT_EQ(report["corrections"][1]["correction"], "only web");
  judge(store, Feedback::Verdict::Down, "", "");
  report = store.report();
  EXPECT_EQ(report["up"], 0);
  EXPECT_EQ(report["down"], 3);
}

TEST_F(ConversationStoreTest, TheLastVerdictOfAUserOnATurnCounts) {
  const JournalServices services{files_, metrics_, log_};
  const auto judge = [](FeedbackStore& store, const std::string& user, size_t number,
                        Feedback::Verdict verdict, const std::string& correction = "") {
    Feedback feedback;
    feedback.session_id = "s";
    feedback.user = user;
    feedback.verdict = verdict;
    feedback.correction = correction;
    return store.add(feedback, {number, turn("how?")});
  };
  using enum Feedback::Verdict;
  const auto check = [](const FeedbackStore& store) {
    const Json report = store.report();
    EXPECT_EQ(report["up"], 1);
    EXPECT_EQ(report["down"], 2);
    ASSERT_EQ(report["corrections"].size(), 1U);
    EXPECT_EQ(report["corrections"][0]["correction"], "only web");
  };
  {
    FeedbackStore store(&services, "data/assistant");
    EXPECT_TRUE(judge(store, "ann", 0, Up));
    EXPECT_TRUE(judge(store, "ann", 0, Down)) << "another mind";
    EXPECT_FALSE(judge(store, "ann", 0, Down, "only web"));
    EXPECT_TRUE(judge(store, "bob", 0, Up));
    EXPECT_TRUE(judge(store, "ann", 1, Down));
    check(store);
  }
  check(FeedbackStore(&services, "data/assistant"));
}

TEST_F(ConversationStoreTest, FeedbackHasBoundedSize) {
  const JournalServices services{files_, metrics_, log_};
  constexpr size_t kMaxBytes = 100'000;
  FeedbackStore store(&services, "data/assistant", {.max_bytes = kMaxBytes});
  for (size_t number = 0; number < 1000; ++number) {
    Feedback feedback;
    feedback.session_id = "s";
    feedback.correction = std::string(4000, 'x');
    store.add(feedback, {number, turn("how?")});
  }
  EXPECT_LT(files_.size("data/assistant/feedback.jsonl").value(),
            2 * kMaxBytes + (1U << 20) + 5000);
  const size_t kept = store.report()["up"].get<size_t>();
  EXPECT_GT(kept, 20U);
  EXPECT_LT(kept, 25U);
}

}  // namespace prom5::agent
