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

Answer flapping(const std::string& question) { return answer_in<FlappingWorld>(question); }

Answer young(const std::string& question, const std::string& languages = "") {
  return answer_in<YoungWorld>(question, "", languages);
}

}  // namespace

TEST(LittleData, AForecastSaysNeitherYesNorNo) {
  const Answer week = young("will the disk fill up this week");
  text_has(week, "Free disk space: 9 min 0 s of data are too little to foretell it");
  text_lacks(week, "No:");
  text_lacks(week, "erhaps");
  const Answer when = young("when will the disk be full");
  text_has(when, "Too little data to be sure (9 min 0 s of it)");
  text_has(when, "perhaps");
  text_lacks(when, ": no,");
  text_has(young("how much memory will be left tomorrow"),
           "Too little data to be sure (9 min 0 s of it)");
  text_has(young("will the disk fill up this week", "de"), "9 min 0 s an Daten sind zu wenig");
  text_has(young("when will the disk be full", "de"), "Zu wenig Daten (9 min 0 s)");
  text_has(young("how much disk space will be left on / tomorrow"), "none (-");
}

TEST(LittleData, ALimitIsHeldAgainstEachSample) {
  const Answer past = young("since when is load1 above 3");
  text_has(past, "not above 3 now (1), last from 11:54:50 to 11:55:10");
  EXPECT_EQ(past.promql, "node_load1 > 3");
  text_has(young("since when is load1 above 9"), "5 was the highest");
  text_has(young("since when is load5 above 3"), "above 3 since 11:59:45, now 4");
  text_has(young("how often was load1 above 3"), "1 time since 11:51");
  text_has(young("since when is web-01 down"), "the last time it was down from 11:5");
}

TEST(Flapping, EachSeriesIsToldForItself) {
  const Answer since = flapping("since when is load1 above 3");
  text_has(since, "web-02:9100: not above 3 now (1), last from 07:10:00 to 07:11:00");
  text_lacks(since, "nor at any time");
  const Answer often = flapping("how often was load1 above 3");
  text_has(often, "web-01:9100: 180 times since 06:00");
  text_has(often, "web-02:9100: 3 times since 06:00");
  text_lacks(often, "What the queries gave");
}

TEST(Flapping, AnExtremeThatIsNotKnownIsNotTold) {
  const Answer never = flapping("since when is load5 above 7");
  text_has(never, "host-1129:9100: 2;");
  text_has(never, "nor at any time since 06:00; 4 was the highest");
  text_lacks(never, "2 was the highest");
}

TEST(LittleData, ADirectionTakesTime) {
  const Answer memory = young("is memory going up");
  text_has(memory, "9 min 0 s of data are too little to tell which way it goes");
  text_lacks(memory, "steady");
  text_lacks(young("is the disk getting fuller"), "steady");
}

TEST(LittleData, ARateIsTakenOverItsWindow) {
  text_has(young("request rate of api"),
           "That is over 5m, of which there is data of 2 min 0 s only, and so may be too low.");
  text_lacks(young("cpu usage"), "That is over");
  text_lacks(young("free disk space"), "That is over");
}

TEST(LittleData, WhatIsUsualIsNotKnownYet) {
  text_has(young("anything unusual in the last hour"), "I cannot tell yet what is unusual");
  text_has(young("anything unusual with the load"), "I cannot tell yet what is unusual");
  text_has(young("is the load higher than usual"), "I cannot tell yet what is unusual");
  text_has(young("why is the cpu usage so high"), "too little data from before");
  text_has(young("does cpu correlate with memory"), "oo little data");
}

TEST(LittleData, ATimeWithoutDataIsNotNow) {
  text_has(young("hosts with cpu usage above 90 % yesterday"), "there is no data of that time");
  text_has(young("what was the cpu usage yesterday"), "there is no data of that time");
  text_has(young("compare cpu usage with yesterday"), "there is no data 1d ago");
  text_has(young("average cpu usage over the last 24 hours"), "There is no data before 11:51");
  text_has(young("uptime over the last 7 days"), "There is no data before 11:51");
  text_has(young("memory usage last week"), "there is no data of that time");
  text_has(young("cpu usage yesterday at 10:00"), "there is no data of that time");
}

}  // namespace prom5::llm
