// What is asked after a question, and about names, times and lists, of the built-in model.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

/// A world with partitions, alerts with a beginning, a probe, and a metric that began late.
struct WideWorld : SmallWorld {
  WideWorld() {
    for (const char* partition : {"0", "1", "2"}) {
      put({{"__name__", "kafka_consumergroup_lag"},
           {"consumergroup", "mailer"},
           {"job", "kafka"},
           {"partition", partition},
           {"topic", "emails"}},
          [](double) { return 10; });
      put({{"__name__", "spool_depth"}, {"job", "kafka"}, {"partition", partition}},
          [](double) { return 5; });
    }
    put({{"__name__", "probe_success"}, {"instance", "https://a.example"}, {"job", "blackbox"}},
        [](double) { return 1; });
    put({{"__name__", "up"}, {"instance", "a:1"}, {"job", "other"}}, [](double) { return 1; });
    put({{"__name__", "up"}, {"instance", "gone-01:9100"}, {"job", "node"}},
        [](double m) { return m > 300 ? 0 : 1; });
    put(
        {{"__name__", "node_load5"}, {"instance", "web-01:9100"}, {"job", "node"}},
        [](double) { return 1; }, 240);
    tell("node_load5", MetricType::Gauge, "5m load average.");
  }
};

Answer wide(const std::string& question, const std::string& session = "") {
  static WideWorld world;
  static Assistant made(world);
  Answer a = made.ask(question, session);
  expect_sound(a, question);
  return a;
}

void has(const Answer& a, std::string_view part) {
  EXPECT_NE(a.promql.find(part), std::string::npos) << part << "\n" << shown(a);
}
void says(const Answer& a, std::string_view part) {
  EXPECT_NE(shown(a).find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(Conversation, WhatIsNotUnderstoodIsNotAnsweredOnceMore) {
  const Answer first = answered("cpu usage of web-01", "odd");
  for (const char* question : {"is it so?", "is it purple", "does it purr"}) {
    const Answer a = assistant().ask(question, "odd");
    expect_sound(a, question);
    ASSERT_TRUE(declined(a)) << question << "\n" << shown(a);
  }
  const Answer process = refused("which process is it", "odd");
  EXPECT_NE(process.refusal->message.find("instance"), std::string::npos) << shown(process);
  // It goes on from where it was.
  reads("and memory?", {"node_memory_", "web-01:9100"}, "odd");
}

TEST(Conversation, WhatIsOfferedInsteadIsUnderstood) {
  answered("cpu usage of web-01", "offer");
  const Answer back = assistant().ask("is it so?", "offer");
  ASSERT_TRUE(back.clarification) << shown(back);
  for (const std::string& option : back.clarification->options) {
    answered("cpu usage of web-01", "offer " + option);
    ASSERT_TRUE(assistant().ask("is it so?", "offer " + option).clarification);
    answered(option, "offer " + option);
  }
}

TEST(Conversation, WhichOneIsItTellsApart) {
  answered("request latency", "which");
  has(answered("which service is it?", "which"), "by (le, service)");
}

TEST(Conversation, WorseOrBetterIsACourse) {
  answered("free disk space of db-01", "worse");
  const Answer falls = answered("is it getting worse over the last 3 hours?", "worse");
  EXPECT_EQ(falls.intent, "trend") << shown(falls);
  EXPECT_TRUE(falls.range);
  has(falls, "db-01");
  says(falls, "falling");
  says(answered("is the memory of web-01 getting better"), "steady");
}

TEST(Conversation, ATimeOfDayIsAMoment) {
  answered("trend of the cpu usage of web-02 over the last 3 hours", "clock");
  const Answer then = answered("and at 11:00?", "clock");
  EXPECT_FALSE(then.range) << shown(then);
  has(then, "offset 1h");
  has(answered("and at 9?", "clock"), "offset 3h");
}

TEST(Conversation, ARangeIsOfItsQuestion) {
  EXPECT_TRUE(answered("cpu usage of web-02 over the last 3 hours", "own").range);
  EXPECT_FALSE(answered("the memory usage of web-01", "own").range);
  EXPECT_TRUE(answered("cpu usage of web-02 over the last 3 hours", "own").range);
  EXPECT_TRUE(answered("and memory?", "own").range);
}

TEST(Names, AreNeverPassedOver) {
  for (const char* question :
       {"requests of the foo service", "cpu usage of foo", "latency of bar",
        "cpu usage on the foo host", "request rate of the billing service"}) {
    const Answer a = assistant().ask(question);
    expect_sound(a, question);
    ASSERT_TRUE(a.refusal) << question << "\n" << shown(a);
    EXPECT_FALSE(a.refusal->suggestions.empty()) << question << "\n" << shown(a);
  }
  says(refused("requests of the foo service"), "There is api, payment");
}

TEST(Names, MisspeltOnesAreSaid) {
  const Answer a = reads("request rate of paymnet", {"service=\"payment\""});
  says(a, "I took \"paymnet\" for \"payment\"");
  EXPECT_EQ(shown(answered("request rate of payment")).find("I took"), std::string::npos);
  has(answered("shwo me teh cpu usage of hte host web-01"), "web-01");
}

TEST(Names, ARoleMeansItsHosts) {
  has(answered("cpu usage of the database"), "db-");
  has(answered("cpu usage of the datbase"), "db-");
}

TEST(Times, HoursNeedNoMinutes) {
  const Answer error = answered("error rate of api between 10 and 11");
  has(error, "[1h] offset 1h");
  EXPECT_EQ(error.promql.find(">="), std::string::npos) << shown(error);
  // What is no time stays a limit, with both its ends.
  const Answer limit = answered("hosts with cpu usage between 10 and 30");
  has(limit, ">= 10");
  has(limit, "<= 30");
}

TEST(Times, MissingDataIsSaid) {
  says(wide("average load5 over the last 4 hours"), "There is no data before 10:00");
  const Answer whole = wide("average load5 over the last hour");
  EXPECT_EQ(shown(whole).find("no data before"), std::string::npos) << shown(whole);
  says(answered("how many requests in the last 2 days"), "There is no data before 06:0");
}

TEST(Onset, OfAlertsAndTargets) {
  says(wide("when did gone-01 go down"), "gone-01:9100 is down since 11:01");
  says(wide("how long has gone-01 been down"), "since 11:01");
  says(wide("since when is web-01 down"), "not down in the last day");
  const Answer alert = answered("since when is HighCpu firing");
  has(alert, "ALERTS{alertstate=\"firing\",alertname=\"HighCpu\"}");
  says(alert, "fires since");
}

TEST(Forecast, HowFullIsAShare) {
  const Answer a = answered("how full will the disk of db-01 be tomorrow");
  EXPECT_EQ(a.unit, "percent") << shown(a);
  has(a, "predict_linear");
  answered("disk usage of db-01", "full");
  EXPECT_EQ(answered("how full will it be tomorrow?", "full").unit, "percent");
}

TEST(Things, AreListedAndCounted) {
  const Answer hosts = wide("list all hosts");
  says(hosts, "web-01:9100");
  EXPECT_EQ(shown(hosts).find("a:1"), std::string::npos) << shown(hosts);
  says(wide("list all services"), "2 services: api; payment.");
  says(wide("list jobs"), "node");
  has(wide("how many hosts are up"), "up{job=~\"node\"}");
  has(wide("is the site up"), "probe_success");
}

TEST(Partitions, AreAddedUp) {
  says(wide("kafka consumer lag"), "30");
  says(wide("consumer lag of mailer"), "30");
  says(wide("consumer lag by group"), "mailer: 30");
  says(wide("spool depth"), "15");
  says(wide("what is the total spool depth"), "15");
  const Answer one = wide("spool depth of partition 2");
  has(one, "partition=\"2\"");
  says(one, ": 5.");
}

}  // namespace prom5::llm
