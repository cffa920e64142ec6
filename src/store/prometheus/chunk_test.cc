#include "store/prometheus/chunk.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace prom5::prometheus {

namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::shared_ptr<Histogram> two_spans(double count, double zero, double sum,
                                     std::vector<double> counts) {
  auto h = std::make_shared<Histogram>();
  h->schema = 1;
  h->zero_threshold = 0.001;
  h->zero_count = zero;
  h->count = count;
  h->sum = sum;
  h->positive_spans = {{0, 2}, {1, 1}};
  h->positive_counts = std::move(counts);
  return h;
}

void expect_same(const SampleColumns& got, const SampleColumns& want) {
  ASSERT_EQ(got.times, want.times);
  for (size_t i = 0; i < want.size(); ++i) {
    const bool histogram = !want.histograms.empty() && want.histograms[i] != nullptr;
    ASSERT_EQ(!got.histograms.empty() && got.histograms[i] != nullptr, histogram) << i;
    if (!histogram || is_stale(want.values[i])) {
      ASSERT_TRUE(same_bits(got.values[i], want.values[i])) << i;
      continue;
    }
    Histogram a = *got.histograms[i];
    Histogram b = *want.histograms[i];
    a.reset_hint = b.reset_hint = CounterResetHint::Unknown;
    ASSERT_EQ(a, b) << i;
  }
}

SampleColumns decode_all(const std::vector<EncodedChunk>& chunks) {
  SampleColumns out;
  for (const EncodedChunk& chunk : chunks) {
    EXPECT_TRUE(decode_chunk(static_cast<uint8_t>(chunk.encoding), chunk.data, out));
    EXPECT_EQ(out.times.back(), chunk.range.end);
  }
  return out;
}

}  // namespace

/// Bytes that Prometheus' own code wrote for these samples.
TEST(PrometheusChunk, FloatsAreByteForByteAsPrometheusWritesThem) {
  SampleColumns samples;
  samples.times = {{1000}, {16000}, {31005}};
  samples.values = {1, 2.5, 2.5};
  const auto chunks = encode_chunks(samples);
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].data, from_hex("0003d00f3ff00000000000009875c26fff600140"));
  expect_same(decode_all(chunks), samples);
}

TEST(PrometheusChunk, HistogramsAreByteForByteAsPrometheusWritesThem) {
  SampleColumns samples;
  samples.times = {{1000}, {16000}};
  samples.values = {18.4, 20.4};
  samples.histograms = {two_spans(9, 2, 18.4, {1, 2, 4}), two_spans(12, 3, 20.4, {1, 3, 5})};
  const auto chunks = encode_chunks(samples);
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].encoding, Encoding::Histogram);
  EXPECT_EQ(chunks[0].data,
            from_hex("000200ff3f50624dd2f1a9fc8ca48c5e3e8c4c900c999999999999a3197c1d"
                     "4c4e3b42d100"));
  const SampleColumns got = decode_all(chunks);
  expect_same(got, samples);
  EXPECT_EQ(got.histograms[0]->reset_hint, CounterResetHint::Unknown);
  EXPECT_EQ(got.histograms[1]->reset_hint, CounterResetHint::NotReset);
}

TEST(PrometheusChunk, ReadsWhatPrometheusWrote) {
  SampleColumns stale;
  ASSERT_TRUE(decode_chunk(2,
                           from_hex("000300ff3f50624dd2f1a9fc8ca48c5e3e8c4c900c999999999999a3197c1d"
                                    "4c4e3b42d10c5e7f88ccccccccccc8"),
                           stale));
  ASSERT_EQ(stale.size(), 3U);
  EXPECT_TRUE(is_stale(stale.values[2]));
  SampleColumns gauge;
  ASSERT_TRUE(decode_chunk(2, from_hex("0001c07446378c67e3e899005000000000000251"), gauge));
  const Histogram& g = *gauge.histograms.at(0);
  EXPECT_EQ(g.reset_hint, CounterResetHint::Gauge);
  EXPECT_EQ(g.zero_threshold, std::ldexp(1.0, -128));
  EXPECT_EQ(g.positive_spans, (std::vector<HistogramSpan>{{-1, 1}}));
  EXPECT_EQ(g.negative_counts, std::vector<double>{1});
  SampleColumns custom;
  ASSERT_TRUE(decode_chunk(2,
                           from_hex("00010000ee5c664ede5dd209742400000000078fa2c401e00000000000"
                                    "08c620"),
                           custom));
  EXPECT_EQ(custom.histograms.at(0)->custom_bounds, (std::vector<double>{0.005, 1.5, 1e6}));
  SampleColumns floats;
  ASSERT_TRUE(decode_chunk(
      3,
      from_hex("000200008ca48c5e3e840220000000000004000000000000000403280000"
               "00000003ff000000000000040000000000000004010000000000000f83a98d81dd80f685b603da0c"),
      floats));
  EXPECT_EQ(floats.histograms.at(1)->positive_counts, (std::vector<double>{1, 3, 5}));
}

TEST(PrometheusChunk, GivesBackWhatItWasGiven) {
  const uint64_t seed = 31;
  Rng rng(seed);
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    SampleColumns samples;
    TimeMs time{static_cast<int64_t>(rng.below(1'000'000)) - 500'000};
    const bool histograms = rng.below(2) == 0;
    const bool whole = rng.below(2) == 0;
    double running = 0;
    for (uint64_t n = 1 + rng.below(400); n > 0; --n) {
      time = time + DurationMs{1 + static_cast<int64_t>(rng.next() >> (20 + rng.below(43)))};
      samples.times.push_back(time);
      samples.values.push_back(rng.below(3) == 0 ? std::bit_cast<double>(rng.next())
                                                 : static_cast<double>(rng.below(50)));
      if (!histograms) continue;
      samples.histograms.resize(samples.times.size());
      if (rng.below(20) == 0) continue;
      running = rng.below(9) == 0 ? 0 : running + static_cast<double>(rng.below(9));
      auto h = two_spans(running + 3, 1, samples.values.back(),
                         {running, whole ? 2.0 : 0.25 * running, 0});
      if (rng.below(15) == 0) h->positive_spans = {{-7, 3}};
      if (rng.below(15) == 0) h->reset_hint = CounterResetHint::Gauge;
      if (rng.below(25) == 0) {
        h = std::make_shared<Histogram>();
        h->sum = kStale;
        samples.values.back() = kStale;
      }
      if (std::isnan(h->sum) && !is_stale(h->sum)) h->sum = samples.values.back() = 1;
      samples.histograms.back() = std::move(h);
    }
    expect_same(decode_all(encode_chunks(samples)), samples);
  }
}

TEST(PrometheusChunk, SmallChunksDoNotBecomeAnyNumberOfHistograms) {
  auto h = std::make_shared<Histogram>();
  h->positive_spans = {{0, 1'000}};
  h->positive_counts.resize(1'000, 1);
  h->count = 1'000;
  EncodedChunk chunk = encode_chunks({{{1}, {2}}, {0, 0}, {h, h}}).at(0);
  SampleColumns out;
  ASSERT_TRUE(decode_chunk(static_cast<uint8_t>(chunk.encoding), chunk.data, out));
  chunk.data[0] = '\xff';  // the number of samples
  chunk.data[1] = '\xff';
  const auto refused = decode_chunk(static_cast<uint8_t>(chunk.encoding), chunk.data, out);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("too large"), std::string::npos);
}

TEST(PrometheusChunk, NoBytesMakeItFail) {
  Rng rng(12);
  for (int round = 0; round < 20'000; ++round) {
    std::string data;
    for (uint64_t n = rng.below(80); n > 0; --n) data.push_back(static_cast<char>(rng.next()));
    if (data.size() > 1) data[0] = 0;
    SampleColumns out;
    const auto decoded = decode_chunk(static_cast<uint8_t>(rng.below(8)), data, out);
    if (!decoded) EXPECT_EQ(out.size(), 0U);
    ASSERT_EQ(out.times.size(), out.values.size());
  }
}

}  // namespace prom5::prometheus
