#include "query/promql/rank_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/rng.h"
#include "query/promql/quantile.h"

namespace prom5::promql {

namespace {

std::vector<double> sorted_part(const std::vector<double>& values, size_t first, size_t past) {
  std::vector<double> out(values.begin() + static_cast<std::ptrdiff_t>(first),
                          values.begin() + static_cast<std::ptrdiff_t>(past));
  std::ranges::sort(out);
  return out;
}

/// With few different values, many are equal.
std::vector<double> random_values(Rng& random, size_t n, uint64_t different) {
  std::vector<double> out(n);
  for (double& v : out) v = (static_cast<double>(random.below(different)) - 3) / 7;
  return out;
}

void check(const RankWindow& window, const std::vector<double>& sorted) {
  ASSERT_EQ(window.size(), sorted.size());
  for (size_t k = 0; k < sorted.size(); ++k) ASSERT_EQ(window.at(k), sorted[k]) << k;
}

}  // namespace

TEST(RankWindow, KeepsTheOrderWhereverItMoves) {
  Rng random(3);
  for (const size_t n : {1U, 2U, 63U, 64U, 65U, 128U, 129U, 700U}) {
    for (const uint64_t different : {1U, 5U, 1'000'000U}) {
      const std::vector<double> values = random_values(random, n, different);
      RankWindow window(values);
      for (int round = 0; round < 40; ++round) {
        const size_t first = random.below(n);
        const size_t past = first + 1 + random.below(n - first);
        window.move(first, past);
        check(window, sorted_part(values, first, past));
      }
    }
  }
}

TEST(RankWindow, FindsTheMedianDeviation) {
  Rng random(4);
  for (int round = 0; round < 3000; ++round) {
    const size_t n = 1 + random.below(70);
    std::vector<double> values = random_values(random, n, round % 3 == 0 ? 4 : 1'000'000);
    if (round % 7 == 0) values[random.below(n)] = 1e200;
    RankWindow window(values);
    const size_t first = random.below(n);
    const size_t past = first + 1 + random.below(n - first);
    window.move(first, past);
    std::vector<double> part = sorted_part(values, first, past);
    const double median = quantile(0.5, part);
    for (double& v : part) v = std::fabs(v - median);
    EXPECT_EQ(median_absolute_deviation(window), quantile(0.5, part)) << round;
  }
}

}  // namespace prom5::promql
