// PromQL typed as a question: it is the query, as it stands.
#include <gtest/gtest.h>

#include "ask/assistant_test.h"
#include "query/typed_query.h"

namespace prom5::llm {

namespace {

/// A question that is PromQL, and is answered by just that.
Answer runs(const std::string& question, const std::string& promql = "") {
  Answer a = answered(question);
  EXPECT_EQ(a.promql, promql.empty() ? question : promql) << shown(a);
  EXPECT_EQ(a.intent, "query") << shown(a);
  return a;
}

void refuses(const std::string& question, std::string_view code, std::string_view part) {
  const Answer a = refused(question);
  if (!a.refusal) return;
  EXPECT_EQ(a.refusal->code, code) << question << shown(a);
  EXPECT_NE(a.refusal->message.find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace

TEST(PromqlQuestion, IsTheQueryAsItStands) {
  for (const char* question : {
           "rate(http_requests_total[1m])",
           "sum(rate(http_requests_total[2m])) by (service)",
           "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
           "-node_load1",
           "topk(3, node_load1)",
           R"(http_requests_total{status="500"})",
           R"({job="node", __name__="up"})",
           "up == 1",
           "node_load1 offset 5m",
           "redis_connected_clients unless node_load1",
           "quantile_over_time(0.9, node_load1[10m])",
           "time() - 5",
       }) {
    runs(question);
  }
  runs("  up == 1 ? ", "up == 1");
  runs("sum(\n  up\n)");
}

TEST(PromqlQuestion, TellsItsValue) {
  text_has(runs("sum(up) - 1"), "sum(up) - 1: 3.");
  // What is the same of all is not told of each.
  const Answer a = runs("sum by (env, job) (up)");
  text_has(a, "env=production: 3");
  text_has(a, "env=staging: 1");
  text_has(runs("count(redis_connected_clients) * 1.5"), "1.5");
}

TEST(PromqlQuestion, SeveralMetricsAreToldApartByName) {
  text_has(runs(R"({__name__=~"node_load1|redis_connected_clients"} > 60)"),
           "redis_connected_clients");
  text_has(runs(R"({__name__=~"up|node_load1", instance="web-01:9100"})"), "up: 1");
}

TEST(PromqlQuestion, WordsDoNotGoOnFromBeforeIt) {
  reads("cpu usage of web-01", {"web-01:9100"}, "promql");
  EXPECT_EQ(assistant().ask("up == 1", "promql").promql, "up == 1");
  const Answer a = assistant().ask("and memory?", "promql");
  EXPECT_EQ(a.promql.find("web-01"), std::string::npos) << shown(a);
}

TEST(PromqlQuestion, NothingIsBeyond) {
  text_has(runs("up == 0"), "none");
  text_has(runs("redis_connected_clients > 1e9"), "none");
}

TEST(PromqlQuestion, AskedInGermanItIsTheSame) {
  const Answer a = assistant().ask("up == 0", "", "de");
  EXPECT_EQ(a.promql, "up == 0");
  EXPECT_NE(a.text.find("Nichts"), std::string::npos) << a.text;
}

TEST(PromqlQuestion, UnknownMetricsAreNamedWithTheNearest) {
  refuses("rate(http_requests_totl[5m])", "unknown_metric", "http_requests_totl");
  refuses("rate(http_requests_totl[5m])", "unknown_metric", "http_requests_total");
  refuses("queue_length > 10", "unknown_metric", "queue_length");
  refuses("sum(foo)", "unknown_metric", "foo");
  refuses(R"(nonsense_total{job="a"} / up)", "unknown_metric", "nonsense_total");
  const Answer a = refused("sum(http_requests_totl) / sum(http_requests_totl)");
  ASSERT_TRUE(a.refusal && !a.refusal->suggestions.empty()) << shown(a);
  EXPECT_EQ(a.refusal->suggestions[0], "sum(http_requests_total) / sum(http_requests_total)");
  // The base of a histogram has no series of its own.
  refuses("rate(http_request_duration_seconds[5m])", "unknown_metric",
          "http_request_duration_seconds_");
}

TEST(PromqlQuestion, WhatDoesNotParseIsToldWithItsPlace) {
  refuses("rate(http_requests_total[5m]", "bad_query", "1:29: parse error");
  refuses("rate(http_requests_total)", "bad_query", "1:6: parse error");
  refuses("sum(rate(http_requests_total[1m])) by service", "bad_query", "1:39: parse error");
  refuses("node_load1 / / node_load5", "bad_query", "parse error");
  refuses("sum(up", "bad_query", "parse error");
  refuses(R"(up{job="node)", "bad_query", "parse error");
}

TEST(PromqlQuestion, ARangeIsToBeWrapped) {
  refuses("http_requests_total[5m]", "bad_query", "rate(http_requests_total[5m])");
  refuses("node_load1[1h]", "bad_query", "avg_over_time(node_load1[1h])");
}

TEST(PromqlQuestion, WhatFailsIsTheAskersToMend) {
  const Answer a = assistant().ask("node_load1 + on(job) node_load1");
  ASSERT_TRUE(a.refusal) << shown(a);
  EXPECT_EQ(a.refusal->code, "bad_query") << shown(a);
}

TEST(PromqlQuestion, ExplainGoesOnExplaining) {
  const Answer a = answered("explain rate(http_requests_total[1m])");
  EXPECT_EQ(a.intent, "explain") << shown(a);
}

TEST(PromqlQuestion, WordsAreNone) {
  for (const char* question : {"cpu / memory",
                               "cpu and memory",
                               "web-01",
                               "web-01 cpu",
                               "latency (p99)",
                               "up",
                               "node_load1",
                               "CPU > 80%",
                               "cpu usage (in percent)",
                               "2026-01-15",
                               "14:00-15:00",
                               "5 - 7",
                               "10",
                               "node_load1 by instance",
                               "node_load1 > 80%",
                               "up or down",
                               "p99 > 2",
                               "disk (web-01)",
                               "node_load1 above 3",
                               "alert when node_load1 > 5 for 5m",
                               "",
                               "?",
                               "(",
                               "a-b/c",
                               "\"up\"",
                               "explain sum(up)",
                               "why is rate(up[5m]) so low",
                               "cpu of web-01 (production)"}) {
    const query::TypedQuery text = query::typed_query(question);
    EXPECT_TRUE(text.kind == query::TypedQuery::Kind::Words ||
                (text.kind == query::TypedQuery::Kind::Query && !text.surely))
        << question;
  }
  reads("node_load1 by instance", {"node_load1", "instance"});
  reads("web-01 cpu", {"node_cpu_seconds_total", "web-01:9100"});
}

TEST(PromqlQuestion, WhatIsAbsentMayBeAskedFor) {
  EXPECT_EQ(answered("absent(nope_total)").promql, "absent(nope_total)");
  EXPECT_EQ(answered("up or nope_total").promql, "up or nope_total");
  EXPECT_TRUE(assistant().ask("rate(nope_total[5m])").refusal);
}

}  // namespace prom5::llm
