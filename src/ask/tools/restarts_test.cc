#include "ask/tools/restarts.h"

#include <gtest/gtest.h>

#include "ask/catalogue/small_world_test.h"

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
