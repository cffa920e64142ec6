#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <set>

#include "analysis/episodes.h"
#include "ask/catalogue/small_world_test.h"
#include "ask/tools/anomalies.h"
#include "ask/tools/correlate.h"
#include "ask/tools/describe_series.h"
#include "ask/tools/find_causes.h"
#include "ask/tools/find_metrics.h"
#include "ask/tools/list_rules.h"
#include "ask/tools/list_silences.h"
#include "ask/tools/proposals.h"
#include "ask/tools/query_metrics.h"
#include "ask/tools/query_tools.h"
#include "ask/tools/range_frame.h"
#include "ask/tools/vital_signs.h"

namespace prom5::tools {

namespace {

using catalogue::SmallWorld;
constexpr double kNowSeconds = 1'768'478'400;

SmallWorld& world() {
  static SmallWorld made;
  return made;
}
SmallWorld& empty_world() {
  static SmallWorld made(false);
  return made;
}

/// All tools over one world.
struct Tools {
  explicit Tools(SmallWorld& w)
      : anomalies(w.engine, w.catalogue, w.pack),
        correlate(w.engine, w.catalogue, w.pack),
        describe(w.catalogue),
        causes(w.engine, w.catalogue, w.pack),
        find(w.catalogue, w.pack.lexicon, w.meaning),
        alert(w.engine),
        silence(w.engine),
        forecast(w.engine),
        query(w.engine),
        explain(w.engine),
        diagnose(w.engine, w.storage, w.clock),
        alerts(w.engine),
        targets(w.engine) {}

  std::vector<Tool*> all() {
    return {&anomalies, &correlate, &describe, &causes,   &find,   &alert,  &silence,
            &forecast,  &query,     &explain,  &diagnose, &alerts, &targets};
  }
  Anomalies anomalies;
  Correlate correlate;
  DescribeSeries describe;
  FindCauses causes;
  FindMetrics find;
  ProposeAlert alert;
  ProposeSilence silence;
  ForecastSeries forecast;
  QueryMetrics query;
  ExplainQuery explain;
  DiagnoseQuery diagnose;
  ListAlerts alerts;
  ListTargets targets;
};

Tools& tools() {
  static Tools made(world());
  return made;
}

Json good(Tool& tool, const Json& arguments) {
  auto result = tool.call(arguments, world().context);
  EXPECT_TRUE(result) << tool.spec().name << " " << arguments.dump() << ": "
                      << (result ? "" : result.error().message);
  return result ? *result : Json::object();
}

void bad(Tool& tool, const Json& arguments, ErrorCode code = ErrorCode::BadData) {
  const auto result = tool.call(arguments, world().context);
  ASSERT_FALSE(result) << tool.spec().name << " " << arguments.dump() << ": " << result->dump();
  EXPECT_EQ(result.error().code, code) << tool.spec().name << ": " << result.error().message;
  EXPECT_FALSE(result.error().message.empty());
}

Json query_of(std::string_view promql) {
  return Json{{"queries", Json::array({{{"promql", promql}, {"name", "it"}}})}};
}

}  // namespace

TEST(AllTools, TellWhatTheyTake) {
  std::set<std::string> names;
  for (Tool* tool : tools().all()) {
    const ToolSpec spec = tool->spec();
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_GT(spec.description.size(), 20U) << spec.name;
    EXPECT_EQ(spec.parameters["type"], "object") << spec.name;
    ASSERT_TRUE(spec.parameters["required"].is_array()) << spec.name;
    for (const Json& field : spec.parameters["required"]) {
      EXPECT_TRUE(spec.parameters["properties"].contains(field.get<std::string>())) << spec.name;
    }
  }
}

TEST(AllTools, RefuseWhatIsMissing) {
  for (Tool* tool : tools().all()) {
    const ToolSpec spec = tool->spec();
    if (!spec.parameters["required"].empty()) bad(*tool, Json::object());
  }
}

TEST(AllTools, TakeArgumentsOfAnyShape) {
  // A model or a client may send anything: an answer or BadData, never the end of the process.
  const Json values[] = {nullptr,
                         5,
                         -1e300,
                         true,
                         "",
                         "up",
                         "no such metric(",
                         Json(),
                         {1, 2},
                         Json::array(),
                         Json::array({Json::object()}),
                         Json::object(),
                         {{"a", 1}},
                         std::numeric_limits<double>::infinity()};
  for (Tool* tool : tools().all()) {
    const ToolSpec spec = tool->spec();
    for (const Json& whole : values) {
      EXPECT_NO_THROW(static_cast<void>(tool->call(whole, world().context)))
          << spec.name << " " << whole.dump();
    }
    Json usual = Json::object();
    for (const Json& field : spec.parameters["required"]) {
      const std::string name = field.get<std::string>();
      const Json& type = spec.parameters["properties"][name]["type"];
      usual[name] = type == "array"    ? Json::array()
                    : type == "object" ? Json::object()
                                       : Json("up");
    }
    for (const auto& [name, schema] : spec.parameters["properties"].items()) {
      for (const Json& value : values) {
        Json arguments = usual;
        arguments[name] = value;
        if (name == "b_name") arguments["b"] = "up";
        EXPECT_NO_THROW(static_cast<void>(tool->call(arguments, world().context)))
            << spec.name << " " << arguments.dump();
      }
    }
  }
}

TEST(AllTools, FindNothingInNothing) {
  Tools none(empty_world());
  const auto finds = [](Tool& tool, const Json& arguments, const char* field) {
    const auto result = tool.call(arguments, empty_world().context);
    ASSERT_TRUE(result) << tool.spec().name << ": " << result.error().message;
    EXPECT_TRUE((*result)[field].empty()) << result->dump();
  };
  finds(none.anomalies, Json::object(), "findings");
  finds(none.anomalies, query_of("up"), "findings");
  finds(none.correlate, {{"a", "up"}, {"b", "down"}}, "pairs");
  finds(none.correlate, {{"a", "up"}}, "pairs");
  finds(none.causes, {{"promql", "up"}}, "causes");
  finds(none.causes, {{"alert", true}}, "alerts");
  finds(none.find, {{"words", Json::array({"cpu"})}}, "metrics");
  finds(none.alert, {{"expr", "up == 0"}}, "episodes");
  finds(none.silence, {{"matchers", {{"job", "x"}}}}, "alerts");
  finds(none.forecast, {{"promql", "up"}}, "series");
  finds(none.query, {{"promql", "up"}}, "result");
  finds(none.alerts, Json::object(), "alerts");
  finds(none.targets, Json::object(), "targets");
  EXPECT_EQ(none.describe.call({{"metric", "up"}}, empty_world().context).error().code,
            ErrorCode::NotFound);
  EXPECT_EQ((*none.diagnose.call({{"promql", "up"}}, empty_world().context))["empty"], true);
}

TEST(AllTools, StopWhenNobodyWaits) {
  std::stop_source stopped;
  stopped.request_stop();
  const ToolContext context{SmallWorld::kNow, stopped.get_token()};
  const auto stops = [&](Tool& tool, const Json& arguments) {
    const auto result = tool.call(arguments, context);
    ASSERT_FALSE(result) << tool.spec().name;
    EXPECT_EQ(result.error().code, ErrorCode::Canceled) << tool.spec().name;
  };
  stops(tools().query, {{"promql", "up"}});
  stops(tools().anomalies, Json::object());
  stops(tools().anomalies, query_of("up"));
  stops(tools().correlate, {{"a", "up"}});
  stops(tools().causes, {{"promql", "up"}});
  stops(tools().alert, {{"expr", "up == 0"}});
  stops(tools().forecast, {{"promql", "up"}});
  stops(tools().alerts, Json::object());
  stops(tools().targets, Json::object());
  stops(tools().silence, {{"matchers", {{"job", "x"}}}});
}

TEST(QueryMetricsTool, Each) {
  Tool& tool = tools().query;
  Json now = good(tool, {{"promql", "up{job=\"node\"}"}});
  EXPECT_EQ(now["resultType"], "vector");
  EXPECT_EQ(now["total"], 4);
  EXPECT_EQ(now["result"][0]["metric"]["__name__"], "up");
  EXPECT_EQ(now["result"][0]["value"][1], "1");
  EXPECT_EQ(now["end"], kNowSeconds);
  EXPECT_EQ(now["step"], 0);
  EXPECT_EQ(good(tool, {{"promql", "1 + 1"}})["resultType"], "scalar");
  EXPECT_EQ(good(tool, {{"promql", "\"x\""}})["result"], "x");
  EXPECT_EQ(good(tool, {{"promql", "0 / 0"}})["result"][1], "NaN");
  EXPECT_EQ(good(tool, {{"promql", "-1 / 0"}})["result"][1], "-Inf");
  Json range = good(tool, {{"promql", "sum(up)"}, {"start", kNowSeconds - 600}, {"step_s", 60}});
  EXPECT_EQ(range["resultType"], "matrix");
  EXPECT_EQ(range["result"][0]["values"].size(), 11U);
  EXPECT_EQ(range["step"], 60);
  range = good(tool, {{"promql", "sum(up)"}, {"start", kNowSeconds - 86'400}});
  EXPECT_EQ(range["step"], 360);
  bad(tool, {{"promql", "sum("}});
  bad(tool, {{"promql", 5}});
  bad(tool, {{"promql", "up"}, {"start", kNowSeconds}, {"end", kNowSeconds - 1}});
  // A range whose step is a millisecond is no way around the engine's limits.
  range = good(tool, {{"promql", "sum(up)"}, {"start", kNowSeconds - 60}, {"step_s", 1e-9}});
  EXPECT_EQ(range["step"], 1);
  EXPECT_FALSE(tool.call({{"promql", "up"}, {"start", 0}, {"step_s", 1}}, world().context));
}

TEST(QueryMetricsTool, RefusesWhatWouldNotEnd) {
  const double now = SmallWorld::kNow.as_seconds();
  bad(tools().query, {{"promql", "vector(1)"}, {"start", now - 31'536'000}, {"step_s", 1}});
  const Json fits =
      good(tools().query, {{"promql", "vector(1)"}, {"start", now - 10'999}, {"step_s", 1}});
  EXPECT_EQ(fits["result"][0]["values"].size(), 11'000U);
}

TEST(QueryMetricsTool, OfVeryLongResultsTheExtremesAreTold) {
  const double now = SmallWorld::kNow.as_seconds();
  SmallWorld wide(false);
  for (int i = 0; i < 100; ++i) {
    wide.put({{"__name__", "n"}, {"i", std::to_string(i)}},
             [i](double) { return static_cast<double>(i); });
  }
  QueryMetrics query(wide.engine);
  const auto result =
      query.call({{"promql", "n"}, {"start", now - 10'000}, {"step_s", 1}}, wide.context);
  ASSERT_TRUE(result);
  EXPECT_EQ((*result)["total"], 100);
  const Json& told = (*result)["result"];
  ASSERT_EQ(told.size(), 24U);  // 250,000 values
  size_t highest = 0;
  for (const Json& series : told) highest += series["values"].back()[1] == "99" ? 1 : 0;
  EXPECT_EQ(highest, 1U);
}

TEST(AllTools, EndWithTheBudget) {
  const auto spent = [](Tool& tool, const Json& arguments) {
    QueryBudget budget(world().clock, world().clock.now() + DurationMs::hours(1), 1);
    budget.draw(1);
    const auto result = tool.call(arguments, {SmallWorld::kNow, {}, &budget});
    ASSERT_FALSE(result) << tool.spec().name << result->dump();
    EXPECT_EQ(result.error().code, ErrorCode::LimitExceeded) << tool.spec().name;
    EXPECT_TRUE(budget.turned_away()) << tool.spec().name;
  };
  spent(tools().query, {{"promql", "up"}});
  spent(tools().anomalies, Json::object());
  spent(tools().correlate, {{"a", "up"}});
  spent(tools().causes, Json::object());
  spent(tools().explain, {{"promql", "up"}});
  spent(tools().diagnose, {{"promql", "up"}});
}

TEST(AnomaliesTool, PeersAreJudgedByTheirLastValues) {
  SmallWorld peers(false);
  for (int i = 0; i < 8; ++i) {
    peers.put(
        {{"__name__", "n"}, {"i", std::to_string(i)}},
        [i](double m) { return i == 3 && m > SmallWorld::kMinutes - 1 ? 90 : 10 + 0.1 * i; },
        SmallWorld::kMinutes - 2);
  }
  Anomalies anomalies(peers.engine, peers.catalogue, peers.pack);
  const auto result = anomalies.call(query_of("n"), peers.context);
  ASSERT_TRUE(result);
  ASSERT_EQ((*result)["findings"].size(), 1U) << result->dump();
  const Json& finding = (*result)["findings"][0];
  EXPECT_EQ(finding["kind"], "peer");
  EXPECT_EQ(finding["labels"]["i"], "3");
  EXPECT_EQ(finding["observed"], 90);
}

TEST(FindMetricsTool, Each) {
  Tool& tool = tools().find;
  const auto finds = [&](const Json& words, const std::vector<std::string>& want) {
    const Json found = good(tool, {{"words", words}});
    std::vector<std::string> names;
    for (const Json& metric : found["metrics"]) {
      // What is only alike in meaning comes after what has the words.
      if (metric["by"] == "words") names.push_back(metric["name"]);
    }
    EXPECT_EQ(names, want) << words.dump();
  };
  finds({"load"}, {"node_load1"});
  finds({"LOADS"}, {"node_load1"});
  finds({"average"}, {"node_load1"});
  finds({"ram", "total"}, {"node_memory_MemTotal_bytes"});
  finds({"elephant"}, {});
  finds({"elephant", "average"}, {"node_load1"});
  finds({"http", "requests", "answered"}, {"http_requests_total"});
  const Json all = good(tool, {{"words", Json::array()}});
  EXPECT_EQ(all["total"], all["metrics"].size());
  EXPECT_GT(all["total"], 10);
  bad(tool, {{"words", "load"}});
  bad(tool, {{"words", Json::array({1})}});
  bad(tool, Json::array());
}

TEST(DescribeSeriesTool, Each) {
  const Json told = good(tools().describe, {{"metric", "http_requests_total"}});
  EXPECT_EQ(told["type"], "counter");
  EXPECT_EQ(told["help"], "Requests that were answered.");
  EXPECT_EQ(told["series"], 4);
  ASSERT_EQ(told["labels"].size(), 4U);
  EXPECT_EQ(told["labels"][3]["name"], "status");
  EXPECT_EQ(told["labels"][3]["values"], Json::array({"200", "500"}));
  bad(tools().describe, {{"metric", "http_requests"}}, ErrorCode::NotFound);
}

TEST(CorrelateTool, FindsAKnownLag) {
  const Json found =
      good(tools().correlate, {{"a", "sum(rate(http_requests_total{service=\"api\"}[2m]))"},
                               {"b", "process_resident_memory_bytes"}});
  ASSERT_EQ(found["pairs"].size(), 1U);
  const Json& pair = found["pairs"][0];
  EXPECT_GT(pair["r"].get<double>(), 0.95) << pair.dump();
  // The rate looks back two minutes, so that it lags behind by one itself.
  EXPECT_NEAR(std::fabs(pair["lag_s"].get<double>()), 240, 100) << pair.dump();
  EXPECT_LT(pair["p"].get<double>(), 0.1);  // of few waves, each sample tells little
}

TEST(CorrelateTool, TheLagsSignTellsWhoIsFirst) {
  const std::string rate = "sum(rate(http_requests_total{service=\"api\"}[2m]))";
  const std::string memory = "process_resident_memory_bytes";
  const Json ab = good(tools().correlate, {{"a", rate}, {"b", memory}})["pairs"][0];
  const Json ba = good(tools().correlate, {{"a", memory}, {"b", rate}})["pairs"][0];
  EXPECT_EQ(ab["lag_s"].get<double>(), -ba["lag_s"].get<double>());
  EXPECT_NE(ab["lag_s"].get<double>(), 0);
}

TEST(CorrelateTool, NoiseIsNotRelated) {
  const Json found = good(tools().correlate, {{"a", "node_load1{instance=\"web-01:9100\"}"},
                                              {"b", "node_load1{instance=\"db-01:9100\"}"}});
  ASSERT_EQ(found["pairs"].size(), 1U);
  EXPECT_LT(std::fabs(found["pairs"][0]["r"].get<double>()), 0.4);
}

TEST(CorrelateTool, SeriesOfBothSidesAreComparedEachWithItsOwn) {
  const Json found = good(tools().correlate,
                          {{"a", "node_load1 + 0"}, {"b", "2 * node_load1"}, {"a_name", "load"}});
  ASSERT_EQ(found["pairs"].size(), 4U);
  for (const Json& pair : found["pairs"]) {
    EXPECT_NEAR(pair["r"].get<double>(), 1, 1e-9);
    EXPECT_EQ(pair["lag_s"], 0);
    EXPECT_TRUE(pair["a"].get<std::string>().starts_with("load of "));
  }
}

TEST(CorrelateTool, AmongEverythingTheFollowerIsFound) {
  const Json found =
      good(tools().correlate, {{"a", "redis_connected_clients"}, {"a_name", "clients"}});
  ASSERT_FALSE(found["pairs"].empty()) << found.dump();
  bool latency = false;
  for (const Json& pair : found["pairs"]) {
    EXPECT_GE(std::fabs(pair["r"].get<double>()), 0.6);
    EXPECT_EQ(pair["promql"].get<std::string>().find("redis_connected_clients"), std::string::npos);
    latency = latency || pair["b"].get<std::string>().find("latency") != std::string::npos;
  }
  EXPECT_TRUE(latency) << found["pairs"].dump(1);
}

/// A day of which only the last six hours have data: on a grid of that alone.
TEST(CorrelateTool, LooksWhereThereIsData) {
  const Json found = good(tools().correlate, {{"a", "node_load1"},
                                              {"b", "2 * node_load1"},
                                              {"start", kNowSeconds - 86'400},
                                              {"end", kNowSeconds}});
  EXPECT_NEAR(found["start"].get<double>(), kNowSeconds - 6 * 3600, 400);
  EXPECT_LE(found["step"].get<double>(), 100);
}

TEST(CorrelateTool, WrongTimes) {
  bad(tools().correlate, {{"a", "up"}, {"start", kNowSeconds}, {"end", kNowSeconds}});
  bad(tools().correlate, {{"a", "up"}, {"b", "sum("}});
  bad(tools().correlate, {{"a", "up"}, {"b", ""}});
}

TEST(AnomaliesTool, FindsAKnownShift) {
  const Json found =
      good(tools().anomalies, query_of("1 - rate(node_cpu_seconds_total{mode=\"idle\"}[5m])"));
  ASSERT_FALSE(found["findings"].empty());
  const Json& first = found["findings"][0];
  EXPECT_EQ(first["labels"]["instance"], "web-02:9100");
  EXPECT_EQ(first["kind"], "shift");
  EXPECT_EQ(first["up"], true);
  EXPECT_NEAR(first["observed"].get<double>(), 0.95, 0.02);
  EXPECT_NEAR(first["expected"].get<double>(), 0.17, 0.1);
  EXPECT_NEAR(first["since"].get<double>(), kNowSeconds - 3600, 600);
  for (const Json& finding : found["findings"]) {
    EXPECT_EQ(finding["labels"]["instance"], "web-02:9100") << "noise is no anomaly";
  }
  EXPECT_EQ(found["series"], 4);
}

TEST(AnomaliesTool, NoiseIsNone) {
  EXPECT_TRUE(good(tools().anomalies, query_of("node_load1"))["findings"].empty());
  EXPECT_TRUE(
      good(tools().anomalies, query_of("node_memory_MemAvailable_bytes"))["findings"].empty());
  EXPECT_TRUE(good(tools().anomalies, query_of("up"))["findings"].empty());
}

TEST(AnomaliesTool, GrowthIsTold) {
  const Json found = good(tools().anomalies, query_of("node_filesystem_avail_bytes"));
  ASSERT_FALSE(found["findings"].empty());
  for (const Json& finding : found["findings"]) {
    EXPECT_EQ(finding["labels"]["instance"], "db-01:9100") << finding.dump();
  }
}

TEST(AnomaliesTool, AmongEverythingTheKnownOnesAreFound) {
  const Json found = good(tools().anomalies, Json::object());
  std::string all = found["findings"].dump();
  EXPECT_NE(all.find("web-02:9100"), std::string::npos) << all;
  EXPECT_EQ(found["failed"], 0);
  EXPECT_GT(found["signs"].get<size_t>(), 10U);
  // Only on one host.
  const Json narrow =
      good(tools().anomalies, {{"filters", Json::array({{{"text", "db-01"}, {"kind", "host"}}})}});
  for (const Json& finding : narrow["findings"]) {
    EXPECT_EQ(finding["labels"].value("instance", "db-01:9100"), "db-01:9100") << finding.dump();
  }
  EXPECT_LT(narrow["signs"].get<size_t>(), found["signs"].get<size_t>());
}

TEST(FindCausesTool, RanksTheLeadingSeriesFirst) {
  const Json found =
      good(tools().causes, {{"promql",
                             "sum(rate(http_request_duration_seconds_sum{service=\"api\"}[5m])) / "
                             "sum(rate(http_request_duration_seconds_count{service=\"api\"}[5m]))"},
                            {"name", "latency"},
                            {"at", kNowSeconds - 60 * 70}});
  ASSERT_TRUE(found.contains("effect")) << found.dump();
  ASSERT_FALSE(found["causes"].empty()) << found.dump();
  EXPECT_NE(found["causes"][0]["promql"].get<std::string>().find("redis_connected_clients"),
            std::string::npos)
      << found["causes"].dump(1);
  EXPECT_LE(found["causes"][0]["since"].get<double>(), found["effect"]["since"].get<double>());
  EXPECT_GT(found["causes"][0]["r"].get<double>(), 0.6);
}

TEST(FindCausesTool, WhatDidNotHappenHasNoCauses) {
  const auto causes_of = [](Json more) {
    Json arguments{{"promql",
                    "sum(rate(http_request_duration_seconds_sum{service=\"api\"}[5m])) / "
                    "sum(rate(http_request_duration_seconds_count{service=\"api\"}[5m]))"},
                   {"at", kNowSeconds - 60 * 70}};
    arguments.update(more);
    return good(tools().causes, arguments);
  };
  // It rose: who asks why it fell is told that it did not.
  EXPECT_EQ(causes_of({{"rise", true}})["happened"], true);
  const Json fell = causes_of({{"rise", false}});
  EXPECT_EQ(fell["happened"], false);
  EXPECT_EQ(fell["effect"]["up"], true);
  EXPECT_FALSE(fell["causes"].empty());
  for (const Json& elsewhere : fell["causes"]) EXPECT_FALSE(elsewhere.contains("r"));
  // What never moves.
  const Json flat = causes_of({{"promql", "count(up)"}});
  EXPECT_EQ(flat.value("happened", true), false) << flat.dump();
  EXPECT_FALSE(flat.contains("effect"));
}

TEST(FindCausesTool, OfAnAlert) {
  const Json found = good(tools().causes, {{"alert", true}, {"words", Json::array({"cpu"})}});
  ASSERT_EQ(found["alerts"].size(), 1U);
  EXPECT_EQ(found["alerts"][0]["labels"]["alertname"], "HighCpu");
  ASSERT_FALSE(found["causes"].empty());
  EXPECT_EQ(found["causes"][0]["labels"]["instance"], "web-02:9100");
}

TEST(ForecastTool, Each) {
  const Json found =
      good(tools().forecast, {{"promql", "node_filesystem_avail_bytes{instance=\"db-01:9100\"}"},
                              {"horizon_s", 3600},
                              {"level", 0}});
  ASSERT_EQ(found["series"].size(), 1U);
  const Json& one = found["series"][0];
  constexpr double kGiB = 1 << 30;
  EXPECT_NEAR(one["value"].get<double>(), 50 * kGiB, 0.5 * kGiB);
  EXPECT_LE(one["low"], one["value"]);
  EXPECT_GE(one["high"], one["value"]);
  EXPECT_NEAR(one["reached_in_s"].get<double>(), 6 * 3600, 600);
  EXPECT_NEAR(one["slope_per_s"].get<double>(), -10 * kGiB / 3600, kGiB / 3600);
  const Json flat = good(tools().forecast, {{"promql", "sum(up)"}, {"level", 0}});
  ASSERT_EQ(flat["series"].size(), 1U);
  EXPECT_FALSE(flat["series"][0].contains("reached_in_s"));
  bad(tools().forecast, {{"promql", "sum("}});
}

TEST(ProposeSilenceTool, Each) {
  const auto hits = [](const Json& matchers, size_t count, const Json& regex = Json::array()) {
    const Json arguments{{"matchers", matchers}, {"regex", regex}};
    EXPECT_EQ(good(tools().silence, arguments)["alerts"].size(), count) << arguments.dump();
  };
  hits({{"alertname", "HighCpu"}}, 1);
  hits({{"instance", "web-02:9100"}}, 2);
  hits({{"instance", "web-.*"}}, 2, {"instance"});
  hits({{"instance", "web-.*"}}, 0);
  hits({{"alertname", "HighCpu|DiskFills"}}, 2, {"alertname"});
  hits({{"alertname", "HighCpu|DiskFills"}}, 0);
  hits({{"a.b\"c", "x"}}, 0);
  hits({{"alertname", "HighCpu"}, {"instance", "db-01:9100"}}, 0);
  hits({{"alertname", "HighCp"}}, 0);
  bad(tools().silence, {{"matchers", Json::object()}});
  bad(tools().silence, {{"matchers", {{"a", 1}}}});
  bad(tools().silence, {{"matchers", {{"a", "(*"}}}, {"regex", {"a"}}});
}

TEST(ListRulesTool, Each) {
  std::vector<RuleInfo> rules;
  rules.push_back({"DiskFills",
                   true,
                   "disk > 90",
                   DurationMs::minutes(5),
                   {{"severity", "page"}},
                   "g",
                   "a.yml"});
  rules.push_back({"job:disk:sum", false, "sum by (job) (x)", {}, {}, "g", "a.yml"});
  ListRules list([&] { return Result<std::vector<RuleInfo>>(rules); });
  const Json all = good(list, Json::object());
  EXPECT_EQ(all["total"], 2);
  EXPECT_EQ(all["rules"][0]["for_s"], 300);
  EXPECT_EQ(all["rules"][0]["labels"]["severity"], "page");
  EXPECT_FALSE(all["rules"][1].contains("for_s"));
  EXPECT_EQ(good(list, {{"kind", "alert"}})["rules"][0]["name"], "DiskFills");
  EXPECT_EQ(good(list, {{"text", "DISK"}})["total"], 2);
  EXPECT_EQ(good(list, {{"text", "by (job)"}})["rules"][0]["kind"], "record");
  EXPECT_TRUE(good(list, {{"text", "nothing"}})["rules"].empty());
  bad(list, {{"kind", "x"}});
  bad(list, Json::array());
  rules.resize(300, rules[1]);
  const Json many = good(list, Json::object());
  EXPECT_EQ(many["total"], 300);
  EXPECT_EQ(many["rules"].size(), 200U);
  ListRules broken([]() -> Result<std::vector<RuleInfo>> {
    return fail(ErrorCode::BadData, "a.yml: line 3: no");
  });
  bad(broken, Json::object());
}

TEST(ListSilencesTool, Each) {
  Silences known{true, {}};
  known.list.push_back({"b",
                        "pending",
                        {R"(instance=~"db.*")"},
                        TimeMs{2000},
                        TimeMs{9000},
                        "ops",
                        "Disks are moved"});
  known.list.push_back(
      {"a", "active", {R"(alertname="HighCpu")"}, TimeMs{1000}, TimeMs{5000}, "", ""});
  ListSilences list([&](const ToolContext&) { return Result<Silences>(known); });
  const Json all = good(list, Json::object());
  EXPECT_EQ(all["total"], 2);
  EXPECT_EQ(all["configured"], true);
  EXPECT_EQ(all["silences"][0]["id"], "a");  // ends first
  EXPECT_EQ(all["silences"][0]["ends"], 5);
  EXPECT_EQ(good(list, {{"text", "highcpu"}})["silences"][0]["id"], "a");
  EXPECT_EQ(good(list, {{"text", "disks"}})["silences"][0]["id"], "b");
  EXPECT_TRUE(good(list, {{"text", "nothing"}})["silences"].empty());
  bad(list, Json::array());
  ListSilences broken([](const ToolContext&) -> Result<Silences> {
    return fail(ErrorCode::Unavailable, "no Alertmanager answers");
  });
  bad(broken, Json::object(), ErrorCode::Unavailable);
}

TEST(ListTools, Each) {
  EXPECT_EQ(good(tools().alerts, Json::object())["total"], 2);
  const Json targets = good(tools().targets, Json::object());
  EXPECT_EQ(targets["total"], 4);
  EXPECT_EQ(targets["targets"][0]["value"], 1);
}

TEST(ListTools, WhatScrapesFailedWith) {
  const auto labels = [](const char* host) {
    return Labels{
        {"env", "production"}, {"instance", std::string(host) + ":9100"}, {"job", "node"}};
  };
  const TimeMs now = SmallWorld::kNow;
  ListTargets targets(world().engine, [&] {
    return std::vector<ScrapeInfo>{{labels("web-01"), "refused", now - DurationMs::seconds(5)},
                                   {labels("web-02"), "", now},
                                   {labels("db-01"), "later", now + DurationMs::minutes(1)}};
  });
  size_t failed = 0;
  const Json found = good(targets, Json::object());
  for (const Json& target : found["targets"]) {
    if (!target.contains("error")) continue;
    ++failed;
    EXPECT_EQ(target["labels"]["instance"], "web-01:9100");
    EXPECT_EQ(target["error"], "refused");
    EXPECT_EQ(target["scraped"], kNowSeconds - 5);
  }
  EXPECT_EQ(failed, 1U);
}

TEST(ExplainQueryTool, Each) {
  const Json found =
      good(tools().explain, {{"promql", "sum by (job) (rate(http_requests_total[5m]))"}});
  EXPECT_FALSE(found["words"].get<std::string>().empty());
  EXPECT_FALSE(found["parts"].empty());
  EXPECT_EQ(found["series"], 4);
  bad(tools().explain, {{"promql", "sum("}});
}

TEST(DiagnoseQueryTool, Each) {
  const Json empty = good(tools().diagnose, {{"promql", "up{job=\"nodes\"}"}});
  EXPECT_EQ(empty["empty"], true);
  ASSERT_FALSE(empty["findings"].empty());
  EXPECT_FALSE(empty["findings"][0]["text"].get<std::string>().empty());
  EXPECT_EQ(good(tools().diagnose, {{"promql", "up"}})["empty"], false);
}

namespace {

/// When an alert fires, found by asking at each minute for itself: the slow twin of the back-test.
std::vector<std::pair<double, double>> firing_spans(const std::string& expr, int64_t hold_minutes) {
  std::map<std::string, int64_t> held;  // minutes, by labels
  std::map<std::string, double> since;  // firing since
  std::vector<std::pair<double, double>> out;
  for (int64_t m = 24 * 60; m >= 0; --m) {
    query::QueryRequest request;
    request.text = expr;
    request.start = request.end = SmallWorld::kNow - DurationMs::minutes(m);
    const auto result = world().engine.run(request);
    const double at = request.start.as_seconds();
    std::set<std::string> here;
    for (const query::Series& s : std::get<query::VectorValue>(result->value).series) {
      here.insert(labels_json(s.labels).dump());
    }
    for (auto it = held.begin(); it != held.end();) {
      if (here.contains(it->first)) {
        ++it;
        continue;
      }
      if (since.contains(it->first)) out.emplace_back(since[it->first], at);
      since.erase(it->first);
      it = held.erase(it);
    }
    for (const std::string& labels : here) {
      const auto [it, fresh] = held.try_emplace(labels, 0);
      if (!fresh) ++it->second;
      if (it->second >= hold_minutes) since.try_emplace(labels, at);
    }
  }
  for (const auto& [labels, start] : since) out.emplace_back(start, kNowSeconds);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST(ProposeAlertTool, EpisodesAreThoseOfItsSlowTwin) {
  for (const char* expr :
       {"node_load1 > 1.3", "node_load1 > 1.4",
        "1 - rate(node_cpu_seconds_total{mode=\"idle\"}[5m]) > 0.9", "redis_connected_clients > 80",
        "up == 0", "up == 1", "vector(1) > 0", "sum(rate(http_requests_total[5m])) > 300"}) {
    for (const int64_t hold : {0, 1, 3, 10}) {
      const Json found = good(tools().alert, {{"expr", expr}, {"for_s", hold * 60}});
      const auto want = firing_spans(expr, hold);
      EXPECT_EQ(found["count"], want.size()) << expr << " for " << hold;
      if (want.size() > 50) continue;
      std::vector<std::pair<double, double>> got;
      for (const Json& e : found["episodes"]) got.emplace_back(e["start"], e["end"]);
      std::sort(got.begin(), got.end());
      EXPECT_EQ(got, want) << expr << " for " << hold;
    }
  }
}

TEST(ProposeAlertTool, WrongConditions) {
  bad(tools().alert, {{"expr", "sum("}});
  bad(tools().alert, {{"expr", "\"text\""}});
  EXPECT_EQ(good(tools().alert, {{"expr", "up > 5"}})["count"], 0);
  EXPECT_EQ(good(tools().alert, {{"expr", "up == 1"}, {"for_s", 1e18}})["count"], 0);
  const Json open = good(tools().alert, {{"expr", "redis_connected_clients > 60"}});
  ASSERT_EQ(open["count"], 1);
  EXPECT_EQ(open["episodes"][0]["open"], true);
}

TEST(VitalSigns, EachRunsAndIsThereOnce) {
  const auto snapshot = *world().catalogue.snapshot(SmallWorld::kNow);
  const auto signs = vital_signs(world().pack, *snapshot, Json::array());
  EXPECT_GT(signs.size(), 10U);
  std::set<std::string> seen;
  for (const VitalSign& sign : signs) {
    EXPECT_TRUE(seen.insert(sign.promql).second) << sign.promql;
    const auto result = tools().query.call({{"promql", sign.promql}}, world().context);
    ASSERT_TRUE(result) << sign.name << ": " << sign.promql << ": " << result.error().message;
  }
  const auto of = [&](const Json& filters) {
    return vital_signs(world().pack, *snapshot, filters);
  };
  EXPECT_TRUE(of(Json::array({{{"text", "atlantis-77"}, {"kind", "host"}}})).empty());
  for (const VitalSign& sign : of(Json::array({{{"text", "web-02"}, {"kind", "host"}}}))) {
    EXPECT_NE(sign.promql.find("web-02:9100"), std::string::npos) << sign.promql;
  }
  EXPECT_NO_THROW(of(Json::array({1, "x", Json::object(), {{"text", 5}}})));
  EXPECT_NO_THROW(of("x"));
}

TEST(RangeFrame, IsOnTheGridAndHasGaps) {
  SmallWorld w(false);
  w.put({{"__name__", "late"}}, [](double m) { return m; }, SmallWorld::kMinutes - 2);
  const FrameRequest request{SmallWorld::kNow - DurationMs::minutes(10), SmallWorld::kNow,
                             DurationMs::minutes(1)};
  const auto frame = range_frame(w.engine, "late", request, w.context);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->steps, 11U);
  ASSERT_EQ(frame->series.size(), 1U);
  EXPECT_TRUE(std::isnan(frame->series[0].values[7]));
  EXPECT_EQ(frame->series[0].values[8], SmallWorld::kMinutes - 2);
  EXPECT_EQ(frame->series[0].values[10], SmallWorld::kMinutes);
  EXPECT_EQ(frame->time_of(10), SmallWorld::kNow);
  EXPECT_FALSE(range_frame(w.engine, "late[5m]", request, w.context));
}

}  // namespace prom5::tools
