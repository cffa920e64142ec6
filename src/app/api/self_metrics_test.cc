#include "app/api/self_metrics.h"

#include <gtest/gtest.h>

#include <limits>

#include "io/codec/json.h"

namespace prom5::api {

namespace {

class SelfMetricsTest : public testing::Test {
 protected:
  void SetUp() override { add_self_metrics_route(router_, metrics_); }

  io::HttpResponse get(const std::string& pattern = "") {
    io::HttpRequest request;
    request.method = "GET";
    request.path = "/api/v1/status/self_metrics";
    if (!pattern.empty()) request.parameters = {{"metric_name_pattern", pattern}};
    return router_.route(request);
  }
  Json data(const std::string& pattern = "") {
    return codec::parse_json(get(pattern).body).value()["data"];
  }
  static Json json(std::string_view text) { return codec::parse_json(text).value(); }

  MetricRegistry metrics_;
  io::Router router_;
};

TEST_F(SelfMetricsTest, NothingIsAnEmptyList) {
  EXPECT_EQ(get().body, R"({"status":"success","data":[]})");
}

TEST_F(SelfMetricsTest, CountersAndGauges) {
  metrics_.counter("b_total", "Counts.", {{"code", "200"}, {"z", "\"q\""}}).add(3);
  metrics_.counter("b_total", "Counts.", {{"code", "500"}});
  metrics_.gauge("a", "Measures.").set(-1.5);
  EXPECT_EQ(data(), json(R"([
      {"name": "a", "help": "Measures.", "type": "GAUGE", "metric": [{"gauge": {"value": -1.5}}]},
      {"name": "b_total", "help": "Counts.", "type": "COUNTER", "metric": [
        {"label": [{"name": "code", "value": "200"}, {"name": "z", "value": "\"q\""}],
         "counter": {"value": 3}},
        {"label": [{"name": "code", "value": "500"}], "counter": {"value": 0}}]}])"));
}

TEST_F(SelfMetricsTest, WhatIsNoNumberOfJsonIsAText) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  metrics_.gauge("a", "").set(std::numeric_limits<double>::quiet_NaN());
  metrics_.gauge("b", "").set(kInfinity);
  metrics_.gauge("c", "").set(-kInfinity);
  const Json all = data();
  EXPECT_EQ(all[0]["metric"][0]["gauge"]["value"], "NaN");
  EXPECT_EQ(all[1]["metric"][0]["gauge"]["value"], "Infinity");
  EXPECT_EQ(all[2]["metric"][0]["gauge"]["value"], "-Infinity");
}

TEST_F(SelfMetricsTest, Histograms) {
  ClassicHistogram& one = metrics_.histogram("h_seconds", "Takes.", {0.5, 2}, {{"path", "/"}});
  for (const double value : {0.25, 1.0, 1.5, 8.0}) one.observe(value);
  metrics_.histogram("h_seconds", "Takes.", {1}, {{"path", "/x"}});
  EXPECT_EQ(data(), json(R"([
      {"name": "h_seconds", "help": "Takes.", "type": "HISTOGRAM", "metric": [
        {"label": [{"name": "path", "value": "/"}],
         "histogram": {"sampleCount": "4", "sampleSum": 10.75,
                       "bucket": [{"cumulativeCount": "1", "upperBound": 0.5},
                                  {"cumulativeCount": "3", "upperBound": 2}]}},
        {"label": [{"name": "path", "value": "/x"}],
         "histogram": {"sampleCount": "0", "sampleSum": 0,
                       "bucket": [{"cumulativeCount": "0", "upperBound": 1}]}}]}])"));
}

TEST_F(SelfMetricsTest, PatternsMatchWholeNames) {
  for (const char* name : {"a_one", "a_two", "b_a_one"}) metrics_.gauge(name, "");
  const auto names = [&](const std::string& pattern) {
    std::vector<std::string> out;
    for (const Json& family : data(pattern)) out.push_back(family["name"].get<std::string>());
    return out;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("a_.*"), (Names{"a_one", "a_two"}));
  EXPECT_EQ(names("a_one|b.*"), (Names{"a_one", "b_a_one"}));
  EXPECT_EQ(names("a"), Names{});
  const io::HttpResponse bad = get("a(");
  EXPECT_EQ(bad.status, 400);
  const Json error = json(bad.body);
  EXPECT_EQ(error["errorType"], "bad_data");
  EXPECT_TRUE(error["error"].get<std::string>().starts_with("invalid metric_name_pattern: "));
}

}  // namespace

}  // namespace prom5::api
