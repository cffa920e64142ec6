#include "store/prometheus/start_codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/rng.h"
#include "model/sample.h"
#include "store/prometheus/chunk.h"
#include "store/prometheus/xor2_chunk.h"

namespace prom5::prometheus {

namespace {

/// Zeros and ones as bytes, padded with zeros. Blanks are for the reader.
std::string from_bits(std::string_view text) {
  codec::BitWriter out;
  for (const char c : text) {
    if (c != ' ') out.bit(c == '1');
  }
  return out.data();
}

std::string to_bits(std::string_view bytes) {
  std::string out;
  codec::BitReader in(bytes);
  for (size_t i = 0; i < bytes.size() * 8; ++i) out.push_back(in.bit() ? '1' : '0');
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

void expect_same(std::span<const double> got, std::span<const double> want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) ASSERT_TRUE(same_bits(got[i], want[i])) << i;
}

/// That these bytes are these samples, both ways.
void expect_xor2(const std::string& bytes, const SampleColumns& samples,
                 const std::vector<TimeMs>& starts) {
  SampleColumns got;
  std::vector<TimeMs> got_starts;
  const auto decoded = decode_chunk(4, bytes, got, &got_starts);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(got.times, samples.times);
  expect_same(got.values, samples.values);
  EXPECT_EQ(got_starts, starts);
  std::vector<TimeMs> all = starts;
  all.resize(samples.size(), kNoStart);
  EXPECT_EQ(encode_xor2(samples.times, samples.values, all), bytes);
}

}  // namespace

// The bits of these chunks are derived from Prometheus' description, one line for each sample.

TEST(PrometheusXor2, Floats) {
  SampleColumns samples;
  samples.times = {{1000},  {16000},  {31000},  {46000},   {61005},  {76010},
                   {91015}, {106000}, {206000}, {1306000}, {2406000}};
  samples.values = {1, 2.5, 2.5, 3.5, 3.5, kStale, 3.5, kStale, 1, 2, -2};
  std::string whole = from_hex(
      "000b"              // eleven samples
      "00"                // no start timestamps
      "d00f"              // 1000
      "3ff0000000000000"  // 1
      "9875");            // 15 s later
  whole += from_bits(
      "110 00001 001101 1111111111101"          // 2.5 ^ 1 = 7ff4 << 48: window of 13 bits
      "0"                                       // distance and value as before
      "10 0 0000000000010"                      // 3.5 ^ 2.5 = 0008 << 48, in the window
      "110 0000000000101 0"                     // 5 ms more, the same value
      "11111"                                   // stale
      "0"                                       // 3.5 still: the marker is passed over
      "110 1111111101100 111"                   // 20 ms less; stale
      "1110 00010100110000010111"               // 85,015 ms more
      "10 1111111111111"                        //   1 ^ 3.5 = 7ffc << 48
      "11110 00000000000000000000000000000000"  // 1,000,000 ms more
      "00000000000011110100001001000000"        //
      "10 1111111111100"                        //   2 ^ 1 = 7ff0 << 48
      "10 1 00000 000001 1");                   // only the sign changes: window of 1 bit
  expect_xor2(whole, samples, {});
}

TEST(PrometheusXor2, StartThatChanges) {
  SampleColumns samples;
  samples.times = {{1000}, {2000}, {3000}, {4000}, {5000}};
  samples.values = {1, 1, 1, 1, 1};
  const std::string bytes = from_hex(
      "0005"
      "82"                                                // the first is known, the third changes
      "d00f"                                              // 1000
      "3ff0000000000000"                                  // 1
      "b009"                                              // 1000 - 400
      "e807");                                            // one second later
  expect_xor2(bytes + from_bits("0"                       // the same value
                                "0 11110 111000001100"    // 2000 - 2500 = -500
                                "0 11110 001111101000"    // 3000 - 2500 = 500: 1000 more
                                "0 11110 001111101000"),  // 4000 - 2500: 1000 more
              samples, {{400}, {400}, {2500}, {2500}, {2500}});
}

TEST(PrometheusXor2, StartThatBecomesKnownAndUnknown) {
  SampleColumns samples;
  samples.times = {{1000}, {2000}, {3000}, {4000}};
  samples.values = {kStale, kStale, 1, 1};
  const std::string bytes = from_hex(
      "0004"
      "01"                                                // the second is the first that is known
      "d00f"                                              // 1000
      "7ff0000000000002"                                  // stale
      "e807");                                            // one second later
  expect_xor2(bytes + from_bits("111 11110 111000001100"  // stale; 1000 - 1500
                                "10 1 00010 001010 1111111111"   // 1 ^ 0 = 3ff0 << 48
                                "11110 001111101000"             // 2000 - 1500: 1000 more
                                "0 111110 000000100111000100"),  // 3000 - 0: 2500 more
              samples, {kNoStart, {1500}, {1500}, kNoStart});
}

/// Bytes of Prometheus' own code, with start timestamps put between the samples.
TEST(PrometheusStarts, HistogramsHaveThemBehindEachSample) {
  const std::string plain =
      to_bits(from_hex("000200ff3f50624dd2f1a9fc8ca48c5e3e8c4c900c999999999999a3197c1d"
                       "4c4e3b42d100"));
  SampleColumns want;
  ASSERT_TRUE(decode_chunk(2, from_bits(plain), want));
  constexpr size_t kLayout = 24;
  constexpr size_t kFirstEnds = 233;
  constexpr size_t kSecondEnds = 289;
  // Hint 2 (a reset) and two samples; the first's start is known, the second's another one.
  const std::string bytes = from_bits(
      "10 00000000000010"
      "1 0000001" +
      plain.substr(kLayout, kFirstEnds - kLayout) + "10110000 00001001" +          // 1000 - 400
      plain.substr(kFirstEnds, kSecondEnds - kFirstEnds) + "11110 111000001100");  // 1000 - 1500
  SampleColumns got;
  std::vector<TimeMs> starts;
  const auto decoded = decode_chunk(5, bytes, got, &starts);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(got.times, want.times);
  ASSERT_EQ(got.histograms.size(), 2U);
  EXPECT_EQ(*got.histograms[1], *want.histograms[1]);
  EXPECT_EQ(got.histograms[0]->reset_hint, CounterResetHint::Reset);
  EXPECT_EQ(starts, (std::vector<TimeMs>{{400}, {1500}}));
}

namespace {

enum class Pattern : uint8_t { None, Constant, EachOther, LateChange, BecomesKnown, Any, kCount };

TimeMs random_time(Rng& rng) {
  return {static_cast<int64_t>(rng.next() >> rng.below(64)) * (rng.below(2) == 0 ? 1 : -1)};
}

std::vector<TimeMs> random_starts(Rng& rng, Pattern pattern, size_t count) {
  std::vector<TimeMs> out(count, kNoStart);
  const TimeMs constant = random_time(rng);
  const size_t change = pattern == Pattern::LateChange ? 126 + rng.below(5) : rng.below(count);
  for (size_t i = 0; i < count; ++i) {
    switch (pattern) {
      case Pattern::None:
      case Pattern::kCount: break;
      case Pattern::Constant: out[i] = constant; break;
      case Pattern::EachOther: out[i] = {static_cast<int64_t>(1'000 * i + rng.below(20))}; break;
      case Pattern::LateChange: out[i] = constant + DurationMs{i < change ? 0 : 1}; break;
      case Pattern::BecomesKnown: out[i] = i < change ? kNoStart : constant; break;
      case Pattern::Any: out[i] = rng.below(2) == 0 ? random_time(rng) : kNoStart; break;
    }
  }
  return out;
}

double random_value(Rng& rng, double last) {
  switch (rng.below(8)) {
    case 0: return kStale;
    case 1: return std::bit_cast<double>(rng.next());
    case 2: return std::numeric_limits<double>::infinity();
    case 3: return std::bit_cast<double>(0xFFF8'0000'0000'0000 + rng.below(1'000));
    case 4: return static_cast<double>(rng.below(50));
    default: return last;
  }
}

SampleColumns random_floats(Rng& rng, size_t count) {
  SampleColumns out;
  TimeMs time{static_cast<int64_t>(rng.below(1'000'000)) - 500'000};
  const bool regular = rng.below(2) == 0;
  double value = 1;
  for (size_t i = 0; i < count; ++i) {
    const bool jump = !regular || rng.below(10) == 0;
    const uint64_t distance = jump ? rng.next() >> (24 + rng.below(40)) : 15'000;
    time = time + DurationMs{1 + static_cast<int64_t>(distance)};
    value = random_value(rng, value);
    out.times.push_back(time);
    out.values.push_back(value);
  }
  return out;
}

/// A chunk that knows no start timestamp says so by none at all.
void expect_starts(std::vector<TimeMs> got, const std::vector<TimeMs>& want) {
  if (got.empty()) got.resize(want.size(), kNoStart);
  ASSERT_EQ(got, want);
}

}  // namespace

TEST(PrometheusXor2, GivesBackWhatItWasGiven) {
  const uint64_t seed = 7;
  Rng rng(seed);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    const SampleColumns samples = random_floats(rng, 1 + rng.below(300));
    const auto pattern = static_cast<Pattern>(rng.below(static_cast<uint64_t>(Pattern::kCount)));
    const std::vector<TimeMs> starts = random_starts(rng, pattern, samples.size());
    const std::string bytes = encode_xor2(samples.times, samples.values, starts);
    SampleColumns got;
    std::vector<TimeMs> got_starts;
    ASSERT_TRUE(decode_chunk(4, bytes, got, &got_starts));
    ASSERT_EQ(got.times, samples.times);
    expect_same(got.values, samples.values);
    expect_starts(got_starts, starts);
    got.clear();
    ASSERT_TRUE(decode_chunk(4, bytes, got));  // nobody asks for start timestamps
    expect_same(got.values, samples.values);
    got.clear();
    EXPECT_FALSE(decode_chunk(4, bytes.substr(0, bytes.size() - 1), got, &got_starts));
    EXPECT_TRUE(got.size() == 0 && got_starts.empty());
  }
}

TEST(PrometheusStarts, HistogramsGiveBackWhatTheyWereGiven) {
  const uint64_t seed = 9;
  Rng rng(seed);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    SampleColumns samples = random_floats(rng, 1 + rng.below(300));
    const double part = rng.below(2) == 0 ? 0 : 0.5;
    for (size_t i = 0; i < samples.size(); ++i) {
      auto h = std::make_shared<Histogram>();
      h->sum = samples.values[i] = is_stale(samples.values[i]) ? kStale : 1;
      h->positive_spans = {{0, 1}};
      h->positive_counts = {static_cast<double>(i) + part};
      h->count = h->positive_counts[0];
      if (is_stale(h->sum)) *h = Histogram{.sum = kStale};
      samples.histograms.push_back(std::move(h));
    }
    const auto pattern = static_cast<Pattern>(rng.below(static_cast<uint64_t>(Pattern::kCount)));
    const std::vector<TimeMs> starts = random_starts(rng, pattern, samples.size());
    SampleColumns got;
    for (const EncodedChunk& chunk : encode_chunks(samples, starts)) {
      const size_t before = got.size();
      std::vector<TimeMs> got_starts;
      ASSERT_GE(chunk.encoding, Encoding::HistogramStarts);
      ASSERT_TRUE(decode_chunk(static_cast<uint8_t>(chunk.encoding), chunk.data, got, &got_starts));
      expect_starts(got_starts,
                    std::vector<TimeMs>(starts.begin() + static_cast<ptrdiff_t>(before),
                                        starts.begin() + static_cast<ptrdiff_t>(got.size())));
    }
    ASSERT_EQ(got.times, samples.times);
    expect_same(got.values, samples.values);
    ASSERT_EQ(got.histograms.size(), samples.histograms.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got.histograms[i]->positive_counts, samples.histograms[i]->positive_counts);
    }
  }
}

TEST(PrometheusStarts, NoBytesMakeItFail) {
  Rng rng(13);
  for (int round = 0; round < 20'000; ++round) {
    std::string data;
    for (uint64_t n = rng.below(80); n > 0; --n) data.push_back(static_cast<char>(rng.next()));
    if (!data.empty()) data[0] = 0;
    SampleColumns out;
    std::vector<TimeMs> starts;
    const auto encoding = static_cast<uint8_t>(4 + rng.below(3));
    if (!decode_chunk(encoding, data, out, &starts)) EXPECT_EQ(out.size() + starts.size(), 0U);
    ASSERT_EQ(out.times.size(), out.values.size());
    ASSERT_TRUE(starts.empty() || starts.size() == out.times.size());
  }
}

}  // namespace prom5::prometheus
