#include "analysis/robust.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double median(std::vector<double> values) { return median_of(values); }

// The slow twin: by sorting.
double sorted_quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(std::floor(position));
  const size_t above = std::min(below + 1, values.size() - 1);
  const double weight = position - static_cast<double>(below);
  return values[below] * (1 - weight) + values[above] * weight;
}

}  // namespace

TEST(Robust, Median) {
  EXPECT_TRUE(std::isnan(median({})));
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({3, 1}), 2);
  EXPECT_EQ(median({5, 1, 100}), 5);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median({7, 7, 7, 1e300}), 7);
  EXPECT_EQ(median({1.5e308, 1.5e308}), 1.5e308);
}

TEST(Robust, MedianAndQuantilesAreThoseOfSorting) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::vector<double> values(1 + rng.below(60));
    for (double& v : values) v = static_cast<double>(rng.below(20)) - 10 + rng.unit();
    std::vector<double> work = values;
    EXPECT_NEAR(median_of(work), sorted_quantile(values, 0.5), 1e-12);
    const double q = rng.unit();
    work = values;
    EXPECT_NEAR(quantile_of(work, q), sorted_quantile(values, q), 1e-12);
    work = values;
    EXPECT_EQ(quantile_of(work, 0), *std::min_element(values.begin(), values.end()));
    EXPECT_EQ(quantile_of(work, 1), *std::max_element(values.begin(), values.end()));
  }
}

TEST(Robust, MadIsTheDeviationOfGaussianNoiseAndIgnoresAMinority) {
  Rng rng(5);
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - rng.unit()));
    values.push_back(10 + 3 * radius * std::cos(2 * M_PI * rng.unit()));
  }
  std::vector<double> work = values;
  EXPECT_NEAR(mad_scale_of(work, 10), 3, 0.1);
  for (size_t i = 0; i < 1000; ++i) values[i * 20] = 1e9;
  EXPECT_NEAR(mad_scale_of(values, 10), 3, 0.3);
  std::vector<double> one{4};
  EXPECT_EQ(mad_scale_of(one, 1), 3 * 1.4826);
}

TEST(Robust, FiniteValues) {
  EXPECT_EQ(finite_values(std::vector<double>{1, kNan, 2, kInf, -kInf, 3}),
            (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(finite_values({}).empty());
}

TEST(Robust, Autocorrelation) {
  EXPECT_EQ(lag_one_autocorrelation({}), 0);
  EXPECT_EQ(lag_one_autocorrelation(std::vector<double>(9, 0.0)), 0);
  std::vector<double> wave;
  std::vector<double> teeth;
  for (int i = 0; i < 1000; ++i) {
    wave.push_back(std::sin(i / 20.0));
    teeth.push_back(i % 2 == 0 ? 1 : -1);
  }
  EXPECT_GT(lag_one_autocorrelation(wave), 0.95);
  EXPECT_LT(lag_one_autocorrelation(teeth), -0.95);
  EXPECT_EQ(effective_count(100, 0), 100);
  EXPECT_EQ(effective_count(100, -0.5), 100);
  EXPECT_NEAR(effective_count(100, 0.5), 33.3, 0.1);
  EXPECT_EQ(effective_count(100, 0.99), 1);
}

TEST(Robust, TwoSidedP) {
  EXPECT_EQ(two_sided_p(0), 1);
  EXPECT_NEAR(two_sided_p(1.96), 0.05, 1e-3);
  EXPECT_NEAR(two_sided_p(-2.576), 0.01, 1e-3);
}

}  // namespace prom5::analysis
