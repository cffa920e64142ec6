// How many: so far, in a time, beyond a limit of a histogram, and of things. And what a chart
// shows.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"
#include "ask/llm/histogram_part.h"

namespace prom5::llm {

namespace {

/// A shop, scraped every five seconds for three hours: orders, a queue with a peak of one sample,
/// requests by path with a histogram, and one of jobs that has other bounds.
struct ShopWorld : SmallWorld {
  static constexpr int64_t kSeconds = 3 * 3600;

  ShopWorld() : SmallWorld(false) {
    using Of = std::function<double(int64_t)>;
    const auto rate = [](double a_second) {
      return [=](int64_t s) { return std::floor(a_second * static_cast<double>(s)); };
    };
    const auto shop = [](const char* name) {
      return LabelsBuilder(Labels{{"__name__", name}, {"instance", "shop-01:80"}, {"job", "shop"}});
    };
    const auto put5 = [&](const Labels& labels, const Of& value) {
      const auto appender = storage.appender();
      for (int64_t s = 0; s <= kSeconds; s += 5) {
        const TimeMs time = kNow - DurationMs::seconds(kSeconds - s);
        CHECK(appender->append(0, labels, {time, value(s)}));
      }
      CHECK(appender->commit());
    };
    put5(shop("up").build(), [](int64_t) { return 1; });
    put5({{"__name__", "up"}, {"instance", "node-01:9100"}, {"job", "node"}},
         [](int64_t s) { return s > kSeconds - 60 ? 0 : 1; });
    put5(shop("orders_total").set("payment", "card").build(), rate(0.31));
    put5(shop("orders_total").set("payment", "paypal").build(), rate(0.1));
    // At 3605 s and at 100 s there is one sample of its own.
    put5(shop("queue_length").set("queue", "mail").build(), [](int64_t s) {
      return s == 3605 ? 90 : s == 100 ? 2 : 7;
    });
    for (const std::string service : {"api", "web"}) {
      put5(shop("http_requests_total").set("service", service).build(), rate(20));
      const auto part = [&](const std::string& name) {
        return shop(("http_request_duration_seconds_" + name).c_str()).set("service", service);
      };
      put5(part("bucket").set("le", "0.1").build(), rate(10));
      put5(part("bucket").set("le", "0.25").build(), rate(service == "api" ? 12 : 18));
      put5(part("bucket").set("le", "0.5").build(), rate(19));
      put5(part("bucket").set("le", "2").build(), rate(20));
      put5(part("bucket").set("le", "+Inf").build(), rate(20));
      put5(part("sum").build(), rate(5));
      put5(part("count").build(), rate(20));
    }
    for (const std::string part : {"sum", "count"}) {
      put5(shop(("rpc_wait_seconds_" + part).c_str()).build(), rate(2));
    }
    tell("http_request_duration_seconds", MetricType::Histogram, "Latency of HTTP requests.");
    tell("rpc_wait_seconds", MetricType::Summary, "Waiting for others.");
    tell("queue_length", MetricType::Gauge, "Jobs waiting in the queue.");
    tell("orders_total", MetricType::Counter, "Orders placed.");
  }
};

Answer shop(const std::string& question, const std::string& session = "",
            const std::string& languages = "") {
  return answer_in<ShopWorld>(question, session, languages);
}

}  // namespace

TEST(CountsQuestion, SoFarIsTheCounterItself) {
  for (const char* question :
       {"how many orders so far", "orders in total", "orders so far?", "total number of orders",
        "how many orders altogether", "Bestellungen insgesamt", "wie viele Bestellungen bisher"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.promql, "sum(orders_total)") << question << shown(a);
    text_has(a, "Orders so far: 4428.");
    text_has(a, "since the processes that count it were started");
  }
  const Answer by = shop("how many orders so far by payment");
  EXPECT_EQ(by.promql, "sum by (payment) (orders_total)");
  text_has(by, "card: 3348");
  EXPECT_EQ(shop("how many requests altogether").promql, "sum(http_requests_total)");
  text_has(shop("orders in total", "", "de"), "Bestellungen bisher: 4428.");
  // A rate stays one.
  EXPECT_EQ(shop("total request rate").promql, "sum(rate(http_requests_total[5m]))");
  EXPECT_EQ(shop("how many orders").promql, "sum(rate(orders_total[5m]))");
}

TEST(CountsQuestion, AnIncreaseIsCalledByWhatIsCounted) {
  const Answer last = shop("orders in the last 10 minutes");
  EXPECT_EQ(last.promql, "sum(increase(orders_total[10m]))");
  text_has(last, "Orders in the last 10m: ");
  text_lacks(last, "rate");
  text_lacks(last, ".5");
  const Answer since = shop("how many orders since 11:35");
  text_has(since, "Orders since 11:35: ");
  text_has(shop("orders between 10:00 and 11:00"), "Orders from 10:00 to 11:00: ");
  text_has(shop("which payment had the most orders in the last hour"), "Orders in the last 1h");
  text_has(shop("how many orders in the last 10 minutes", "", "de"),
           "Bestellungen in den letzten 10m");
}

TEST(CountsQuestion, EventsAreWholeAndEstimatesAreAbout) {
  const Answer a = shop("orders in the last 7 minutes");
  text_has(a, ": about 173.");
}

TEST(CountsQuestion, PartsOfAHistogram) {
  const Answer over = shop("percentage of requests over 0.5s");
  EXPECT_EQ(over.promql,
            "1 - sum(rate(http_request_duration_seconds_bucket{le=\"0.5\"}[5m])) / "
            "sum(rate(http_request_duration_seconds_count[5m]))");
  text_has(over, "above 500 ms, share: 5 %");
  text_lacks(over, "nearest");
  const Answer faster = shop("share of requests faster than 250ms");
  EXPECT_EQ(faster.promql,
            "sum(rate(http_request_duration_seconds_bucket{le=\"0.25\"}[5m])) / "
            "sum(rate(http_request_duration_seconds_count[5m]))");
  text_has(faster, "up to 250 ms, share: 75");
  const Answer api = shop("what part of api requests is slower than 0.3 s");
  EXPECT_EQ(
      api.promql,
      "1 - sum(rate(http_request_duration_seconds_bucket{service=\"api\",le=\"0.25\"}[5m])) / "
      "sum(rate(http_request_duration_seconds_count{service=\"api\"}[5m]))");
  text_has(api, "no bound at 300 ms");
  text_has(api, "250 ms");
  text_has(api, "40");
  const Answer by = shop("share of requests slower than 250 ms by service");
  text_has(by, "api: 40");
  text_has(by, "web: 10");
}

TEST(CountsQuestion, HowManyBeyondALimit) {
  const Answer now = shop("how many requests take longer than 500 ms");
  EXPECT_EQ(now.promql,
            "sum(rate(http_request_duration_seconds_count[5m])) - "
            "sum(rate(http_request_duration_seconds_bucket{le=\"0.5\"}[5m]))");
  text_has(now, "2/s");
  const Answer last = shop("how many requests took longer than 500 ms in the last 10 minutes");
  text_has(last, "in the last 10m: 1200");
}

TEST(CountsQuestion, BeyondTheBoundsNothingIsKnown) {
  for (const char* question :
       {"percentage of requests over 10s", "share of requests faster than 5 ms"}) {
    const Answer a = shop(question);
    ASSERT_TRUE(a.refusal) << question << shown(a);
    EXPECT_EQ(a.refusal->code, "no_distribution");
    EXPECT_NE(a.refusal->message.find("100 ms, 250 ms, 500 ms, 2 s"), std::string::npos)
        << shown(a);
  }
}

TEST(CountsQuestion, BoundsThatNotAllHave) {
  catalogue::Metric buckets;
  buckets.name = "x_bucket";
  buckets.series = 9;
  buckets.labels = {{"le", {"+Inf", "0.5", "1", "1.0"}, false}};
  const std::vector<Bound> bounds = bounds_of(buckets);
  ASSERT_EQ(bounds.size(), 2U);
  catalogue::Metric count;
  count.name = "x_count";
  count.series = 3;
  EXPECT_EQ(
      of_buckets({"x_bucket", "", "", "rate", "[5m]"}, buckets, &count, bounds[1], {true, true}),
      R"(sum(rate(x_bucket{le=~"1|1\\.0"}[5m])) / )"
      R"(sum(rate(x_bucket{le="+Inf"}[5m]) and ignoring (le) rate(x_bucket{le=~"1|1\\.0"}[5m])))");
  EXPECT_EQ(of_native({"x", "job=\"a\"", "", "rate", "[5m]"}, 0.3, {false, true}),
            R"(histogram_fraction(0.3, +Inf, sum(rate(x{job="a"}[5m]))))");
  EXPECT_EQ(of_native({"x", "", "", "rate", "[5m]"}, 0.3, {true, false}),
            "histogram_fraction(0, 0.3, sum(rate(x[5m]))) * histogram_count(sum(rate(x[5m])))");
}

TEST(CountsQuestion, AHistogramByItsBaseName) {
  for (const char* question :
       {"what is http_request_duration_seconds", "what does http_request_duration_seconds measure",
        "explain http_request_duration_seconds", "was ist http_request_duration_seconds",
        "was misst http_request_duration_seconds"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.intent, "explain") << question << shown(a);
    text_has(a, "http_request_duration_seconds is a histogram: Latency of HTTP requests.");
    text_has(a, "4 values, from 100 ms to 2 s");
    text_has(a, "2 series, told apart by instance, job, service");
  }
  const Answer summary = shop("what is rpc_wait_seconds");
  text_has(summary, "rpc_wait_seconds is a summary: Waiting for others.");
  EXPECT_EQ(shop("p99 of http_request_duration_seconds by service").promql,
            "histogram_quantile(0.99, sum by (le, service) "
            "(rate(http_request_duration_seconds_bucket[5m])))");
}

TEST(CountsQuestion, ThingsAreCounted) {
  const auto counts = [](const char* question, std::string_view part, const char* session = "") {
    const Answer a = shop(question, session);
    EXPECT_FALSE(declined(a)) << question << shown(a);
    text_has(a, part);
  };
  counts("how many targets are there", "Targets: 2.");
  counts("how many targets are up", ": 1.");
  counts("how many services are there", "ervices: 2.");
  counts("how many jobs are there", "obs: 2.");
  counts("wie viele Dienste gibt es", "ervices: 2.");
  counts("wie viele Ziele gibt es", "argets: 2.");
  counts("wie viele Ziele sind erreichbar", ": 1.");
  for (const char* question : {"how many targets are there", "how many targets are up",
                               "how many targets are there", "how many services are there"}) {
    counts(question, ": ", "inside");
  }
  text_has(shop("compare orders in the last 10 minutes with the 10 minutes before"), "Orders: ");
  // Something asked before leaves them as they are.
  shop("order rate", "after");
  counts("how many targets are there", "Targets: 2.", "after");
  counts("how many services are there", "ervices: 2.", "after");
}

TEST(CountsQuestion, WhatIsNarrowedIsCountedAsSuch) {
  EXPECT_EQ(shop("how many targets does shop have?").promql, "count(up{job=\"shop\"})");
  EXPECT_NE(shop("how many targets were there 1 hour ago?").promql.find("offset 1h"),
            std::string::npos);
  // Counts targets, and not their outages.
  const Answer down = shop("how many targets are down?");
  EXPECT_NE(down.text.find(": 1"), std::string::npos) << shown(down);
}

TEST(CountsQuestion, OnlyCountsAreAddedUp) {
  EXPECT_NE(shop("average rpc wait seconds in total").promql, "sum(rpc_wait_seconds_sum)");
  const Answer over = shop("how many requests over 0.5s so far?");
  EXPECT_EQ(over.promql,
            "sum(http_request_duration_seconds_count) - "
            "sum(http_request_duration_seconds_bucket{le=\"0.5\"})");
  EXPECT_EQ(shop("how many requests per minute are slower than 500ms?").promql,
            "(sum(rate(http_request_duration_seconds_count[5m])) - "
            "sum(rate(http_request_duration_seconds_bucket{le=\"0.5\"}[5m]))) * 60");
}

TEST(CountsQuestion, APartOfSomethingElseIsNoPartOfRequests) {
  for (const char* question : {"what percentage of services have a latency over 100ms?",
                               "what percentage of the time was latency above 1s?"}) {
    EXPECT_EQ(shop(question).promql.find("_bucket{le="), std::string::npos) << question;
  }
}

TEST(CountsQuestion, ATimeThatSomethingTakesIsNotAhead) {
  EXPECT_EQ(shop("how many requests were in under 100 ms").promql,
            "sum(rate(http_request_duration_seconds_bucket{le=\"0.1\"}[5m]))");
}

TEST(CountsQuestion, AChartSkipsNoScrapesWhereThereIsRoom) {
  const auto step = [](const char* question) {
    const Answer a = shop(question);
    EXPECT_FALSE(a.evidence.empty()) << shown(a);
    return a.evidence.empty() ? DurationMs{} : a.evidence.front().step;
  };
  EXPECT_EQ(step("graph queue_length over the last 10 minutes"), DurationMs::seconds(5));
  EXPECT_EQ(step("graph queue_length over the last 20 minutes"), DurationMs::seconds(5));
  EXPECT_EQ(step("graph queue_length over the last hour"), DurationMs::seconds(15));
  EXPECT_EQ(chart_step(DurationMs::hours(6), 250), DurationMs::minutes(2));
  EXPECT_EQ(chart_step(DurationMs::days(7), 250), DurationMs::minutes(41));
}

TEST(CountsQuestion, ExtremesAreOfTheSamplesNotOfTheChart) {
  const Answer a = shop("graph queue_length over the last 3 hours");
  EXPECT_GT(a.evidence.front().step, DurationMs::seconds(5));
  text_has(a, "between 2 and 90");
}

}  // namespace prom5::llm
