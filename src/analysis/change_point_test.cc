#include "analysis/change_point.h"

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

Values noise(Rng& rng, size_t n) {
  Values out(n);
  for (double& v : out) v = gauss(rng);
  return out;
}

/// Autoregressive noise of variance one.
Values slow_noise(Rng& rng, size_t n, double alike) {
  Values out = noise(rng, n);
  for (size_t i = 1; i < n; ++i) {
    out[i] = alike * out[i - 1] + std::sqrt(1 - alike * alike) * out[i];
  }
  return out;
}

size_t away(size_t a, size_t b) { return a > b ? a - b : b - a; }

/// The slow twin: every split, squared errors about both means.
double slow_error(const Values& values, size_t split) {
  double error = 0;
  for (int side = 0; side < 2; ++side) {
    const size_t first = side == 0 ? 0 : split;
    const size_t end = side == 0 ? split : values.size();
    double mean = 0;
    for (size_t i = first; i < end; ++i) mean += values[i] / static_cast<double>(end - first);
    for (size_t i = first; i < end; ++i) error += (values[i] - mean) * (values[i] - mean);
  }
  return error;
}

}  // namespace

TEST(ChangeOfLevel, FindsTheStep) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values values = noise(rng, 100);
    const size_t at = 10 + rng.below(80);
    const double height = seed % 2 == 0 ? 5 : -5;
    for (size_t i = at; i < values.size(); ++i) values[i] += height;
    for (int spike = 0; spike < 3; ++spike) values[rng.below(100)] += 100;
    const auto found = change_of_level(values);
    ASSERT_TRUE(found);
    EXPECT_LE(away(found->index, at), 3U);
    EXPECT_GT(found->confidence, 0.999);
    EXPECT_NEAR(found->after - found->before, height, 1.7);
  }
}

TEST(ChangeOfLevel, IsTheBestSplitByTheSlowTwin) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values values(60);  // uniform: nothing for the clipping to clip
    for (double& v : values) v = rng.unit();
    const size_t at = 5 + rng.below(50);
    for (size_t i = at; i < values.size(); ++i) values[i] += 1.5;
    size_t best = 3;
    for (size_t split = 3; split <= 57; ++split) {
      if (slow_error(values, split) < slow_error(values, best)) best = split;
    }
    EXPECT_EQ(change_of_level(values)->index, best);
  }
}

TEST(ChangeOfLevel, GapsCountAsPlaces) {
  Values values(60, 1.0);
  for (size_t i = 30; i < 60; ++i) values[i] = 4;
  for (const size_t gap : {3U, 10U, 28U, 29U, 40U}) values[gap] = kNan;
  const auto found = change_of_level(values);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, 30U);
  EXPECT_EQ(found->before, 1);
  EXPECT_EQ(found->after, 4);
  EXPECT_EQ(found->confidence, 1);
}

TEST(ChangeOfLevel, NothingToSay) {
  EXPECT_FALSE(change_of_level({}));
  EXPECT_FALSE(change_of_level(Values{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_FALSE(change_of_level(Values(50, 0.1)));
  EXPECT_FALSE(change_of_level(Values(50, kNan)));
  EXPECT_FALSE(change_of_slope(Values(50, 0.1)));
  EXPECT_FALSE(change_of_line(Values(50, 0.1)));
  Values one_spike(50, 2.0);
  one_spike[20] = 1e6;
  EXPECT_FALSE(change_of_level(one_spike));
}

TEST(ChangeOfLevel, NoiseIsRarelyAChange) {
  int white = 0;
  int slow = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    white += change_of_level(noise(rng, 120))->confidence > 0.99 ? 1 : 0;
    slow += change_of_level(slow_noise(rng, 120, 0.8))->confidence > 0.99 ? 1 : 0;
  }
  EXPECT_LE(white, 12);  // 4 expected
  EXPECT_LE(slow, 20);
}

TEST(ChangeOfSlope, FindsTheBend) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values values = noise(rng, 120);
    const size_t at = 25 + rng.below(70);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] += 0.1 * static_cast<double>(i);
      if (i > at) values[i] += static_cast<double>(i - at);
    }
    values[rng.below(120)] += 500;
    const auto found = change_of_slope(values);
    ASSERT_TRUE(found);
    EXPECT_LE(away(found->index, at), 8U);
    EXPECT_NEAR(found->before, 0.1, 0.2);
    EXPECT_NEAR(found->after, 1.1, 0.2);
    EXPECT_GT(found->confidence, 0.999);
    EXPECT_EQ(change_of_line(values)->kind, LineChange::Kind::Bend);
  }
}

TEST(ChangeOfSlope, AStraightLineHasNone) {
  for (const double slope : {0.0, 0.3, 3.0, -50.0}) {
    int bends = 0;
    int any = 0;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
      Rng rng(seed);
      Values values = noise(rng, 120);
      for (size_t i = 0; i < values.size(); ++i) values[i] += slope * static_cast<double>(i);
      bends += change_of_slope(values)->confidence > 0.99 ? 1 : 0;
      any += change_of_line(values)->confidence > 0.99 ? 1 : 0;
    }
    EXPECT_LE(bends, 12) << slope;  // 4 expected
    EXPECT_LE(any, 16) << slope;
  }
}

TEST(ChangeOfLine, TellsAJumpFromABend) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values values = noise(rng, 120);
    const size_t at = 20 + rng.below(80);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] += 0.5 * static_cast<double>(i) - (i >= at ? 20 : 0);
    }
    const auto found = change_of_line(values);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, LineChange::Kind::Jump);
    EXPECT_LE(away(found->index, at), 1U);
    EXPECT_GT(found->confidence, 0.999);
  }
}

}  // namespace prom5::analysis
