#include "analysis/trend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

namespace {

using Values = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double gauss(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit()));
  return radius * std::cos(2 * M_PI * rng.unit());
}

Values every(double step, size_t n) {
  Values times;
  for (size_t i = 0; i < n; ++i) times.push_back(1e9 + step * static_cast<double>(i));
  return times;
}

}  // namespace

TEST(Trend, ALine) {
  Values values;
  for (int i = 0; i < 50; ++i) values.push_back(7 + 3.0 * i);
  const auto found = trend(values, every(60, 50));
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->slope, 0.05, 1e-12);
  EXPECT_NEAR(found->slope_low, 0.05, 1e-12);
  EXPECT_NEAR(found->slope_high, 0.05, 1e-12);
  EXPECT_NEAR(found->start, 7, 1e-9);
  EXPECT_NEAR(found->end, 154, 1e-9);
  EXPECT_EQ(found->monotony, 1);
  EXPECT_GT(found->mann_kendall, 8);
  EXPECT_NEAR(found->residual_scale, 0, 1e-9);
}

TEST(Trend, NothingToSay) {
  EXPECT_FALSE(trend({}, {}));
  EXPECT_FALSE(trend(Values{1, 2, 3}, every(1, 3)));
  EXPECT_FALSE(trend(Values{1, 2, kNan, kNan, 3}, every(1, 5)));
  EXPECT_FALSE(trend(Values{1, 2, 3, 4, 5}, Values(5, 9.0)));
  const auto flat = trend(Values(40, 2.5), every(1, 40));
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->slope, 0);
  EXPECT_EQ(flat->mann_kendall, 0);
  EXPECT_EQ(flat->monotony, 0);
}

TEST(Trend, AMinorityOfWildValuesDoesNotMatter) {
  for (const size_t n : {100U, 900U}) {
    Rng rng(n);
    Values values;
    for (size_t i = 0; i < n; ++i) {
      values.push_back(static_cast<double>(i) * 2 + gauss(rng));
      if (i % 7 == 0) values.back() = 1e7;
      if (i % 11 == 0) values.back() = kNan;
    }
    const auto found = trend(values, every(15, n));
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->slope, 2.0 / 15, 0.01);
    EXPECT_GT(found->mann_kendall, 3);
    EXPECT_LT(found->count, n);
  }
}

// Longer series are sampled: what comes out is near to what all pairs say, and always the same.
TEST(Trend, SampledPairsAreNearToAll) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const size_t n = 400;
    Values values;
    for (size_t i = 0; i < n; ++i) values.push_back(0.02 * static_cast<double>(i) + gauss(rng));
    const Values times = every(1, n);
    Values slopes;
    double rising = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        slopes.push_back((values[j] - values[i]) / (times[j] - times[i]));
        rising += values[j] > values[i] ? 1 : -1;
      }
    }
    std::sort(slopes.begin(), slopes.end());
    const auto found = trend(values, times);
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->slope, slopes[slopes.size() / 2], 5e-4);
    EXPECT_NEAR(found->monotony, rising / static_cast<double>(slopes.size()), 0.03);
    EXPECT_EQ(found->slope, trend(values, times)->slope);
  }
}

// The interval is made of ranks of the slopes of all pairs, ties in time left out.
TEST(Trend, TheIntervalIsOfRanks) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const size_t n = 4 + rng.below(60);
    Values values;
    Values times;
    for (size_t i = 0; i < n; ++i) {
      values.push_back(std::round(3 * gauss(rng)));
      times.push_back((times.empty() ? 0 : times.back()) + static_cast<double>(rng.below(3)));
    }
    times.back() += 1;
    Values slopes;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        if (times[j] > times[i]) slopes.push_back((values[j] - values[i]) / (times[j] - times[i]));
      }
    }
    std::sort(slopes.begin(), slopes.end());
    const auto found = trend(values, times);
    ASSERT_TRUE(found);
    const size_t half = slopes.size() / 2;
    EXPECT_NEAR(found->slope,
                slopes.size() % 2 == 1 ? slopes[half] : (slopes[half - 1] + slopes[half]) / 2,
                1e-12);
    EXPECT_LE(found->slope_low, found->slope);
    EXPECT_GE(found->slope_high, found->slope);
    for (const double bound : {found->slope_low, found->slope_high}) {
      // Between two neighbours in rank.
      const auto above = std::lower_bound(slopes.begin(), slopes.end(), bound - 1e-12);
      EXPECT_NE(above, slopes.end());
    }
  }
}

TEST(Trend, TheIntervalHoldsTheSlopeAndNoiseHasNoTrend) {
  for (const double alike : {0.0, 0.7}) {
    int held = 0;
    int certain = 0;
    for (uint64_t seed = 1; seed <= 300; ++seed) {
      Rng rng(seed);
      Values values;
      double last = 0;
      for (int i = 0; i < 100; ++i) {
        last = alike * last + gauss(rng);
        values.push_back(last);
      }
      const auto found = trend(values, every(30, 100));
      held += found->slope_low <= 0 && 0 <= found->slope_high ? 1 : 0;
      certain += std::fabs(found->mann_kendall) > 3 ? 1 : 0;
    }
    EXPECT_GE(held, 240) << alike;  // 270 expected
    EXPECT_LE(certain, 6) << alike;
  }
}

TEST(Trend, ALeakIsMonotoneAndAWaveIsNot) {
  Rng rng(3);
  Values leak;
  Values wave;
  for (int i = 0; i < 120; ++i) {
    leak.push_back(430 + 4 * i + 8 * gauss(rng));
    wave.push_back(430 + 200 * std::sin(i * 2 * M_PI / 60) + 8 * gauss(rng));
  }
  EXPECT_GT(trend(leak, every(60, 120))->monotony, 0.9);
  EXPECT_GT(trend(leak, every(60, 120))->mann_kendall, 10);
  EXPECT_LT(std::fabs(trend(wave, every(60, 120))->mann_kendall), 3);
}

}  // namespace prom5::analysis
