#include "store/chunk/open_chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "model/sample.h"

namespace prom5::chunk {

namespace {

void expect_same(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) ASSERT_TRUE(same_bits(got[i], want[i])) << i;
}

double random_value(Rng& rng, uint64_t kind) {
  switch (kind) {
    case 0: return static_cast<double>(rng.below(1000));
    case 1: return static_cast<double>(rng.below(1'000'000)) / 100;
    case 2: return std::bit_cast<double>(rng.next());
    case 3: return -static_cast<double>(rng.below(1ULL << 53));
    case 4: return std::bit_cast<double>(kStaleBits);
    case 5: return -0.0;
    default: return std::numeric_limits<double>::infinity();
  }
}

}  // namespace

TEST(OpenChunk, GivesBackWhatItWasGiven) {
  Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    OpenChunk chunk;
    std::vector<double> want;
    const uint64_t usual = rng.below(4);
    for (uint64_t n = rng.below(130); n > 0; --n) {
      want.push_back(random_value(rng, rng.below(10) == 0 ? rng.below(7) : usual));
      chunk.append(want.back());
    }
    ASSERT_EQ(chunk.count(), want.size());
    std::vector<double> got;
    chunk.decode(got);
    expect_same(got, want);
    if (want.empty()) continue;
    got.clear();
    decode_open(chunk.take_bytes(), want.size(), got);
    expect_same(got, want);
    ASSERT_EQ(chunk.count(), 0U);
  }
}

TEST(OpenChunk, CountersAreSmall) {
  OpenChunk chunk;
  for (int i = 0; i < 120; ++i) chunk.append(1e9 + i * 17.25);
  EXPECT_LE(chunk.size_bytes(), 480U);
}

TEST(OpenChunk, MoreDecimalsComeLater) {
  OpenChunk chunk;
  const std::vector<double> values = {1, 2, 2.5, 2.25, 1.0 / 3, 7};
  for (const double v : values) chunk.append(v);
  std::vector<double> got;
  chunk.decode(got);
  expect_same(got, values);
}

}  // namespace prom5::chunk
