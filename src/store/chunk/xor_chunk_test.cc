#include "store/chunk/xor_chunk.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"

namespace prom5::chunk {

namespace {

void round_trip(const std::vector<Sample>& samples) {
  XorChunk chunk;
  for (const Sample& s : samples) chunk.append(s);
  EXPECT_EQ(chunk.count(), samples.size());
  std::vector<TimeMs> times;
  std::vector<double> values;
  ASSERT_TRUE(decode_xor(chunk.data(), chunk.count(), times, values));
  ASSERT_EQ(times.size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(times[i], samples[i].time) << i;
    ASSERT_EQ(std::bit_cast<uint64_t>(values[i]), std::bit_cast<uint64_t>(samples[i].value)) << i;
  }
}

}  // namespace

TEST(XorChunk, SpecialValuesKeepTheirBits) {
  const double inf = std::numeric_limits<double>::infinity();
  round_trip({});
  round_trip({{{5}, kStale}});
  round_trip({{{1}, 1}, {{2}, kStale}, {{3}, std::nan("")}, {{4}, kStale}, {{5}, 0}, {{6}, -0.0}});
  round_trip({{{1}, inf}, {{2}, -inf}, {{3}, 5e-324}, {{4}, std::nan("7")}, {{5}, 1e308}});
}

TEST(XorChunk, BordersOfTheTimeWidths) {
  for (const int64_t width : {14, 17, 20}) {
    const int64_t limit = int64_t{1} << (width - 1);
    for (int64_t change = limit - 2; change <= limit + 2; ++change) {
      round_trip({{{0}, 1}, {{1}, 1}, {{2 + change}, 1}});           // delta grows by change
      round_trip({{{0}, 1}, {{change + 1}, 1}, {{change + 2}, 1}});  // and shrinks
    }
  }
  round_trip({{TimeMs::min(), 1}, {{0}, 2}, {TimeMs::max(), 3}});
}

TEST(XorChunk, RandomRoundTrip) {
  const uint64_t seed = 31;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Sample> samples;
    int64_t time = static_cast<int64_t>(rng.next() >> 24);
    double value = 0;
    const uint64_t spread = 1 + (rng.next() >> (24 + rng.below(40)));
    for (int i = 0; i < 150; ++i) {
      time += 1 + static_cast<int64_t>(rng.below(spread));
      switch (rng.below(4)) {
        case 0: value = std::bit_cast<double>(rng.next()); break;
        case 1: value += 1; break;
        case 2: value = rng.below(10) == 0 ? kStale : value * 1.1; break;
        default: break;
      }
      samples.push_back({{time}, value});
    }
    round_trip(samples);
  }
}

TEST(XorChunk, RegularSamplesAreSmall) {
  XorChunk chunk;
  for (int i = 0; i < 120; ++i) chunk.append({{i * 15'000}, 42});
  EXPECT_LE(chunk.data().size(), 60U);  // 16 bytes, one wide time, two bits a sample
}

TEST(XorChunk, TruncatedIsCorruption) {
  Rng rng(32);
  XorChunk chunk;
  for (int i = 0; i < 50; ++i) chunk.append({{i * 1000}, rng.unit()});
  for (size_t n = 0; n < chunk.data().size(); ++n) {
    std::vector<TimeMs> times;
    std::vector<double> values;
    const auto got = decode_xor(chunk.data().substr(0, n), chunk.count(), times, values);
    ASSERT_FALSE(got) << n;
    EXPECT_EQ(got.error().code, ErrorCode::Corruption);
    EXPECT_EQ(times.size(), values.size());
  }
}

TEST(XorChunk, AnyBytesNeverCrash) {
  const uint64_t seed = 33;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes(rng.below(100), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.next());
    std::vector<TimeMs> times;
    std::vector<double> values;
    const bool good = decode_xor(bytes, 200, times, values).has_value();
    EXPECT_EQ(good, times.size() == 200U);
    EXPECT_EQ(times.size(), values.size());
  }
}

}  // namespace prom5::chunk
