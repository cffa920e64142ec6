#include <gtest/gtest.h>

#include <functional>

#include "store/tsdb/db_test.h"

// What is gone stays gone: deletions, and files that are removed, when power fails or calls do.

namespace prom5::tsdb {

namespace {

constexpr uint64_t kSeeds = 10;

const Labels kShort{{"__name__", "short"}};
const Labels kLong{{"__name__", "long"}};

Options options() {
  Options out;
  out.retention = DurationMs::days(3650);
  return out;
}

/// Two blocks of the first four hours and a head: one series ends after an hour, one goes on.
struct TwoBlocks : House {
  TwoBlocks() : House(options()) {
    clock.advance(DurationMs::days(30));
    for (int64_t minute = 0; minute < 6 * 60; minute += 10) {
      if (minute < 60) put(*db, kShort, minute * 60'000, 1);
      put(*db, kLong, minute * 60'000, 2);
    }
    db->compact();
    EXPECT_EQ(db->blocks().size(), 2U);
  }

  [[nodiscard]] bool erase(std::string_view name, int64_t from, int64_t to) {
    const std::vector<std::vector<Matcher>> selectors = {{Matcher::equal("__name__", name)}};
    return db->delete_series(selectors, {{from}, {to}}).has_value();
  }
  [[nodiscard]] std::vector<std::string> blocks_folder() {
    return files.list("data/blocks").value();
  }
};

}  // namespace

TEST(DbPower, TheLogBringsNothingBackOfBlocksThatAreGone) {
  TwoBlocks house;
  ASSERT_TRUE(house.erase("short", 0, 4 * kHour));
  ASSERT_TRUE(house.erase("long", 0, 4 * kHour));
  ASSERT_TRUE(house.db->clean_tombstones());
  ASSERT_TRUE(house.db->blocks().empty());
  const Dump want = dump(*house.db);
  EXPECT_EQ(want.size(), 1U);
  for (int times = 0; times < 3; ++times) {
    house.open(options());
    EXPECT_EQ(dump(*house.db), want);
  }
}

TEST(DbPower, TheLogBringsNothingBackOfBlocksThatMadeRoom) {
  Options small = options();
  TwoBlocks house;
  house.open(small);
  house.db->set_retention(DurationMs::days(3650), 1, {});
  house.db->enforce_retention();
  ASSERT_TRUE(house.db->blocks().empty());
  const Dump want = dump(*house.db);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    house.crash(seed);
    house.open(small);
    EXPECT_EQ(dump(*house.db), want) << seed;
  }
}

TEST(DbPower, WhatWasCleanedAwayDoesNotComeBack) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    TwoBlocks house;
    ASSERT_TRUE(house.erase("short", 0, 4 * kHour));
    ASSERT_TRUE(house.erase("long", 0, 4 * kHour));
    ASSERT_TRUE(house.db->clean_tombstones());
    const Dump want = dump(*house.db);
    house.crash(seed);
    house.open(options());
    EXPECT_EQ(dump(*house.db), want);
    EXPECT_TRUE(house.blocks_folder().empty());
  }
}

/// A block whose files are gone leaves its number to another, which is not to get its deletions.
TEST(DbPower, DeletionsAreOfTheirOwnBlock) {
  for (uint64_t n = 10; n < 14; ++n) {  // about the renaming of a block
    for (uint64_t seed = 0; seed < 8 * kSeeds; ++seed) {
      SCOPED_TRACE(fmt::format("change {}, seed {}", n, seed));
      TwoBlocks house;
      const int64_t from = seed % 2 == 0 ? 0 : 2 * kHour;  // both blocks, or the second
      ASSERT_TRUE(house.erase("short", from, 1000 * kHour));
      ASSERT_TRUE(house.erase("long", from, 1000 * kHour));
      ASSERT_TRUE(house.db->clean_tombstones());
      ASSERT_EQ(house.db->blocks().size(), seed % 2);
      house.open(options());
      ASSERT_EQ(put(*house.db, kShort, 3 * kHour, 3), std::nullopt);
      for (int64_t hour = 6; hour < 11; ++hour) {
        ASSERT_EQ(put(*house.db, kShort, hour * kHour - 1, 3), std::nullopt);
        ASSERT_EQ(put(*house.db, kLong, hour * kHour - 1, 3), std::nullopt);
      }
      const Dump want = dump(*house.db);
      house.files.fail_from(n);
      house.db->compact();
      house.crash(seed);
      house.open(options());
      ASSERT_EQ(dump(*house.db), want);
    }
  }
}

/// A rewriting that breaks off, or whose old blocks stay, harms no later one.
TEST(DbPower, ACleaningMayBreakOff) {
  for (const bool once : {false, true}) {
    for (uint64_t seed = 0; seed < 60 * (kSeeds / 2); ++seed) {
      const uint64_t n = 1 + seed % 60;
      SCOPED_TRACE(fmt::format("{} {}, seed {}", once ? "call" : "change", n, seed));
      TwoBlocks house;
      ASSERT_TRUE(house.erase("long", 0, kHour));
      if (once) {
        house.files.fail_call(n);
      } else {
        house.files.fail_from(n);
      }
      static_cast<void>(house.db->clean_tombstones());
      house.files.fail_call(0);
      house.files.fail_from(0);
      ASSERT_TRUE(house.erase("short", 0, 4 * kHour));
      ASSERT_TRUE(house.erase("long", 0, 3 * kHour));
      if (n % 3 == 0) ASSERT_TRUE(house.erase("long", 0, 4 * kHour));
      const Dump want = dump(*house.db);
      if (n % 2 == 0) {
        // What it does is not durable to the end when the power goes.
        house.files.fail_from(1 + seed / 60);
        static_cast<void>(house.db->clean_tombstones());
      }
      house.crash(seed);
      house.open(options());
      ASSERT_EQ(dump(*house.db), want);
    }
  }
}

TEST(DbPower, AtTheStartLeftoversAreRemoved) {
  TwoBlocks house;
  house.db.reset();
  for (const char* name : {"00000007.tmp", "00000009.tombstones", "00000001.tombstones.tmp"}) {
    ASSERT_TRUE(house.files.write_atomically(fmt::format("data/blocks/{}", name), "x"));
  }
  house.open(options());
  EXPECT_EQ(house.blocks_folder(), (std::vector<std::string>{"00000001", "00000002"}));
  // What bears the number of one that may yet come back is not taken for it.
  for (int64_t hour = 6; hour < 11; ++hour) put(*house.db, kLong, hour * kHour, 3);
  house.db->compact();
  EXPECT_EQ(house.blocks_folder()[2], "00000010");
}

namespace {

/// A folder with one block, written anew by a rewriting of which a call failed.
struct Rewritten {
  io::FaultyFileSystem files;
  Log log{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  std::optional<BlockSet> set;
  bool all_calls_seen = false;

  explicit Rewritten(uint64_t failing_call) {
    open();
    SampleColumns samples;
    samples.times = {{1}, {2}};
    samples.values = {1, 2};
    EXPECT_TRUE(set->add({}, [&](BlockWriter& writer) { return writer.add(kLong, samples, {}); }));
    const uint64_t before = files.calls();
    files.fail_call(failing_call);
    static_cast<void>(set->rewrite(set->blocks(), {}));
    files.fail_call(0);
    all_calls_seen = files.calls() < before + failing_call;
  }
  void open() {
    set.emplace(files, "blocks", log);
    EXPECT_TRUE(set->open());
  }
  void cut_power(uint64_t seed) {
    files.power_cut(seed);
    files.fail_from(0);
    open();
  }
};

/// Each failing call of the first rewriting with each change that is the last of what comes next.
void after_a_failed_rewriting(
    const std::function<void(Rewritten&, uint64_t last, uint64_t seed)>& next) {
  bool all = false;
  for (uint64_t n = 1; !all; ++n) {
    for (uint64_t seed = 0; seed < 60 * kSeeds; ++seed) {
      SCOPED_TRACE(fmt::format("call {}, seed {}", n, seed));
      Rewritten blocks(n);
      all = blocks.all_calls_seen;
      ASSERT_EQ(blocks.set->blocks().size(), 1U);
      next(blocks, 1 + seed % 12, seed);
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace

TEST(DbPower, OfARewrittenBlockThereIsOne) {
  after_a_failed_rewriting([](Rewritten& blocks, uint64_t last, uint64_t seed) {
    blocks.files.fail_from(last);
    static_cast<void>(blocks.set->rewrite(blocks.set->blocks(), {}));
    blocks.cut_power(seed);
    ASSERT_EQ(blocks.set->blocks().size(), 1U);
    ASSERT_EQ(blocks.set->blocks()[0]->info().samples, 2U);
  });
}

TEST(DbPower, ABlockThatIsRemovedLeavesNoneThatItReplaced) {
  after_a_failed_rewriting([](Rewritten& blocks, uint64_t last, uint64_t seed) {
    const auto block = blocks.set->blocks()[0];
    blocks.files.fail_from(last);
    const auto removed = blocks.set->remove(block);
    blocks.cut_power(seed);
    const auto left = blocks.set->blocks();
    ASSERT_LE(left.size(), removed ? 0U : 1U);
    if (!left.empty()) ASSERT_EQ(left[0]->number(), block->number());
  });
}

}  // namespace prom5::tsdb
