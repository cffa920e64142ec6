#include <gtest/gtest.h>

#include "base/mutex.h"
#include "store/tsdb/db_test.h"

// Files of blocks that cannot be removed, or not be read for a while.

namespace prom5::tsdb {

namespace {

Options ten_years() {
  Options out;
  out.retention = DurationMs::days(3650);
  return out;
}

const std::vector<std::vector<Matcher>> kAll = {{}};

class DbLeftover : public testing::Test {
 protected:
  DbLeftover() {
    clock_.advance(DurationMs::days(30));
    open();
  }
  void open() {
    db_.reset();
    metrics_.emplace();
    auto opened = Db::open(ten_years(), clock_, files_, *metrics_, log_);
    ASSERT_TRUE(opened) << opened.error().message;
    db_ = *std::move(opened);
  }
  void crash(uint64_t seed) {
    files_.fail_from(1);
    db_.reset();
    files_.power_cut(seed);
    files_.fail_from(0);
    open();
  }
  void put_hours(int64_t from, int64_t to) {
    for (int64_t minute = from * 60; minute < to * 60; minute += 20) {
      for (const char* name : {"a", "b"}) {
        ASSERT_EQ(put(*db_, Labels{{"__name__", name}}, minute * 60'000, 1), std::nullopt);
      }
    }
  }
  /// A day of blocks, not merged yet.
  void put_day() {
    put_hours(0, 27);
    db_->compact();
    while (db_->blocks().size() == 1) db_->compact();
  }
  [[nodiscard]] size_t count(std::string_view text) {
    const MutexLock lock(told_mutex_);
    return static_cast<size_t>(std::ranges::count_if(
        told_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
  [[nodiscard]] bool exists(const std::string& name) {
    return files_.size("data/blocks/" + name).has_value();
  }
  bool erase(std::string_view name, TimeRange range) {
    const std::vector<std::vector<Matcher>> selectors = {{Matcher::equal("__name__", name)}};
    return db_->delete_series(selectors, range).has_value();
  }

  StubbornFiles files_;
  ManualClock clock_{TimeMs{1'000'000'000}};
  Mutex told_mutex_;
  std::vector<std::string> told_ GUARDED_BY(told_mutex_);
  Log log_{LogLevel::Warn, LogFormat::Logfmt, [this](std::string_view line) {
             const MutexLock lock(told_mutex_);
             told_.emplace_back(line);
           }};
  std::optional<MetricRegistry> metrics_;
  std::unique_ptr<Db> db_;
};

}  // namespace

TEST_F(DbLeftover, OneThatStaysHoldsUpNoOther) {
  files_.stick({"data/blocks/00000002"});
  put_hours(0, 80);
  db_->compact();  // three days are over, and each becomes a block
  EXPECT_EQ(db_->blocks().size(), 6U);
  EXPECT_TRUE(exists("00000002"));
  EXPECT_EQ(count("cannot be removed"), 1U) << "once";
  ASSERT_TRUE(erase("a", {{5 * kHour}, {30 * kHour}})) << "nor a deletion";
  ASSERT_TRUE(db_->clean_tombstones());
  db_->set_retention(DurationMs::hours(50), 0, {});
  db_->enforce_retention();
  EXPECT_GE(db_->blocks().front()->info().range.end.ms, 28 * kHour) << "nor retention";
  EXPECT_EQ(count("cannot be removed"), 1U);
  EXPECT_GT(db_->blocks().size(), 1U);
  const Dump want = dump(*db_);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    crash(seed);
    ASSERT_EQ(dump(*db_), want) << seed;
  }
  files_.stick({});
  db_->clean_tombstones();
  db_->enforce_retention();
  EXPECT_FALSE(exists("00000002"));
  EXPECT_FALSE(exists("00000002.tombstones"));
  EXPECT_EQ(dump(*db_), want);
}

/// Nothing of it shows, whatever becomes of the block that replaced it.
TEST_F(DbLeftover, WhatStaysDoesNotComeBack) {
  put_day();
  ASSERT_TRUE(erase("a", {{0}, {kHour}}));
  std::set<std::string> all;
  for (const auto& block : db_->blocks()) all.insert(block->path());
  files_.stick(all);
  put_hours(48, 52);
  db_->compact();
  ASSERT_TRUE(db_->clean_tombstones());
  ASSERT_TRUE(erase("b", {{0}, {20 * kHour}}));
  const std::string merged = db_->blocks().front()->path();
  Dump want = dump(*db_);
  open();
  ASSERT_EQ(dump(*db_), want);
  ASSERT_TRUE(db_->delete_series(kAll, {{0}, {47 * kHour}}));
  ASSERT_TRUE(db_->clean_tombstones());
  want = dump(*db_);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    crash(seed);
    ASSERT_EQ(dump(*db_), want) << seed;
  }
}

/// A file that is left over at a start is no reason not to start.
TEST_F(DbLeftover, AStartGoesOn) {
  put_day();
  const std::string first = db_->blocks().front()->path();
  const std::string bytes = files_.read(first).value();
  put_hours(48, 52);
  db_->compact();
  ASSERT_FALSE(files_.size(first));
  const Dump want = dump(*db_);
  db_.reset();
  ASSERT_TRUE(files_.write_atomically(first, bytes));
  const std::string temporary = "data/blocks/00000099.tmp";
  const std::string orphan = "data/blocks/00000098.tombstones";
  for (const std::string& path : {temporary, orphan}) {
    ASSERT_TRUE(files_.write_atomically(path, "x"));
  }
  files_.stick({first, temporary, orphan});
  open();
  EXPECT_EQ(dump(*db_), want);
  EXPECT_TRUE(db_->delete_series(kAll, {{0}, {kHour}}));
  files_.stick({});
  open();
  EXPECT_FALSE(files_.size(first));
  EXPECT_FALSE(exists("00000098.tombstones"));
}

/// What cannot be deleted now would show again later.
TEST_F(DbLeftover, NothingIsDeletedAsLongAsABlockIsNotRead) {
  put_hours(0, 6);
  db_->compact();
  files_.hide({"data/blocks/00000001"});
  open();
  ASSERT_EQ(db_->blocks().size(), 1U);
  const auto refused = db_->delete_series(kAll, {{0}, {kHour}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  files_.hide({});
  db_->compact();
  ASSERT_TRUE(db_->delete_series(kAll, {{0}, {kHour}}));
  const Dump want = dump(*db_);
  open();
  EXPECT_EQ(dump(*db_), want);
}

TEST_F(DbLeftover, AnUnreadableListOfDeletionsKeepsItsBlockOut) {
  put_hours(0, 6);
  db_->compact();
  ASSERT_TRUE(erase("a", {{0}, {3 * kHour}}));
  const Dump want = dump(*db_);
  files_.hide({"data/blocks/00000001.tombstones"});
  open();
  EXPECT_EQ(db_->blocks().size(), 1U);
  files_.hide({});
  db_->compact();
  EXPECT_EQ(dump(*db_), want);
}

/// Power fails before the old block is gone for good, and the new one cannot be read at the start.
TEST_F(DbLeftover, WhatReplacesItMayBeReadLater) {
  put_hours(0, 6);
  db_->compact();
  ASSERT_TRUE(erase("a", {{0}, {kHour}}));
  const std::string old = files_.read("data/blocks/00000001").value();
  const std::string deleted = files_.read("data/blocks/00000001.tombstones").value();
  ASSERT_TRUE(db_->clean_tombstones());
  const Dump want = dump(*db_);
  db_.reset();
  ASSERT_TRUE(files_.write_atomically("data/blocks/00000001", old));
  ASSERT_TRUE(files_.write_atomically("data/blocks/00000001.tombstones", deleted));
  files_.hide({"data/blocks/00000003"});
  open();
  EXPECT_EQ(dump(*db_), want);
  files_.hide({});
  db_->compact();
  EXPECT_FALSE(exists("00000001"));
  ASSERT_TRUE(erase("b", {{0}, {2 * kHour}}));
  const Dump less = dump(*db_);
  open();
  EXPECT_EQ(dump(*db_), less);
}

/// The old block cannot be read at the start that finds it beside the new one.
TEST_F(DbLeftover, WhatIsReplacedGoesUnread) {
  put_hours(0, 6);
  db_->compact();
  ASSERT_TRUE(erase("a", {{0}, {kHour}}));
  const std::string old = files_.read("data/blocks/00000001").value();
  ASSERT_TRUE(db_->clean_tombstones());
  db_.reset();
  ASSERT_TRUE(files_.write_atomically("data/blocks/00000001", old));
  files_.hide({"data/blocks/00000001"});
  open();
  EXPECT_FALSE(exists("00000001"));
  ASSERT_TRUE(db_->delete_series(kAll, {{0}, {4 * kHour}}));
}

/// A damaged block stays out for ever; answers that are kept are none the worse for it.
TEST_F(DbLeftover, ADamagedBlockChangesNothingAnew) {
  put_hours(0, 6);
  db_->compact();
  db_.reset();
  files_.corrupt("data/blocks/00000001", [](std::string& bytes) { bytes.resize(20); });
  open();
  const auto mark = db_->mark_changes();
  db_->compact();
  EXPECT_EQ(db_->changed_since(mark), TimeMs::max());
}

/// Names that are no block's are none of the database's business.
TEST_F(DbLeftover, OtherNamesAreLeftAlone) {
  put_hours(0, 6);
  db_->compact();
  db_.reset();
  for (const char* name : {"7", "0000000000000009", "notes"}) {
    ASSERT_TRUE(files_.write_atomically(fmt::format("data/blocks/{}", name), "x"));
  }
  open();
  EXPECT_EQ(count("left out"), 0U);
  EXPECT_TRUE(db_->delete_series(kAll, {{0}, {kHour}}));
  EXPECT_TRUE(exists("7"));
}

TEST_F(DbLeftover, ADamagedBlockHoldsUpNoOthersCleaning) {
  put_hours(0, 8);
  db_->compact();
  ASSERT_EQ(db_->blocks().size(), 3U);
  const auto chunk = db_->blocks()[0]->series(1).value().chunks[0];
  db_.reset();
  files_.corrupt("data/blocks/00000001", [&](std::string& bytes) { bytes[chunk.offset] ^= 1; });
  open();
  ASSERT_TRUE(db_->delete_series(kAll, {{kHour}, {7 * kHour - 1}}));
  EXPECT_FALSE(db_->clean_tombstones());
  EXPECT_TRUE(exists("00000001.tombstones"));
  EXPECT_FALSE(exists("00000002.tombstones"));
  EXPECT_FALSE(exists("00000003.tombstones"));
}

TEST_F(DbLeftover, ARepairMayBreakOff) {
  put_hours(0, 6);
  db_->compact();
  const auto chunk = db_->blocks()[0]->series(1).value().chunks[0];
  std::string bytes = files_.read("data/blocks/00000001").value();
  bytes[chunk.offset] ^= 1;
  for (uint64_t n = 1; n < 20; ++n) {
    SCOPED_TRACE(n);
    io::FaultyFileSystem files;
    ASSERT_TRUE(files.write_atomically("blocks/00000001", bytes));
    BlockSet set(files, "blocks", log_);
    ASSERT_TRUE(set.open());
    files.fail_call(n);
    static_cast<void>(set.repair());
    files.fail_call(0);
    BlockSet again(files, "blocks", log_);
    ASSERT_TRUE(again.open());
    const auto repaired = again.repair();
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_TRUE(files.size("blocks/00000001.damaged"));
    EXPECT_TRUE(again.blocks().front()->verify().empty());
  }
}

TEST_F(DbLeftover, AStartGoesOnWithoutTheListOfDays) {
  put_hours(0, 6);
  db_.reset();
  ASSERT_TRUE(files_.write_atomically("data/rollups/days", "0\n"));
  files_.hide({"data/rollups/days"});
  open();
  EXPECT_FALSE(db_->tiers().has_day(0));
}

/// A new block that failed at its end and cannot be removed stands for the one that it was to
/// replace: as long as it does, nothing is deleted that it would show again.
TEST_F(DbLeftover, AnUnfinishedBlockHoldsUpDeletions) {
  const std::string unfinished = "blocks/00000003";
  SampleColumns samples;
  samples.times = {{1}, {2}};
  samples.values = {1, 2};
  const auto fill = [&](BlockWriter& writer) {
    return writer.add(Labels{{"__name__", "a"}}, samples, {});
  };
  size_t stood = 0;
  for (uint64_t n = 1; n < 20; ++n) {
    SCOPED_TRACE(n);
    StubbornFiles files;
    BlockSet set(files, "blocks", log_);
    ASSERT_TRUE(set.open());
    ASSERT_TRUE(set.add({}, fill));
    ASSERT_TRUE(set.add({}, fill));
    files.stick({unfinished});
    files.fail_call(n);
    const auto first = set.blocks().front();
    const bool written = set.rewrite({&first, 1}, {}).has_value();
    files.fail_call(0);
    if (written) break;
    const bool stands = files.size(unfinished).has_value();
    stood += stands ? 1 : 0;
    EXPECT_EQ(set.delete_samples({}, {{1}, {1}}).has_value(), !stands);
    EXPECT_TRUE(set.remove(set.blocks().back())) << "others are not concerned";
    ASSERT_EQ(set.blocks().size(), 1U);
    files.stick({});
    ASSERT_TRUE(set.delete_samples({}, {{1}, {2}}));
    EXPECT_FALSE(files.size(unfinished));
    files.power_cut(n);
    BlockSet again(files, "blocks", log_);
    ASSERT_TRUE(again.open());
    ASSERT_EQ(again.blocks().size(), 1U);
    EXPECT_FALSE(again.blocks().front()->tombstones()->empty());
  }
  EXPECT_GT(stood, 0U);
}

}  // namespace prom5::tsdb
