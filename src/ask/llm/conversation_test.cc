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
  says(wide("when did gone-01 go down"), "gone-01:9100 has been down since 11:01");
  says(wide("how long has gone-01 been down"), "since 11:01");
  says(wide("since when is web-01 down"), "web-01:9100 was not down since 06:00:00");
  const Answer alert = answered("since when is HighCpu firing");
  has(alert, "ALERTS{alertstate=\"firing\",alertname=\"HighCpu\"}");
  says(alert, "has been firing since");
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

namespace {

/// What is called by numbers: cores, codes, ports.
struct NumberedWorld : SmallWorld {
  NumberedWorld() : SmallWorld(false) {
    for (const char* cpu : {"0", "1", "2", "3", "10"}) {
      for (const char* mode : {"idle", "user"}) {
        put({{"__name__", "node_cpu_seconds_total"},
             {"cpu", cpu},
             {"instance", "web-01:9100"},
             {"job", "node"},
             {"mode", mode}},
            counted([](double) { return 0.5; }));
      }
    }
    for (const char* code : {"200", "404", "500"}) {
      for (const char* instance : {"api-1:9090", "api-2:8080"}) {
        put({{"__name__", "http_requests_total"},
             {"code", code},
             {"instance", instance},
             {"job", "api"}},
            counted([](double) { return 2; }));
      }
    }
    for (const char* instance : {"api-1:9090", "api-2:8080"}) {
      put({{"__name__", "up"}, {"instance", instance}, {"job", "api"}}, [](double) { return 1; });
    }
    put({{"__name__", "node_network_up"}, {"device", "eth0"}, {"instance", "web-01:9100"}},
        [](double) { return 1; });
    for (const char* shard : {"0", "1"}) {
      put({{"__name__", "spool_depth"}, {"job", "spool"}, {"shard", shard}},
          [](double) { return 5; });
    }
  }
};

Answer numbered(const std::string& question, const std::string& session = "") {
  static NumberedWorld world;
  static Assistant made(world);
  Answer a = made.ask(question, session);
  expect_sound(a, question);
  return a;
}

}  // namespace

TEST(Numbered, AreNames) {
  has(numbered("cpu of core 3"), "cpu=\"3\"");
  has(numbered("how busy is core number 10"), "cpu=\"10\"");
  has(numbered("cpu usage of cpu 2"), "cpu=\"2\"");
  has(numbered("cpu usage of cores 1 and 2"), "cpu=~\"1|2\"");
  has(numbered("requests with code 500"), "code=\"500\"");
  has(numbered("request rate with status code 404 in the last 10 minutes"), "code=\"404\"");
  has(numbered("requests on port 8080"), "instance=\"api-2:8080\"");
  has(numbered("spool depth of shard 1"), "shard=\"1\"");
  has(numbered("is port 8080 up"), "instance=\"api-2:8080\"");
  numbered("cpu usage of core 3", "core");
  has(numbered("and core 1?", "core"), "cpu=\"1\"");
  has(numbered("and over the last hour?", "core"), "cpu=\"1\"");
}

TEST(Numbered, ThatAreNotThereAreRefused) {
  const auto refuses = [](const std::string& question, std::string_view part) {
    const Answer a = numbered(question);
    ASSERT_TRUE(a.refusal) << question << shown(a);
    says(a, part);
  };
  refuses("cpu of core 7", "There is core 1, 2, 3, 10 and 1 more");
  refuses("how busy is core 7", "core 7");
  refuses("requests with code 503", "There is code 200, 404, 500");
  refuses("requests on port 9999", "There is port 8080, 9090");
  refuses("spool depth of shard 5", "There is shard 0, 1");
  refuses("spool depth of core 1", "spool");
  numbered("cpu usage of core 3", "gone");
  EXPECT_TRUE(numbered("and core 7?", "gone").refusal);
  has(numbered("and over the last hour?", "gone"), "cpu=\"3\"");
}

TEST(Numbered, CodesSayWhatTheyAre) {
  has(numbered("how many 404s"), "code=\"404\"");
  has(numbered("500 errors"), "code=\"500\"");
  says(numbered("how many 503 errors"), "There is code 200, 404, 500");
  says(numbered("how many 502s"), "There is code 200, 404, 500");
  says(numbered("how many 502s"), "called \"code 502\"");
  says(numbered("http 429 rate"), "called \"code 429\"");
  says(numbered("status 429"), "There is status 200, 404, 500");
  has(numbered("which is the busiest core"), "by (instance, cpu)");
}

TEST(Numbered, ALimitIsNone) {
  has(numbered("warn me at cpu 90"), "> 90");
  has(numbered("top 2 shards by spool depth"), "topk(2");
  EXPECT_EQ(numbered("cpu usage in the last 5 minutes").promql.find("cpu=\"5\""),
            std::string::npos);
}

namespace {

/// What goes somewhere, and what went over a limit.
struct MovingWorld : SmallWorld {
  MovingWorld() {
    const auto host = [](const char* name) {
      return Labels{{"__name__", name}, {"instance", "old-01:9100"}, {"job", "node"}};
    };
    put(host("up"), [](double) { return 1; });
    put(host("node_boot_time_seconds"), [](double) { return kNow.as_seconds() - 86'400 * 3; });
    put({{"__name__", "node_network_info"},
         {"device", "eth0"},
         {"instance", "old-01:9100"},
         {"operstate", "up"}},
        [](double) { return 1; });
    put(host("node_load15"), [](double m) { return m > 300 ? 5 : 1; });
    put(host("node_procs_running"), [](double m) { return m > 100 && m <= 200 ? 9 : 2; });
    put(host("node_entropy_available_bits"), [](double m) { return 100 + m; });
    put({{"__name__", "up"}, {"instance", "new-01:9100"}, {"job", "node"}},
        [](double m) { return m > 350 ? 1 : 0; });
    for (const char* group : {"postgres", "nginx"}) {
      put({{"__name__", "namedprocess_namegroup_cpu_seconds_total"},
           {"groupname", group},
           {"instance", "web-01:9256"},
           {"job", "process"}},
          counted([=](double) { return group[0] == 'p' ? 0.8 : 0.1; }));
    }
  }
};

Answer moving(const std::string& question, const std::string& session = "",
              const std::string& languages = "") {
  return answer_in<MovingWorld>(question, session, languages);
}

}  // namespace

TEST(Onset, OfLimits) {
  const auto is = [](const std::string& question, std::string_view part) {
    const Answer a = moving(question);
    EXPECT_EQ(a.intent, "anomaly") << question << shown(a);
    says(a, part);
  };
  is("since when is load15 above 3", "above 3 since 11:01, now 5");
  is("when did the load15 rise above 3", "above 3 since 11:01");
  is("how long has load15 been over 3", "since 11:01");
  is("since when is load15 above 0.5", "above 0.50 all the time since 06:00");
  is("when did load15 exceed 7",
     "not above 7 now (5), nor at any time since 06:00; 5 was the highest");
  is("when was the number of running processes last above 5",
     "not above 5 now (2), last from 07:41 to 09:2");
  is("since when is the cpu of web-02 above 80 %", "above 80 % since 11:0");
  is("since when is free disk space of db-01 below 65 GiB", "below 65 GiB since 11:3");
  is("since when is the free disk space of db-01 under 10 GiB", "was the lowest");
  is("how often was the number of running processes above 5",
     "1 time since 06:00: not above 5 now");
  is("how many times did load15 go over 3", "1 time since 06:00: above 3 since 11:01");
  is("was the number of running processes above 5 in the last 4 hours", "last from 07:41 to 09:2");
  is("did load15 exceed 3 today", "above 3 since 11:01");
  // Without a limit it is what was, an order has none, and what will be is a forecast.
  EXPECT_EQ(moving("alert me when load15 is above 3").intent, "alert");
  EXPECT_EQ(moving("when will the disk usage of db-01 exceed 90 %").intent, "forecast");
  EXPECT_TRUE(moving("since when is cpu above 3 GiB").clarification);
}

TEST(States, AreNotTakenForNames) {
  SmallWorld world(false);
  for (const char* job : {"dead", "offline", "web"}) {
    world.put({{"__name__", "up"}, {"instance", std::string(job) + ":1"}, {"job", job}},
              [=](double) { return 0; });
  }
  Assistant made(world);
  for (const char* question : {"is anything down", "what is down", "which targets are down"}) {
    const Answer a = made.ask(question);
    expect_sound(a, question);
    has(a, "up == 0");
    says(a, "web");
  }
}

TEST(Onset, OfBeingUp) {
  has(moving("since when is old-01 up"), "node_boot_time_seconds");
  says(moving("since when is old-01 running"), "2026-01-12T12:00:00Z");
  const Answer back = moving("when did new-01 come back up");
  has(back, "up{instance=\"new-01:9100\"} == 1");
  says(back, "new-01:9100 has been up since 11:51");
  says(moving("since when is new-01 down"), "new-01:9100 is up; the last time it was down from");
  has(moving("since when is the server up"), "node_boot_time_seconds");
}

TEST(Direction, HasASize) {
  const auto is = [](const std::string& question, std::string_view part) {
    const Answer a = moving(question);
    EXPECT_EQ(a.intent, "trend") << question << shown(a);
    EXPECT_TRUE(a.range) << question << shown(a);
    says(a, part);
  };
  is("is the disk of db-01 getting fuller", "rising by 2 % an hour");
  is("is the disk of db-01 filling up?", "full in 6 h");
  is("is free disk space of db-01 shrinking", "falling by 10 GiB an hour");
  is("is free disk space of db-01 going up or down", "used up in 6 h");
  is("is the entropy increasing", "rising by 60");
  is("is memory usage of web-01 going up or down", "steady");
  is("are errors growing", "steady");
  is("is the load increasing", "steady");
  is("is load15 growing over the last 3 hours", "rising by");
  is("how fast is the disk of db-01 filling up", "rising by 2 % an hour");
  is("entropy going up?", "rising by 60");
  is("is the entropy creeping up", "rising by 60");
  is("does the entropy keep growing", "rising by 60");
  is("is the load coming down", "steady");
  is("is there a memory leak on web-01", "steady");
  is("is the load of web-01 stable", "steady");
  EXPECT_EQ(moving("will the disk of db-01 fill up this week").intent, "forecast");
  EXPECT_EQ(moving("is the disk of db-01 filling up", "", "de").language, "de");
}

TEST(Processes, OfAProcessExporterAreAll) {
  const Answer a = moving("which process uses most cpu");
  has(a, "namedprocess_namegroup_cpu_seconds_total");
  says(a, "postgres");
  EXPECT_EQ(shown(a).find("scraped"), std::string::npos) << shown(a);
}

TEST(Processes, ThatAreScrapedAreNotAll) {
  SmallWorld world;
  for (const char* job : {"a", "b"}) {
    world.put({{"__name__", "process_cpu_seconds_total"}, {"instance", "x:1"}, {"job", job}},
              SmallWorld::counted([](double) { return 0.1; }));
  }
  Assistant made(world);
  for (const char* question : {"which process uses most cpu", "which program needs the most cpu",
                               "top 3 processes by cpu"}) {
    const Answer a = made.ask(question);
    expect_sound(a, question);
    has(a, "process_cpu_seconds_total");
    says(a, "Only programs that are scraped");
  }
}

TEST(Names, OfSeveralThingsAreRefused) {
  SmallWorld world(false);
  for (const char* service : {"billing", "search"}) {
    for (const char* code : {"200", "500"}) {
      world.put({{"__name__", "http_requests_total"}, {"code", code}, {"service", service}},
                SmallWorld::counted([](double) { return 1; }));
    }
  }
  Assistant made(world);
  for (const char* question :
       {"error rate of the api", "error rate of ticketing",
        "show me the error rate trend of the api", "requests of the api service"}) {
    const Answer a = made.ask(question);
    expect_sound(a, question);
    ASSERT_TRUE(a.refusal) << question << shown(a);
    says(a, "There is billing, search");
  }
  EXPECT_FALSE(declined(made.ask("error rate of billing")));
  EXPECT_FALSE(declined(made.ask("error rate for our clients")));
}

TEST(Options, AreChosenByNumber) {
  const Answer back = assistant().ask("show me the usage", "number");
  ASSERT_TRUE(back.clarification) << shown(back);
  const Answer none = assistant().ask("9", "number");
  ASSERT_TRUE(none.clarification) << shown(none);
  says(none, "There are 4 options, but no 9: 1. CPU usage; 2. ");
  EXPECT_EQ(none.clarification->options, back.clarification->options);
  has(assistant().ask("1", "number"), "node_cpu_seconds_total");
  refused("cpu usage of foo", "refused");
  EXPECT_FALSE(declined(assistant().ask("1.", "refused")));
}

TEST(Status, OfEverything) {
  for (const char* question :
       {"is everything ok?", "anything wrong?", "all good?", "how are things", "how is everything",
        "everything fine?", "are we ok", "any problems?", "is all well",
        "should i worry about anything", "anything i should know about", "give me a summary",
        "overview", "is everything all right", "how are we doing"}) {
    const Answer a = answered(question);
    EXPECT_EQ(a.intent, "status") << question << shown(a);
    says(a, "HighCpu");
  }
}

TEST(Spans, OfBackTestsAreThoseOfTheData) {
  const Answer quiet = answered("alert when cpu usage is above 99 %");
  says(quiet, "It would not have fired since 06:0");
  says(answered("alert when cpu usage is above 90 %"), "It would have fired 1 time since 06:0");
}

}  // namespace prom5::llm
