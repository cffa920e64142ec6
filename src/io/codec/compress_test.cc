#include "io/codec/compress.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5::codec {

namespace {

constexpr size_t kPlenty = 1 << 20;

std::string random_text(Rng& rng, size_t size) {
  std::string out(size, '\0');
  const uint64_t letters = 1 + rng.below(256);  // few letters compress, many do not
  for (char& c : out) c = static_cast<char>(rng.below(letters));
  return out;
}

}  // namespace

TEST(Snappy, RoundTrip) {
  const uint64_t seed = 8;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (const size_t n : {0, 1, 10, 1000, 70'000}) {
    const std::string text = random_text(rng, n);
    EXPECT_EQ(snappy_decompress(snappy_compress(text), kPlenty).value(), text) << n;
  }
}

TEST(Snappy, LimitIsExact) {
  const std::string block = snappy_compress(std::string(1000, 'a'));
  EXPECT_TRUE(snappy_decompress(block, 1000));
  EXPECT_EQ(snappy_decompress(block, 999).error().code, ErrorCode::LimitExceeded);
}

TEST(Snappy, TruncatedIsBadData) {
  Rng rng(9);
  const std::string block = snappy_compress(random_text(rng, 500));
  for (size_t n = 0; n < block.size(); ++n) {
    const auto got = snappy_decompress(block.substr(0, n), kPlenty);
    ASSERT_FALSE(got) << n;
    EXPECT_EQ(got.error().code, ErrorCode::BadData) << n;
  }
}

TEST(Snappy, AnyBytesNeverCrash) {
  const uint64_t seed = 10;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto got = snappy_decompress(random_text(rng, rng.below(40)), 4096);
    EXPECT_TRUE(!got || got->size() <= 4096U);
  }
}

TEST(Gzip, RoundTrip) {
  const uint64_t seed = 12;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (const size_t n : {0, 1, 10, 1000, 200'000}) {
    const std::string text = random_text(rng, n);
    EXPECT_EQ(gzip_decompress(gzip_compress(text), kPlenty).value(), text) << n;
    EXPECT_EQ(gzip_decompress(gzip_compress(text, 9), kPlenty).value(), text) << n;
  }
}

TEST(Gzip, BombCostsTheLimit) {
  const std::string bomb = gzip_compress(std::string(10 << 20, '\0'), 9);
  EXPECT_EQ(gzip_decompress(bomb, 1 << 16).error().code, ErrorCode::LimitExceeded);
  EXPECT_TRUE(gzip_decompress(bomb, 10 << 20));
}

TEST(Gzip, TruncatedIsBadData) {
  Rng rng(13);
  const std::string bytes = gzip_compress(random_text(rng, 300));
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto got = gzip_decompress(bytes.substr(0, n), kPlenty);
    ASSERT_FALSE(got) << n;
    EXPECT_EQ(got.error().code, ErrorCode::BadData) << n;
  }
}

TEST(Gzip, FlippedBitsAreNoticed) {
  const std::string text(2000, 'x');
  const std::string good = gzip_compress(text);
  for (size_t i = good.size() - 8; i < good.size(); ++i) {  // checksum and length
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(gzip_decompress(bad, kPlenty)) << i;
  }
}

TEST(Gzip, SeveralMembersAreOneText) {  // RFC 1952, 2.2
  const std::string bytes = gzip_compress("first ") + gzip_compress("second");
  EXPECT_EQ(gzip_decompress(bytes, kPlenty).value(), "first second");
}

TEST(Zstd, RoundTripAndDamage) {
  const std::string text(1000, 'a');
  const std::string frame = zstd_compress(text);
  EXPECT_LT(frame.size(), 50U);
  EXPECT_EQ(zstd_decompress(frame, text.size()).value(), text);
  EXPECT_FALSE(zstd_decompress(frame, text.size() - 1));
  EXPECT_FALSE(zstd_decompress(frame, text.size() + 1));
  EXPECT_FALSE(zstd_decompress(frame.substr(0, frame.size() - 1), text.size()));
  EXPECT_EQ(zstd_decompress("garbage", 7).error().code, ErrorCode::Corruption);
  // A size that is damage is not allocated; the most that a frame can hold is.
  EXPECT_EQ(zstd_decompress(frame, SIZE_MAX / 2).error().code, ErrorCode::Corruption);
  const std::string zeros(size_t{64} << 20, '\0');
  EXPECT_EQ(zstd_decompress(zstd_compress(zeros), zeros.size()).value(), zeros);
}

}  // namespace prom5::codec
