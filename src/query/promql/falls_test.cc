#include "query/promql/falls.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "model/sample.h"
#include "query/promql/start_resets.h"

namespace prom5::promql {

namespace {

std::vector<TimeMs> times_of(size_t n) {
  std::vector<TimeMs> out;
  for (size_t i = 0; i < n; ++i) out.push_back({static_cast<int64_t>(i) * 15'000});
  return out;
}

/// What Falls tell, sample by sample.
double lost_by_looking(std::span<const double> values, size_t first, size_t count) {
  double lost = 0;
  for (size_t i = first + 1; i < first + count; ++i) {
    if (values[i] < values[i - 1]) lost += values[i - 1];
  }
  return lost;
}

}  // namespace

TEST(Falls, AreThoseOfEachWindow) {
  Rng random(9);
  for (const uint64_t seldom : {2U, 20U, 300U}) {
    std::vector<double> values;
    double value = 0;
    for (size_t i = 0; i < 1500; ++i) {
      // Of few bits, so that sums are exact in any order.
      value = random.below(seldom) == 0 ? 0 : value + static_cast<double>(random.below(64)) / 8;
      values.push_back(value);
    }
    const auto times = times_of(values.size());
    for (const size_t length : {1U, 2U, 30U, 400U, 1500U}) {
      Falls falls(times, values, {});
      for (size_t first = 0; first + length <= values.size(); first += 1 + random.below(9)) {
        ASSERT_EQ(falls.lost(first, length), lost_by_looking(values, first, length))
            << first << " + " << length;
        ASSERT_FALSE(falls.starts_overlap(first, length));
      }
    }
  }
}

TEST(Falls, SumWhatIsNotFinite) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::vector<double> values;
  for (size_t i = 0; i < 200; ++i) values.push_back(i % 2 == 0 ? 5 : 1);
  values[100] = kInf;
  values[150] = std::nan("");
  const auto times = times_of(values.size());
  Falls falls(times, values, {});
  EXPECT_EQ(falls.lost(0, 90), lost_by_looking(values, 0, 90));
  EXPECT_EQ(falls.lost(60, 60), kInf);
  EXPECT_EQ(falls.lost(110, 80), lost_by_looking(values, 110, 80));
}

TEST(Falls, KnowStartTimestamps) {
  const std::vector<double> values = {1, 2, 3, 4, 5};
  const auto times = times_of(values.size());
  // The third begins after the second; the fifth says it began before the fourth, which did not.
  const std::vector<TimeMs> starts = {kNoStart, kNoStart, {20'000}, {20'000}, {25'000}};
  Falls falls(times, values, starts);
  EXPECT_EQ(falls.lost(0, 5), 2);
  EXPECT_EQ(falls.lost(2, 3), 0);
  EXPECT_FALSE(falls.starts_overlap(0, 3));
  EXPECT_TRUE(falls.starts_overlap(3, 2));
  EXPECT_EQ(falls.lost(1, 1), 0);
}

}  // namespace prom5::promql
