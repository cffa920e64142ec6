#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

// What an answer says of damage.

namespace prom5::tsdb {

namespace {

constexpr int kSeries = 20;

/// Series of one block, whose samples have the same times.
class DbWarnings : public testing::Test {
 protected:
  DbWarnings() {
    for (int64_t minute = 0; minute < 6 * 60; minute += 10) {
      for (int i = 0; i < kSeries; ++i) {
        put(*house_.db, Labels{{"__name__", "m"}, {"i", std::to_string(i)}}, minute * 60'000,
            static_cast<double>(i * minute % 37) / 3);
      }
    }
    house_.db->compact();
    EXPECT_EQ(house_.db->blocks().size(), 2U);
  }

  /// Flips a bit in the middle of some bytes of the first block, `length` each from `offset` on.
  void damage(uint64_t offset, uint32_t length) {
    house_.db.reset();
    house_.files.corrupt("data/blocks/00000001",
                         [&](std::string& bytes) { bytes[offset + length / 2] ^= 1; });
    house_.open();
  }

  /// What a query in parts says, which looks at everything twice.
  std::vector<std::string> warnings() {
    const auto querier = house_.db->querier({{0}, {kHour}}).value();
    for (int times = 0; times < 2; ++times) {
      const auto set = querier->select({}, {}).value();
      SampleColumns columns;
      for (const auto& part : set->split(4)) {
        while (part->next()) EXPECT_TRUE(part->read(columns));
      }
    }
    return querier->warnings();
  }

  House house_;
};

}  // namespace

TEST_F(DbWarnings, AChunkIsToldOnce) {
  const auto block = house_.db->blocks()[0];
  std::vector<ChunkRef> chunks;
  for (uint32_t i = 0; i < 7; ++i) chunks.push_back(block->series(i).value().chunks[0]);
  for (const ChunkRef& chunk : chunks) damage(chunk.offset, chunk.length);
  EXPECT_EQ(warnings().size(), chunks.size());
}

TEST_F(DbWarnings, TimesThatManyChunksHaveAreToldOnce) {
  const auto block = house_.db->blocks()[0];
  const auto column = block->times_column(block->series(0).value().chunks[0].times).value();
  damage(column.offset, column.length);
  EXPECT_EQ(warnings().size(), 1U);
}

TEST_F(DbWarnings, OfMuchSomeIsTold) {
  for (uint32_t i = 0; i < kSeries; ++i) {
    const auto chunk = house_.db->blocks()[0]->series(i).value().chunks[0];
    damage(chunk.offset, chunk.length);
  }
  EXPECT_EQ(warnings().size(), 10U);
}

}  // namespace prom5::tsdb
