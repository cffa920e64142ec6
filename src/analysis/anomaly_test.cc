#include "analysis/anomaly.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

namespace {

using Values = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kCount = 100;
constexpr size_t kFirst = 85;

double gauss(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.unit()));
  return radius * std::cos(2 * M_PI * rng.unit());
}

using Shape = std::function<double(Rng&, double)>;

Values draw(uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  Values out;
  for (size_t i = 0; i < kCount; ++i) out.push_back(shape(rng, static_cast<double>(i)));
  return out;
}

double score_of(const Values& values) {
  const auto found = unusual_window(values, kFirst);
  return found ? found->score : 0;
}

/// How many of 1000 random series score above 6.
int flagged(const Shape& shape) {
  int count = 0;
  for (uint64_t seed = 1; seed <= 1000; ++seed) count += score_of(draw(seed, shape)) > 6 ? 1 : 0;
  return count;
}

}  // namespace

TEST(UnusualWindow, OrdinaryLifeIsNotUnusual) {
  EXPECT_LE(flagged([](Rng& r, double) { return 100 + 10 * gauss(r); }), 1);
  // Slow drift, up and down, and its end.
  EXPECT_LE(flagged([](Rng& r, double t) { return 100 + 0.5 * t + 2 * gauss(r); }), 1);
  EXPECT_LE(flagged([](Rng& r, double t) { return 1000 - 2 * t + 2 * gauss(r); }), 1);
  EXPECT_LE(flagged([](Rng& r, double t) { return 5 * std::min(t, 85.0) + 2 * gauss(r); }), 1);
  // A rhythm seen in whole, and a quarter of a slow one.
  EXPECT_LE(flagged([](Rng& r, double t) { return 50 * std::sin(t / 13.5) + 2 * gauss(r); }), 1);
  EXPECT_LE(flagged([](Rng& r, double t) { return 50 * std::sin(t / 64) + 2 * gauss(r); }), 10);
  // Rare events, counts, bursts that come back.
  EXPECT_LE(flagged([](Rng& r, double) { return r.unit() < 0.1 ? 1.0 : 0.0; }), 1);
  EXPECT_LE(flagged([](Rng& r, double) { return r.unit() < 0.005 ? 0.02 : 0.0; }), 2);
  EXPECT_LE(flagged([](Rng& r, double) { return std::floor(4 * r.unit() * r.unit()); }), 2);
  EXPECT_LE(flagged([](Rng&, double t) { return std::fmod(t, 20) < 2 ? 50.0 : 1.0; }), 0);
  EXPECT_LE(flagged([](Rng&, double t) { return std::fmod(t, 17) * 5; }), 0);
}

TEST(UnusualWindow, AShift) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const size_t at = kFirst + seed % 11;
    const double height = seed % 2 == 0 ? 80 : -80;
    const Values values = draw(seed, [&](Rng& r, double t) {
      return 100 + 10 * gauss(r) + (t >= static_cast<double>(at) ? height : 0);
    });
    const auto found = unusual_window(values, kFirst);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Deviation::Kind::Shift);
    EXPECT_EQ(found->up, height > 0);
    EXPECT_GT(found->score, 6);
    EXPECT_LE(std::fabs(static_cast<double>(found->onset) - static_cast<double>(at)), 1);
    EXPECT_NEAR(found->observed, 100 + height, 30);
    EXPECT_NEAR(found->expected, 100, 15);
    EXPECT_LT(found->expected_low, 90);
    EXPECT_GT(found->expected_high, 110);
  }
}

TEST(UnusualWindow, ASpike) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const size_t at = kFirst + seed % 12;
    Values values = draw(seed, [](Rng& r, double) { return 100 + 10 * gauss(r); });
    values[at] += 250;
    const auto found = unusual_window(values, kFirst);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Deviation::Kind::Spike);
    EXPECT_TRUE(found->up);
    EXPECT_GT(found->score, 10);
    EXPECT_EQ(found->onset, at);
    EXPECT_EQ(found->observed, values[at]);
  }
}

TEST(UnusualWindow, WhatBeganShortlyBeforeAndLastsIsFound) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    const auto found = unusual_window(
        draw(seed, [](Rng& r, double t) { return 10 + 2 * gauss(r) + (t >= 77 ? 85 : 0); }),
        kFirst);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Deviation::Kind::Shift);
    EXPECT_GT(found->score, 10);
    EXPECT_EQ(found->onset, 77U);
  }
}

// A rate of rare events moves by whole events; a temperature in whole degrees is no count.
TEST(UnusualWindow, CountsAreKnownByTheirSteps) {
  const double event = 1.0 / 270;
  EXPECT_LE(flagged([&](Rng& r, double) {
              return event * (5 + std::floor(r.unit() * 1.2) + std::floor(r.unit() * 1.1));
            }),
            0);
  const Values rate = draw(3, [&](Rng& r, double t) {
    return event * (5 + (r.unit() < 0.1 ? 1 : 0) + (t >= 90 ? 2 : 0));
  });
  EXPECT_LT(score_of(rate), 3);
  Values odd_start = rate;
  odd_start[0] = event * 4.37;
  odd_start[1] = event * 5.11;
  EXPECT_LT(score_of(odd_start), 3);
  const Values celsius = draw(
      3, [](Rng& r, double t) { return std::round(45 + 0.7 * gauss(r)) + (t >= 90 ? 20 : 0); });
  EXPECT_GT(score_of(celsius), 6);
}

TEST(UnusualWindow, SeriesThatNeverMoved) {
  Values up(kCount, 1.0);
  EXPECT_FALSE(unusual_window(up, kFirst));
  up[99] = 0;
  EXPECT_EQ(score_of(up), 4);
  for (size_t i = 91; i < kCount; ++i) up[i] = 0;
  EXPECT_EQ(score_of(up), 12);
  EXPECT_EQ(unusual_window(up, kFirst)->onset, 91U);
  EXPECT_FALSE(unusual_window(up, kFirst)->up);
  // A hair's breadth is no news, a tenth is.
  Values level(kCount, 5e9);
  for (size_t i = 90; i < kCount; ++i) level[i] = 5.001e9;
  EXPECT_LT(score_of(level), 0.1);
  for (size_t i = 90; i < kCount; ++i) level[i] = 5.5e9;
  EXPECT_NEAR(score_of(level), 5, 0.1);
}

TEST(UnusualWindow, SharesNearOneAreJudgedByWhatIsMissing) {
  const auto availability = [](double after) {
    return draw(7, [&](Rng& r, double t) { return t < 88 ? 0.9999 - 0.0005 * r.unit() : after; });
  };
  EXPECT_GT(score_of(availability(0.98)), 6);
  EXPECT_LT(score_of(availability(0.999)), 2);
}

// What is alike but for unit or sign is equally unusual.
TEST(UnusualWindow, UnitAndSignDoNotMatter) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    const Values values = draw(
        seed, [](Rng& r, double t) { return 30.5 + 3 * gauss(r) + (t >= 90 ? 12 * r.unit() : 0); });
    Values bytes = values;
    Values negative = values;
    for (double& v : bytes) v *= 1048576.0;
    for (double& v : negative) v = -v;
    EXPECT_NEAR(score_of(bytes), score_of(values), 1e-6);
    EXPECT_NEAR(score_of(negative), score_of(values), 1e-6);
  }
}

TEST(UnusualWindow, AGreaterShiftIsNeverLessUnusual) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    double last = 0;
    for (const double height : {20.0, 40.0, 80.0, 160.0, 1e6}) {
      const double score = score_of(draw(seed, [&](Rng& r, double t) {
        return 100 + 10 * gauss(r) + (t >= kFirst ? height : 0);
      }));
      EXPECT_GE(score, last - 1e-9);
      EXPECT_LE(score, 50);
      last = score;
    }
  }
}

TEST(UnusualWindow, GapsAndTooLittle) {
  Values values = draw(1, [](Rng& r, double t) { return 5 + gauss(r) + (t >= 90 ? 30 : 0); });
  for (const size_t gap : {2U, 3U, 40U, 86U, 87U, 95U}) values[gap] = kNan;
  const auto found = unusual_window(values, kFirst);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->onset, 90U);
  EXPECT_GT(found->score, 6);

  EXPECT_FALSE(unusual_window({}, 0));
  EXPECT_FALSE(unusual_window(values, 0));
  EXPECT_FALSE(unusual_window(values, 7));
  EXPECT_FALSE(unusual_window(values, kCount));
  EXPECT_FALSE(unusual_window(values, 1000));
  EXPECT_FALSE(unusual_window(Values(50, kNan), 40));
  Values vanished = values;
  for (size_t i = kFirst; i < kCount; ++i) vanished[i] = kNan;
  EXPECT_FALSE(unusual_window(vanished, kFirst));
}

// The bounds that save most of the work drop nothing, and what is kept is the same.
TEST(UnusualWindow, WhatIsBelowTheLeastScoreIsLeftOut) {
  int kept = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    const double step = static_cast<double>(seed % 9);
    const double slope = static_cast<double>(seed % 5) / 10;
    const Values values = draw(seed, [&](Rng& r, double t) {
      const double noise = seed % 3 == 0 ? std::round(3 * r.unit()) : gauss(r);
      return 20 + slope * t + noise + (t >= 88 ? step : 0);
    });
    const auto all = unusual_window(values, kFirst);
    for (const double least : {2.0, 4.0, 6.0}) {
      const auto found = unusual_window(values, kFirst, least);
      ASSERT_EQ(found.has_value(), all && all->score >= least);
      if (!found) continue;
      ++kept;
      EXPECT_EQ(found->score, all->score);
      EXPECT_EQ(found->kind, all->kind);
      EXPECT_EQ(found->onset, all->onset);
      EXPECT_EQ(found->expected_high, all->expected_high);
    }
  }
  EXPECT_GT(kept, 500);
}

// No input may break it: any mixture of extremes gives a score within bounds and an index inside.
TEST(UnusualWindow, AnyInput) {
  const Values odd{0,      -0.0,   1,      -1,   1e300,
                   -1e300, 1e-300, 5e-324, kNan, std::numeric_limits<double>::infinity(),
                   3,      3,      3};
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Values values(rng.below(60));
    const uint64_t kinds = 1 + rng.below(odd.size());
    for (double& v : values) v = odd[rng.below(kinds)];
    const size_t first = rng.below(60);
    const auto found = unusual_window(values, first);
    const double least = static_cast<double>(rng.below(12)) / 2;
    const auto worth = unusual_window(values, first, least);
    ASSERT_EQ(worth.has_value(), found && found->score >= least);
    if (!found) continue;
    EXPECT_GE(found->score, 0);
    EXPECT_LE(found->score, 50);
    EXPECT_LT(found->onset, values.size());
  }
}

TEST(PeerOutliers, TheOneThatDiffers) {
  const auto found = peer_outliers(Values{10, 11, 95, 12, 10.5});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].index, 2U);
  EXPECT_GT(found[0].score, 5);
  EXPECT_EQ(found[0].typical, 11);
  // Below, gaps aside, the farthest first.
  const auto low = peer_outliers(Values{100, 101, kNan, 20, 99, 100, 102, 98, 100, 5});
  ASSERT_EQ(low.size(), 2U);
  EXPECT_EQ(low[0].index, 9U);
  EXPECT_EQ(low[1].index, 3U);
  EXPECT_LT(low[0].score, low[1].score);
}

TEST(PeerOutliers, NothingToSay) {
  EXPECT_TRUE(peer_outliers({}).empty());
  EXPECT_TRUE(peer_outliers(Values{1, 1, 100}).empty());
  EXPECT_TRUE(peer_outliers(Values{1, 1, 100, kNan}).empty());
  EXPECT_TRUE(peer_outliers(Values(20, 0.0)).empty());
  EXPECT_TRUE(peer_outliers(Values{100, 100, 100, 100, 104}).empty());  // within 5 %
  EXPECT_TRUE(peer_outliers(Values{1, 2, 3, 4, 5, 6, 7, 8}).empty());
}

TEST(PeerOutliers, OneInAGroupOfEquals) {
  const auto found = peer_outliers(Values{0, 0, 0, 0, 0, 7});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].index, 5U);
  EXPECT_NEAR(found[0].score, 50, 1e-9);
}

TEST(PeerOutliers, NoiseAmongPeersIsRarelyOne) {
  for (const size_t peers : {4U, 6U, 12U, 50U}) {
    int count = 0;
    for (uint64_t seed = 1; seed <= 500; ++seed) {
      Rng rng(seed);
      Values values(peers);
      for (double& v : values) v = 50 + 10 * gauss(rng);
      count += peer_outliers(values).empty() ? 0 : 1;
    }
    EXPECT_LE(count, 25) << peers;
  }
}

}  // namespace prom5::analysis
