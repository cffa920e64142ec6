#include "app/api/parameters.h"

#include <gtest/gtest.h>

namespace prom5::api {

TEST(Parameters, Times) {
  const auto is = [](std::string_view text, int64_t ms) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->ms, ms) << text;
  };
  is("0", 0);
  is("1.5", 1500);
  is("-1.001", -1001);
  is("1435781430.781", 1'435'781'430'781);
  is("2015-07-01T20:10:30.781Z", 1'435'781'430'781);
  is("2015-07-01T22:10:30.781+02:00", 1'435'781'430'781);
  for (const std::string_view text : {"", "now", "NaN", "Inf", "1e300", "2015-07-01", "5m"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
  EXPECT_EQ(parse_time("x").error().message, "cannot parse \"x\" to a valid timestamp");
}

TEST(Parameters, Steps) {
  EXPECT_EQ(parse_step("15")->ms, 15'000);
  EXPECT_EQ(parse_step("0.5")->ms, 500);
  EXPECT_EQ(parse_step("1h30m")->ms, 5'400'000);
  for (const std::string_view text : {"", "soon", "NaN", "Inf", "1e300", "5 m"}) {
    EXPECT_FALSE(parse_step(text)) << text;
  }
  EXPECT_EQ(parse_step("x").error().message, "cannot parse \"x\" to a valid duration");
}

TEST(Parameters, OfRequests) {
  io::HttpRequest request;
  request.parameters = {
      {"limit", "-1"}, {"time", "x"}, {"match[]", "up"}, {"match[]", "{a=\"b\"}"}};
  EXPECT_EQ(limit_parameter(request).error().message,
            "invalid parameter \"limit\": limit must be non-negative");
  EXPECT_EQ(time_parameter(request, "time", {}).error().message,
            "invalid parameter \"time\": cannot parse \"x\" to a valid timestamp");
  EXPECT_EQ(time_parameter(request, "absent", TimeMs{5})->ms, 5);
  EXPECT_FALSE(time_parameter(request, "absent", {}));
  EXPECT_EQ(duration_parameter(request, "absent")->ms, 0);
  EXPECT_EQ(match_parameters(request)->size(), 2U);
  request.parameters = {{"limit", "10"}, {"match[]", "{}"}};
  EXPECT_EQ(*limit_parameter(request), 10U);
  EXPECT_FALSE(match_parameters(request));
  EXPECT_EQ(match_parameters(request, AllSeries::Allowed)->at(0).size(), 0U);
  request.parameters = {{"match[]", "{__name__=~\".*\"}"}};
  EXPECT_FALSE(match_parameters(request));
  EXPECT_EQ(match_parameters(request, AllSeries::Allowed)->at(0).size(), 1U);
}

}  // namespace prom5::api
