#include "analysis/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

namespace {

using Values = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kStart = 1.7e9;

double gauss(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit()));
  return radius * std::cos(2 * M_PI * rng.unit());
}

Values every(double step, size_t n) {
  Values times;
  for (size_t i = 0; i < n; ++i) times.push_back(kStart + step * static_cast<double>(i));
  return times;
}

double daily(double time) { return 40 * std::sin(time * 2 * M_PI / 86'400); }

}  // namespace

TEST(Forecast, ALine) {
  Values values;
  for (int i = 0; i < 60; ++i) values.push_back(1000 - 5.0 * i);
  const auto fit = fit_forecast(values, every(60, 60));
  ASSERT_TRUE(fit);
  EXPECT_TRUE(fit->season.empty());
  EXPECT_EQ(fit->regime_start, kStart);
  const Prediction in_ten = predict(*fit, fit->last_time + 600);
  EXPECT_NEAR(in_ten.value, 1000 - 5 * 69, 1e-6);
  EXPECT_NEAR(in_ten.low, in_ten.high, 1e-6);
  const auto empty = time_to_reach(*fit, 0);
  ASSERT_TRUE(empty);
  EXPECT_NEAR(empty->seconds, 60 * 141, 0.01);
  EXPECT_NEAR(empty->earliest, empty->seconds, 0.1);
  ASSERT_TRUE(empty->latest);
  EXPECT_NEAR(*empty->latest, empty->seconds, 0.1);
  EXPECT_FALSE(time_to_reach(*fit, 2000));  // leads away
  EXPECT_FALSE(time_to_reach(*fit, 800));   // past it
  EXPECT_FALSE(time_to_reach(*fit, kNan));
}

TEST(Forecast, NothingToSay) {
  EXPECT_FALSE(fit_forecast({}, {}));
  EXPECT_FALSE(fit_forecast(Values(7, 1.0), every(1, 7)));
  EXPECT_FALSE(fit_forecast(Values(20, kNan), every(1, 20)));
  EXPECT_FALSE(fit_forecast(Values(20, 1.0), Values(20, 5.0)));
  const auto flat = fit_forecast(Values(50, 7.0), every(60, 50));
  ASSERT_TRUE(flat);
  EXPECT_EQ(predict(*flat, flat->last_time + 1e5).value, 7);
  EXPECT_FALSE(time_to_reach(*flat, 8));
}

TEST(Forecast, NoiseReachesNothing) {
  int reached = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    Values values;
    double last = 0;
    for (int i = 0; i < 120; ++i) {
      last = (seed % 2 == 0 ? 0 : 0.6) * last + gauss(rng);
      values.push_back(100 + last);
    }
    const auto fit = fit_forecast(values, every(60, 120));
    ASSERT_TRUE(fit);
    reached += time_to_reach(*fit, 200) || time_to_reach(*fit, 0) ? 1 : 0;
  }
  EXPECT_LE(reached, 9);
}

TEST(Forecast, OnlyTheLastRegimeCounts) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    // Flat, then (with or without a jump) filling by 12 GiB an hour; 60 left at the end.
    const double jump = seed % 2 == 0 ? 100 : 0;
    Values values;
    for (int i = 0; i < 200; ++i) {
      const int filled = i < 120 ? 0 : i - 120;
      values.push_back(500 + 60 - 12.0 / 60 * 2 * filled - (i < 120 ? 0 : jump) + gauss(rng));
    }
    values[150] = kNan;
    values[160] += 300;
    const auto fit = fit_forecast(values, every(120, 200));
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->regime_start, kStart + 120 * 120, 120 * 12);
    EXPECT_NEAR(fit->line.slope * 3600, -12, 1);
    const double left = 560 - 0.4 * 79 - jump;
    const auto empty = time_to_reach(*fit, 0);
    ASSERT_TRUE(empty);
    EXPECT_NEAR(empty->seconds, left / 12 * 3600, 0.15 * left / 12 * 3600);
    EXPECT_LT(empty->earliest, empty->seconds);
    if (empty->latest) EXPECT_GT(*empty->latest, empty->seconds);
  }
}

TEST(Forecast, ADailyRhythm) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Values times = every(900, 96 * 3);
    Values values;
    for (const double t : times)
      values.push_back(200 + (t - kStart) / 8640 + daily(t) + gauss(rng));
    const auto fit = fit_forecast(values, times);
    ASSERT_TRUE(fit);
    EXPECT_FALSE(fit->season.empty());
    double worst = 0;
    for (double ahead = 0; ahead <= 86'400; ahead += 1800) {
      const double t = fit->last_time + ahead;
      const double truth = 200 + (t - kStart) / 8640 + daily(t);
      worst = std::max(worst, std::fabs(predict(*fit, t).value - truth));
    }
    EXPECT_LT(worst, 5);
    // 10 a day and a wave of 40: 270 is first touched by a crest.
    const auto reach = time_to_reach(*fit, 275);
    ASSERT_TRUE(reach);
    double truth = fit->last_time;
    while (200 + (truth - kStart) / 8640 + daily(truth) < 275) truth += 60;
    EXPECT_NEAR(reach->seconds, truth - fit->last_time, 0.5 * 86'400);
  }
  // One day is not enough to know a rhythm.
  const Values times = every(900, 96);
  Values values;
  for (const double t : times) values.push_back(daily(t));
  EXPECT_TRUE(fit_forecast(values, times)->season.empty());
}

TEST(Forecast, TheIntervalHoldsWhatComes) {
  for (const double slope : {0.0, 0.05}) {
    int held = 0;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
      Rng rng(seed);
      Values values;
      double last = 0;
      for (int i = 0; i < 150; ++i) {
        last = 0.5 * last + gauss(rng);
        values.push_back(last + slope * i);
      }
      const Values times = every(60, 150);
      const auto fit = fit_forecast(std::span(values).first(120), std::span(times).first(120));
      ASSERT_TRUE(fit);
      const Prediction p = predict(*fit, times[149]);
      EXPECT_LE(p.low, p.value);
      EXPECT_LE(p.value, p.high);
      held += p.low <= values[149] && values[149] <= p.high ? 1 : 0;
    }
    EXPECT_GE(held, 330) << slope;  // 360 expected
  }
}

// The time to reach is where the prediction crosses.
TEST(Forecast, TimeToReachAgreesWithPredict) {
  int some = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const double slope = 4 * rng.unit() - 2;
    Values values;
    for (int i = 0; i < 80; ++i) values.push_back(slope * i + 3 * gauss(rng));
    const auto fit = fit_forecast(values, every(30, 80));
    ASSERT_TRUE(fit);
    const double level = slope * 80 + (slope > 0 ? 50 : -50);
    const auto reach = time_to_reach(*fit, level);
    if (!reach) continue;
    ++some;
    EXPECT_NEAR(predict(*fit, fit->last_time + reach->seconds).value, level, 1e-3);
    EXPECT_LE(reach->earliest, reach->seconds);
    if (reach->latest) EXPECT_GE(*reach->latest, reach->seconds);
  }
  EXPECT_GT(some, 80);
}

}  // namespace prom5::analysis
