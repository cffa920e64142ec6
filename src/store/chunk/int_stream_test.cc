#include "store/chunk/int_stream.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5::chunk {

namespace {

std::string encoded(const std::vector<int64_t>& values) {
  std::string out;
  encode_ints(values, out);
  return out;
}

/// The bytes after the column must be left alone, and the column must not rely on them.
void round_trips(const std::vector<int64_t>& values) {
  for (const std::string_view tail : {"", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"}) {
    const std::string bytes = encoded(values) + std::string(tail);
    codec::ByteReader in(bytes);
    std::vector<int64_t> got(values.size());
    const auto decoded = decode_ints(in, got);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(got, values);
    ASSERT_EQ(in.rest(), tail);
  }
}

/// One of the shapes that columns have.
std::vector<int64_t> random_column(Rng& rng) {
  std::vector<int64_t> out(1 + rng.below(rng.below(4) == 0 ? 3 : 600));
  const uint64_t shape = rng.below(7);
  const unsigned width = static_cast<unsigned>(rng.below(64));
  int64_t level = static_cast<int64_t>(rng.next() >> rng.below(64));
  const auto noise = [&] { return static_cast<int64_t>(rng.next() >> (63 - width)); };
  for (size_t i = 0; i < out.size(); ++i) {
    switch (shape) {
      case 0: break;  // constant
      case 1: level = static_cast<int64_t>(rng.next()); break;
      case 2:
        level = static_cast<int64_t>(static_cast<uint64_t>(level) + (rng.next() >> 60));
        break;
      case 3: level = noise(); break;
      case 4: level = rng.below(50) == 0 ? noise() : level; break;
      case 5: level = rng.below(100) == 0 ? 0 : static_cast<int64_t>(15'000 * i); break;
      default:
        level = rng.below(3) == 0 ? std::numeric_limits<int64_t>::min()
                                  : std::numeric_limits<int64_t>::max();
    }
    out[i] = level;
  }
  return out;
}

}  // namespace

TEST(IntStream, RoundTripOfManyShapes) {
  const uint64_t seed = 42;
  Rng rng(seed);
  for (int i = 0; i < 5'000; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, column {}", seed, i));
    round_trips(random_column(rng));
    if (HasFatalFailure()) return;
  }
}

TEST(IntStream, EvenGrowthAndRestCostAFewBytes) {
  std::vector<int64_t> times(480);
  for (size_t i = 0; i < times.size(); ++i) {
    times[i] = 1'700'000'000'000 + static_cast<int64_t>(i) * 15'000;
  }
  EXPECT_LE(encoded(times).size(), 12U);
  EXPECT_LE(encoded(std::vector<int64_t>(480, -7)).size(), 2U);
  times[100] += 1;  // one scrape a millisecond late
  EXPECT_LE(encoded(times).size(), 25U);
}

TEST(IntStream, AResetOfACounterStandsApart) {
  std::vector<int64_t> counter;
  Rng rng(7);
  int64_t value = 100'000'000;
  for (int i = 0; i < 480; ++i) {
    if (i == 200) value = 0;
    counter.push_back(value += static_cast<int64_t>(rng.below(16)));
  }
  // Four bits of chance in each sample, evenly spread, which is what Rice codes suit least.
  EXPECT_LE(encoded(counter).size(), 480 * 4 / 8 * 120 / 100);
}

TEST(IntStream, DamagedBytesAreRefusedOrGiveNumbers) {
  const uint64_t seed = 11;
  Rng rng(seed);
  for (int i = 0; i < 5'000; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, column {}", seed, i));
    const std::vector<int64_t> values = random_column(rng);
    std::string bytes = encoded(values);
    if (rng.below(2) == 0) {
      bytes.resize(rng.below(bytes.size()));
    } else {
      bytes[rng.below(bytes.size())] ^= static_cast<char>(1 << rng.below(8));
    }
    codec::ByteReader in(bytes);
    std::vector<int64_t> got(values.size());
    if (const auto decoded = decode_ints(in, got); !decoded) {
      EXPECT_EQ(decoded.error().code, ErrorCode::Corruption);
    }
  }
}

}  // namespace prom5::chunk
