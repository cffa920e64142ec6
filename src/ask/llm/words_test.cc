#include "ask/llm/words.h"

#include <gtest/gtest.h>

#include <limits>

namespace prom5::llm {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr TimeMs kNow{1'768'478'400'000};  // 2026-01-15 12:00 UTC

const std::vector<std::string>& unit_names() {
  static const std::vector<std::string> all = {"none",
                                               "percent",
                                               "ratio",
                                               "bytes",
                                               "bytes_per_second",
                                               "bits_per_second",
                                               "count",
                                               "per_second",
                                               "seconds",
                                               "timestamp",
                                               "up",
                                               "flag",
                                               "celsius",
                                               "hertz",
                                               "milliseconds",
                                               "elephants",
                                               ""};
  return all;
}

Json vector_of(std::initializer_list<std::pair<std::string, std::string>> rows) {
  Json result = Json::array();
  for (const auto& [name, value] : rows) {
    result.push_back({{"metric", {{"instance", name}}}, {"value", Json::array({1, value})}});
  }
  const size_t total = result.size();
  return {{"resultType", "vector"}, {"result", std::move(result)}, {"total", total}};
}

Plan plan_of(std::string unit) {
  Plan plan;
  plan.subject = "CPU usage";
  plan.promql = "x";
  plan.unit = std::move(unit);
  plan.entity_labels = {"instance"};
  return plan;
}

std::string said(const Plan& plan, const Json& data) {
  return say_answer(plan, Results{{"query", data}}, kNow);
}

}  // namespace

TEST(SayCauses, OnlyOfWhatHappened) {
  Plan plan = plan_of("seconds");
  plan.subject = "request latency";
  plan.wording = "why";
  const Json cause{{"name", "CPU usage"}, {"labels", {{"instance", "web-01"}}},
                   {"observed", 95.0},    {"expected", 20.0},
                   {"up", true},          {"unit", "percent"}};
  Json found{{"causes", Json::array({cause})}, {"series", 9}, {"judged", 9}};
  const auto words = [&] { return say_answer(plan, Results{{"causes", found}}, kNow); };
  EXPECT_EQ(words(),
            "Likeliest causes, the strongest signs first: CPU usage of instance=web-01: 95 %, "
            "higher than "
            "usual (20 %).");
  found["happened"] = false;
  EXPECT_EQ(words(),
            "request latency: no unusual change at that time. Unusual elsewhere at that time: CPU "
            "usage of instance=web-01: 95 %, higher than usual (20 %).");
  found["causes"] = Json::array();
  EXPECT_EQ(words(),
            "request latency: no unusual change at that time. Nor did I find anything else unusual "
            "at that time.");
}

TEST(SayValue, Each) {
  const auto say = [](double value, std::string_view unit, std::string_view want) {
    EXPECT_EQ(say_value(value, unit), want) << value << " " << unit;
  };
  say(0, "none", "0");
  say(5, "count", "5");
  say(87.34, "percent", "87.3 %");
  say(100, "percent", "100 %");
  say(3600 * (2.0 / 3600 - 1e-19), "percent", "2 %");
  say(2.000001, "percent", "2.00 %");
  say(0.873, "ratio", "87.3 %");
  say(0, "bytes", "0 B");
  say(1023, "bytes", "1023 B");
  say(1024, "bytes", "1 KiB");
  say(1.5 * 1024 * 1024 * 1024, "bytes", "1.50 GiB");
  say(-2048, "bytes", "-2 KiB");
  say(0.25, "seconds", "250 ms");
  say(0, "seconds", "0 ms");
  say(12.3, "seconds", "12.3 s");
  say(90, "seconds", "1 min 30 s");
  say(12'000, "seconds", "3 h 20 min");
  say(100'000, "seconds", "1 d 3 h");
  say(-90, "seconds", "-1 min 30 s");
  say(1e12, "seconds", "more than 30 years");
}

TEST(SayValue, UnitsRoundUpIntoTheNext) {
  EXPECT_EQ(say_value(59.99, "seconds"), "1 min 0 s");
  EXPECT_EQ(say_value(3599.9, "seconds"), "1 h 0 min");
  EXPECT_EQ(say_value(86'399.9, "seconds"), "1 d 0 h");
  EXPECT_EQ(say_value(0.9999, "seconds"), "1.00 s");
  EXPECT_EQ(say_value(1024 * 1024 - 1, "bytes"), "1.00 MiB");
}

TEST(SayValue, WhatIsNoNumberIsSaidToBeNone) {
  for (const std::string& unit : unit_names()) {
    for (const double value : {kNaN, kInf, -kInf, 1e308, -1e308, 1e-308, -0.0}) {
      const std::string out = say_value(value, unit);
      EXPECT_FALSE(out.empty()) << unit;
      EXPECT_EQ(out.find("-9223372036854775808"), std::string::npos) << unit << ": " << out;
    }
    if (unit == "up" || unit == "flag" || unit == "timestamp") continue;
    EXPECT_NE(say_value(kNaN, unit).find("NaN"), std::string::npos)
        << unit << ": " << say_value(kNaN, unit);
  }
}

TEST(SayValue, HugeNumbersAreShort) {
  std::string longest;
  for (const std::string& unit : unit_names()) {
    for (const double value : {1e308, -1e308, 1e30}) {
      const std::string out = say_value(value, unit);
      if (out.size() > longest.size()) longest = out;
    }
  }
  EXPECT_LT(longest.size(), 60U) << longest;
}

TEST(SayTime, Each) {
  EXPECT_EQ(say_time(kNow, kNow), "12:00");
  EXPECT_EQ(say_time(kNow - DurationMs::hours(12), kNow), "00:00");
  const std::string yesterday = say_time(kNow - DurationMs::hours(13), kNow);
  EXPECT_NE(yesterday.find("23:00"), std::string::npos) << yesterday;
  EXPECT_NE(yesterday.find("14"), std::string::npos) << yesterday;
  for (const TimeMs far : {TimeMs{0}, TimeMs{-1}, TimeMs::min(), TimeMs::max()}) {
    EXPECT_FALSE(say_time(far, kNow).empty());
  }
}

TEST(SayAnswer, OneAndSeveral) {
  const std::string one = said(plan_of("percent"), vector_of({{"web-01", "12.5"}}));
  EXPECT_EQ(one, "CPU usage of web-01: 12.5 %.");
  const std::string two =
      said(plan_of("percent"), vector_of({{"web-01", "12.5"}, {"web-02", "95"}}));
  EXPECT_EQ(two, "CPU usage: web-02: 95 %; web-01: 12.5 %.");
}

TEST(SayAnswer, LeastFirstWhereLeastIsWorst) {
  Plan plan = plan_of("percent");
  plan.least_is_worst = true;
  const std::string out = said(plan, vector_of({{"web-01", "95"}, {"web-02", "12"}}));
  EXPECT_LT(out.find("web-02"), out.find("web-01")) << out;
}

TEST(SayAnswer, ManyAreCutAndCounted) {
  Json rows = vector_of({});
  for (int i = 0; i < 9; ++i) {
    rows["result"].push_back(vector_of({{fmt::format("h{}", i), "1"}})["result"][0]);
  }
  rows["total"] = 9;
  const std::string out = said(plan_of("none"), rows);
  EXPECT_NE(out.find("and 4 more"), std::string::npos) << out;
}

TEST(SayAnswer, NotANumberComesLast) {
  const std::string out =
      said(plan_of("percent"), vector_of({{"a", "NaN"}, {"b", "5"}, {"c", "+Inf"}, {"d", "-Inf"}}));
  EXPECT_LT(out.find("b:"), out.find("a:")) << out;
  EXPECT_LT(out.find("c:"), out.find("b:")) << out;
}

TEST(SayAnswer, StatusNamesWhatIsDown) {
  Plan plan = plan_of("up");
  plan.wording = "status";
  EXPECT_NE(said(plan, vector_of({{"a", "1"}, {"b", "1"}})).find("Nothing is down"),
            std::string::npos);
  const std::string down = said(plan, vector_of({{"a", "1"}, {"b", "0"}}));
  EXPECT_EQ(down, "1 of 2 is down: b.");
  EXPECT_EQ(said(plan, vector_of({})), "There is no target to be up or down.");
}

TEST(SayAnswer, StatusCountsWhatIsShownAndWhatIsThere) {
  // The result names at most a thousand series; "total" tells how many there are.
  Plan plan = plan_of("up");
  plan.wording = "status";
  Json data = vector_of({{"a", "1"}, {"b", "0"}});
  data["total"] = 1500;
  EXPECT_EQ(said(plan, data).find("of 2 "), std::string::npos) << said(plan, data);
}

TEST(SayAnswer, AnyPlanWithAnyResultIsSaid) {
  const std::vector<Json> data = {
      Json::object(),
      vector_of({}),
      vector_of({{"a", "NaN"}}),
      vector_of({{"", "+Inf"}, {"\xff", "-Inf"}, {"x\ny", "1e999"}}),
      {{"resultType", "scalar"}, {"result", Json::array({1, "NaN"})}},
      {{"resultType", "string"}, {"result", "text"}},
      {{"resultType", "matrix"},
       {"result", Json::array({{{"metric", Json::object()},
                                {"values", Json::array({Json::array({1, "2"})})}}})},
       {"total", 1}},
  };
  for (const std::string& unit : unit_names()) {
    for (const char* wording : {"", "status", "beyond", "bottom", "left", "time_to", "runs_out"}) {
      for (const Intent intent : {Intent::Query, Intent::Status, Intent::Trend, Intent::Top,
                                  Intent::Forecast, Intent::List}) {
        for (const Json& result : data) {
          for (const bool range : {false, true}) {
            Plan plan = plan_of(unit);
            plan.intent = intent;
            plan.wording = wording;
            plan.range = range;
            plan.window = "hour";
            EXPECT_FALSE(said(plan, result).empty())
                << unit << " " << wording << " " << to_string(intent) << " "
                << result.dump(-1, ' ', false, Json::error_handler_t::replace);
          }
        }
      }
    }
  }
}

}  // namespace prom5::llm
