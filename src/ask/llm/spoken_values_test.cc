#include "ask/llm/spoken_values.h"

#include <gtest/gtest.h>

#include "ask/assistant_test.h"

namespace prom5::llm {

namespace {

/// Topics, queues, methods, codes and cores, of each some.
struct LabelledWorld : SmallWorld {
  LabelledWorld() : SmallWorld(false) {
    const auto gauge = [&](const char* name, const char* label, const char* value, double v) {
      put({{"__name__", name}, {"instance", "web-01:9100"}, {"job", "app"}, {label, value}},
          [=](double) { return v; });
    };
    gauge("queue_length", "queue", "emails", 7);
    gauge("queue_length", "queue", "invoices", 123);
    gauge("cache_hit_ratio", "cache", "sessions", 0.9);
    gauge("cache_hit_ratio", "cache", "pages", 0.5);
    for (const char* topic : {"orders", "shipments"}) {
      put({{"__name__", "kafka_consumergroup_lag"},
           {"consumergroup", "billing"},
           {"job", "kafka"},
           {"topic", topic}},
          [](double) { return 12; });
    }
    for (const std::string cpu : {"0", "1", "2", "3"}) {
      for (const std::string mode : {"idle", "user"}) {
        put({{"__name__", "node_cpu_seconds_total"},
             {"cpu", cpu},
             {"instance", "web-01:9100"},
             {"job", "node"},
             {"mode", mode}},
            counted([](double) { return 0.5; }));
      }
    }
    for (const std::string service : {"cart", "checkout"}) {
      for (const std::string method : {"GET", "HEAD"}) {
        for (const std::string code : {"200", "404", "500"}) {
          put({{"__name__", "http_requests_total"},
               {"code", code},
               {"job", "app"},
               {"method", method},
               {"service", service}},
              counted([](double) { return 10; }));
        }
      }
      for (const std::string le : {"0.1", "1", "+Inf"}) {
        put({{"__name__", "http_request_duration_seconds_bucket"},
             {"job", "app"},
             {"le", le},
             {"service", service}},
            counted([=](double) { return le == "0.1" ? 5 : 10; }));
      }
    }
  }
};

Answer labelled(const std::string& question, const std::string& session = "") {
  static LabelledWorld world;
  static Assistant made(world);
  Answer a = made.ask(question, session);
  expect_sound(a, question);
  return a;
}

/// A refusal that names what is not there, and something that is.
void misses(const std::string& question, std::string_view missing, std::string_view there,
            const std::string& session = "") {
  const Answer a = labelled(question, session);
  ASSERT_TRUE(a.refusal) << question << "\n" << shown(a);
  for (const std::string_view part : {missing, there}) {
    EXPECT_NE(a.refusal->message.find(part), std::string::npos) << question << "\n" << shown(a);
  }
}

void gives(const std::string& question, std::string_view part, const std::string& session = "") {
  const Answer a = labelled(question, session);
  EXPECT_FALSE(declined(a)) << question << "\n" << shown(a);
  EXPECT_NE(shown(a).find(part), std::string::npos) << question << "\n" << shown(a);
}

}  // namespace

TEST(SpokenValues, AValueThatIsNotThereIsRefused) {
  misses("lag of topic payments", "topic payments", "orders");
  misses("lag of the payments topic", "payments", "orders");
  misses("queue length of queue foo", "queue foo", "emails");
  misses("cache hit ratio of cache images", "cache images", "pages");
  misses("hit ratio of the images cache", "cache images", "pages");
  misses("queue length of foo", "foo", "emails");
  misses("requests of service shipping", "service shipping", "checkout");
  misses("requests by method bitcoin", "method bitcoin", "GET");
  misses("is the latency of shipping unusual", "shipping", "request latency");
  misses("is the latency of service billing unusual", "service billing", "checkout");
  misses("lag of consumer group pricing", "pricing", "billing");
  gives("lag of topic orders", "topic=\"orders\"");
  gives("queue length of queue invoices", "queue=\"invoices\"");
}

TEST(SpokenValues, MethodsAreKnownWhereNoneIsThere) {
  for (const char* question : {"requests of method POST", "requests of method put",
                               "PUT requests per second", "DELETE requests", "the put requests"}) {
    misses(question, "method", "GET");
  }
  gives("GET requests per second", "method=\"GET\"");
  gives("requests of method head", "method=\"HEAD\"");
  misses("POST latency", "method POST", "GET");
  // An order stays one.
  EXPECT_EQ(labelled("delete all requests").refusal->code, "not_allowed");
}

TEST(SpokenValues, AFollowUpOfTheSameKind) {
  gives("cpu of core 3", "cpu=\"3\"", "core");
  misses("and 7?", "core 7", "core 0, 1, 2, 3", "core");
  gives("and 2?", "cpu=\"2\"", "core");
  gives("requests with code 404", "code=\"404\"", "code");
  gives("and 500?", "code=\"500\"", "code");
  misses("and 418?", "code 418", "404", "code");
  gives("requests of method GET", "method=\"GET\"", "method");
  misses("and DELETE?", "method DELETE", "GET", "method");
  gives("and HEAD?", "method=\"HEAD\"", "method");
  gives("lag of topic orders", "topic=\"orders\"", "topic");
  misses("and frobs?", "topic frobs", "orders", "topic");
  misses("and payments?", "topic payments", "orders", "topic");
  gives("and shipments?", "topic=\"shipments\"", "topic");
}

TEST(SpokenValues, NumbersAreWrittenInManyWays) {
  for (const char* question : {"cpu usage of cpu1", "usage of cpu 1",
                               "cpu usage of the second core", "cpu usage of the 2nd core"}) {
    gives(question, "cpu=\"1\"");
  }
  misses("cpu usage of cpu9", "cpu 9", "cpu 0, 1, 2, 3");
}

TEST(SpokenValues, AMetricByItsNameIsMeant) {
  gives("queue length", "queue_length");
  gives("what is the queue length", "queue_length");
  gives("alert when queue length is above 100", "queue_length > 100");
  gives("consumer lag", "kafka_consumergroup_lag");
}

TEST(SpokenValues, ASlipInAMetricsNameOffersIt) {
  misses("http_requests_totl", "http_requests_totl", "http_requests_total");
  const Answer query = labelled("rate(http_requests_totl[5m])");
  ASSERT_TRUE(query.refusal) << shown(query);
  ASSERT_FALSE(query.refusal->suggestions.empty()) << shown(query);
  EXPECT_EQ(query.refusal->suggestions.front(), "rate(http_requests_total[5m])");
}

TEST(SpokenValues, ValuesOfALabelAreListed) {
  gives("which codes are there", "3 values of code: 200; 404; 500.");
  gives("which methods are there", "2 values of method: GET; HEAD.");
  gives("which topics exist", "2 values of topic: orders; shipments.");
  gives("http status codes", "by (code)");
  gives("number of http status codes", "by (code)");
}

TEST(SpokenValues, AnAnswerSaysWhatItIsNarrowedTo) {
  gives("p95 latency of checkout", "(p95, checkout): ");
  gives("p50 latency", "(p50): ");
  gives("lag of topic orders", "(topic orders)");
  gives("cpu of core 3", "(core 3)");
  gives("requests per second except for cart", "(without cart)");
}

}  // namespace prom5::llm
