#include "store/wal/follower.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "io/file/memory_file_system.h"
#include "store/wal/segment.h"
#include "store/wal/wal.h"

namespace prom5::wal {

namespace {

class FollowerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_directories("wal"));
    open(64 << 10);
  }
  void open(uint64_t segment_bytes) {
    auto opened = WalWriter::open(files_, "wal", {.segment_bytes = segment_bytes});
    ASSERT_TRUE(opened);
    writer_ = *std::move(opened);
  }
  void write(const std::string& payload) {
    const WalWriter::Batch batch{.definitions = [](uint64_t) { return std::string(); },
                                 .payload = payload,
                                 .written = [](uint64_t) {}};
    ASSERT_TRUE(writer_->append(batch));
  }
  /// Everything that is there, in order.
  static std::vector<std::string> all(Follower& follower) {
    std::vector<std::string> out;
    for (;;) {
      const auto record = follower.next();
      EXPECT_TRUE(record);
      if (!record || !*record) return out;
      out.emplace_back((*record)->payload);
    }
  }

  io::MemoryFileSystem files_;
  std::unique_ptr<WalWriter> writer_;
};

}  // namespace

TEST_F(FollowerTest, ReadsWhatComes) {
  Follower follower(files_, "wal", {});
  EXPECT_TRUE(all(follower).empty());
  write("one");
  write("two");
  EXPECT_EQ(all(follower), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(all(follower).empty());
  write("three");
  EXPECT_EQ(all(follower), (std::vector<std::string>{"three"}));
}

TEST_F(FollowerTest, GoesFromSegmentToSegment) {
  open(100);
  Rng rng(7);
  std::vector<std::string> written;
  std::vector<std::string> read;
  Follower follower(files_, "wal", {});
  for (int i = 0; i < 300; ++i) {
    written.emplace_back(1 + rng.below(200), static_cast<char>('a' + i % 26));
    write(written.back());
    if (rng.below(3) == 0) {
      for (std::string& payload : all(follower)) read.push_back(std::move(payload));
    }
  }
  for (std::string& payload : all(follower)) read.push_back(std::move(payload));
  EXPECT_EQ(read, written);
}

TEST_F(FollowerTest, GoesOnFromAnyPosition) {
  open(100);
  Follower first(files_, "wal", {});
  std::vector<Position> places = {first.position()};
  std::vector<std::string> payloads;
  for (int i = 0; i < 50; ++i) write("payload " + std::to_string(i));
  for (;;) {
    const auto record = first.next();
    ASSERT_TRUE(record);
    if (!*record) break;
    payloads.emplace_back((*record)->payload);
    places.push_back(first.position());
  }
  ASSERT_EQ(payloads.size(), 50U);
  for (size_t i = 0; i < places.size(); ++i) {
    Follower other(files_, "wal", places[i]);
    EXPECT_EQ(all(other),
              std::vector<std::string>(payloads.begin() + static_cast<long>(i), payloads.end()));
  }
}

TEST_F(FollowerTest, DamageCostsTheDamagedRecord) {
  write("before");
  const Position middle = *end_of_log(files_, "wal");
  write("damaged");
  write("after");
  ASSERT_TRUE(writer_->rotate());
  write("later");
  const std::string path = "wal/00000001";
  std::string bytes = *files_.read(path);
  bytes[middle.offset + 13] ^= 1;
  ASSERT_TRUE(files_.write_atomically(path, bytes));
  Follower follower(files_, "wal", {});
  EXPECT_EQ(all(follower), (std::vector<std::string>{"before", "after", "later"}));
}

TEST_F(FollowerTest, SegmentsThatAreGoneAreCounted) {
  write("one");
  Follower follower(files_, "wal", {});
  EXPECT_EQ(all(follower).size(), 1U);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(writer_->rotate());
    write("missed");
  }
  ASSERT_TRUE(writer_->rotate());
  write("last");
  ASSERT_TRUE(writer_->remove_before(writer_->current_segment()));
  EXPECT_EQ(all(follower), (std::vector<std::string>{"last"}));
  EXPECT_GT(follower.missed_segments(), 0U);
}

/// A write that failed half way is cut off, and another record comes in its place.
TEST_F(FollowerTest, WhatIsTakenBackIsReadAnew) {
  write("one");
  Follower follower(files_, "wal", {});
  EXPECT_EQ(all(follower).size(), 1U);
  const std::string path = "wal/" + segment_name(1);
  const uint64_t before = files_.size(path).value();
  std::string torn;
  encode(std::string(100, 'x'), {1, before}, torn);
  files_.corrupt(path, [&](std::string& bytes) { bytes += torn.substr(0, 40); });
  EXPECT_TRUE(all(follower).empty());
  files_.corrupt(path, [&](std::string& bytes) { bytes.resize(before); });
  write("two");
  write("three");
  EXPECT_EQ(all(follower), (std::vector<std::string>{"two", "three"}));
}

}  // namespace prom5::wal
