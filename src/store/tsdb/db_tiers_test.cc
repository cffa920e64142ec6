#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

// When days are summed up, and what becomes of that.

namespace prom5::tsdb {

namespace {

constexpr int64_t kDayMs = 24 * kHour;

Options tiers() {
  Options options;
  options.retention = DurationMs::days(3650);
  options.downsampling = true;
  return options;
}

/// The windows of an hour that all series have: end, first, last, sum and count.
using Windows = std::map<std::string, std::map<int64_t, std::vector<double>>>;

Windows windows(Db& db, int64_t width = kHour) {
  Windows out;
  const auto querier = db.querier({{1}, {1000 * kDayMs}}).value();
  const Tier tier = querier->tier({.borders_divide_by = width, .rollups = true});
  if (!tier.used()) return out;
  EXPECT_EQ(tier.width.ms, width);
  const auto set = querier->select({}, tier).value();
  Rollups rollups;
  while (set->next()) {
    EXPECT_TRUE(set->read_rollups(rollups));
    for (size_t i = 0; i < rollups.size(); ++i) {
      out[set->labels().to_string()][rollups.ends[i].ms] = {rollups.first[i], rollups.last[i],
                                                            rollups.sum[i], rollups.count[i]};
    }
  }
  return out;
}

/// A day and some hours, in a database that has written but not summed up.
void put_day(House& house, uint64_t seed = 1) {
  Rng rng(seed);
  MemoryStorage model;
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, model, rng, kHour, 30 * kHour);
}

size_t files_of(House& house) {
  size_t n = 0;
  for (const char* tier : {"5m", "1h", "1d"}) {
    n += house.files.list(std::string("data/rollups/") + tier).value().size();
  }
  return n;
}

}  // namespace

TEST(DbTiers, ADayIsSummedUpWhenItIsOver) {
  House house(tiers());
  MemoryStorage model;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, model, rng, kHour, 25 * kHour);
  house.db->compact();
  EXPECT_FALSE(house.db->tiers().has_day(0));
  put_span(*house.db, model, rng, 25 * kHour, 30 * kHour);
  house.db->compact();
  EXPECT_TRUE(house.db->tiers().has_day(0));
  EXPECT_FALSE(house.db->tiers().has_day(1));
  const Windows hours = windows(*house.db);
  EXPECT_EQ(hours.size(), 5U);
  for (const auto& [labels, of_series] : hours) EXPECT_EQ(of_series.rbegin()->first, kDayMs);
  const Windows days = windows(*house.db, kDayMs);
  EXPECT_EQ(days.begin()->second.size(), 1U);
}

TEST(DbTiers, TheyAreOffWithAShortRetention) {
  Options options = tiers();
  options.retention = DurationMs::days(1);
  House house(options);
  put_day(house);
  house.db->compact();
  EXPECT_FALSE(house.db->tiers().has_day(0));
}

TEST(DbTiers, SummingUpMayDieAnywhere) {
  House good(tiers());
  put_day(good);
  good.db->compact();
  const Windows want = windows(*good.db);
  ASSERT_FALSE(want.empty());
  size_t died = 0;
  for (uint64_t n = 1; n < 120; ++n) {
    SCOPED_TRACE(n);
    House house(tiers());
    house.clock.advance(DurationMs::days(30));
    Rng rng(1);
    MemoryStorage model;
    put_span(*house.db, model, rng, kHour, 25 * kHour);
    house.db->compact();
    put_span(*house.db, model, rng, 25 * kHour, 30 * kHour);
    house.files.fail_from(n);
    house.db->compact();
    const bool done = house.db->tiers().has_day(0);
    house.crash(n);
    house.open(tiers());
    house.db->compact();
    EXPECT_TRUE(house.db->tiers().has_day(0));
    ASSERT_EQ(windows(*house.db), want);
    if (done) break;
    ++died;
  }
  EXPECT_GT(died, 10U);
  EXPECT_LT(died, 118U) << "it never came to its end";
}

TEST(DbTiers, WithoutTheListOfDaysTheyAreSummedUpAgain) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  const Windows want = windows(*house.db);
  for (const std::string_view list : {"", "0\nnonsense\n", "0"}) {
    ASSERT_TRUE(house.files.write_atomically("data/rollups/days", list));
    house.open(tiers());
    EXPECT_FALSE(house.db->tiers().has_day(0));
    house.db->compact();
    EXPECT_TRUE(house.db->tiers().has_day(0));
    EXPECT_EQ(windows(*house.db), want);
  }
}

TEST(DbTiers, ADayOfWhichSomethingIsDeletedIsSummedUpAgain) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  Windows before = windows(*house.db);
  const std::vector<std::vector<Matcher>> one = {{Matcher::equal("l", "3")}};
  ASSERT_TRUE(house.db->delete_series(one, {{5 * kHour + 1}, {5 * kHour + kHour / 2}}));
  EXPECT_TRUE(windows(*house.db).empty()) << "samples answer until then";
  house.db->compact();
  Windows after = windows(*house.db);
  const std::string name = R"({__name__="m", l="3"})";
  EXPECT_LT(after[name][6 * kHour][3], before[name][6 * kHour][3]);
  EXPECT_GT(after[name][6 * kHour][3], 0);
  after[name].erase(6 * kHour);
  before[name].erase(6 * kHour);
  EXPECT_EQ(after, before);
  const size_t files = files_of(house);
  ASSERT_TRUE(house.db->clean_tombstones());
  EXPECT_LT(files_of(house), files);  // the tombstones' files
}

TEST(DbTiers, WhatIsDeletedGoesWhereNoSamplesAreLeft) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  MemoryStorage model;
  Rng rng(9);
  put_span(*house.db, model, rng, 90 * kHour, 95 * kHour);
  Options options = tiers();
  options.retention = DurationMs::days(2);
  house.open(options);
  house.db->compact();
  house.db->enforce_retention();
  const std::vector<std::vector<Matcher>> one = {{Matcher::equal("l", "3")}};
  ASSERT_TRUE(house.db->delete_series(one, {{5 * kHour + 1}, {5 * kHour + 10}}));
  house.db->compact();
  Windows after = windows(*house.db);
  const std::string name = R"({__name__="m", l="3"})";
  EXPECT_FALSE(after[name].contains(6 * kHour));
  EXPECT_TRUE(after[name].contains(5 * kHour));
  EXPECT_TRUE(after[name].contains(7 * kHour));
  EXPECT_TRUE(after[R"({__name__="m", l="2"})"].contains(6 * kHour));
}

/// Samples of a few series that are kept longer do not stand for all.
TEST(DbTiers, ADayWhoseSamplesWentInPartIsNotSummedUpAgain) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  const Windows want = windows(*house.db);
  MemoryStorage model;
  Rng rng(9);
  put_span(*house.db, model, rng, 90 * kHour, 95 * kHour);
  Options options = tiers();
  options.retention = DurationMs::days(2);
  house.open(options);
  house.db->set_retention_rules({{{Matcher::equal("l", "1")}, DurationMs::days(300)}});
  house.db->compact();
  house.db->enforce_retention();
  ASSERT_TRUE(house.files.write_atomically("data/rollups/days", ""));
  house.open(options);
  house.db->compact();
  Windows got = windows(*house.db);
  for (auto& [labels, of_series] : got) {
    std::erase_if(of_series, [](auto& w) { return w.first > kDayMs; });
  }
  EXPECT_EQ(got, want);
}

TEST(DbTiers, SamplesGoAndRollupsStay) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  const Windows want = windows(*house.db);
  MemoryStorage model;
  Rng rng(9);
  put_span(*house.db, model, rng, 70 * kHour, 75 * kHour);
  Options options = tiers();
  options.retention = DurationMs::days(2);
  house.open(options);
  house.db->compact();
  house.db->enforce_retention();
  Windows got = windows(*house.db);
  for (auto& [labels, of_series] : got)
    std::erase_if(of_series, [](auto& w) { return w.first > kDayMs; });
  EXPECT_EQ(got, want);
  // They have a retention of their own.
  options.tier_retention = {DurationMs::days(1), DurationMs::days(1), DurationMs::days(1)};
  house.open(options);
  house.db->enforce_retention();
  EXPECT_TRUE(house.db->tiers().blocks(1).blocks().empty());
}

TEST(DbTiers, ARuleThatKeepsLessHoldsForRollups) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  house.db->set_retention_rules({{{Matcher::equal("l", "1")}, DurationMs::hours(2)}});
  house.db->enforce_retention();
  const Windows got = windows(*house.db);
  EXPECT_FALSE(got.contains(R"({__name__="m", l="1"})"));
  EXPECT_EQ(got.size(), 4U);
}

TEST(DbTiers, SnapshotsHaveThem) {
  House house(tiers());
  put_day(house);
  house.db->compact();
  const Windows want = windows(*house.db);
  const std::string name = house.db->snapshot(true).value();
  Options options = tiers();
  options.path = "data/snapshots/" + name;
  house.open(options);
  house.db->compact();
  EXPECT_EQ(windows(*house.db), want);
}

TEST(DbTiers, DaysOfTiersBecomeOneBlock) {
  House house(tiers());
  house.clock.advance(DurationMs::days(30));
  MemoryStorage model;
  Rng rng(1);
  Windows want;
  for (int64_t day = 0; day < 7; ++day) {
    put_span(*house.db, model, rng, day * kDayMs + kHour, day * kDayMs + 6 * kHour);
    house.db->compact();
    if (day == 4) want = windows(*house.db);
  }
  const size_t blocks = house.db->tiers().blocks(0).blocks().size();
  EXPECT_LE(blocks, 2U);
  Windows got = windows(*house.db);
  for (auto& [labels, of_series] : got) {
    std::erase_if(of_series, [&](auto& w) { return w.first > want[labels].rbegin()->first; });
  }
  EXPECT_EQ(got, want);
}

/// A day that could not be taken off the list is taken off it later.
TEST(DbTiers, AForgottenDayStaysForgotten) {
  const std::vector<std::vector<Matcher>> all = {{}};
  bool failed_once = false;
  for (uint64_t n = 1; n < 30; ++n) {
    House house(tiers());
    put_day(house);
    house.db->compact();
    ASSERT_TRUE(house.db->tiers().has_day(0));
    house.files.fail_call(n);
    const bool deleted = house.db->delete_series(all, {{5 * kHour}, {6 * kHour}}).has_value();
    house.files.fail_call(0);
    failed_once = failed_once || !deleted;
    ASSERT_TRUE(house.db->delete_series(all, {{5 * kHour}, {6 * kHour}}));
    house.open(tiers());
    EXPECT_FALSE(house.db->tiers().has_day(0)) << n;
  }
  EXPECT_TRUE(failed_once);
}

}  // namespace prom5::tsdb
