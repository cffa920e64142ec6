// Metrics that no pack knows, asked for by the words of their names; on a server that is young and
// counts the questions it is asked.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kTwentyMinutes = 1200;

/// A shop and a host that are scraped every five seconds since twenty minutes. What it counts goes
/// on evenly from the first scrape.
struct YoungShop : SmallWorld {
  using Seconds = std::function<double(int64_t before)>;  ///< seconds before now

  YoungShop() : SmallWorld(false) {
    const auto counted = [](double rate) {
      return [rate](int64_t s) { return rate * static_cast<double>(kTwentyMinutes - s); };
    };
    for (const char* queue : {"mail", "invoices"}) {
      scrape(shop("queue_length").set("queue", queue),
             [](int64_t s) { return static_cast<double>(s % 7); });
    }
    scrape(shop("db_connections_active"),
           [](int64_t s) { return static_cast<double>(20 + s % 9); });
    scrape(shop("db_connections_max"), [](int64_t) { return 100; });
    scrape(shop("orders_total"), counted(4));
    tell("orders_total", MetricType::Counter, "Orders placed.");
    for (const char* le : {"0.1", "0.5", "+Inf"}) {
      const double rate = le == std::string_view("0.1") ? 5 : 10;
      scrape(shop("http_request_duration_seconds_bucket").set("le", le), counted(rate));
    }
    scrape(shop("node_procs_running"), [](int64_t) { return 3; });
    scrape(shop("node_network_tcp_connections"), [](int64_t) { return 3; });
    for (const char* intent : {"forecast", "correlate", "trend", "query"}) {
      scrape(shop("prom5_assistant_questions_total").set("intent", intent), counted(0.01));
      scrape(shop("prom5_assistant_calls_total").set("tool", intent), counted(0.01));
    }
  }

  static LabelsBuilder shop(const char* name) {
    return LabelsBuilder(Labels{{"__name__", name}, {"instance", "shop-1:80"}, {"job", "shop"}});
  }
  void scrape(LabelsBuilder labels, const Seconds& value) {
    const auto appender = storage.appender();
    const Labels built = labels.build();
    for (int64_t s = kTwentyMinutes; s >= 0; s -= 5) {
      CHECK(appender->append(0, built, {kNow - DurationMs{s * kSecond}, value(s)}));
    }
    CHECK(appender->commit());
  }
};

Answer shop(const std::string& question, const std::string& session = "") {
  return answer_in<YoungShop>(question, session);
}

void asks(const std::string& question, std::string_view promql) {
  const Answer a = shop(question);
  EXPECT_EQ(a.promql, promql) << question << shown(a);
}

}  // namespace

TEST(OwnMetrics, AreMeantByAPartOfTheirNames) {
  asks("database connections", "db_connections_active");
  asks("how many db connections are in use?", "db_connections_active");
  asks("max db connections", "db_connections_max");
  asks("what is the limit of db connections", "db_connections_max");
  asks("average db connections over the last 2 minutes",
       "avg_over_time(db_connections_active[2m])");
  asks("how long is the queue?", "queue_length");
  asks("queue longer than 5", "queue_length > 5");
  asks("warn me when the queue is longer than 50", "queue_length > 50");
  asks("is the queue growing?", "queue_length");
}

TEST(OwnMetrics, AreSharesOfWhatIsCalledTheirLimit) {
  asks("db connections as a percentage of the limit",
       "100 * db_connections_active / db_connections_max");
  asks("alert when db connections are above 80 %",
       "(100 * db_connections_active / db_connections_max) > 80");
  asks("queue length in percent", "queue_length");  // it has no limit
}

TEST(OwnMetrics, AreANewSubjectInAConversation) {
  Answer a = shop("p95 latency", "new-subject");
  a = shop("what's the queue length?", "new-subject");
  EXPECT_EQ(a.promql, "queue_length") << shown(a);
}

TEST(OwnMetrics, CountersOfQuestionsNameNothing) {
  EXPECT_EQ(shop("forecast orders").intent, "forecast");
  EXPECT_EQ(shop("forecast orders for tomorrow").intent, "forecast");
  const Answer pair = shop("correlate latency with db_connections_active");
  EXPECT_EQ(pair.intent, "correlate");
  ASSERT_EQ(pair.evidence.size(), 2U) << shown(pair);
  EXPECT_EQ(pair.evidence[1].promql, "db_connections_active");
}

TEST(OwnMetrics, AreAskedForInGerman) {
  asks("Wie lang ist die Warteschlange?", "queue_length");
  asks("Wie viele Datenbankverbindungen sind offen?", "db_connections_active");
  asks("Ist die Warteschlange länger als 5?", "queue_length > 5");
  asks("Warne mich, wenn die Warteschlange länger als 50 ist", "queue_length > 50");
  asks("Wie viele Bestellungen pro Minute?", "sum(rate(orders_total[5m])) * 60");
  asks("Maximale Warteschlangenlänge in den letzten 5 Minuten", "max_over_time(queue_length[5m])");
  asks("Latenz des shop-Dienstes",
       "histogram_quantile(0.95, sum by (le) "
       "(rate(http_request_duration_seconds_bucket{job=\"shop\"}[5m])))");
}

TEST(OwnMetrics, WhatWasMostInATimeIsOfThatTime) {
  asks("highest queue length in the last 10 minutes", "max_over_time(queue_length[10m])");
  asks("lowest db connections in the last 10 minutes", "min_over_time(db_connections_active[10m])");
  asks("which queue is longest", "topk(1, sum by (queue) (queue_length))");
  EXPECT_EQ(shop("when was the queue last above 5").intent, "anomaly");
}

/// Of a window of five minutes that fills in the first five.
TEST(OwnMetrics, ARateThatBeginsDoesNotGrow) {
  const Answer trend = shop("trend of orders");
  EXPECT_NE(trend.text.find("4/s (between 4/s and 4/s, at first 4/s)"), std::string::npos)
      << shown(trend);
  const Answer direction = shop("is the order rate going up?");
  EXPECT_NE(direction.text.find("steady"), std::string::npos) << shown(direction);
  const Answer forecast = shop("forecast orders for tomorrow");
  EXPECT_NE(forecast.text.find("20 min 0 s of data are too little"), std::string::npos)
      << shown(forecast);
}

}  // namespace prom5::llm
