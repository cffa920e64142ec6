// Shares of a whole, counts of what failed, and follow-ups that name a value: in a small shop.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

/// A shop of one process: orders, payments by method, requests by path, method and code.
struct CheckoutWorld : SmallWorld {
  CheckoutWorld() : SmallWorld(false) {
    using Of = std::function<double(int64_t)>;
    const auto rate = [](double a_second) {
      return [=](int64_t s) { return std::floor(a_second * static_cast<double>(s)); };
    };
    const auto shop = [](const char* name) {
      return LabelsBuilder(Labels{{"__name__", name}, {"instance", "shop-01:80"}, {"job", "shop"}});
    };
    const auto put15 = [&](const Labels& labels, const Of& value) {
      const auto appender = storage.appender();
      for (int64_t s = 0; s <= 3 * 3600; s += 15) {
        CHECK(appender->append(0, labels, {kNow - DurationMs::seconds(3 * 3600 - s), value(s)}));
      }
      CHECK(appender->commit());
    };
    put15(shop("up").build(), [](int64_t) { return 1; });
    put15(shop("orders_total").build(), rate(0.5));
    put15(shop("orders_failed_total").build(), rate(0.02));
    put15(shop("payments_total").set("method", "card").build(), rate(0.3));
    put15(shop("payments_total").set("method", "paypal").build(), rate(0.1));
    put15(shop("payments_total").set("method", "invoice").build(), rate(0.1));
    put15(shop("payments_failed_total").build(), rate(0.05));
    put15({{"__name__", "node_network_receive_bytes_total"},
           {"device", "eth0"},
           {"instance", "shop-01:9100"},
           {"job", "node"}},
          rate(5000));
    put15(shop("db_connections_active").build(), [](int64_t) { return 5; });
    put15(shop("db_connections_max").build(), [](int64_t) { return 20; });
    put15(shop("queue_length").set("queue", "mail").build(), [](int64_t) { return 7; });
    put15(shop("queue_length").set("queue", "invoices").build(), [](int64_t) { return 3; });
    put15(shop("temperature_celsius").set("sensor", "rack").build(), [](int64_t) { return 30; });
    for (const std::string path : {"/", "/cart", "/checkout", "/web"}) {
      for (const std::string code : {"200", "404", "500"}) {
        for (const std::string method : {"GET", "POST"}) {
          put15(shop("http_requests_total")
                    .set("path", path)
                    .set("code", code)
                    .set("method", method)
                    .build(),
                rate(code == "200"         ? 2
                     : path == "/checkout" ? 0.2
                                           : 0.01));
        }
      }
    }
    tell("queue_length", MetricType::Gauge, "Jobs waiting in the queue.");
    tell("orders_total", MetricType::Counter, "Orders placed.");
    tell("orders_failed_total", MetricType::Counter, "Orders that failed.");
    tell("payments_total", MetricType::Counter, "Payments by method.");
    tell("payments_failed_total", MetricType::Counter, "Payments that failed.");
    tell("db_connections_active", MetricType::Gauge, "Database connections in use.");
    tell("db_connections_max", MetricType::Gauge, "Database connections allowed.");
  }
};

Answer shop(const std::string& question, const std::string& session = "",
            const std::string& languages = "") {
  return answer_in<CheckoutWorld>(question, session, languages);
}

}  // namespace

TEST(SharesQuestion, AFollowUpMayNameAValueOfWhatWasAskedAbout) {
  const Answer all = shop("payments in total", "values");
  EXPECT_EQ(all.promql, "sum(payments_total)");
  const Answer card = shop("and by card?", "values");
  EXPECT_EQ(card.promql, "sum(payments_total{method=\"card\"})") << shown(card);
  text_has(card, "3240");
  EXPECT_EQ(shop("and paypal?", "values").promql, "sum(payments_total{method=\"paypal\"})");
  EXPECT_EQ(shop("by method?", "values").promql, "sum by (method) (payments_total)");
  shop("payments in the last hour", "window");
  EXPECT_EQ(shop("by card", "window").promql, "sum(increase(payments_total{method=\"card\"}[1h]))");
}

TEST(SharesQuestion, APartOfWhatHasTheValue) {
  const std::string requests = "sum(rate(http_requests_total[5m]))";
  const auto part = [&](const char* question, const std::string& matchers) {
    const Answer a = shop(question);
    EXPECT_EQ(a.promql, "sum(rate(http_requests_total{" + matchers + "}[5m])) / " + requests)
        << question << shown(a);
    text_has(a, "Requests, share");
  };
  part("what percentage of requests goes to /web", "path=\"/web\"");
  part("what percentage of requests go to checkout", "path=\"/checkout\"");
  part("what share of requests are GETs to checkout", "method=\"GET\",path=\"/checkout\"");
  part("share of GET requests", "method=\"GET\"");
  EXPECT_EQ(shop("percentage of payments paid by card").promql,
            "sum(rate(payments_total{method=\"card\"}[5m])) / sum(rate(payments_total[5m]))");
  text_has(shop("share of 404s"), "share: 2.74 %");
  // What stands before the verb is the whole.
  const Answer posts = shop("what percentage of requests to checkout are POSTs");
  EXPECT_EQ(posts.promql,
            "sum(rate(http_requests_total{path=\"/checkout\",method=\"POST\"}[5m])) / "
            "sum(rate(http_requests_total{path=\"/checkout\"}[5m]))");
  const Answer errors = shop("what percentage of 5xx errors come from /checkout");
  text_has(errors, "86.4 %");
  text_has(shop("what share of requests goes to checkout", "", "de"), "Anteil");
}

TEST(SharesQuestion, SharesSideBySide) {
  const Answer a = shop("share of payments by method");
  EXPECT_EQ(a.promql,
            "sum by (method) (rate(payments_total[5m])) / scalar(sum(rate(payments_total[5m])))");
  text_has(a, "card: 59.7 %");
  text_has(shop("share of requests by path"), "/checkout: 28.4 %");
}

TEST(SharesQuestion, ErrorAndSuccessRatiosStay) {
  for (const char* question :
       {"error percentage of checkout", "error rate of checkout",
        "what share of checkout requests failed", "what share of requests failed on checkout",
        "share of failed requests on checkout"}) {
    const Answer a = shop(question);
    EXPECT_EQ(a.promql,
              "sum(rate(http_requests_total{code=~\"5..\",path=\"/checkout\"}[5m])) / "
              "sum(rate(http_requests_total{path=\"/checkout\"}[5m]))")
        << question << shown(a);
  }
  text_has(shop("success rate of checkout"), "91.7 %");
}

TEST(SharesQuestion, MostErrorsAreCounted) {
  EXPECT_EQ(shop("which path has the most errors").promql,
            "topk(1, sum by (path) (rate(http_requests_total{code=~\"5..\"}[5m])))");
  EXPECT_EQ(shop("which path had most failed requests today").promql,
            "topk(1, sum by (path) (increase(http_requests_total{code=~\"5..\"}[12h])))");
  text_has(shop("which path has the highest error rate"), "8.33 %");
}

TEST(SharesQuestion, WhatFailedIsCounted) {
  EXPECT_EQ(shop("how many failed requests so far").promql,
            "sum(http_requests_total{code=~\"5..\"})");
  EXPECT_EQ(shop("how many orders failed").promql, "sum(orders_failed_total)");
  EXPECT_EQ(shop("how many payments failed today").promql,
            "sum(increase(payments_failed_total[12h]))");
  text_has(shop("how many requests failed with 500 on checkout"), "4320");
  for (const char* question : {"orders total", "order count"}) {
    EXPECT_EQ(shop(question).promql, "sum(orders_total)") << question;
  }
  EXPECT_EQ(shop("order rate").promql, "sum(rate(orders_total[5m]))");
}

TEST(SharesQuestion, SeriesAndValuesAreCounted) {
  const Answer a = shop("how many series does http_requests_total have");
  EXPECT_EQ(a.promql, "count(http_requests_total)");
  text_has(a, "Series of http_requests_total: 24.");
  EXPECT_EQ(shop("how many series does payments_total have by method").promql,
            "count by (method) (payments_total)");
  text_has(shop("how many http codes are there"), "Http codes: 3.");
  text_has(shop("how many http methods are there"), "Http methods: 2.");
}

TEST(PairQuestion, OneComputedWithTheOther) {
  const std::string payments = "sum(rate(payments_total[5m]))";
  const std::string orders = "sum(rate(orders_total[5m]))";
  for (const char* question : {"payments per order", "ratio of payments to orders",
                               "payments divided by orders", "how many payments per order"}) {
    EXPECT_EQ(shop(question).promql, payments + " / " + orders) << question;
  }
  EXPECT_EQ(shop("payments minus orders").promql, payments + " - " + orders);
  EXPECT_EQ(shop("sum of payments and orders").promql, payments + " + " + orders);
  EXPECT_EQ(shop("payments minus failed payments").promql,
            payments + " - sum(rate(payments_failed_total[5m]))");
  EXPECT_EQ(shop("payments per order in the last hour").promql,
            "sum(increase(payments_total[1h])) / sum(increase(orders_total[1h]))");
  // What is not of one unit has no sum, and what tells things apart divides nothing.
  EXPECT_TRUE(shop("sum of orders and network traffic received").refusal);
  EXPECT_EQ(shop("requests per path").promql, "sum by (path) (rate(http_requests_total[5m]))");
  EXPECT_EQ(shop("orders per minute").promql, orders + " * 60");
  text_has(shop("errors per request"), "2.74 %");
}

TEST(PairQuestion, WhatIsLeftOutIsSaid) {
  const Answer a = shop("orders and payments");
  EXPECT_EQ(a.promql, "sum(rate(orders_total[5m]))");
  text_has(a, "The other part of the question is payment rate: ask \"payments\" for it.");
  const Answer last = shop("show orders and requests in the last hour");
  text_has(last, "ask \"requests in the last hour\" for it");
  text_has(shop("orders and payments per minute"), "ask \"payments per minute\" for it");
  text_has(shop("orders and payments", "", "de"), "Der andere Teil der Frage");
}

}  // namespace prom5::llm
