// Turns of a conversation that are no questions by themselves: remarks, choices of what was
// offered, other times for the question before, and questions in German.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

/// What comes of several turns; the last of it.
Answer talk(std::initializer_list<std::string> turns, const std::string& languages = "") {
  static int count = 0;
  const std::string session = "turn " + std::to_string(++count);
  Answer last;
  for (const std::string& turn : turns) {
    last = assistant().ask(turn, session, languages);
    expect_sound(last, turn);
  }
  return last;
}

void says(const Answer& a, std::string_view part) {
  EXPECT_NE(shown(a).find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(Turns, WhatLiesAheadIsNoValue) {
  for (const char* question : {"cpu usage of web-01 tomorrow", "cpu usage of web-01 next week"}) {
    const Answer a = talk({question});
    ASSERT_TRUE(a.clarification) << shown(a);
    says(a, "lies ahead");
    const Answer foretold = talk({question, "1"});
    EXPECT_EQ(foretold.intent, "forecast") << shown(foretold);
    says(foretold, "web-01");
  }
  EXPECT_TRUE(talk({"for tomorrow's meeting: cpu usage of web-01 over the last 3 hours"}).range);
  EXPECT_EQ(talk({"what will cpu usage of web-01 be tomorrow"}).intent, "forecast");
}

TEST(Turns, AnotherLengthAheadIsAnotherForecast) {
  for (const auto& [question, turn] :
       {std::pair{"what will memory usage of web-01 be in 2 hours", "and 6 hours"},
        std::pair{"predict memory usage of web-01 in 1 day", "6 hours"}}) {
    const Answer a = talk({question, turn});
    EXPECT_EQ(a.intent, "forecast") << turn << "\n" << shown(a);
    says(a, "21600)");
    says(a, "web-01");
  }
}

TEST(Turns, WhatLiesAheadIsNotMeasuredOverTheTimeBefore) {
  const Answer a = talk({"cpu usage of web-01 over 5 min", "tomorrow"});
  ASSERT_TRUE(a.clarification) << shown(a);
  says(a, "lies ahead");
}

TEST(Turns, ATimeThatCannotBeIsAskedBack) {
  const Answer a = talk({"cpu usage of web-01 at 25:00"});
  ASSERT_TRUE(a.clarification) << shown(a);
  says(a, "25:00");
  says(talk({"cpu usage of web-01 at 25:00", "2"}), "offset 12h");
  says(talk({"cpu usage of web-01 at 25:00", "at 11:00"}), "offset 1h");
  says(talk({"cpu usage of web-01", "and at 14:75?"}), "14:75");
  const Answer none = talk({"cpu usage of web-01 in the last 0 minutes"});
  ASSERT_TRUE(none.clarification) << shown(none);
  says(talk({"cpu usage of web-01 in the last 0 minutes", "the second"}), "web-01");
}

TEST(Turns, ALengthAloneIsAnotherWindow) {
  for (const char* turn : {"1 hour", "make it 1 hour", "over 1 hour", "and the last hour?", "1h",
                           "what about one hour", "for 60 minutes", "no, 1 hour"}) {
    const Answer a = talk({"average memory usage of web-01 in the last 5 minutes", turn});
    says(a, "[1h");
    says(a, "web-01");
  }
  says(talk({"alert me when cpu usage is above 90 %", "make it 30 minutes"}), "\"for_s\":1800");
}

TEST(Turns, WhatIsOfferedIsChosen) {
  const std::string asked = "usage over the last 2 hours";
  const Answer back = talk({asked});
  ASSERT_TRUE(back.clarification) << shown(back);
  ASSERT_GE(back.clarification->options.size(), 2U);
  const Answer wanted = talk({asked, back.clarification->options[1]});
  ASSERT_FALSE(declined(wanted)) << shown(wanted);
  for (const char* choice : {"2", "#2", "number 2", "2.", "the second", "two", "the second one",
                             "option 2 please", "die zweite", "Nummer 2", "zwei"}) {
    const Answer a = talk({asked, choice});
    EXPECT_EQ(a.promql, wanted.promql) << choice << "\n" << shown(a);
    EXPECT_TRUE(a.range) << choice << "\n" << shown(a);
  }
}

TEST(Turns, ANameThatIsOfferedTakesItsPlace) {
  const Answer a = talk({"request rate of the foo service", "2"});
  says(a, "service=\"payment\"");
  says(talk({"request rate of the foo service", "payment"}), "service=\"payment\"");
  // In a conversation, too.
  says(talk({"cpu usage of web-01", "and of web-03?", "1"}), "web-0");
}

TEST(Turns, NothingOfferedIsNotChosen) {
  for (const char* choice : {"1", "#1", "number 2", "the second", "one"}) {
    says(talk({choice}), "nothing was offered");
  }
}

TEST(Turns, LastAloneIsNoChoice) {
  const Answer load = talk({"Die Last"});
  EXPECT_EQ(shown(load).find("nothing was offered"), std::string::npos) << shown(load);
  const Answer first = talk({"cpu usage of web-01"});
  ASSERT_FALSE(first.suggestions.empty());
  const Answer taken = talk({"cpu usage of web-01", "the last one"});
  const Answer last = talk({"cpu usage of web-01", "last"});
  EXPECT_NE(last.promql, taken.promql) << shown(last);
  // Of options that were asked for it is one.
  EXPECT_EQ(talk({"usage over the last 2 hours", "last"}).promql,
            talk({"usage over the last 2 hours", "the last one"}).promql);
}

TEST(Turns, ANumberAfterAnAlertIsItsValue) {
  for (const char* turn : {"90", "90 %", "and 90?", "make it 90"}) {
    const Answer a = talk({"alert me when cpu usage is above 80", turn});
    EXPECT_EQ(a.intent, "alert") << turn << "\n" << shown(a);
    says(a, "> 90");
  }
}

TEST(Turns, AKindIsPutBeforeANumberOnce) {
  SmallWorld world;
  for (const char* place : {"north", "south"}) {
    world.put({{"__name__", "spool_depth"}, {"job", "spool"}, {"in", place}},
              [](double) { return 5; });
  }
  Assistant own(world);
  EXPECT_FALSE(declined(own.ask("spool depth in north", "kind")));
  expect_sound(own.ask("and 9?", "kind"), "and 9?");
}

TEST(Turns, ANumberAfterATopIsItsLength) {
  for (const char* turn : {"1", "1 please", "make it 1"}) {
    says(talk({"top 2 hosts by cpu usage", turn}), "topk(1,");
  }
}

TEST(Turns, AlertsAreListed) {
  for (const char* question : {"alarms", "any alarms?", "which alerts fire", "alerts?", "Alarme?",
                               "Welche Alarme feuern?", "Welche Alarme gibt es?", "Alarm"}) {
    const Answer a = talk({"cpu usage of web-01", question});
    EXPECT_FALSE(a.action) << question << "\n" << shown(a);
    EXPECT_NE(a.intent, "alert") << question << "\n" << shown(a);
    says(a, "ALERTS");
  }
  EXPECT_TRUE(talk({"alert me when cpu usage is above 90 %"}).action);
}

TEST(Turns, RemarksAskNothing) {
  says(talk({"hello"}), "Hello");
  says(talk({"cpu usage of web-01", "thanks a lot!"}), "welcome");
  says(talk({"Guten Morgen!"}), "Hello");
  says(talk({"usage", "none of them"}), "instead");
  says(talk({"cpu usage of web-01", "ok"}), "Good.");
  says(talk({"cpu usage of web-01", "nope"}), "instead");
  says(talk({"alert me when cpu usage is above 90 %", "no"}), "nothing was made");
  says(talk({"alert me when cpu usage is above 90 %", "yes please"}), "only propose");
  says(talk({"cpu usage of web-01", "danke"}, "de"), "Gern geschehen");
  // The conversation goes on from where it was.
  says(talk({"cpu usage of web-01", "thanks", "and memory?"}), "web-01");
  // What was asked back is given up.
  const Answer other = talk({"usage", "no", "cpu usage of web-01"});
  says(other, "web-01");
}

TEST(Turns, WhatIsNotMeasuredIsRefused) {
  EXPECT_TRUE(talk({"how much is the fish"}).refusal);
  EXPECT_TRUE(declined(talk({"cpu usage of web-01", "how much is the fish"})));
  EXPECT_TRUE(declined(talk({"how hot is it"})));
}

TEST(Turns, SentencesBeginInUpperCase) {
  EXPECT_TRUE(talk({"memory usage of web-01"}).text.starts_with("Memory usage of web-01"));
  const Answer german = talk({"available memory of web-01"}, "de");
  EXPECT_TRUE(german.text.starts_with("Verfügbarer Speicher")) << shown(german);
}

TEST(Turns, AValueThatIsCalledOkIsNotAskedFor) {
  SmallWorld world;
  for (const char* status : {"ok", "everything", "healthy", "fine"}) {
    world.put({{"__name__", "orders_processed_total"}, {"job", "shop"}, {"status", status}},
              [](double m) { return m; });
    world.put({{"__name__", "app_health"}, {"check", status}, {"job", "shop"}},
              [](double) { return 1; });
  }
  Assistant own(world);
  for (const char* question : {"is everything ok", "how are things", "is everything fine?",
                               "all healthy?", "alles gut?", "ist alles in Ordnung?"}) {
    const Answer a = own.ask(question);
    expect_sound(a, question);
    EXPECT_EQ(a.intent, "status") << question << "\n" << shown(a);
    EXPECT_FALSE(declined(a)) << question << "\n" << shown(a);
  }
}

TEST(Turns, GermanWordsMakeEnglishQuestions) {
  says(talk({"CPU-Auslastung von web-01"}, "de"), "web-01");
  says(talk({"memory usage of web-01", "und die letzte Stunde?"}, "de"), "web-01");
  says(talk({"cpu usage of web-01", "und Speicher?"}, "de"), "node_memory_");
  // No question loses its "not".
  says(talk({"Welche Alarme feuern nicht"}, "de"), "nur auf Englisch");
  // A word that is not known leaves all as it was.
  says(talk({"wie hoch ist die Brotbackzeit"}, "de"), "nur auf Englisch");
}

TEST(German, OneShortWordShowsIt) {
  says(talk({"CPU von web-01"}), "web-01");
  says(talk({"cpu usage of web-01", "und web-02?"}), "web-02");
  EXPECT_EQ(talk({"cpu von web-01"}).promql, talk({"cpu of web-01"}).promql);
}

TEST(German, TimesAreThoseOfEnglish) {
  for (const auto& [german, english] :
       {std::pair{"CPU von web-01 vor zwei Stunden", "CPU of web-01 2 hours ago"},
        std::pair{"CPU von web-01 vor einer Stunde", "CPU of web-01 1 hour ago"},
        std::pair{"CPU von web-01 heute früh", "CPU of web-01 this morning"},
        std::pair{"CPU von web-01 zwischen 10 und 11 Uhr",
                  "CPU of web-01 between 10:00 and 11:00"}}) {
    const Answer a = talk({german});
    const Answer b = talk({english});
    EXPECT_EQ(a.promql, b.promql) << german;
    EXPECT_EQ(a.text, b.text) << german;
  }
}

}  // namespace prom5::llm
