#include "io/codec/bytes.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5::codec {

namespace {

std::string varint_of(uint64_t v) {
  std::string out;
  ByteWriter(out).varint(v);
  return out;
}

/// Numbers of every width, not only wide ones.
uint64_t any_width(Rng& rng) { return rng.next() >> rng.below(64); }

}  // namespace

TEST(Bytes, VarintKnownForms) {
  const auto is = [](uint64_t v, std::string_view want) { EXPECT_EQ(varint_of(v), want) << v; };
  is(0, std::string_view("\0", 1));
  is(1, "\x01");
  is(127, "\x7F");
  is(128, "\x80\x01");
  is(300, "\xAC\x02");
  is(UINT64_MAX, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
}

TEST(Bytes, VarintMalformed) {
  const auto bad = [](std::string_view s) {
    const auto got = ByteReader(s).varint();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::Corruption);
  };
  bad("");
  bad("\x80");
  bad("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  bad("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02");
  bad("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
}

TEST(Bytes, RoundTrip) {
  const uint64_t seed = 1;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t a = any_width(rng);
    const auto b = static_cast<int64_t>(any_width(rng)) * (rng.below(2) == 0 ? 1 : -1);
    const double c = std::bit_cast<double>(rng.next());
    const auto d = static_cast<uint32_t>(rng.next());
    const std::string e(rng.below(300), static_cast<char>(rng.next()));
    std::string out;
    ByteWriter writer(out);
    writer.varint(a);
    writer.svarint(b);
    writer.f64(c);
    writer.u32(d);
    writer.sized_bytes(e);
    writer.u8(7);
    ByteReader reader(out);
    EXPECT_EQ(reader.varint().value(), a);
    EXPECT_EQ(reader.svarint().value(), b);
    EXPECT_EQ(std::bit_cast<uint64_t>(reader.f64().value()), std::bit_cast<uint64_t>(c));
    EXPECT_EQ(reader.u32().value(), d);
    EXPECT_EQ(reader.sized_bytes().value(), e);
    EXPECT_EQ(reader.u8().value(), 7);
    EXPECT_TRUE(reader.empty());
  }
}

TEST(Bytes, ZigzagEnds) {
  for (const int64_t v : {int64_t{0}, int64_t{-1}, int64_t{1}, INT64_MIN, INT64_MAX}) {
    std::string out;
    ByteWriter(out).svarint(v);
    EXPECT_EQ(ByteReader(out).svarint().value(), v);
  }
  std::string out;
  ByteWriter(out).svarint(-1);
  EXPECT_EQ(out, "\x01");
}

TEST(Bytes, CutShortIsCorruption) {
  std::string out;
  ByteWriter writer(out);
  writer.u64(42);
  for (size_t n = 0; n < out.size(); ++n) {
    const auto got = ByteReader(std::string_view(out).substr(0, n)).u64();
    ASSERT_FALSE(got) << n;
    EXPECT_EQ(got.error().code, ErrorCode::Corruption);
  }
  EXPECT_FALSE(ByteReader("").u8());
  EXPECT_FALSE(ByteReader("abc").u32());
  EXPECT_FALSE(ByteReader("abc").take(4));
  EXPECT_FALSE(ByteReader("abc").take(UINT64_MAX));
  EXPECT_FALSE(ByteReader("\x05"
                          "abc")
                   .sized_bytes());
  EXPECT_TRUE(ByteReader("abc").take(3));
}

}  // namespace prom5::codec
