#include "ask/tools/restarts.h"

#include <gtest/gtest.h>

#include "ask/catalogue/small_world_test.h"
#include "ask/query_budget.h"

namespace prom5::tools {

namespace {

using catalogue::SmallWorld;

constexpr double kBegin = 1'768'478'400 - 6 * 3600.0;  // minute 0 of the world

struct Started {
  SmallWorld world{false};
  Restarts tool{world.engine};

  void count(const char* path, const SmallWorld::Course& course, int64_t from = 0) {
    world.put({{"__name__", "served_total"}, {"instance", "a"}, {"job", "j"}, {"path", path}},
              course, from);
  }
  Json restarts(const Json& arguments) {
    auto out = tool.call(arguments, world.context);
    EXPECT_TRUE(out) << (out ? "" : out.error().message);
    return out ? *out : Json::object();
  }
};

}  // namespace

TEST(Restarts, CountersOfOneTargetShowOneRestart) {
  Started s;
  s.count("/", [](double m) { return m < 100 ? m : m - 100; });
  // It was called a while later only.
  s.count("/late", [](double m) { return m < 98 ? 50 : m < 100 ? NAN : m < 104 ? NAN : 1; });
  s.count("/never", [](double) { return 7; });
  const Json out = s.restarts({{"counters", {"served_total"}}});
  ASSERT_EQ(out["targets"].size(), 1U) << out.dump();
  const Json& target = out["targets"][0];
  EXPECT_EQ(target["count"], 1) << out.dump();
  EXPECT_EQ(target["times"][0].get<double>(), kBegin + 100 * 60) << out.dump();
  EXPECT_EQ(target["by"], "counters");
  EXPECT_EQ(target["labels"], (Json{{"instance", "a"}, {"job", "j"}}));
}

TEST(Restarts, TwoRestartsAreTwo) {
  Started s;
  s.count("/", [](double m) { return m < 100 ? m : m < 200 ? m - 100 : m - 200; });
  s.count("/b", [](double m) { return m < 100 ? 9 : m < 150 ? 1 : m < 200 ? 5 : 0; });
  const Json out = s.restarts({{"counters", {"served_total"}}});
  EXPECT_EQ(out["targets"][0]["count"], 2) << out.dump();
  // In less time there is less.
  const Json late = s.restarts({{"counters", {"served_total"}}, {"start", kBegin + 150 * 60}});
  EXPECT_EQ(late["targets"][0]["count"], 1) << late.dump();
  const Json past = s.restarts(
      {{"counters", {"served_total"}}, {"start", kBegin + 110 * 60}, {"end", kBegin + 190 * 60}});
  EXPECT_EQ(past["targets"][0]["count"], 0) << past.dump();
}

TEST(Restarts, AProcessSaysItself) {
  Started s;
  s.world.put({{"__name__", "began"}, {"instance", "a"}, {"job", "j"}},
              [](double m) { return m < 60 ? kBegin - 500 : kBegin + 3590; });
  const Json out = s.restarts({{"starts", {"began"}}});
  const Json& target = out["targets"][0];
  EXPECT_EQ(target["count"], 1) << out.dump();
  EXPECT_EQ(target["times"][0].get<double>(), kBegin + 3590) << out.dump();
  EXPECT_EQ(target["started"].get<double>(), kBegin + 3590) << out.dump();
  EXPECT_EQ(target["by"], "start");
  // A clock that is a little off is no restart.
  s.world.put({{"__name__", "began"}, {"instance", "b"}, {"job", "j"}},
              [](double m) { return kBegin + 0.1 * std::sin(m); });
  EXPECT_EQ(s.restarts({{"starts", {"began{instance=\"b\"}"}}})["targets"][0]["count"], 0);
}

TEST(Restarts, OfVeryManyLessClosely) {
  Started s;
  constexpr int kMany = 1000;  // more than there is room for at 15 s over a day
  for (int i = 0; i < kMany; ++i) {
    const auto appender = s.world.storage.appender();
    for (int m = 0; m <= 360; m += 3) {
      CHECK(appender->append(0, {{"__name__", "began"}, {"instance", std::to_string(i)}},
                             {SmallWorld::kNow - DurationMs::minutes(360 - m),
                              i == 7 && m >= 120 ? kBegin + 7190 : kBegin - 500}));
    }
    CHECK(appender->commit());
  }
  const Json out = s.restarts({{"starts", {"began"}}});
  ASSERT_EQ(out["targets"].size(), size_t{kMany});
  for (const Json& target : out["targets"]) {
    const bool anew = target["labels"]["instance"] == "7";
    EXPECT_EQ(target["count"], anew ? 1 : 0) << target.dump();
    EXPECT_EQ(target["since"].get<double>(), kBegin) << target.dump();
    if (anew) {
      EXPECT_EQ(target["times"][0].get<double>(), kBegin + 7190) << target.dump();
    }
  }
  // No less closely than what there is needs.
  EXPECT_EQ(out["step_s"], 15) << out["step_s"];
}

TEST(Restarts, FewMomentsAreLookedAtMoreClosely) {
  Started s;
  for (int i = 0; i < 20; ++i) {
    const auto appender = s.world.storage.appender();
    for (int t = -600; t <= 0; t += 5) {
      CHECK(appender->append(
          0, {{"__name__", "served_total"}, {"instance", std::to_string(i)}},
          {SmallWorld::kNow + DurationMs::seconds(t), t < -295 ? 700.0 + t : 300.0 + t}));
    }
    CHECK(appender->commit());
  }
  const auto to_the_second = [&] {
    const Json out = s.restarts({{"counters", {"served_total"}}});
    EXPECT_EQ(out["targets"].size(), 20U);
    size_t count = 0;
    for (const Json& target : out["targets"]) {
      const double time = target["times"][0].get<double>();
      count += time == SmallWorld::kNow.as_seconds() - 295 ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(to_the_second(), 8U);
  constexpr TimeMs kSoon = SmallWorld::kNow + DurationMs::hours(1);
  // The first query uses it up.
  QueryBudget scarce(s.world.clock, kSoon, 1);
  s.world.context.budget = &scarce;
  EXPECT_EQ(to_the_second(), 0U);
  EXPECT_FALSE(scarce.turned_away());
}

TEST(Restarts, BadArguments) {
  Started s;
  const auto bad = [&](const Json& arguments) {
    EXPECT_FALSE(s.tool.call(arguments, s.world.context)) << arguments.dump();
  };
  bad(Json::array());
  bad(Json::object());
  bad({{"counters", {1}}});
  bad({{"counters", {"up"}}, {"start", 20}, {"end", 10}});
  bad({{"counters", {"up{"}}});
}

}  // namespace prom5::tools
