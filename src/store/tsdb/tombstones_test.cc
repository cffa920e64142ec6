#include "store/tsdb/tombstones.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"

namespace prom5::tsdb {

TEST(Tombstones, RangesAreTheirUnion) {
  Rng rng(4);
  for (int round = 0; round < 500; ++round) {
    std::vector<TimeRange> ranges;
    std::set<int64_t> want;
    for (uint64_t n = rng.below(12); n > 0; --n) {
      const auto start = static_cast<int64_t>(rng.below(60));
      const int64_t end = start + static_cast<int64_t>(rng.below(8));
      add_range(ranges, {{start}, {end}});
      for (int64_t t = start; t <= end; ++t) want.insert(t);
    }
    std::set<int64_t> got;
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (i > 0) ASSERT_GT(ranges[i].start.ms, ranges[i - 1].end.ms + 1);
      for (int64_t t = ranges[i].start.ms; t <= ranges[i].end.ms; ++t) got.insert(t);
    }
    ASSERT_EQ(got, want);
  }
}

TEST(Tombstones, WholeTimeIsOneRange) {
  std::vector<TimeRange> ranges;
  add_range(ranges, {TimeMs{5}, TimeMs{6}});
  add_range(ranges, {TimeMs::min(), TimeMs::max()});
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].start, TimeMs::min());
}

TEST(Tombstones, FileGivesThemBackFromEitherCopyAndDamageIsSeen) {
  Tombstones tombstones;
  tombstones.add(3, {{-5}, {7}});
  tombstones.add(3, {{100}, {200}});
  tombstones.add(90'000, {TimeMs::min(), TimeMs::max()});
  const std::string good = tombstones.encode();
  EXPECT_EQ(Tombstones::decode(good).value(), tombstones);
  EXPECT_TRUE(Tombstones().empty());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 1;
    EXPECT_EQ(Tombstones::decode(bad).value(), tombstones) << i;
    bad[(i + good.size() / 2) % good.size()] ^= 1;
    EXPECT_EQ(Tombstones::decode(bad).error().code, ErrorCode::Corruption) << i;
    if (i != good.size() / 2) EXPECT_FALSE(Tombstones::decode(good.substr(0, i))) << i;
  }
}

}  // namespace prom5::tsdb
