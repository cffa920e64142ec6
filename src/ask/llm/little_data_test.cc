// What is said where there are minutes of data: how much there is, and nothing that it cannot bear.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

constexpr int64_t kSecond = 1000;

/// A host that is scraped every five seconds since nine minutes, and a service since two.
struct YoungWorld : SmallWorld {
  using Seconds = std::function<double(int64_t before)>;  ///< seconds before now

  YoungWorld() : SmallWorld(false) {
    constexpr int64_t kNine = 540;
    const auto host = [](const char* name) {
      return LabelsBuilder(
          Labels{{"__name__", name}, {"instance", "web-01:9100"}, {"job", "node"}});
    };
    scrape(host("up").build(), kNine, [](int64_t s) { return s >= 200 && s < 210 ? 0 : 1; });
    scrape(host("node_load1").build(), kNine,
           [](int64_t s) { return s > 290 && s <= 310 ? 5 : 1; });
    scrape(host("node_load5").build(), kNine, [](int64_t s) { return s > 15 ? 1 : 4; });
    scrape(host("node_boot_time_seconds").build(), kNine, [](int64_t) { return 1'768'000'000; });
    for (const char* mode : {"idle", "user"}) {
      scrape(host("node_cpu_seconds_total").set("cpu", "0").set("mode", mode).build(), kNine,
             [](int64_t s) { return 1000 - 0.5 * static_cast<double>(s); });
    }
    constexpr double kGiB = 1 << 30;
    scrape(host("node_memory_MemTotal_bytes").build(), kNine, [](int64_t) { return 16 * kGiB; });
    scrape(host("node_memory_MemAvailable_bytes").build(), kNine,
           [](int64_t s) { return (6 + 0.1 * noise(static_cast<double>(s), 1)) * kGiB; });
    for (const std::string mount : {"/", "/boot"}) {
      const auto disk = [&](const char* name) {
        return host(name)
            .set("device", mount)
            .set("fstype", "ext4")
            .set("mountpoint", mount)
            .build();
      };
      scrape(disk("node_filesystem_size_bytes"), kNine, [](int64_t) { return 500 * kGiB; });
      // One file was written: a straight line leads to nothing within days, and there is no trend.
      scrape(disk("node_filesystem_avail_bytes"), kNine,
             [=](int64_t s) { return (s > 250 && mount == "/" ? 61 : 60) * kGiB; });
    }
    scrape({{"__name__", "http_requests_total"}, {"job", "api"}, {"service", "api"}}, 120,
           [](int64_t s) { return 1000 - static_cast<double>(s); });
  }

  void scrape(const Labels& labels, int64_t since, const Seconds& value) {
    const auto appender = storage.appender();
    for (int64_t s = since; s >= 0; s -= 5) {
      CHECK(appender->append(0, labels, {kNow - DurationMs{s * kSecond}, value(s)}));
    }
    CHECK(appender->commit());
  }
};

/// Six hours of hosts: the load of one goes up and down all the time, of another it went
/// up thrice. The other load is of more hosts than a result tells of.
struct FlappingWorld : SmallWorld {
  FlappingWorld() : SmallWorld(false) {
    load("web-01", [](double m) { return static_cast<int>(m) % 2 == 1 ? 5 : 1; });
    load("web-02", [](double m) { return m == 30 || m == 60 || m == 70 ? 10 : 1; });
    for (int i = 0; i < 130; ++i) {
      put(gauge("node_load5", fmt::format("host-{}", 1000 + i)), [=](double m) {
        return m == 100 ? 4 : i == 129 ? 2 : 1;
      });
    }
  }

  static Labels gauge(const char* name, const std::string& host) {
    return {{"__name__", name}, {"instance", host + ":9100"}, {"job", "node"}};
  }
  void load(const std::string& host, const Course& value) { put(gauge("node_load1", host), value); }
};

Answer flapping(const std::string& question) {
  static FlappingWorld world;
  static Assistant made(world);
  Answer a = made.ask(question);
  expect_sound(a, question);
  EXPECT_EQ(world.registry.counter("prom5_assistant_unchecked_numbers_total", "").value(), 0)
      << question << shown(a);
  return a;
}

Answer young(const std::string& question, const std::string& languages = "") {
  static YoungWorld world;
  static Assistant made(world);
  Answer a = made.ask(question, "", languages);
  expect_sound(a, question);
  EXPECT_EQ(world.registry.counter("prom5_assistant_unchecked_numbers_total", "").value(), 0)
      << question << shown(a);
  return a;
}

void says(const Answer& a, std::string_view part) {
  EXPECT_NE(a.text.find(part), std::string::npos) << part << "\n" << shown(a);
}

void says_not(const Answer& a, std::string_view part) {
  EXPECT_EQ(a.text.find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(LittleData, AForecastSaysNeitherYesNorNo) {
  const Answer week = young("will the disk fill up this week");
  says(week, "Free disk space: 9 min 0 s of data are too little to foretell it");
  says_not(week, "No:");
  says_not(week, "erhaps");
  const Answer when = young("when will the disk be full");
  says(when, "Too little data to be sure (9 min 0 s of it)");
  says(when, "perhaps");
  says_not(when, ": no,");
  says(young("how much memory will be left tomorrow"),
       "Too little data to be sure (9 min 0 s of it)");
  says(young("will the disk fill up this week", "de"), "9 min 0 s an Daten sind zu wenig");
  says(young("when will the disk be full", "de"), "Zu wenig Daten (9 min 0 s)");
  says(young("how much disk space will be left on / tomorrow"), "none (-");
}

TEST(LittleData, ALimitIsHeldAgainstEachSample) {
  const Answer past = young("since when is load1 above 3");
  says(past, "not above 3 now (1), last from 11:54:50 to 11:55:10");
  EXPECT_EQ(past.promql, "node_load1 > 3");
  says(young("since when is load1 above 9"), "5 was the highest");
  says(young("since when is load5 above 3"), "above 3 since 11:59:45, now 4");
  says(young("how often was load1 above 3"), "1 time since 11:51");
  says(young("since when is web-01 down"), "the last time it was down from 11:5");
}

TEST(Flapping, EachSeriesIsToldForItself) {
  const Answer since = flapping("since when is load1 above 3");
  says(since, "web-02:9100: not above 3 now (1), last from 07:10:00 to 07:11:00");
  says_not(since, "nor at any time");
  const Answer often = flapping("how often was load1 above 3");
  says(often, "web-01:9100: 180 times since 06:00");
  says(often, "web-02:9100: 3 times since 06:00");
  says_not(often, "What the queries gave");
}

TEST(Flapping, AnExtremeThatIsNotKnownIsNotTold) {
  const Answer never = flapping("since when is load5 above 7");
  says(never, "host-1129:9100: 2;");
  says(never, "nor at any time since 06:00; 4 was the highest");
  says_not(never, "2 was the highest");
}

TEST(LittleData, ADirectionTakesTime) {
  const Answer memory = young("is memory going up");
  says(memory, "9 min 0 s of data are too little to tell which way it goes");
  says_not(memory, "steady");
  says_not(young("is the disk getting fuller"), "steady");
}

TEST(LittleData, ARateIsTakenOverItsWindow) {
  says(young("request rate of api"),
       "That is over 5m, of which there is data of 2 min 0 s only, and so may be too low.");
  says_not(young("cpu usage"), "That is over");
  says_not(young("free disk space"), "That is over");
}

TEST(LittleData, WhatIsUsualIsNotKnownYet) {
  says(young("anything unusual in the last hour"), "I cannot tell yet what is unusual");
  says(young("anything unusual with the load"), "I cannot tell yet what is unusual");
  says(young("is the load higher than usual"), "I cannot tell yet what is unusual");
  says(young("why is the cpu usage so high"), "too little data from before");
  says(young("does cpu correlate with memory"), "oo little data");
}

TEST(LittleData, ATimeWithoutDataIsNotNow) {
  says(young("hosts with cpu usage above 90 % yesterday"), "there is no data of that time");
  says(young("what was the cpu usage yesterday"), "there is no data of that time");
  says(young("compare cpu usage with yesterday"), "there is no data 1d ago");
  says(young("average cpu usage over the last 24 hours"), "There is no data before 11:51");
  says(young("uptime over the last 7 days"), "There is no data before 11:51");
  says(young("memory usage last week"), "there is no data of that time");
  says(young("cpu usage yesterday at 10:00"), "there is no data of that time");
}

}  // namespace prom5::llm
