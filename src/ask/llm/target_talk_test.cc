// Questions about what is up, was down or started anew, of targets that are called by common words;
// silences of everything; and turns that are of the turns before.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"
#include "ask/llm/past_turns.h"

namespace prom5::llm {

namespace {

constexpr double kStarted = 1'768'478'400 - 7200;

/// Three jobs with common names: the shop was down twice and began anew behind both, the api is
/// down, the node says when it started.
struct Shop {
  SmallWorld world{false};

  explicit Shop(bool alerts = false) {
    const auto up = [&](const char* job, const SmallWorld::Course& course) {
      world.put({{"__name__", "up"}, {"instance", "127.0.0.1:80"}, {"job", job}}, course);
    };
    const auto gone = [](double m) { return (m >= 100 && m < 103) || (m >= 200 && m < 210); };
    up("shop", [=](double m) { return gone(m) ? 0 : 1; });
    up("node", [](double) { return 1; });
    up("api", [](double m) { return m >= 350 ? 0 : 1; });
    for (const char* path : {"/", "/cart"}) {
      world.put({{"__name__", "http_requests_total"},
                 {"instance", "127.0.0.1:80"},
                 {"job", "shop"},
                 {"path", path}},
                [](double m) { return m >= 210   ? m - 210
                                      : m >= 103 ? m - 103
                                                 : m; });
    }
    world.put(
        {{"__name__", "process_start_time_seconds"}, {"instance", "127.0.0.1:80"}, {"job", "node"}},
        [](double m) { return m < 240 ? 1e9 : kStarted; });
    world.put({{"__name__", "node_load1"}, {"instance", "127.0.0.1:80"}, {"job", "node"}},
              [](double) { return 1; });
    if (!alerts) return;
    world.put({{"__name__", "ALERTS"},
               {"alertname", "HighCpu"},
               {"alertstate", "firing"},
               {"instance", "127.0.0.1:80"}},
              [](double) { return 1; });
  }
};

Assistant& shop() {
  static Shop made;
  static Assistant out(made.world);
  return out;
}

Assistant& alerting() {
  static Shop made(true);
  static Assistant out(made.world);
  return out;
}

Answer talk_to(Assistant& own, std::initializer_list<std::string> turns,
               const std::string& language = "") {
  static int count = 0;
  const std::string session = "target " + std::to_string(++count);
  Answer last;
  for (const std::string& turn : turns) {
    last = own.ask(turn, session, language);
    expect_sound(last, turn);
  }
  return last;
}

void says(const Answer& a, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    EXPECT_NE(shown(a).find(part), std::string::npos) << part << "\n" << shown(a);
  }
}

void says_not(const Answer& a, std::string_view part) {
  EXPECT_EQ(shown(a).find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(TargetTalk, ACommonWordNamesAJobWhereAStateIsAsked) {
  for (const char* question :
       {"is the shop down?", "shop down?", "is shop running", "is the shop up", "is the shop ok",
        "ist der Shop weg?", "läuft der Shop?", "status of the shop"}) {
    const Answer a = talk_to(shop(), {question});
    says(a, {"up{job=\"shop\"}", "shop 127.0.0.1:80 is up."});
  }
  says(talk_to(shop(), {"is the api down"}), {"up{job=\"api\"}", "api 127.0.0.1:80"});
  const Answer node = talk_to(shop(), {"is node down"});
  says(node, {"job=\"node\"", "node 127.0.0.1:80 is up"});
  says_not(node, "shop");
  says(talk_to(shop(), {"availability of the shop"}), {"avg_over_time(up{job=\"shop\"}[1d])"});
}

TEST(TargetTalk, OnlyWhereAStateIsAsked) {
  SmallWorld world;
  for (const char* job : {"prometheus", "node", "server", "status"}) {
    world.put({{"__name__", "up"}, {"instance", "p-01:9090"}, {"job", job}},
              [](double) { return 1; });
  }
  Assistant own(world);
  for (const char* question : {"Hey Prometheus, what's the status of production servers?",
                               "what's the status of production servers?"}) {
    const Answer a = own.ask(question);
    says_not(a, "job=\"prometheus\"");
    says_not(a, "job=\"server\"");
    says_not(a, "job=\"status\"");
    EXPECT_FALSE(declined(a)) << shown(a);
  }
}

TEST(TargetTalk, ANameStaysInTheConversation) {
  says(talk_to(shop(), {"is the api down?", "is it back?"}), {"up{job=\"api\"}"});
  says(talk_to(shop(), {"is the api down?", "and the shop?"}), {"shop 127.0.0.1:80 is up"});
  says(talk_to(shop(), {"is the api down?", "since when?"}),
       {"api 127.0.0.1:80 has been down since 11:50:00"});
  says(talk_to(shop(), {"is the shop down?", "how often was it down today?"}), {"2 times"});
}

TEST(TargetTalk, OutagesAreCountedAndMeasured) {
  for (const char* question :
       {"how long was the shop down", "how long was the shop down today",
        "how often was the shop down", "how many outages had the shop", "was the shop down?",
        "when was the shop last down", "wie lange war der Shop weg", "wie oft war der Shop weg?",
        "wann war der Shop zuletzt ausgefallen?", "how many times did the shop go down"}) {
    const Answer a = talk_to(shop(), {question});
    says(a, {"shop 127.0.0.1:80 was down 2 times", "13 min 0 s", "09:20:00", "09:30:00"});
    says_not(a, "api");
  }
  says(talk_to(shop(), {"wie lange war der Shop heute ausgefallen"}, "de"),
       {"2 Mal ausgefallen", "13 min 0 s"});
  says(talk_to(shop(), {"how long was the shop down in the last 3 hours"}),
       {"once in the last 3h", "10 min 0 s"});
  says(talk_to(shop(), {"how long was the node down"}),
       {"node 127.0.0.1:80 was not down since 06:00:00, where the data begins"});
  says(talk_to(shop(), {"how long was the shop down in the last 30 minutes"}),
       {"was not down in the last 30m"});
  says(talk_to(shop(), {"how often was the api down"}), {"once", "since 11:50:00"});
}

TEST(TargetTalk, SinceWhenIsToTheSecond) {
  says(talk_to(shop(), {"since when is the api down?"}),
       {"api 127.0.0.1:80 has been down since 11:50:00, for 10 min 0 s"});
  says(talk_to(shop(), {"since when is the shop up?"}),
       {"shop 127.0.0.1:80 has been up since 09:30:00"});
  says(talk_to(shop(), {"seit wann läuft der Shop?"}), {"has been up since 09:30:00"});
  says(talk_to(shop(), {"what is the uptime of the shop"}),
       {"shop 127.0.0.1:80 has been up since"});
  says(talk_to(shop(), {"since when is the shop down?"}),
       {"is up; the last time it was down from 09:20:00 to 09:30:00"});
}

TEST(TargetTalk, WhatCrashedIsAskedOfItsOutages) {
  for (const char* question : {"when did api crash?", "when did the api die?"}) {
    says(talk_to(shop(), {question}), {"api 127.0.0.1:80 has been down since 11:50:00"});
  }
  for (const char* question : {"when did node crash?", "when did the node die?"}) {
    const Answer a = talk_to(shop(), {question});
    says(a, {"node 127.0.0.1:80 was not down"});
    says_not(a, "process_start_time_seconds");
  }
}

TEST(TargetTalk, OneStateOrTheOther) {
  for (const char* question : {"did node go down or up?", "is node up or down?"}) {
    const Answer a = talk_to(shop(), {question});
    says(a, {"node 127.0.0.1:80", "{job=\"node\"}"});
    says_not(a, "shop");
  }
  SmallWorld world(false);
  for (const char* job : {"prom5", "other"}) {
    world.put({{"__name__", "up"}, {"instance", "h:1"}, {"job", job}}, [](double) { return 1; });
  }
  Assistant own(world);
  says(own.ask("is prom5 up or down?"), {"up{job=\"prom5\"}", "prom5 h:1 is up."});
}

TEST(TargetTalk, ManyTargetsAreCounted) {
  SmallWorld world;
  const auto job = [](int i) { return "job" + std::to_string(1000 + i); };
  for (int i = 0; i < 250; ++i) {
    world.put({{"__name__", "up"}, {"instance", "h:1"}, {"job", job(i)}},
              [=](double m) { return i < 120 && m >= 200 && m < 210 ? 0 : 1; });
  }
  Assistant own(world);
  // Four hosts, and all of the services, are of the world itself.
  const Answer a = own.ask("was anything down in the last 6 hours?");
  const auto up = world.engine.run({"count(up)", SmallWorld::kNow, SmallWorld::kNow});
  ASSERT_TRUE(up);
  const double all = std::get<query::VectorValue>(up->value).series[0].points[0].value;
  says(a, {"and 115 more", fmt::format("{} other targets were not down", all - 120)});
}

TEST(TargetTalk, EachTargetHasItsOwnBeginning) {
  SmallWorld world(false);
  for (const char* job : {"old", "older", "young"}) {
    const bool young = std::string_view(job) == "young";
    for (const char* name : {"up", "process_start_time_seconds"}) {
      world.put(
          {{"__name__", name}, {"instance", "h:1"}, {"job", job}}, [](double) { return 1; },
          young ? SmallWorld::kMinutes - 5 : 0);
    }
  }
  Assistant own(world);
  says(own.ask("how long was young down"),
       {"young h:1 was not down since 11:55:00, where the data begins"});
  says(own.ask("how long was old down"),
       {"old h:1 was not down since 06:00:00, where the data begins"});
  for (const auto& [question, said] :
       {std::pair("did anything restart?", "Nothing restarted since 06:00:00"),
        std::pair("was anything down?", "No target was down since 06:00:00"),
        std::pair("did anything restart in the last 3 hours?", "Nothing restarted in the last 3h"),
        std::pair("was anything down in the last 3 hours?", "No target was down in the last 3h")}) {
    const Answer a = own.ask(question);
    says(a, {said, "young h:1 since 11:55:00"});
    says_not(a, "old h:1");
  }
}

TEST(TargetTalk, OfManyRestartsSomeAreNamed) {
  SmallWorld world(false);
  for (int i = 0; i < 8; ++i) {
    for (const char* name : {"up", "process_start_time_seconds"}) {
      world.put({{"__name__", name}, {"instance", "h:1"}, {"job", "job" + std::to_string(i)}},
                [=](double m) { return m < 300 ? 1 : 1'768'478'400 - 3620.0 + i; });
    }
  }
  Assistant own(world);
  says(own.ask("did anything restart?"), {"job7 h:1 restarted once", "and 3 more"});
}

TEST(TargetTalk, OfHostsItIsKnownWhenTheyStarted) {
  SmallWorld world;
  world.put({{"__name__", "up"}, {"instance", "h:1"}, {"job", "host"}}, [](double) { return 1; });
  world.put({{"__name__", "node_boot_time_seconds"}, {"instance", "h:1"}, {"job", "host"}},
            [](double) { return 1e9; });
  Assistant own(world);
  for (const char* question : {"how long has this host been up", "since when is the host up"}) {
    const Answer a = own.ask(question);
    says_not(a, "up{job=\"host\"}");
    says(a, {"node_boot_time_seconds"});
  }
}

TEST(TargetTalk, WhyItIsDown) {
  Assistant& own = shop();
  own.scrapes = {{{{"instance", "127.0.0.1:80"}, {"job", "api"}},
                  "connection refused",
                  SmallWorld::kNow - DurationMs::seconds(5)}};
  says(talk_to(own, {"why is the api down?"}),
       {"api 127.0.0.1:80 has been down since 11:50:00", "11:59:55", "connection refused"});
  says(talk_to(own, {"warum ist die API weg?"}, "de"), {"connection refused", "seit 11:50:00"});
  const Answer past = talk_to(own, {"why was the shop down at 09:25"});
  says(past, {"from 09:20:00 to 09:30:00", "is not kept"});
  // Of the outage then, not of the last one.
  says(talk_to(own, {"why was the shop down at 07:41"}), {"from 07:40:00 to 07:43:00"});
  own.scrapes.clear();
}

TEST(TargetTalk, RestartsAreSeen) {
  for (const char* question :
       {"did the shop restart", "when did the shop last restart", "ist der Shop neu gestartet?",
        "wurde der Shop neu gestartet?", "how often did the shop restart"}) {
    says(talk_to(shop(), {question}),
         {"shop 127.0.0.1:80 restarted 2 times", "09:30:00", "counters that began anew"});
  }
  says(talk_to(shop(), {"did the node restart?"}),
       {"node 127.0.0.1:80 restarted once", "10:00:00", "process_start_time_seconds"});
  const Answer lately = talk_to(shop(), {"did the node restart in the last hour?"});
  says(lately, {"did not restart in the last 1h", "It has been running since 10:00:00"});
  const Answer any = talk_to(shop(), {"did anything restart?"});
  says(any, {"shop 127.0.0.1:80 restarted 2 times", "node 127.0.0.1:80 restarted once",
             "Nothing tells whether api restarted"});
  says(talk_to(shop(), {"did anything restart in the last hour"}), {"Nothing restarted"});
  says(talk_to(shop(), {"did the api restart"}), {"Its process_start_time_seconds would"});
  // An order is no question.
  EXPECT_EQ(talk_to(shop(), {"restart the shop"}).intent, "refuse");
}

TEST(TargetTalk, WhatIsOverIsNotToldUpToNow) {
  // The api is down since 11:50; data begins at 06:00.
  const Answer a = talk_to(shop(), {"was the api down between 5:00 and 7:00?"});
  says(a, {"was not down between ", "where the data begins, and 07:00"});
  const Answer b = talk_to(shop(), {"was the shop down between 5:00 and 9:00?"});
  says(b, {"where the data begins, and 09:00"});
}

TEST(TargetTalk, WhatWasNeverDownHasNoCauses) {
  const Answer a = talk_to(shop(), {"why is the node down?"});
  says(a, {"was not down"});
  EXPECT_EQ(a.text.find("nusual"), std::string::npos) << shown(a);
}

TEST(SilenceOfAll, IsProposedForAsLongAsIsSaid) {
  for (const char* question :
       {"silence all alerts for 1 hour", "silence everything for 1h", "mute everything for 1 hour",
        "schalte alle Alarme für 1 Stunde stumm"}) {
    const Answer a = talk_to(alerting(), {question});
    ASSERT_TRUE(a.action) << question << "\n" << shown(a);
    says(a, {"\"duration_s\":3600", "HighCpu", "hides every alert"});
  }
}

TEST(SilenceOfAll, AsksOnlyForWhatIsMissing) {
  for (const char* length : {"2 hours", "for 2 hours", "2h"}) {
    const Answer back = talk_to(alerting(), {"mute everything"});
    ASSERT_TRUE(back.clarification) << shown(back);
    says(back, {"how long"});
    const Answer a = talk_to(alerting(), {"mute everything", length});
    ASSERT_TRUE(a.action) << length << "\n" << shown(a);
    says(a, {"\"duration_s\":7200"});
  }
  says(talk_to(alerting(), {"silence something for 3 hours"}), {"Which alerts shall I silence?"});
}

TEST(SilenceOfAll, NothingToSilenceIsSaid) {
  for (const char* question : {"mute everything for 2h", "silence all alerts for 1 hour"}) {
    const Answer a = talk_to(shop(), {question});
    EXPECT_FALSE(a.action) << shown(a);
    says(a, {"nothing to silence"});
  }
}

TEST(PastTurns, UndoGoesBack) {
  const auto back = [](std::initializer_list<std::string> turns) {
    return talk_to(assistant(), turns);
  };
  says(back({"cpu usage of web-01", "memory usage of web-02", "undo"}),
       {"Back at “cpu usage of web-01”"});
  says(back({"cpu usage of web-01", "memory usage of web-02", "thanks", "back", "and of db-01?"}),
       {"node_cpu_seconds_total", "db-01"});
  says(back({"cpu usage of web-01", "memory usage of web-02", "load of db-01", "undo", "undo"}),
       {"Back at “cpu usage of web-01”"});
  says(back({"cpu usage of web-01", "undo"}), {"back at the beginning"});
  // A step back in between is none to go back to: what was asked before it is.
  const char* cpu = "cpu usage of web-01";
  const char* memory = "memory usage of web-02";
  says(back({cpu, memory, "undo", "load of db-01", "undo"}), {"Back at “cpu usage of web-01”"});
  for (const char* between : {"thanks", "what?", "again"}) {
    says(back({cpu, memory, "undo", between, "load of db-01", "undo"}),
         {"Back at “cpu usage of web-01”"});
  }
  EXPECT_EQ(back({cpu, memory, "undo", "load of db-01", "undo", "again"}).promql,
            back({cpu}).promql);
  says(back({cpu, memory, "undo", "load of db-01", "undo", "what?"}),
       {"cpu usage of web-01", back({cpu}).text});
  says(back({cpu, "undo", "load of db-01", "undo"}), {"back at the beginning"});
  says(back({cpu, memory, "undo", "load of db-01", "undo", "undo"}), {"back at the beginning"});
  says(back({"undo"}), {"Nothing was said before"});
  says(talk_to(assistant(), {"cpu usage of web-01", "memory usage of web-02", "zurück"}, "de"),
       {"Zurück bei"});
}

TEST(PastTurns, WhatNoPlanWroteIsNoFrame) {
  const auto before = [](const Json& frame) {
    std::vector<Message> turns(3);
    turns[0].text = "is the shop down?";
    turns[1].role = Role::Assistant;
    turns[1].text = "no";
    turns[1].content = {{"frame", frame}};
    turns[2].text = "and node?";
    return turns;
  };
  const Json good{{"talk", "state"}, {"targets", {"shop"}}, {"back", 0}, {"meaning", "m"}};
  EXPECT_EQ(frame_before(before(good))["targets"], Json({"shop"}));
  for (const Json& bad : {Json("text"),
                          Json(3),
                          Json{{"back", "1"}},
                          Json{{"back", {1}}},
                          Json{{"meaning", 1}},
                          Json{{"talk", 1}},
                          Json{{"talk", nullptr}},
                          Json{{"targets", "shop"}},
                          Json{{"targets", {1}}},
                          Json{{"mentions", {1}}},
                          Json{{"mentions", {{"text", 1}}}},
                          Json{{"mentions", Json::array({{{"negated", "no"}}})}},
                          Json{{"metric", 1}},
                          Json{{"intent", Json::array()}},
                          Json{{"by", "job"}},
                          Json{{"top", "5"}},
                          Json{{"window_ms", "1h"}},
                          Json{{"options", {1}}},
                          Json{{"place", {"a"}}},
                          Json{{"before", {{"metric", 1}}}}}) {
    const std::vector<Message> turns = before(bad);
    EXPECT_TRUE(frame_before(turns).is_null()) << bad.dump();
    SmallWorld world;
    RuleModel model(world.catalogue, world.pack, world.meaning);
    for (const char* turn : {"undo", "what?", "again", "and node?", "is it back?", "why?", "2"}) {
      std::vector<Message> asked = turns;
      asked[2].text = turn;
      asked[2].time = SmallWorld::kNow;
      EXPECT_TRUE(model.complete(asked, {}, {})) << turn << bad.dump();
    }
  }
}

TEST(PastTurns, WhatIsSaidAgain) {
  const Answer first = talk_to(assistant(), {"cpu usage of web-01"});
  for (const char* turn : {"what?", "pardon?", "say that again", "wie bitte?"}) {
    const Answer a = talk_to(assistant(), {"cpu usage of web-01", turn});
    says(a, {"cpu usage of web-01", first.text, "What it means"});
  }
  const Answer again = talk_to(assistant(), {"cpu usage of web-01", "again"});
  EXPECT_EQ(again.promql, first.promql) << shown(again);
  says(talk_to(assistant(), {"what?"}), {"Nothing was said before"});
  says(talk_to(assistant(), {"cpu usage of web-01", "what?", "and of db-01?"}),
       {"node_cpu_seconds_total", "db-01"});
  for (const char* turn : {"exit", "quit"}) says(talk_to(assistant(), {turn}), {"Goodbye"});
}

}  // namespace prom5::llm
