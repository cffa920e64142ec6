#include "io/codec/protobuf.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5::codec {

namespace {

void put(std::string& out, uint32_t number, uint8_t wire_type) {
  ByteWriter(out).varint(uint64_t{number} << 3 | wire_type);
}

bool reads(std::string_view message) {
  ProtoReader in(message);
  ProtoField field;
  while (!in.done()) {
    if (!in.next(field)) return false;
  }
  return true;
}

/// The next field, which must be good.
ProtoField next(ProtoReader& in) {
  ProtoField field;
  EXPECT_TRUE(in.next(field));
  return field;
}

}  // namespace

TEST(Protobuf, EveryWireType) {
  std::string m;
  ByteWriter w(m);
  put(m, 1, 0);
  w.varint(150);
  put(m, 2, 1);
  w.f64(-2.5);
  put(m, 3, 2);
  w.sized_bytes("text");
  put(m, 0x1FFFFFFF, 5);
  w.u32(7);
  put(m, 4, 0);
  w.svarint(-3);
  ProtoReader in(m);
  const auto one = next(in);
  EXPECT_EQ(one.number, 1U);
  EXPECT_EQ(one.as_int64(), 150);
  EXPECT_EQ(next(in).as_double(), -2.5);
  const auto three = next(in);
  EXPECT_EQ(three.wire_type, 2);
  EXPECT_EQ(three.bytes, "text");
  EXPECT_EQ(next(in).bits, 7U);
  EXPECT_EQ(next(in).as_sint(), -3);
  EXPECT_TRUE(in.done());
}

TEST(Protobuf, NegativeInt64IsTenBytes) {
  std::string m;
  put(m, 1, 0);
  ByteWriter(m).varint(static_cast<uint64_t>(int64_t{-1}));
  EXPECT_EQ(m.size(), 11U);
  ProtoReader in(m);
  EXPECT_EQ(next(in).as_int64(), -1);
}

TEST(Protobuf, Malformed) {
  const auto bad = [](std::string_view s) {
    EXPECT_FALSE(reads(s));
    const auto got = each_field(s, [](const ProtoField&) { return Result<void>(); });
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::BadData);
  };
  bad(std::string_view("\0\0", 2));  // field 0
  bad("\x0B");                       // group starts
  bad("\x0C");                       // group ends
  bad("\x0E");                       // no such wire type
  bad("\x0F");
  bad("\x08");      // no value
  bad("\x08\x80");  // value cut short
  bad("\x09\x01\x02\x03\x04\x05\x06\x07");
  bad("\x0A\x05"
      "abcd");
  bad("\x0D\x01\x02\x03");
  bad("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  bad("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02");  // tag longer than 64 bits
  bad("\x80\x80\x80\x80\x10\x01");                  // field number past 2^29 - 1
}

TEST(Protobuf, TruncatedOrDamagedNeverCrashes) {
  const uint64_t seed = 18;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  std::string m;
  for (uint32_t i = 1; i < 20; ++i) {
    put(m, i, 2);
    ByteWriter(m).sized_bytes(std::string(rng.below(30), 'x'));
    put(m, i, 0);
    ByteWriter(m).varint(rng.next());
  }
  ASSERT_TRUE(reads(m));
  int refused = 0;
  for (size_t n = 0; n < m.size(); ++n) refused += reads(m.substr(0, n)) ? 0 : 1;
  EXPECT_GT(refused, static_cast<int>(m.size() / 2));
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = m;
    damaged[rng.below(m.size())] = static_cast<char>(rng.next());
    ProtoReader in(damaged);
    ProtoField field;
    while (!in.done() && in.next(field)) EXPECT_LE(field.bytes.size(), damaged.size());
  }
}

}  // namespace prom5::codec
