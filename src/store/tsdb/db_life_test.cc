#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

// What becomes of samples in the course of time: merged, deleted, expired, copied.

namespace prom5::tsdb {

namespace {

using Model = std::map<std::string, std::map<int64_t, uint64_t>>;

Model as_model(const Dump& dump) {
  Model out;
  for (const auto& [labels, samples] : dump) {
    for (const auto& [ms, bits] : samples) out[labels][ms] = bits;
  }
  return out;
}

void erase(Model& model, const std::string& labels, int64_t from, int64_t to) {
  auto found = model.find(labels);
  if (found == model.end()) return;
  auto& samples = found->second;
  samples.erase(samples.lower_bound(from), samples.upper_bound(to));
  if (samples.empty()) model.erase(found);
}

std::vector<std::vector<Matcher>> only(const std::string& l) { return {{Matcher::equal("l", l)}}; }

std::string name_of(const std::string& l) { return R"({__name__="m", l=")" + l + R"("})"; }

Options ten_years() {
  Options options;
  options.retention = DurationMs::days(3650);
  return options;
}

}  // namespace

TEST(DbLife, BlocksOfADayBecomeOne) {
  House house(ten_years());
  MemoryStorage memory;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, memory, rng, 0, 53 * kHour);
  house.db->compact();
  const auto blocks = house.db->blocks();
  ASSERT_GE(blocks.size(), 3U);
  EXPECT_EQ(blocks[0]->info().range.end.ms / (24 * kHour), 0);
  EXPECT_EQ(blocks[1]->info().range.start.ms / (24 * kHour), 1);
  EXPECT_GE(blocks[1]->info().range.end.ms, 47 * kHour);
  EXPECT_EQ(dump(*house.db), dump(memory));
  EXPECT_EQ(house.files.list("data/blocks").value().size(), blocks.size());
  house.open(ten_years());
  EXPECT_EQ(house.db->blocks().size(), blocks.size());
  EXPECT_EQ(dump(*house.db), dump(memory));
}

/// A merge that dies at any of its changes, power included, leaves the samples as they were.
TEST(DbLife, AMergeMayDieAnywhere) {
  MemoryStorage memory;
  Rng rng(2);
  for (uint64_t n = 1; n < 40; ++n) {
    SCOPED_TRACE(n);
    House house(ten_years());
    MemoryStorage model;
    Rng same(2);
    house.clock.advance(DurationMs::days(30));
    // One block each, so that they are merged by the last call alone.
    for (int64_t at = 0; at < 26 * kHour; at += 6 * kHour) {
      put_span(*house.db, model, same, at, std::min(at + 6 * kHour, 26 * kHour));
      house.db->compact();
    }
    const size_t before = house.db->blocks().size();
    put_span(*house.db, model, same, 26 * kHour, 28 * kHour);
    house.files.fail_from(n);
    house.db->compact();
    const bool done = house.db->blocks().size() < before;
    house.crash(n);
    house.open(ten_years());
    ASSERT_EQ(dump(*house.db), dump(model));
    if (done) return;
  }
  FAIL() << "no merge came to its end";
}

TEST(DbLife, DeletionsHoldThroughEverything) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  House house(ten_years());
  house.clock.advance(DurationMs::days(30));
  Model model;
  for (int64_t at = 0; at < 40 * kHour; at += kHour) {
    MemoryStorage hour;
    put_span(*house.db, hour, rng, at, at + kHour);
    for (const auto& [labels, samples] : as_model(dump(hour))) {
      model[labels].insert(samples.begin(), samples.end());
    }
    if (rng.below(3) == 0) {
      const std::string l = std::to_string(rng.below(5));
      const auto from = static_cast<int64_t>(rng.below(static_cast<uint64_t>(at + kHour)));
      const int64_t to = from + static_cast<int64_t>(rng.below(3 * kHour));
      ASSERT_TRUE(house.db->delete_series(only(l), {{from}, {to}}));
      erase(model, name_of(l), from, to);
    }
    if (rng.below(4) == 0) house.db->compact();
    if (rng.below(6) == 0) ASSERT_TRUE(house.db->clean_tombstones());
    if (rng.below(6) == 0) house.open(ten_years());
    if (rng.below(6) == 0) {
      house.crash(seed + static_cast<uint64_t>(at));
      house.open(ten_years());
    }
    ASSERT_EQ(as_model(dump(*house.db)), model) << at / kHour;
  }
}

TEST(DbLife, WhatIsWhollyDeletedIsNotListed) {
  House house;
  put(*house.db, Labels{{"__name__", "m"}, {"l", "1"}}, 100, 1);
  put(*house.db, Labels{{"__name__", "m"}, {"l", "2"}}, 100, 1);
  ASSERT_TRUE(house.db->delete_series(only("1"), {}));
  EXPECT_EQ(series_of(*house.db), std::vector<std::string>{name_of("2")});
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "m"}, {"l", "1"}}, 200, 1), std::nullopt);
  EXPECT_EQ(series_of(*house.db).size(), 2U);
}

TEST(DbLife, CleaningFreesTheRoom) {
  House house(ten_years());
  MemoryStorage memory;
  Rng rng(8);
  put_span(*house.db, memory, rng, 0, 5 * kHour);
  house.db->compact();
  ASSERT_EQ(house.db->blocks().size(), 1U);
  const uint64_t before = house.db->blocks()[0]->size_bytes();
  ASSERT_TRUE(house.db->delete_series(only("1"), {}));
  EXPECT_EQ(house.files.list("data/blocks").value().size(), 2U);
  ASSERT_TRUE(house.db->clean_tombstones());
  EXPECT_EQ(house.files.list("data/blocks").value().size(), 1U);
  EXPECT_LT(house.db->blocks()[0]->size_bytes(), before);
  EXPECT_TRUE(house.db->blocks()[0]->tombstones()->empty());
}

TEST(DbLife, ASnapshotIsADatabase) {
  House house(ten_years());
  MemoryStorage memory;
  Rng rng(9);
  put_span(*house.db, memory, rng, 0, 6 * kHour);
  house.db->compact();
  const std::string name = house.db->snapshot(false).value();
  const std::string without_head = house.db->snapshot(true).value();
  EXPECT_NE(name, without_head);
  const Dump whole = dump(memory);
  put_span(*house.db, memory, rng, 6 * kHour, 7 * kHour);
  Options options = ten_years();
  options.path = "data/snapshots/" + name;
  House copy(options);
  EXPECT_TRUE(dump(*copy.db).empty()) << "another file system";
  house.open(options);
  EXPECT_EQ(dump(*house.db), whole);
  options.path = "data/snapshots/" + without_head;
  house.open(options);
  EXPECT_LT(dump(*house.db).begin()->second.size(), whole.begin()->second.size());
}

TEST(DbLife, RulesKeepSomeSeriesShorterAndSomeLonger) {
  Options options;
  options.retention = DurationMs::hours(20);
  House house(options);
  house.db->set_retention_rules({{{Matcher::equal("l", "1")}, DurationMs::hours(8)},
                                 {{Matcher::equal("l", "2")}, DurationMs::days(300)},
                                 {{Matcher::equal("l", "1")}, DurationMs::days(300)}});
  MemoryStorage memory;
  Rng rng(10);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, memory, rng, 0, 48 * kHour);
  house.db->compact();
  house.db->enforce_retention();
  const Model model = as_model(dump(*house.db));
  const auto oldest = [&](const std::string& l) {
    return model.at(name_of(l)).begin()->first / kHour;
  };
  // A block long at most beyond what was asked for.
  EXPECT_GE(oldest("1"), 48 - 8 - 2);
  EXPECT_LE(oldest("1"), 48 - 8);
  EXPECT_EQ(oldest("2"), 0);
  EXPECT_GE(oldest("0"), 48 - 20 - 2);
  EXPECT_LE(oldest("0"), 48 - 20);
}

TEST(DbLife, BeyondItsSizeTheOldestBlocksGo) {
  Options options = ten_years();
  options.retention_bytes = 1;
  House house(options);
  MemoryStorage memory;
  Rng rng(11);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, memory, rng, 0, 20 * kHour);
  house.db->compact();
  ASSERT_GE(house.db->blocks().size(), 8U);
  house.db->enforce_retention();
  EXPECT_TRUE(house.db->blocks().empty());
  const TimeRange young{{18 * kHour}, {20 * kHour}};
  EXPECT_EQ(dump(*house.db, young), dump(memory, young)) << "the head stays";
}

/// One block that cannot be read keeps no other from being merged.
TEST(DbLife, ADamagedBlockHoldsUpItsOwnDayAlone) {
  House house(ten_years());
  MemoryStorage model;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  // Blocks of their own: nothing is merged before its day is over.
  for (int64_t at = 0; at < 26 * kHour; at += 6 * kHour) {
    put_span(*house.db, model, rng, at, std::min(at + 6 * kHour, 26 * kHour));
    house.db->compact();
  }
  house.db.reset();
  house.files.corrupt("data/blocks/00000002", [](std::string& bytes) { bytes[30] ^= 1; });
  house.open(ten_years());
  put_span(*house.db, model, rng, 26 * kHour, 54 * kHour);
  house.db->compact();
  house.db->compact();
  size_t first_day = 0;
  size_t second_day = 0;
  for (const auto& block : house.db->blocks()) {
    const int64_t start = block->info().range.start.ms / (24 * kHour);
    if (start == 0) ++first_day;
    if (start == 1) ++second_day;
  }
  EXPECT_GT(first_day, 5U);
  EXPECT_EQ(second_day, 1U);
}

/// The pages of retention end where commits may still be under way.
TEST(DbLife, SamplesPastRetentionAreRefusedOnceItWasEnforced) {
  Options options;
  options.retention = DurationMs::hours(4);
  House house(options);
  house.clock.advance(DurationMs::days(30));
  const Labels a{{"__name__", "a"}};
  ASSERT_EQ(put(*house.db, a, 0, 1), std::nullopt);
  ASSERT_EQ(put(*house.db, Labels{{"__name__", "b"}}, 6 * kHour, 1), std::nullopt);
  house.db->enforce_retention();
  EXPECT_EQ(put(*house.db, a, kHour, 2), ErrorCode::TooOld);
  EXPECT_EQ(put(*house.db, a, 3 * kHour, 2), std::nullopt);
  EXPECT_EQ(series_of(*house.db, {{0}, {2 * kHour}}).size(), 0U);
}

namespace {

/// Holds so many bytes and no more.
class SmallDisk final : public io::MemoryFileSystem {
 public:
  void resize(uint64_t bytes) { room_ = bytes; }
  uint64_t used() {
    const MutexLock lock(mutex_);
    uint64_t total = 0;
    for (const auto& [name, file] : files_) total += file->bytes.size();
    return total;
  }
  Result<uint64_t> free_bytes(const std::string& /*path*/) override {
    const uint64_t full = used();
    return full > room_ ? 0 : room_ - full;
  }

 private:
  Result<void> before(std::string_view operation, const std::string& path) override {
    if (operation == "write" && used() >= room_) {
      return fail(ErrorCode::Io, "write {}: No space left on device", path);
    }
    return {};
  }

  std::atomic<uint64_t> room_ = UINT64_MAX;
};

}  // namespace

/// On a full disk the reserve makes room for a block, and the block lets the log go.
TEST(DbLife, AReserveFreesAFullDisk) {
  SmallDisk files;
  ManualClock clock{TimeMs{30 * 24 * kHour}};
  Log log{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  MetricRegistry metrics;
  Options options;
  options.reserve_bytes = 200'000;
  options.wal_segment_bytes = 4000;
  const auto db = Db::open(options, clock, files, metrics, log).value();
  EXPECT_EQ(files.size("data/reserve").value(), options.reserve_bytes);
  MemoryStorage model;
  Rng rng(1);
  put_span(*db, model, rng, 0, 7 * kHour);
  const uint64_t full = files.used();
  files.resize(full);
  const auto appender = db->appender();
  ASSERT_TRUE(appender->append(0, Labels{{"__name__", "m"}}, {{8 * kHour}, 1}));
  ASSERT_FALSE(appender->commit());
  db->compact();
  EXPECT_FALSE(files.size("data/reserve"));
  EXPECT_GT(db->blocks().size(), 1U);
  EXPECT_LT(files.used(), full);
  EXPECT_EQ(put(*db, Labels{{"__name__", "n"}}, 8 * kHour, 1), std::nullopt);
  EXPECT_EQ(dump(*db, {{0}, {7 * kHour}}), dump(model));
}

}  // namespace prom5::tsdb
