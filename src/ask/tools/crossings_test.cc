#include "ask/tools/crossings.h"

#include <gtest/gtest.h>

#include "ask/catalogue/small_world_test.h"
#include "ask/query_budget.h"
#include "ask/tools/data_since.h"

namespace prom5::tools {

namespace {

using catalogue::SmallWorld;

/// One metric, scraped at an interval since some time before now.
struct Scraped {
  SmallWorld world{false};
  Crossings crossings{world.engine};
  DataSince since{world.engine};

  void put(const char* name, DurationMs length, DurationMs interval,
           const std::function<double(int64_t before)>& value, const std::string& job = "a") {
    const auto appender = world.storage.appender();
    for (int64_t ms = length.ms; ms >= 0; ms -= interval.ms) {
      CHECK(appender->append(0, {{"__name__", name}, {"job", job}},
                             {SmallWorld::kNow - DurationMs{ms}, value(ms / 1000)}));
    }
    CHECK(appender->commit());
  }

  Json crossed(const std::string& promql, const std::string& op, double limit) {
    auto out = crossings.call({{"promql", promql}, {"op", op}, {"limit", limit}}, world.context);
    EXPECT_TRUE(out) << promql << (out ? "" : out.error().message);
    return out ? *std::move(out) : Json::object();
  }

  Json known(const char* selector, DurationMs length) {
    auto out = since.call({{"selector", selector},
                           {"start", (SmallWorld::kNow - length).as_seconds()},
                           {"end", SmallWorld::kNow.as_seconds()}},
                          world.context);
    EXPECT_TRUE(out) << selector;
    return out ? *std::move(out) : Json::object();
  }
};

double before(int64_t seconds) {
  return (SmallWorld::kNow - DurationMs::seconds(seconds)).as_seconds();
}

}  // namespace

TEST(Crossings, OfMinutesEachSampleIsLookedAt) {
  Scraped s;
  s.put("g", DurationMs::minutes(9), DurationMs::seconds(5),
        [](int64_t t) { return t > 290 && t <= 310 ? 5 : 1; });
  const Json found = s.crossed("g", ">", 3);
  EXPECT_EQ(found["interval_s"], 5);
  EXPECT_EQ(found["step_s"], 5);
  EXPECT_EQ(found["data_since"], before(540));
  ASSERT_EQ(found["count"], 1);
  EXPECT_EQ(found["episodes"][0]["start"], before(310));
  EXPECT_EQ(found["episodes"][0]["end"], before(290));
  EXPECT_EQ(found["episodes"][0]["open"], false);
  EXPECT_EQ(found["series"][0]["highest"], 5);
  EXPECT_EQ(s.crossed("g", ">", 5)["count"], 0);
  EXPECT_EQ(s.crossed("g", ">=", 5)["count"], 1);
  EXPECT_EQ(s.crossed("g", "<", 3)["count"], 2);
  EXPECT_EQ(s.crossed("g", "<=", 0.5)["count"], 0);
  EXPECT_EQ(s.crossed("g", "==", 5)["count"], 1);
  EXPECT_EQ(s.crossed("g", "!=", 1)["count"], 1);
}

/// An hour ago of five seconds, and since then a few samples.
TEST(Crossings, SamplesThatAreMissingOfLateMakeNoCoarseGrid) {
  Scraped s;
  const auto appender = s.world.storage.appender();
  for (int64_t t = 7200; t >= 0; t -= t > 900 ? 5 : 300) {
    const double value = t == 5000 ? 90 : 1;
    CHECK(appender->append(0, {{"__name__", "g"}, {"job", "a"}},
                           {SmallWorld::kNow - DurationMs::seconds(t), value}));
  }
  CHECK(appender->commit());
  const Json found = s.crossed("g", ">", 50);
  EXPECT_EQ(found["interval_s"], 5);
  EXPECT_EQ(found["count"], 1) << found.dump();
}

TEST(Crossings, OfADayTheEdgesAreLookedAtMoreClosely) {
  Scraped s;
  s.put("g", DurationMs::hours(24), DurationMs::seconds(5),
        [](int64_t t) { return t <= 40'005 && t > 20'010 ? 5 : 1; });
  const Json found = s.crossed("g", ">", 3);
  EXPECT_EQ(found["step_s"], 15);
  ASSERT_EQ(found["count"], 1);
  EXPECT_EQ(found["episodes"][0]["start"], before(40'005));
  EXPECT_EQ(found["episodes"][0]["end"], before(20'010));
}

TEST(Crossings, OfAnyTimeAndAsCloselyAsIsAsked) {
  Scraped s;
  // 5 s long, five hours ago, and 20 s long an hour ago.
  s.put("g", DurationMs::hours(20), DurationMs::seconds(5),
        [](int64_t t) { return t == 18'000 || (t > 3600 && t <= 3620) ? 0 : 1; });
  Json arguments{{"promql", "g"}, {"op", "=="}, {"limit", 0}, {"closely", true}};
  const auto found = [&] {
    auto out = s.crossings.call(arguments, s.world.context);
    EXPECT_TRUE(out) << arguments.dump();
    return out ? (*out)["series"][0] : Json();
  };
  Json series = found();
  EXPECT_EQ(series["count"], 2) << series.dump();
  EXPECT_EQ(series["total_s"], 25) << series.dump();
  EXPECT_EQ(series["newest"]["length_s"], 20) << series.dump();
  arguments["end"] = before(7200);
  series = found();
  EXPECT_EQ(series["count"], 1) << series.dump();
  EXPECT_EQ(series["newest"]["start"], before(18'000)) << series.dump();
  EXPECT_EQ(series["newest"]["end"], before(17'995)) << series.dump();
  // Between two moments of the grid, too.
  arguments["end"] = before(7202);
  EXPECT_EQ(found()["newest"]["start"], before(18'000));
  arguments["start"] = before(10'000);
  EXPECT_EQ(found()["count"], 0);
  arguments["start"] = before(7200);
  EXPECT_FALSE(s.crossings.call(arguments, s.world.context));
}

TEST(Crossings, WhatLastsIsOpen) {
  Scraped s;
  s.put("g", DurationMs::hours(2), DurationMs::seconds(60),
        [](int64_t t) { return t <= 600 ? 5 : 1; });
  const Json found = s.crossed("g", ">", 3);
  EXPECT_EQ(found["step_s"], 60);
  ASSERT_EQ(found["count"], 1);
  EXPECT_EQ(found["episodes"][0]["start"], before(600));
  EXPECT_EQ(found["episodes"][0]["open"], true);
}

TEST(Crossings, EachSeriesHasItsCountAndItsNewest) {
  Scraped s;
  const DurationMs minute = DurationMs::minutes(1);
  s.put("g", DurationMs::hours(6), minute, [](int64_t t) { return t / 60 % 2 == 1 ? 5 : 1; });
  s.put("g", DurationMs::hours(6), minute, [](int64_t t) { return t == 18'000 ? 5 : 1; }, "b");
  s.put("g", DurationMs::hours(6), minute, [](int64_t) { return 2; }, "c");
  const Json found = s.crossed("g", ">", 3);
  EXPECT_EQ(found["count"], 181);
  std::map<std::string, Json> series;
  for (const Json& one : found["series"]) series[one["labels"]["job"]] = one;
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(series["a"]["count"], 180);
  EXPECT_EQ(series["a"]["newest"]["start"], before(60));
  EXPECT_EQ(series["b"]["count"], 1);
  EXPECT_EQ(series["b"]["newest"]["start"], before(18'000));
  EXPECT_EQ(series["b"]["newest"]["open"], false);
  EXPECT_EQ(series["c"]["count"], 0);
  EXPECT_FALSE(series["c"].contains("newest"));
  const Json& episodes = found["episodes"];
  ASSERT_EQ(episodes.size(), 11U);
  EXPECT_EQ(episodes.front()["start"], before(60));
  EXPECT_EQ(episodes.back()["labels"]["job"], "b");
}

TEST(Crossings, OfTooManySeriesThoseBeyondTheLimitAreKept) {
  Scraped s;
  for (int i = 0; i < 130; ++i) {
    s.put(
        "g", DurationMs::minutes(9), DurationMs::minutes(1),
        [=](int64_t t) { return i == 129 && t == 300 ? 5 : 1; }, std::to_string(1000 + i));
  }
  const Json found = s.crossed("g", ">", 3);
  ASSERT_EQ(found["series"].size(), 100U);
  EXPECT_EQ(found["series_total"], 130);
  EXPECT_EQ(found["beyond_total"], 1);
  EXPECT_EQ(found["series"][0]["labels"]["job"], "1129");
  EXPECT_EQ(found["series"][0]["count"], 1);
}

TEST(Crossings, ASeriesThatBeginsLaterSaysSo) {
  Scraped s;
  const auto one = [](int64_t) { return 1; };
  s.put("g", DurationMs::hours(3), DurationMs::seconds(15), one, "a");
  s.put("g", DurationMs::minutes(3), DurationMs::seconds(15), one, "b");
  const Json found = s.crossed("g", ">", 3);
  EXPECT_EQ(found["data_since"], before(10'800));
  EXPECT_FALSE(found["series"][0].contains("since")) << found["series"];
  EXPECT_EQ(found["series"][1]["since"], before(180)) << found["series"];
}

TEST(Crossings, WithoutBudgetForMoreTheEdgesAreTheGrids) {
  Scraped s;
  s.put("g", DurationMs::hours(24), DurationMs::seconds(5),
        [](int64_t t) { return t <= 40'000 && t > 20'005 ? 5 : 1; });
  constexpr TimeMs kSoon = SmallWorld::kNow + DurationMs::hours(1);
  QueryBudget ample(s.world.clock, kSoon, 1'000'000'000);
  s.world.context.budget = &ample;
  EXPECT_EQ(s.crossed("g", ">", 9)["count"], 0);
  QueryBudget scarce(s.world.clock, kSoon, ample.samples());
  s.world.context.budget = &scarce;
  const Json coarse = s.crossed("g", ">", 3);
  ASSERT_EQ(coarse["count"], 1);
  EXPECT_EQ(coarse["episodes"][0]["start"], before(39'990));
  EXPECT_EQ(coarse["episodes"][0]["end"], before(19'995));
  EXPECT_FALSE(scarce.turned_away());
  s.world.context.budget = &ample;
  const Json fine = s.crossed("g", ">", 3);
  EXPECT_EQ(fine["episodes"][0]["start"], before(40'000));
  EXPECT_EQ(fine["episodes"][0]["end"], before(20'005));
}

TEST(Crossings, WrongArgumentsAndNoData) {
  Scraped s;
  const auto bad = [&](const Json& arguments) {
    const auto out = s.crossings.call(arguments, s.world.context);
    ASSERT_FALSE(out) << arguments.dump();
    EXPECT_EQ(out.error().code, ErrorCode::BadData) << arguments.dump();
  };
  bad(Json::array());
  bad({{"promql", "g"}});
  bad({{"promql", "g"}, {"op", ">"}});
  bad({{"promql", "g"}, {"op", "over"}, {"limit", 1}});
  bad({{"promql", "g("}, {"op", ">"}, {"limit", 1}});
  EXPECT_EQ(s.crossed("g", ">", 1)["count"], 0);
  EXPECT_EQ(s.crossed("vector(2)", ">", 1)["count"], 1);
}

TEST(DataSince, IsFoundToTheSample) {
  Scraped s;
  s.put("g", DurationMs::seconds(545), DurationMs::seconds(5), [](int64_t) { return 1; });
  s.put("old", DurationMs::hours(25), DurationMs::minutes(1), [](int64_t) { return 1; });
  for (const DurationMs length : {DurationMs::minutes(30), DurationMs::hours(24),
                                  DurationMs::days(7), DurationMs::days(30)}) {
    const Json found = s.known("g{job=\"a\"}", length);
    EXPECT_EQ(found["since"], before(545)) << length.ms;
    EXPECT_EQ(found["covered_s"], 545) << length.ms;
    EXPECT_EQ(found["asked_s"], length.as_seconds());
  }
  EXPECT_EQ(s.known("old", DurationMs::hours(24))["covered_s"], 86'400);
  EXPECT_FALSE(s.known("none", DurationMs::hours(24)).contains("since"));
}

TEST(DataSince, IsNoPartOfWhatAnAnswerShows) {
  Scraped s;
  s.put("g", DurationMs::minutes(50), DurationMs::seconds(15), [](int64_t) { return 1; });
  std::vector<Evidence> shown;
  s.world.context.evidence = &shown;
  EXPECT_EQ(s.known("g", DurationMs::hours(2))["covered_s"], 3'000);
  EXPECT_TRUE(shown.empty());
}

TEST(DataSince, WrongArguments) {
  Scraped s;
  for (const Json& arguments :
       {Json::array(), Json::object(), Json{{"selector", "g("}},
        Json{{"selector", "g"}, {"start", 20'000'000}, {"end", 10'000'000}}}) {
    EXPECT_FALSE(s.since.call(arguments, s.world.context)) << arguments.dump();
  }
}

}  // namespace prom5::tools
