#include "store/chunk/column_chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "model/sample.h"

namespace prom5::chunk {

namespace {

std::vector<uint64_t> bits_of(std::span<const double> values) {
  std::vector<uint64_t> out;
  for (const double v : values) out.push_back(std::bit_cast<uint64_t>(v));
  return out;
}

std::string encoded(const std::vector<TimeMs>& times, const std::vector<double>& values) {
  std::string out;
  encode_chunk(times, values, out);
  return out;
}

void round_trips(const std::vector<double>& values) {
  std::vector<TimeMs> times;
  for (size_t i = 0; i < values.size(); ++i) times.push_back({static_cast<int64_t>(i * 15'000)});
  std::vector<TimeMs> got_times = {{-1}};
  std::vector<double> got = {0.5};
  const auto decoded = decode_chunk(encoded(times, values), got_times, got);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(got_times.size(), values.size() + 1) << "appended behind what is there";
  EXPECT_TRUE(std::equal(times.begin(), times.end(), got_times.begin() + 1));
  ASSERT_EQ(bits_of(std::span(got).subspan(1)), bits_of(values));
}

std::vector<double> random_values(Rng& rng) {
  constexpr double kOdd[] = {0.0,
                             -0.0,
                             1e300,
                             -1e-300,
                             5e-324,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(),
                             9007199254740992.0,
                             9007199254740993.0,
                             0.1,
                             -123.456};
  std::vector<double> out(1 + rng.below(300));
  const uint64_t shape = rng.below(6);
  const double scale = std::pow(10.0, static_cast<double>(rng.below(18)));
  double level = static_cast<double>(rng.below(1'000'000));
  for (double& v : out) {
    switch (shape) {
      case 0: v = static_cast<double>(rng.below(1000)) / scale; break;
      case 1: v = level += static_cast<double>(rng.below(100)); break;
      case 2: v = std::bit_cast<double>(rng.next()); break;
      case 3: v = rng.below(40) == 0 ? kStale : (level += 0.01); break;
      case 4: v = kOdd[rng.below(std::size(kOdd))]; break;
      default: v = 50 + 10 * std::sin(level += 0.1);
    }
  }
  return out;
}

}  // namespace

TEST(ColumnChunk, EveryBitComesBack) {
  const uint64_t seed = 3;
  Rng rng(seed);
  for (int i = 0; i < 5'000; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, chunk {}", seed, i));
    round_trips(random_values(rng));
    if (HasFatalFailure()) return;
  }
}

TEST(ColumnChunk, DecimalsAreAsSmallAsIntegers) {
  std::vector<TimeMs> times;
  std::vector<double> cents;
  std::vector<double> whole;
  Rng rng(5);
  int64_t value = 12'345'678;
  for (int i = 0; i < 480; ++i) {
    times.push_back({i * 15'000});
    value += static_cast<int64_t>(rng.below(8));
    cents.push_back(static_cast<double>(value) / 100);
    whole.push_back(static_cast<double>(value));
  }
  EXPECT_EQ(encoded(times, cents).size(), encoded(times, whole).size());
  EXPECT_LT(encoded(times, cents).size(), 480U / 2);
  // The last sample of a series that went away costs itself and no more.
  const size_t before = encoded(times, cents).size();
  cents.back() = kStale;
  EXPECT_LT(encoded(times, cents).size(), before + 14);
}

TEST(ColumnChunk, DamageIsRefusedAndLeavesTheColumnsAlone) {
  const uint64_t seed = 9;
  Rng rng(seed);
  for (int i = 0; i < 5'000; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, chunk {}", seed, i));
    const std::vector<double> values = random_values(rng);
    std::vector<TimeMs> times;
    for (size_t n = 0; n < values.size(); ++n) times.push_back({static_cast<int64_t>(n)});
    std::string bytes = encoded(times, values);
    bytes.resize(rng.below(bytes.size()));
    std::vector<TimeMs> got_times = {{1}};
    std::vector<double> got = {2};
    const auto decoded = decode_chunk(bytes, got_times, got);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::Corruption);
    EXPECT_EQ(got.size(), 1U);
    EXPECT_EQ(got_times.size(), 1U);
  }
}

}  // namespace prom5::chunk
