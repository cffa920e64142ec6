// Questions about what is up, was down or started anew, of targets that are called by common words;
// silences of everything; and turns that are of the turns before.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

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
       {"api 127.0.0.1:80 is down since 11:50:00"});
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
       {"node 127.0.0.1:80 was not down since 06:00:00, where its data begins"});
  says(talk_to(shop(), {"how long was the shop down in the last 30 minutes"}),
       {"was not down in the last 30m"});
  says(talk_to(shop(), {"how often was the api down"}), {"once", "since 11:50:00"});
}

TEST(TargetTalk, SinceWhenIsToTheSecond) {
  says(talk_to(shop(), {"since when is the api down?"}),
       {"api 127.0.0.1:80 is down since 11:50:00, for 10 min 0 s"});
  says(talk_to(shop(), {"since when is the shop up?"}), {"shop 127.0.0.1:80 is up since 09:30:00"});
  says(talk_to(shop(), {"seit wann läuft der Shop?"}), {"is up since 09:30:00"});
  says(talk_to(shop(), {"what is the uptime of the shop"}), {"shop 127.0.0.1:80 is up since"});
  says(talk_to(shop(), {"since when is the shop down?"}),
       {"is up; the last time it was down from 09:20:00 to 09:30:00"});
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
       {"api 127.0.0.1:80 is down since 11:50:00", "11:59:55", "connection refused"});
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
  says(lately, {"did not restart in the last 1h", "It runs since 10:00:00"});
  const Answer any = talk_to(shop(), {"did anything restart?"});
  says(any, {"shop 127.0.0.1:80 restarted 2 times", "node 127.0.0.1:80 restarted once",
             "Of api nothing tells it"});
  says(talk_to(shop(), {"did anything restart in the last hour"}), {"Nothing restarted"});
  says(talk_to(shop(), {"did the api restart"}), {"process_start_time_seconds of it would"});
  // An order is no question.
  EXPECT_EQ(talk_to(shop(), {"restart the shop"}).intent, "refuse");
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
  for (const char* question : {"mute everything", "silence all alerts for 1 hour"}) {
    const Answer a = talk_to(shop(), {question});
    ASSERT_TRUE(a.refusal) << shown(a);
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
  says(back({"undo"}), {"Nothing was said before"});
  says(talk_to(assistant(), {"cpu usage of web-01", "memory usage of web-02", "zurück"}, "de"),
       {"Zurück bei"});
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
