#include "analysis/correlation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

namespace {

using Values = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity();
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

// The slow twins: two passes over the pairs there are; lags by cutting spans.
double slow_pearson(const Values& a, const Values& b) {
  Values x;
  Values y;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    x.push_back(a[i]);
    y.push_back(b[i]);
  }
  const auto n = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xy / std::sqrt(xx * yy);
}

double slow_at_lag(const Values& a, const Values& b, int lag) {
  Values x;
  Values y;
  for (int i = 0; i < static_cast<int>(a.size()); ++i) {
    if (i + lag < 0 || i + lag >= static_cast<int>(b.size())) continue;
    x.push_back(a[static_cast<size_t>(i)]);
    y.push_back(b[static_cast<size_t>(i + lag)]);
  }
  return slow_pearson(x, y);
}

}  // namespace

TEST(Correlation, Pearson) {
  EXPECT_NEAR(pearson(Values{1, 2, 3, 4}, Values{10, 20, 30, 40}).coefficient, 1, 1e-12);
  EXPECT_NEAR(pearson(Values{1, 2, 3, 4}, Values{4, 3, 2, 1}).coefficient, -1, 1e-12);
  EXPECT_NEAR(pearson(Values{1, 2, 3, 4}, Values{1, -1, -1, 1}).coefficient, 0, 1e-12);
  EXPECT_NEAR(pearson(Values{1e308, -1e308, 1e308, 0}, Values{3, -3, 3, 0}).coefficient, 1, 1e-12);
  EXPECT_NEAR(pearson(Values{1e9, 1e9 + 1, 1e9 + 2}, Values{1, 2, 3}).coefficient, 1, 1e-6);
}

TEST(Correlation, NothingToSay) {
  auto none = [](const Values& a, const Values& b) {
    EXPECT_EQ(pearson(a, b).coefficient, 0);
    EXPECT_EQ(pearson(a, b).p_value, 1);
    EXPECT_EQ(spearman(a, b).coefficient, 0);
    EXPECT_EQ(best_lag(a, b, 5).correlation.coefficient, 0);
    EXPECT_EQ(best_lag(a, b, 5).lag, 0);
  };
  none({}, {});
  none({1}, {1});
  none({1, 2}, {1, 2});
  none({1, 2, kNan, 4}, {kNan, 2, 3, kInf});
  none(Values(20, 0.1), {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0});
  none(Values(20, 0.1), Values(20, 0.1));
  none(Values(20, kNan), Values(20, 1.0));
}

TEST(Correlation, GapsLeaveTheirPairsOut) {
  const Correlation c = pearson(Values{1, 2, kNan, 4, 5, kInf}, Values{2, 4, 600, 8, kNan, 7});
  EXPECT_EQ(c.count, 3U);
  EXPECT_NEAR(c.coefficient, 1, 1e-12);
  // Of unequal lengths, the common beginning.
  EXPECT_EQ(pearson(Values{1, 2, 3, 4}, Values{1, 2, 3}).count, 3U);
}

TEST(Correlation, SpearmanSeesAnyMonotoneRelation) {
  Values a;
  Values b;
  for (int i = 0; i < 40; ++i) {
    a.push_back((i * 17) % 40);
    b.push_back(std::exp(a.back()));
  }
  EXPECT_NEAR(spearman(a, b).coefficient, 1, 1e-12);
  EXPECT_LT(pearson(a, b).coefficient, 0.5);
  // Ties share their rank: ranks 1 2.5 2.5 4 against 1 2 3 4.
  EXPECT_NEAR(spearman(Values{1, 5, 5, 9}, Values{1, 2, 3, 4}).coefficient, 0.948683, 1e-6);
}

TEST(Correlation, PearsonIsItsSlowTwin) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values a = noise(rng, 10 + rng.below(90));
    Values b = noise(rng, a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      b[i] += a[i] * static_cast<double>(seed % 5);
      if (rng.below(8) == 0) a[i] = kNan;
      if (rng.below(8) == 0) b[i] = kNan;
    }
    const Correlation c = pearson(a, b);
    EXPECT_NEAR(c.coefficient, slow_pearson(a, b), 1e-9);
    // Neither scale nor offset matters, and the order of the two does not.
    Values moved = a;
    for (double& v : moved) v = v * -250 + 1e4;
    EXPECT_NEAR(pearson(moved, b).coefficient, -c.coefficient, 1e-9);
    EXPECT_NEAR(pearson(b, a).coefficient, c.coefficient, 1e-12);
    EXPECT_GE(c.p_value, 0);
    EXPECT_LE(c.p_value, 1);
    EXPECT_LE(c.effective_count, static_cast<double>(c.count));
  }
}

TEST(Correlation, UnrelatedNoiseIsRarelySignificantAndRelatedNoiseIs) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    const Values a = noise(rng, 80);
    Values b = noise(rng, 80);
    found += pearson(a, b).p_value < 0.05 ? 1 : 0;
    for (size_t i = 0; i < a.size(); ++i) b[i] += a[i];
    EXPECT_LT(pearson(a, b).p_value, 0.01) << "seed " << seed;
  }
  EXPECT_LE(found, 35);  // 20 expected
}

TEST(Correlation, SlowSeriesThatHaveNothingToDoWithEachOtherAreNotCertain) {
  Values up;
  Values down;
  for (int i = 0; i < 200; ++i) {
    up.push_back(i + std::sin(i / 9.0));
    down.push_back(500 - 3 * i + std::cos(i / 7.0));
  }
  const Correlation ramps = pearson(up, down);
  EXPECT_LT(ramps.coefficient, -0.99);
  EXPECT_LT(ramps.effective_count, 8);
  EXPECT_GT(ramps.p_value, 0.05);
  // Random walks: many have |r| > 0.5, few may be called significant.
  int strong = 0;
  int significant = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Values a = noise(rng, 150);
    Values b = noise(rng, 150);
    for (size_t i = 1; i < a.size(); ++i) {
      a[i] += a[i - 1];
      b[i] += b[i - 1];
    }
    const Correlation c = pearson(a, b);
    strong += std::fabs(c.coefficient) > 0.5 ? 1 : 0;
    significant += c.p_value < 0.01 ? 1 : 0;
  }
  EXPECT_GT(strong, 50);
  EXPECT_LE(significant, 10);
}

TEST(BestLag, PositiveMeansThatTheSecondFollows) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const auto lag = static_cast<int>(rng.below(21)) - 10;
    const bool gaps = seed % 2 == 0;
    Values a = noise(rng, 120);
    Values b = noise(rng, 120);
    for (int i = 0; i < 120; ++i) {
      const int from = i - lag;
      if (from >= 0 && from < 120) {
        b[static_cast<size_t>(i)] = -2 * a[static_cast<size_t>(from)] + 0.3 * gauss(rng);
      }
    }
    for (size_t i = 0; gaps && i < 120; i += 1 + rng.below(12)) a[i] = kNan;
    const LaggedCorrelation found = best_lag(a, b, 15);
    EXPECT_EQ(found.lag, lag);
    EXPECT_LT(found.correlation.coefficient, -0.9);
    EXPECT_LT(found.correlation.p_value, 1e-6);
    EXPECT_EQ(best_lag(b, a, 15).lag, -lag);
    EXPECT_NEAR(found.correlation.coefficient, slow_at_lag(a, b, lag), 1e-9);
    if (!gaps) EXPECT_EQ(found.correlation.count, 120U - static_cast<size_t>(std::abs(lag)));
  }
}

TEST(BestLag, IsTheLargestOfAllLagsByTheSlowTwin) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values a = noise(rng, 40);
    const Values b = noise(rng, 40);
    if (seed % 2 == 0) a[rng.below(40)] = kNan;
    double largest = 0;
    for (int lag = -10; lag <= 10; ++lag) {
      largest = std::max(largest, std::fabs(slow_at_lag(a, b, lag)));
    }
    const LaggedCorrelation found = best_lag(a, b, 10);
    EXPECT_NEAR(std::fabs(found.correlation.coefficient), largest, 1e-5);
  }
}

TEST(BestLag, OfEqualsTheNearestToZero) {
  Values ramp;
  for (int i = 0; i < 60; ++i) ramp.push_back(i);
  EXPECT_EQ(best_lag(ramp, ramp, 20).lag, 0);
  EXPECT_GT(best_lag(ramp, ramp, 20).correlation.p_value, 0.05);
  // Too few would be left at greater lags; none at all where there are fewer than eight.
  EXPECT_LE(std::abs(best_lag(ramp, ramp, 1000).lag), 30);
  EXPECT_EQ(best_lag(Values{1, 2, 3, 4}, Values{1, 2, 3, 4}, 2).correlation.count, 0U);
}

TEST(BestLag, WhatIsWeakIsNotTriedForSignificance) {
  Rng rng(7);
  const Values a = noise(rng, 100);
  Values b = noise(rng, 100);
  for (size_t i = 0; i < b.size(); ++i) b[i] += a[i];
  const LaggedCorrelation tried = best_lag(a, b, 20);
  const double strength = std::fabs(tried.correlation.coefficient);
  ASSERT_LT(tried.correlation.p_value, 1);
  const LaggedCorrelation weak = best_lag(a, b, 20, strength * 1.01);
  EXPECT_EQ(weak.correlation.coefficient, tried.correlation.coefficient);
  EXPECT_EQ(weak.lag, tried.lag);
  EXPECT_EQ(weak.correlation.p_value, 1);
  EXPECT_EQ(weak.correlation.effective_count, 0);
  const LaggedCorrelation strong = best_lag(a, b, 20, strength * 0.99);
  EXPECT_EQ(strong.correlation.p_value, tried.correlation.p_value);
}

TEST(BestLag, UnrelatedNoiseIsRarelySignificant) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    const Values a = noise(rng, 100);
    const Values b = noise(rng, 100);
    found += best_lag(a, b, 20).correlation.p_value < 0.05 ? 1 : 0;
  }
  EXPECT_LE(found, 30);  // 15 expected
}

}  // namespace prom5::analysis
