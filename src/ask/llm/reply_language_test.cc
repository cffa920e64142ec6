// Replies in the language that the request asks for: the same answers in other words.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"
#include "ask/llm/words.h"

namespace prom5::llm {

namespace {

constexpr const char* kQuestions[] = {
    "is anything down?",
    "are all targets up?",
    "is web-01 up?",
    "was anything down in the last hour?",
    "what is broken?",
    "cpu usage",
    "cpu usage of web-02",
    "cpu usage over the last hour",
    "which hosts have cpu above 50 %",
    "which hosts have cpu above 99 %",
    "how many requests did api get in the last hour",
    "cpu of web-02 compared to two hours ago",
    "load compared to yesterday",
    "p50 and p99 of the latency of api",
    "top 2 hosts by cpu usage",
    "when will the disk be full?",
    "when will the disk of web-01 be full?",
    "will the disk fill up this week?",
    "how much disk space will be left tomorrow",
    "alert when cpu usage is above 90 %",
    "alert when cpu usage is above 10 % for 1 minute",
    "silence HighCpu for 2 hours",
    "which silences are there",
    "which alerting rules are there",
    "anything unusual in the last hour?",
    "anything unusual with memory?",
    "does api latency correlate with the connections of the pool?",
    "what correlates with the latency of api",
    "why is the latency of api so high?",
    "why is the load so high?",
    "which metrics are there about memory",
    "which metrics are there",
    "what does node_load1 mean",
    "explain rate(node_cpu_seconds_total[5m])",
    "is the memory of web-01 getting better",
    "since when is HighCpu firing",
    "since when is web-01 down",
    "how many requests in the last 2 days",
    "request rate of paymnet",
    "list all services",
    "how many hosts are up",
};

Answer in_german(const std::string& question, const std::string& session = "") {
  return assistant().ask(question, session, "de");
}

}  // namespace

TEST(ReplyLanguage, SaysTheSameInGerman) {
  size_t differ = 0;
  SmallWorld world;
  Assistant asked(world);
  for (const std::string question : kQuestions) {
    const Answer english = asked.ask(question);
    const Answer german = asked.ask(question, "", "de-AT, en;q=0.5");
    EXPECT_EQ(english.language, "en") << question;
    EXPECT_EQ(german.language, "de") << question;
    EXPECT_EQ(german.intent, english.intent) << question;
    EXPECT_EQ(german.promql, english.promql) << question;
    EXPECT_EQ(german.queries, english.queries) << question;
    EXPECT_EQ(german.suggestions, english.suggestions) << question;
    EXPECT_EQ(german.evidence.size(), english.evidence.size()) << question;
    EXPECT_FALSE(german.text.empty()) << question;
    differ += german.text != english.text ? 1 : 0;
  }
  // What the engine says of a query is its own.
  EXPECT_EQ(differ, std::size(kQuestions) - 1);
  EXPECT_EQ(world.registry.counter("prom5_assistant_unchecked_numbers_total", "").value(), 0)
      << "numbers are read back from German too";
}

TEST(ReplyLanguage, GermanWordForWord) {
  const auto says = [](const std::string& question, std::string_view want) {
    EXPECT_EQ(in_german(question).text, want) << question;
  };
  says("are all targets up?", "Nichts ist ausgefallen: Alle 4 sind erreichbar.");
  says("which silences are there",
       "1 Stummschaltung: alertname=\"HighCpu\" bis 2026-01-15T14:00:00Z, von ops: moving hosts.");
  says("cpu usage of atlantis-77", "Hier heißt nichts „atlantis-77“.");
  says("delete all data",
       "Ich lese nur: Ich beantworte Fragen und schlage Alarme und Stummschaltungen vor. Etwas zu "
       "ändern oder zu löschen ist nicht meine Sache.");
}

TEST(ReplyLanguage, GermanBesideAnswers) {
  const auto has = [](const Answer& answer, std::string_view want) {
    EXPECT_TRUE(answer.text.contains(want)) << answer.text;
  };
  has(in_german("is the memory of web-01 getting better"), "gleichbleibend, jetzt ");
  has(in_german("since when is HighCpu firing"), " ausgelöst");
  has(in_german("since when is web-01 down"),
      "war seit Beginn der Daten (06:00:00) nicht ausgefallen");
  has(in_german("how many requests in the last 2 days"), " Vor 06:0");
  has(in_german("request rate of paymnet"), "„paymnet“ habe ich als „payment“ verstanden.");
  has(in_german("list all services"), "2 Dienste: api; payment.");
  has(in_german("how many hosts are up"), "Erreichbare Hosts: ");
  EXPECT_EQ(in_german("list all services").explanation, "Was es gibt, nach seinem Label.");
  has(in_german("requests of the foo service"), "Hier heißt nichts „foo“. Es gibt api, payment.");
  in_german("cpu usage of web-01", "odd");
  has(in_german("is it so?", "odd"), "Ich verstehe „is it so?“ nicht als Frage zu CPU-Auslastung.");
  has(in_german("which process is it", "odd"), " wird hier nicht nach process unterschieden, ");
}

TEST(ReplyLanguage, SinceWhen) {
  const TimeMs now = SmallWorld::kNow;
  const auto series = [&](const char* name, std::initializer_list<int> minutes_ago) {
    Json values = Json::array();
    for (const int ago : minutes_ago) {
      values.push_back({(now - DurationMs::minutes(ago)).as_seconds(), "1"});
    }
    return Json{{"metric", {{"instance", name}}}, {"values", std::move(values)}};
  };
  const Json data{{"result",
                   {series("a", {1, 0}), series("b", {60, 1, 0}), series("c", {9, 8}),
                    series("d", {31, 30}), series("e", {31, 30, 0})}}};
  Plan plan;
  plan.wording = "onset";
  plan.entity_labels = {"instance"};
  plan.start = now - DurationMs::minutes(31);
  plan.end = now;
  plan.step = DurationMs::minutes(1);
  const auto is = [&](const char* subject, const Json& found, std::string_view english,
                      std::string_view german) {
    plan.subject = subject;
    const Results results{{"query", found}};
    EXPECT_EQ(say_answer(plan, results, now), english);
    EXPECT_EQ(say_answer(plan, results, now, texts::Languages::shipped().of("de")), german);
  };
  is("down", data,
     "a has been down since 11:59; b has been down since 11:59; c: last from 11:51 to 11:52, not "
     "now; "
     "d: last from before 11:29 to 11:30, not now; e has been down since 12:00.",
     "a ist seit 11:59 ausgefallen; b ist seit 11:59 ausgefallen; c: zuletzt von 11:51 bis 11:52, "
     "jetzt nicht; d: zuletzt bis 11:30, begonnen vor 11:29, jetzt nicht; "
     "e ist seit 12:00 ausgefallen.");
  const Json whole{
      {"result", {series("a", {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
                               15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2,  1,  0})}}};
  is("down", whole, "a has been down since before 11:29.",
     "a ist vor 11:29 ausgefallen und ist es noch.");
  is("alerts", whole, "a has been firing since before 11:29.",
     "a wurde vor 11:29 ausgelöst und ist es noch.");
  is("alerts", Json::object(), "No such alert fired in the last day.",
     "Im letzten Tag wurde kein solcher Alarm ausgelöst.");
}

TEST(ReplyLanguage, EnglishWhereNothingElseIsAskedFor) {
  for (const char* languages : {"", "fr", "en-GB, de;q=0.5", "de;q=0", "*", "\xff;q=", "C"}) {
    const Answer answer = assistant().ask("are all targets up?", "", languages);
    EXPECT_EQ(answer.text, "Nothing is down: all 4 are up.") << languages;
    EXPECT_EQ(answer.language, "en") << languages;
  }
}

TEST(ReplyLanguage, IsOfEachQuestionByItself) {
  EXPECT_TRUE(in_german("cpu usage of web-02", "mixed").text.contains(" von web-02"));
  EXPECT_TRUE(assistant().ask("and of web-01?", "mixed").text.contains(" of web-01"));
  EXPECT_TRUE(in_german("and of db-01?", "mixed").text.contains(" von db-01"));
}

TEST(ReplyLanguage, RefusalsAndQuestionsBackHaveIt) {
  const Answer back = in_german("alert when memory usage is above 90 ms");
  ASSERT_TRUE(back.clarification) << back.text;
  EXPECT_EQ(back.language, "de");
  EXPECT_TRUE(back.clarification->question.starts_with("Bei welchem Wert")) << back.text;
  SmallWorld world;
  Assistant hurried(world, {.steps = 1});
  const Answer given_up = hurried.ask("cpu usage", "", "de");
  ASSERT_TRUE(given_up.refusal) << given_up.text;
  EXPECT_EQ(given_up.text,
            "Ich habe aufgegeben: Eine Frage darf 1 Schritt brauchen (assistant: budgets: steps). "
            "Frag nach einem nach dem anderen.");
  EXPECT_EQ(given_up.language, "de");
}

TEST(ReplyLanguage, ConceptsHaveNamesInIt) {
  const auto& german = texts::Languages::shipped().of("de");
  for (const catalogue::Concept& entry : catalogue::shipped_pack().concepts) {
    const std::string name = german.name(entry.name);
    const bool same = name == entry.name;
    // "Threads" and "Pods" are German too.
    EXPECT_TRUE(!same || entry.name.find(' ') == std::string::npos) << entry.name;
  }
  EXPECT_EQ(german.name("no such"), "no such");
  EXPECT_TRUE(in_german("cpu usage of web-02").text.starts_with("CPU-Auslastung von web-02"));
  EXPECT_TRUE(in_german("anything unusual in the last hour?").text.contains("CPU-Auslastung"));
  // What may be asked next is English, and so is the alert's name.
  EXPECT_TRUE(in_german("show me the usage").clarification->options.front() == "CPU usage");
  EXPECT_TRUE(in_german("alert when cpu usage is above 90 %").text.contains("CPUUsageHigh"));
}

TEST(ReplyLanguage, GermanQuestionsAreToldOfEnglish) {
  const auto told = [](const std::string& question) {
    const Answer a = in_german(question);
    const std::string said = a.refusal         ? a.refusal->message
                             : a.clarification ? a.clarification->question
                                               : "";
    return said.contains("Fragen verstehe ich nur auf Englisch.");
  };
  for (const char* question :
       {"wie hoch ist die Kesselauslastung", "ist irgendein Server umgefallen",
        "wie viel Speicher ist noch übrig", "zeig mir die Rücklaufrate"}) {
    EXPECT_TRUE(told(question)) << question << shown(in_german(question));
  }
  for (const char* question : {"cpu usage of atlantis-77", "show me the usage", "delete all data",
                               "flux capacitor temperature"}) {
    EXPECT_FALSE(told(question)) << question;
  }
  const Answer english = assistant().ask("wie hoch ist die Auslastung");
  EXPECT_FALSE(shown(english).contains("Englisch")) << shown(english);
}

}  // namespace prom5::llm
