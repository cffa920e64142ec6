#include "model/kahan.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace prom5 {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

double sum(const std::vector<double>& values) {
  KahanSum out;
  for (const double v : values) out.add(v);
  return out.total();
}

double mean(const std::vector<double>& values) {
  KahanMean out;
  for (const double v : values) out.add(v);
  return out.mean();
}

}  // namespace

TEST(Kahan, SumKeepsWhatRoundingLoses) {
  EXPECT_EQ(sum({}), 0);
  EXPECT_EQ(sum({1, 2, 3}), 6);
  EXPECT_EQ(sum({1, 1e100, 1, -1e100}), 2);
  EXPECT_EQ(sum({1e100, 1, -1e100}), 1);
  EXPECT_EQ(sum(std::vector<double>(10, 0.1)), 1.0);
}

TEST(Kahan, SumOfInfinities) {
  EXPECT_EQ(sum({1, kInf}), kInf);
  EXPECT_EQ(sum({-kInf, 1}), -kInf);
  EXPECT_EQ(sum({kMax, kMax}), kInf);
  EXPECT_TRUE(std::isnan(sum({kInf, -kInf})));
  EXPECT_TRUE(std::isnan(sum({1, std::numeric_limits<double>::quiet_NaN()})));
}

TEST(Kahan, Mean) {
  EXPECT_EQ(mean({5}), 5);
  EXPECT_EQ(mean({1, 2, 3}), 2);
  EXPECT_EQ(mean({1e100, 1, -1e100}), 1.0 / 3);
  EXPECT_EQ(mean({kInf}), kInf);
  EXPECT_EQ(mean({kInf, 1}), kInf);
  EXPECT_EQ(mean({1, -kInf}), -kInf);
  EXPECT_TRUE(std::isnan(mean({kInf, -kInf})));
}

// Sums that leave the range of doubles do not take the mean with them.
TEST(Kahan, MeanDoesNotOverflow) {
  EXPECT_NEAR(mean({kMax, kMax}) / kMax, 1, 1e-15);
  EXPECT_NEAR(mean({kMax, kMax, kMax, kMax}) / kMax, 1, 1e-15);
  EXPECT_NEAR(mean({-kMax, -kMax, -kMax}) / -kMax, 1, 1e-15);
}

}  // namespace prom5
