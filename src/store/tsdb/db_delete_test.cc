#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

// What a deletion costs the log, and what it leaves of it.

namespace prom5::tsdb {

namespace {

Options ten_years() {
  Options out;
  out.retention = DurationMs::days(3650);
  return out;
}

std::vector<std::vector<Matcher>> named(std::string_view name) {
  return {{Matcher::equal("__name__", name)}};
}

/// Six hours of some series, the first four of them in two blocks.
struct SixHours : House {
  explicit SixHours(int series = 2) : House(ten_years()) {
    clock.advance(DurationMs::days(30));
    for (int64_t minute = 0; minute < 6 * 60; minute += 10) {
      for (int i = 0; i < series; ++i) put(*db, labels(i), minute * 60'000, i);
    }
    db->compact();
    EXPECT_EQ(db->blocks().size(), 2U);
  }
  static Labels labels(int i) { return Labels{{"__name__", fmt::format("m{}", i)}, {"job", "j"}}; }

  uint64_t log_bytes() {
    uint64_t total = 0;
    const std::vector<std::string> names = files.list("data/wal").value();
    for (const std::string& name : names) total += files.size("data/wal/" + name).value();
    return total;
  }
  void lose_blocks() {
    db.reset();
    const std::vector<std::string> names = files.list("data/blocks").value();
    for (const std::string& name : names) {
      if (name.ends_with(".tombstones")) continue;
      files.corrupt("data/blocks/" + name, [](std::string& bytes) { bytes.resize(10); });
    }
    open(ten_years());
    ASSERT_TRUE(db->blocks().empty());
  }
};

}  // namespace

/// The log stands in for blocks that cannot be read, with all but what is deleted.
TEST(DbDelete, TheLogStaysASpareCopy) {
  SixHours house;
  ASSERT_TRUE(house.db->delete_series(named("m0"), {{kHour}, {3 * kHour}}));
  ASSERT_TRUE(house.db->delete_series(named("m1"), {{5 * kHour}, {6 * kHour}}));
  const Dump want = dump(*house.db);
  ASSERT_EQ(want.size(), 2U);
  house.lose_blocks();
  EXPECT_EQ(dump(*house.db), want);
}

/// Of a series that left the head, too, and whatever the matchers are.
TEST(DbDelete, TheLogKnowsWhatMatched) {
  const auto matcher = [](MatchType type, std::string_view value) {
    return Matcher::make(type, "__name__", value).value();
  };
  const std::vector<std::vector<std::vector<Matcher>>> selections = {
      {{}},
      {{matcher(MatchType::Equal, "m1")}},
      {{matcher(MatchType::NotEqual, "m1")}},
      {{matcher(MatchType::Regex, "m[12]")}},
      {{matcher(MatchType::NotRegex, "m[12]")}},
      {{matcher(MatchType::Equal, "m1")}, {matcher(MatchType::Equal, "m3")}},
      {{matcher(MatchType::Regex, "m.*"), Matcher::equal("job", "other")}},
  };
  for (const auto& selectors : selections) {
    for (const TimeRange range : {TimeRange{}, TimeRange{{0}, {kHour}}}) {
      SixHours house(4);
      house.db->keep_log_from(1);
      put(*house.db, Labels{{"__name__", "later"}}, 10 * kHour, 1);
      house.db->compact();  // the series are in blocks alone, and in the log
      ASSERT_TRUE(house.db->delete_series(selectors, range));
      put(*house.db, SixHours::labels(1), 10 * kHour, 5);
      const Dump want = dump(*house.db);
      house.open(ten_years());
      EXPECT_EQ(dump(*house.db), want);
      house.lose_blocks();
      EXPECT_EQ(dump(*house.db), want);
    }
  }
}

TEST(DbDelete, ItsRecordIsSmallHoweverManySeries) {
  SixHours house(200);
  house.open(ten_years());  // a new segment, in which no series is defined
  const uint64_t before = house.log_bytes();
  const std::vector<std::vector<Matcher>> all = {{Matcher::equal("job", "j")}};
  ASSERT_TRUE(house.db->delete_series(all, {{5 * kHour}, {6 * kHour}}));
  EXPECT_GT(house.log_bytes(), before);
  EXPECT_LT(house.log_bytes(), before + 60);
}

TEST(DbDelete, NothingIsLoggedOfWhatTheLogHasNot) {
  SixHours house;
  for (const int64_t hour : {10, 11, 12}) put(*house.db, SixHours::labels(0), hour * kHour, 1);
  house.db->compact();
  house.db->compact();
  house.open(ten_years());
  const std::vector<std::string> segments = house.files.list("data/wal").value();
  ASSERT_NE(segments.front(), "00000001") << "older samples are in blocks alone";
  const uint64_t before = house.log_bytes();
  ASSERT_TRUE(house.db->delete_series(named("m0"), {{kHour}, {3 * kHour}}));
  EXPECT_EQ(house.log_bytes(), before);
  const Dump want = dump(*house.db);
  const std::vector<std::vector<Matcher>> all = {{}};
  ASSERT_TRUE(house.db->delete_series(all, {{0}, {4 * kHour}}));
  ASSERT_TRUE(house.db->clean_tombstones());
  EXPECT_EQ(house.log_bytes(), before) << "nor of blocks that are removed";
  EXPECT_NE(dump(*house.db), want);
}

TEST(DbDelete, OfNoTimeNothingIsDeleted) {
  SixHours house;
  ASSERT_TRUE(house.db->delete_series(named("m0"), {{0}, {3 * kHour}}));
  const Dump want = dump(*house.db);
  ASSERT_TRUE(house.db->delete_series(named("m0"), {{7 * kHour / 2}, {5 * kHour / 2}}));
  EXPECT_EQ(dump(*house.db), want);
  house.open(ten_years());
  EXPECT_EQ(dump(*house.db), want);
}

}  // namespace prom5::tsdb
