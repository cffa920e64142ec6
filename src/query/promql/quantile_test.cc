#include "query/promql/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace prom5::promql {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void same(double got, double want) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_EQ(std::isnan(got), std::isnan(want)) << got;
    if (std::isinf(want)) {
      EXPECT_EQ(got, want);
    }
  } else {
    EXPECT_NEAR(got, want, 1e-12);
  }
}

using Buckets = std::vector<ClassicBucket>;

}  // namespace

TEST(Quantile, OfValues) {
  const auto is = [](double q, std::vector<double> values, double want) {
    SCOPED_TRACE(q);
    same(quantile(q, values), want);
  };
  is(0.5, {}, kNaN);
  is(kNaN, {1}, kNaN);
  is(-0.1, {1}, -kInf);
  is(1.1, {1}, kInf);
  is(0, {3, 1, 2}, 1);
  is(0.5, {3, 1, 2}, 2);
  is(1, {3, 1, 2}, 3);
  is(0.5, {1, 2}, 1.5);
  is(0.75, {1, 2, 3, 4, 5}, 4);
  is(0.9, {7}, 7);
  is(1, {kNaN, 1, 2}, 2);
  is(0, {1, kNaN, 2}, kNaN);
}

TEST(Quantile, IsThatOfSortedValues) {
  Rng random(5);
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> values(1 + random.below(40));
    for (double& v : values) {
      v = random.below(9) == 0 ? kNaN : static_cast<double>(random.below(12)) / 7;
      if (random.below(20) == 0) v = random.below(2) == 0 ? kInf : -kInf;
    }
    std::vector<double> sorted = values;
    std::ranges::sort(sorted,
                      [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
    const double q = random.below(4) == 0 ? static_cast<double>(random.below(2)) : random.unit();
    const double want = quantile_of_sorted(q, sorted.size(), [&](size_t k) { return sorted[k]; });
    const double got = quantile(q, values);
    EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << got << " not " << want;
  }
}

TEST(Quantile, OfClassicBuckets) {
  const auto is = [](double q, Buckets buckets, double want) {
    SCOPED_TRACE(q);
    same(classic_quantile(q, buckets).value, want);
  };
  is(0.5, {}, kNaN);
  is(kNaN, {{1, 1}, {kInf, 2}}, kNaN);
  is(-1, {{1, 1}, {kInf, 2}}, -kInf);
  is(2, {{1, 1}, {kInf, 2}}, kInf);
  is(0.5, {{1, 1}, {2, 2}}, kNaN);      // no +Inf bucket
  is(0.5, {{kInf, 2}}, kNaN);           // fewer than two
  is(0.5, {{1, 0}, {kInf, 0}}, kNaN);   // no observations
  is(0.5, {{10, 10}, {kInf, 10}}, 5);   // the first bucket begins at zero
  is(0.5, {{kInf, 10}, {10, 10}}, 5);   // in any order
  is(0.9, {{1, 5}, {kInf, 10}}, 1);     // in the last: its lower border
  is(0.5, {{-1, 10}, {kInf, 10}}, -1);  // a first bucket below zero: its border
  is(0.75, {{1, 5}, {2, 10}, {kInf, 10}}, 1.5);
  is(0.25, {{0, 0}, {4, 8}, {kInf, 8}}, 1);
  is(0.5, {{2, 1}, {2, 1}, {4, 4}, {kInf, 4}}, 2);  // equal borders are joined
}

TEST(Quantile, RaisesDecreasingBuckets) {
  Buckets buckets = {{1, 10}, {2, 8}, {3, 9}, {kInf, 12}};
  const ClassicQuantile got = classic_quantile(0.5, buckets);
  EXPECT_TRUE(got.forced_monotonic);
  EXPECT_EQ(got.min_bucket, 2);
  EXPECT_EQ(got.max_bucket, 3);
  EXPECT_EQ(got.max_difference, 2);
  EXPECT_NEAR(got.value, 0.6, 1e-12);

  Buckets rounding = {{1, 10}, {2, 10 - 1e-12}, {kInf, 12}};
  EXPECT_FALSE(classic_quantile(0.5, rounding).forced_monotonic);
  Buckets rising = {{1, 1}, {2, 1}, {kInf, 2}};
  EXPECT_FALSE(classic_quantile(0.5, rising).forced_monotonic);
}

TEST(Quantile, FractionOfClassicBuckets) {
  const auto is = [](double lower, double upper, Buckets buckets, double want) {
    SCOPED_TRACE(testing::Message() << lower << " to " << upper);
    same(classic_fraction(lower, upper, buckets), want);
  };
  const Buckets even = {{1, 5}, {2, 10}, {kInf, 10}};
  is(0, 1, {}, kNaN);
  is(0, 1, {{1, 5}, {2, 10}}, kNaN);
  is(0, 1, {{1, 0}, {kInf, 0}}, kNaN);
  is(kNaN, 1, even, kNaN);
  is(0, kNaN, even, kNaN);
  is(1, 1, even, 0);
  is(2, 1, even, 0);
  is(0, 1, even, 0.5);
  is(0, 2, even, 1);
  is(0.5, 1.5, even, 0.5);
  is(-kInf, kInf, even, 1);
  is(-5, 0, even, 0);
}

}  // namespace prom5::promql
