#include "query/promql/window_folds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"

namespace prom5::promql {

namespace {

using Kind = WindowFolds::Kind;

std::vector<double> random_values(Rng& random, size_t n) {
  std::vector<double> out(n);
  for (double& v : out) {
    v = (static_cast<double>(random.below(2'000'001)) - 1e6) *
        std::pow(10, static_cast<double>(random.below(25)) - 12);
  }
  return out;
}

TEST(WindowFolds, AreThoseOfEveryRun) {
  Rng random(7);
  for (const size_t n : {1U, 2U, 15U, 16U, 17U, 31U, 32U, 33U, 255U, 256U, 257U, 700U, 5000U}) {
    const std::vector<double> values = random_values(random, n);
    const WindowFolds sums(values, Kind::Sum);
    const WindowFolds least(values, Kind::Least);
    const WindowFolds greatest(values, Kind::Greatest);
    ASSERT_TRUE(sums.usable());
    for (int round = 0; round < 300; ++round) {
      const size_t first = random.below(n);
      const size_t count = 1 + random.below(n - first);
      const auto run = std::span(values).subspan(first, count);
      EXPECT_EQ(least.extreme(first, count), std::ranges::min(run));
      EXPECT_EQ(greatest.extreme(first, count), std::ranges::max(run));
      // The 64 bits of a long double's mantissa hold what Kahan's sum keeps.
      long double exact = 0;
      long double size = 0;
      for (const double v : run) {
        exact += v;
        size += std::fabs(v);
      }
      EXPECT_NEAR(sums.sum(first, count).total(), static_cast<double>(exact),
                  static_cast<double>(size) * 1e-17 + std::fabs(static_cast<double>(exact)) * 3e-16)
          << n << ": " << first << " + " << count;
    }
  }
}

TEST(WindowFolds, AreNotForWhatMayOverflow) {
  for (const double odd : {std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), -1e300, 1e308}) {
    std::vector<double> values(100, 1.0);
    EXPECT_TRUE(WindowFolds(values, Kind::Sum).usable());
    values[63] = odd;
    for (const Kind kind : {Kind::Sum, Kind::Least, Kind::Greatest}) {
      EXPECT_FALSE(WindowFolds(values, kind).usable()) << odd;
    }
  }
  EXPECT_FALSE(WindowFolds(std::vector<double>(100, 1.0), Kind::None).usable());
}

TEST(WindowFolds, KeepWhatRoundingLoses) {
  std::vector<double> values(640, 1e-3);
  values[5] = 1e16;
  values[600] = -1e16;
  EXPECT_NEAR(WindowFolds(values, Kind::Sum).sum(0, values.size()).total(), 0.638, 1e-12);
}

}  // namespace

}  // namespace prom5::promql
