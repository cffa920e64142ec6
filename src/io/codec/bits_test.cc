#include "io/codec/bits.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"

namespace prom5::codec {

TEST(Bits, MostSignificantFirst) {
  BitWriter out;
  out.bit(true);
  out.bits(0b01, 2);
  out.bits(0x1F, 5);
  out.bits(0xABC, 12);
  EXPECT_EQ(out.data(), "\xBF\xAB\xC0");
  EXPECT_EQ(out.size_bytes(), 3U);
}

TEST(Bits, HigherBitsOfTheValueAreIgnored) {
  BitWriter out;
  out.bits(0xFFFF, 4);
  out.bits(0, 4);
  EXPECT_EQ(out.data(), "\xF0");
}

TEST(Bits, RoundTrip) {
  const uint64_t seed = 2;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  struct Piece {
    uint64_t value;
    unsigned count;
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<Piece> pieces;
    BitWriter out;
    for (int i = 0; i < 200; ++i) {
      const auto count = static_cast<unsigned>(1 + rng.below(64));
      pieces.push_back({rng.next() >> (64 - count), count});
      out.bits(pieces.back().value, count);
    }
    BitReader in(out.data());
    for (const Piece& p : pieces) EXPECT_EQ(in.bits(p.count), p.value);
    EXPECT_FALSE(in.overrun());
  }
}

TEST(Bits, PastTheEndGivesZeros) {
  BitReader in("\xFF");
  EXPECT_EQ(in.bits(4), 0xFU);
  EXPECT_FALSE(in.overrun());
  EXPECT_EQ(in.bits(8), 0xF0U);
  EXPECT_TRUE(in.overrun());
  EXPECT_FALSE(in.bit());
  EXPECT_EQ(BitReader("").bits(64), 0U);
}

}  // namespace prom5::codec
