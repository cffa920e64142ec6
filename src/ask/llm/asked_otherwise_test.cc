// The same asked in other words: verbs of alerts and silences, ranks, futures, names side by side.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"
#include "ask/llm/asker.h"
#include "ask/llm/numbered.h"

namespace prom5::llm {

namespace {

/// A shop with orders by status and payment, pods of two services, and a host with two exporters.
struct ShopWorld : SmallWorld {
  ShopWorld() {
    for (const char* status : {"completed", "failed", "cancelled"}) {
      for (const char* method : {"card", "paypal"}) {
        put({{"__name__", "orders_total"},
             {"job", "shop"},
             {"payment_method", method},
             {"status", status}},
            counted([](double) { return 1; }));
      }
    }
    for (const char* pod : {"api-7f9c-x1", "api-7f9c-x2", "payment-5d8b-y1"}) {
      const std::string service = std::string(pod).substr(0, std::string(pod).find('-'));
      put({{"__name__", "container_memory_working_set_bytes"},
           {"container", service},
           {"job", "cadvisor"},
           {"namespace", "shop"},
           {"pod", pod}},
          [](double) { return 1e8; });
      put({{"__name__", "kube_pod_container_status_restarts_total"},
           {"container", service},
           {"job", "kube"},
           {"namespace", "shop"},
           {"pod", pod}},
          counted([](double) { return 0; }));
      for (const char* phase : {"Running", "Pending"}) {
        put({{"__name__", "kube_pod_status_phase"},
             {"job", "kube"},
             {"namespace", "shop"},
             {"phase", phase},
             {"pod", pod}},
            [phase](double) { return phase[0] == 'R' ? 1 : 0; });
      }
    }
    for (const char* host : {"web-01", "web-02"}) {
      const bool fresh = host == std::string_view("web-01");
      put({{"__name__", "node_boot_time_seconds"},
           {"instance", std::string(host) + ":9100"},
           {"job", "node"}},
          [fresh](double) { return SmallWorld::kNow.as_seconds() - (fresh ? 3600 : 1e7); });
    }
    put({{"__name__", "up"}, {"instance", "web-01:9187"}, {"job", "postgres"}},
        [](double) { return 1; });
    put({{"__name__", "redis_memory_used_bytes"}, {"instance", "web-01:9121"}, {"job", "redis"}},
        [](double m) { return 1e8 + m * 1e4; });
  }
};

Answer shop(const std::string& question, const std::string& session = "") {
  static ShopWorld world;
  static Assistant made(world);
  Answer a = made.ask(question, session);
  expect_sound(a, question);
  return a;
}

void has(const Answer& a, std::string_view part) {
  EXPECT_NE(a.promql.find(part), std::string::npos) << part << "\n" << shown(a);
}
void lacks(const Answer& a, std::string_view part) {
  EXPECT_EQ(a.promql.find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(AskedOtherwise, SomebodyIsToBeToldInManyWays) {
  for (const char* question :
       {"send an alert when cpu usage is above 80 %", "wake me up if cpu usage is above 80 %",
        "ring me when cpu usage is above 80 %", "shout if cpu usage is above 80 %",
        "create a rule that fires when cpu usage is above 80 %",
        "send a notification when cpu usage is above 80 %",
        "warning when any host has a cpu usage above 80 %"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.intent, "alert") << question << shown(a);
    has(a, "node_cpu_seconds_total");
    has(a, "> 80");
  }
}

TEST(AskedOtherwise, NoOrdersAreNoSilence) {
  const Answer a = shop("alert when no orders come in for 5 minutes");
  EXPECT_NE(a.intent, "silence") << shown(a);
  const Answer kill = shop("alert when there are oom kills for 10 minutes");
  EXPECT_NE(kill.intent, "silence") << shown(kill);
  for (const char* question :
       {"no more alerts from web-01 for an hour", "stop paging me about web-01 for an hour"}) {
    EXPECT_EQ(shop(question).intent, "silence") << question;
  }
}

TEST(AskedOtherwise, AnAlertIsHiddenForATime) {
  for (const char* question :
       {"hide HighCpu for 2h", "I know about the HighCpu alert, hide it for 2h",
        "acknowledge HighCpu for 2h", "HighCpu is known, shut it up for 2h"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.intent, "silence") << question << shown(a);
    ASSERT_TRUE(a.action) << question << shown(a);
    EXPECT_EQ((*a.action)["matchers"]["alertname"], "HighCpu") << question;
    EXPECT_EQ((*a.action)["duration_s"], 7200) << question;
  }
}

TEST(AskedOtherwise, AHostIsSilencedWithAllItsExporters) {
  const Answer a = shop("silence everything on web-01 for 2 hours");
  ASSERT_TRUE(a.action) << shown(a);
  EXPECT_EQ((*a.action)["matchers"]["instance"], "web-01(:.*)?") << shown(a);
  EXPECT_EQ((*a.action)["regex"], Json::array({"instance"})) << shown(a);
}

TEST(AskedOtherwise, WhatWillBeInAWhileIsForetold) {
  for (const char* question :
       {"redis memory in 12 hours", "redis memory in 12 hours at the current pace",
        "redis memory 12 hours from now", "redis memory in 12 hours if it continues like this"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.intent, "forecast") << question << shown(a);
    has(a, "predict_linear(redis_memory_used_bytes");
    has(a, "43200");
  }
}

TEST(AskedOtherwise, NamesSideBySideAreComparedInTheWindow) {
  const Answer a = shop("card against paypal orders over the last hour");
  EXPECT_EQ(a.intent, "compare") << shown(a);
  has(a, "by (payment_method)");
  has(a, "[1h]");
  lacks(a, "offset");
  // One thing is compared with itself before.
  has(shop("compare orders over the last hour"), "offset 1h");
}

TEST(AskedOtherwise, ThingsAreRanked) {
  for (const char* question : {"rank hosts by cpu usage", "order the hosts by cpu usage"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.intent, "top") << question << shown(a);
    has(a, "topk(100,");
  }
  has(shop("rank hosts by cpu usage, top three only"), "topk(3,");
  EXPECT_TRUE(shop("order the pizza").refusal);
}

TEST(AskedOtherwise, TheNextNameIsOfTheSameKind) {
  has(shop("memory of api pods", "kind"), "pod=~\"api-.*\"");
  const Answer a = shop("what about payment", "kind");
  has(a, "pod=~\"payment-.*\"");
  lacks(a, "api");
}

TEST(AskedOtherwise, AnotherStatusTakesThePlaceOfTheOneBefore) {
  has(shop("how many orders per second fail", "status"), "status=\"failed\"");
  const Answer a = shop("what about cancelled ones", "status");
  has(a, "status=\"cancelled\"");
  lacks(a, "failed");
}

TEST(AskedOtherwise, AWholeQuestionIsNoPartOfTheOneBefore) {
  shop("redis memory", "whole");
  const Answer a = shop("how many orders per minute do we frobnicate", "whole");
  lacks(a, "redis");
}

TEST(AskedOtherwise, PodsOfANamespaceAreCounted) {
  const Answer a = shop("how many pods are running in namespace shop");
  has(a, "sum(");
  EXPECT_NE(a.text.find('3'), std::string::npos) << shown(a);
}

TEST(AskedOtherwise, ALimitMayBeOfHowManyThereAre) {
  const Answer down = shop("alert when more than 2 targets are down");
  has(down, "count(up == 0) > 2");
  const Answer pods = shop("alert when fewer than 2 api pods are running");
  lacks(pods, "by (pod)");
  has(pods, "< 2");
  ASSERT_TRUE(pods.action);
  EXPECT_EQ((*pods.action)["for_s"], 300) << shown(pods);
  // Of none there is no count, and yet fewer than 2.
  has(shop("alert me when fewer than 2 targets are up"), "(count(up == 1) or vector(0)) < 2");
  const Answer busy = shop("alert me when more than 5 hosts have cpu usage above 90 %");
  has(busy, "count(");
  has(busy, "> 90) > 5");
}

TEST(AskedOtherwise, MomentsLieInAWindow) {
  const Answer a = shop("hosts that booted in the last day");
  has(a, "node_boot_time_seconds > time() - 86400");
  EXPECT_NE(a.text.find("web-01"), std::string::npos) << shown(a);
  EXPECT_EQ(a.text.find("web-02"), std::string::npos) << shown(a);
  has(shop("how many hosts booted in the last 300 days"),
      "count(node_boot_time_seconds > time() - 25920000)");
  has(shop("hosts that booted yesterday"), " <= time() - ");
}

TEST(AskedOtherwise, WhatIsCountedIsNotForetold) {
  for (const char* question : {"orders in 30 minutes", "how many orders in 30 minutes",
                               "what is the order rate at the current rate"}) {
    EXPECT_NE(shop(question).intent, "forecast") << question;
  }
}

TEST(AskedOtherwise, WordsOfTellingNameThingsElsewhere) {
  EXPECT_TRUE(shop("how many hosts are in the ring").refusal);
  EXPECT_TRUE(shop("how many orders were acknowledged").refusal);
  EXPECT_NE(shop("hide the cpu panel for 2 hours").intent, "silence");
  EXPECT_TRUE(shop("order a restart of web-01 by tomorrow").refusal);
}

TEST(AskedOtherwise, WhatIsLeftStaysWhatIsLeft) {
  has(shop("available memory of web-01", "left"), "node_memory_MemAvailable_bytes");
  const Answer a = shop("in percent", "left");
  lacks(a, "1 -");
  has(a, "node_memory_MemTotal_bytes");
}

TEST(AskedOtherwise, ATimeToPlotIsTheLast) {
  const Answer a = shop("plot redis memory for six hours");
  EXPECT_EQ(a.intent, "trend") << shown(a);
  EXPECT_EQ(a.end.ms - a.start.ms, DurationMs::hours(6).ms) << shown(a);
}

TEST(AskedOtherwise, CodesInThePluralAreCodes) {
  std::vector<Token> tokens = tokenize("how many 500s per second");
  name_codes(tokens);
  EXPECT_EQ(tokens[2].text, "code");
  EXPECT_EQ(tokens[3].text, "500");
  for (const char* time : {"slower than 500s", "latency > 500s", "request timeout of 500s"}) {
    tokens = tokenize(time);
    name_codes(tokens);
    EXPECT_EQ(tokens.back().text, "500s") << time;
  }
}

TEST(AskedOtherwise, WhatWasDownIsLookedForInThePast) {
  has(shop("was web-01 down"), "min_over_time(up{instance");
  has(shop("which targets were down today"), "min_over_time(up[");
  has(shop("were any targets down yesterday"), "offset");
}

TEST(AskedOtherwise, ALinkIsACorrelation) {
  const Answer a = shop("is there a link between cpu usage of web-01 and redis memory");
  EXPECT_EQ(a.intent, "correlate") << shown(a);
  EXPECT_TRUE(shop("do the same for the rest").clarification);
}

TEST(AskedOtherwise, OfTwoSidesTheSecondMayBeTheFirstOnes) {
  const Answer a = shop("correlate cpu usage of web-01 with its load");
  ASSERT_EQ(a.evidence.size(), 2U) << shown(a);
  EXPECT_NE(a.evidence[0].promql.find("web-01"), std::string::npos) << shown(a);
  EXPECT_EQ(a.evidence[1].promql, "node_load1{instance=\"web-01:9100\"}");
}

TEST(AskedOtherwise, AMomentIsHeldAgainstAnother) {
  has(shop("hosts that booted less than a day ago"), "node_boot_time_seconds > time() - 86400");
  has(shop("hosts that booted more than 3 days ago"), "node_boot_time_seconds < time() - 259200");
  EXPECT_EQ(shop("how long ago did web-01 boot").promql,
            "time() - node_boot_time_seconds{instance=\"web-01:9100\"}");
  has(shop("how many minutes ago did web-01 boot"), ") / 60");
}

TEST(AskedOtherwise, WhoAsksIsNotWhatIsAskedAbout) {
  has(shop("can people reach web-01"), "up{instance");
  lacks(shop("do people pay with card or paypal more often? compare the orders"), "users");
}

TEST(AskedOtherwise, WhoIsAskedAboutStays) {
  EXPECT_EQ(without_askers(tokenize("can people reach the shop")).size(), 4U);
  for (const char* question : {"will users grow", "did clients disconnect", "did people sign up"}) {
    EXPECT_EQ(without_askers(tokenize(question)).size(), tokenize(question).size()) << question;
  }
}

TEST(AskedOtherwise, WhatIsExcludedMayStandBefore) {
  has(shop("request rate by service, payment excluded"), "service!=\"payment\"");
  has(shop("request rate, payment excluded, by service"), "service!=\"payment\"");
  has(shop("request rate excluding payment by service"), "service!=\"payment\"");
}

TEST(AskedOtherwise, AnHourAndAHalf) {
  const Answer a = shop("no alerts from web-01 for the next hour and a half please");
  EXPECT_NE(a.text.find("1h30m"), std::string::npos) << shown(a);
}

}  // namespace prom5::llm
