#include "store/prometheus/wal_reader.h"

#include <gtest/gtest.h>

#include "io/codec/bytes.h"
#include "store/prometheus/big_endian.h"

namespace prom5::prometheus {

namespace {

void put_f64(std::string& out, double v) { put_be(out, std::bit_cast<uint64_t>(v), 8); }

/// A histogram of one observation in one bucket, as the log has integer ones.
void put_histogram(std::string& out, bool floats) {
  codec::ByteWriter writer(out);
  const auto count = [&](uint64_t n) {
    floats ? put_f64(out, static_cast<double>(n)) : writer.varint(n);
  };
  writer.u8(0);       // nothing is known of resets
  writer.svarint(1);  // schema
  put_f64(out, 0.001);
  count(0);
  count(1);
  put_f64(out, 2.5);
  writer.varint(1);  // one span
  writer.svarint(3);
  writer.varint(1);
  writer.varint(0);  // no negative ones
  writer.varint(1);  // one bucket
  floats ? put_f64(out, 1) : writer.svarint(1);
  writer.varint(0);
}

}  // namespace

TEST(PrometheusWal, SamplesWithStartTimestamps) {
  std::string record = "\x0b";
  codec::ByteWriter writer(record);
  writer.svarint(70);    // series
  writer.svarint(5000);  // time
  writer.svarint(1000);  // start timestamp
  put_f64(record, 1.5);
  writer.svarint(-3);  // series 67
  writer.svarint(-7);  // 7 ms before the first
  writer.u8(0);        // no start timestamp
  put_f64(record, 2.5);
  writer.svarint(4);    // series 71
  writer.svarint(0);    // at the time of the first
  writer.u8(2);         // a start timestamp of its own
  writer.svarint(500);  // 500 ms behind the first one
  put_f64(record, 3.5);
  writer.svarint(1);  // series 72
  writer.svarint(1);
  writer.u8(1);  // the start timestamp of the one before
  put_f64(record, 4.5);
  writer.svarint(1);  // series 73
  writer.svarint(1);
  writer.u8(2);
  writer.svarint(-2000);  // which would be before 1970
  put_f64(record, 5.5);
  const auto decoded = decode_wal_record(record);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->samples.size(), 5U);
  std::vector<uint64_t> refs;
  std::vector<TimeMs> times;
  std::vector<double> values;
  for (const RefSample& s : decoded->samples) {
    refs.push_back(s.ref);
    times.push_back(s.sample.time);
    values.push_back(s.sample.value);
  }
  EXPECT_EQ(refs, (std::vector<uint64_t>{70, 67, 71, 72, 73}));
  EXPECT_EQ(times, (std::vector<TimeMs>{{5000}, {4993}, {5000}, {5001}, {5001}}));
  EXPECT_EQ(values, (std::vector<double>{1.5, 2.5, 3.5, 4.5, 5.5}));
  EXPECT_EQ(decoded->starts, (std::vector<TimeMs>{{1000}, kNoStart, {1500}, {1500}, kNoStart}));
  for (size_t n = 2; n < record.size(); ++n) {
    const auto part = decode_wal_record(record.substr(0, n));
    if (!part) EXPECT_EQ(part.error().code, ErrorCode::Corruption) << n;
    if (part) EXPECT_EQ(part->starts.size(), part->samples.size()) << n;
  }
}

TEST(PrometheusWal, HistogramsWithStartTimestamps) {
  for (const bool floats : {false, true}) {
    std::string record = floats ? "\x0d" : "\x0c";
    codec::ByteWriter writer(record);
    writer.svarint(70);
    writer.svarint(5000);
    writer.svarint(0);
    put_histogram(record, floats);
    writer.svarint(0);
    writer.svarint(15'000);
    writer.u8(2);
    writer.svarint(4000);
    put_histogram(record, floats);
    const auto decoded = decode_wal_record(record);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->histograms.size(), 2U);
    EXPECT_EQ(decoded->histograms[0].start, kNoStart);
    EXPECT_EQ(decoded->histograms[1].ref, 70U);
    EXPECT_EQ(decoded->histograms[1].time, TimeMs{20'000});
    EXPECT_EQ(decoded->histograms[1].start, TimeMs{4000});
    EXPECT_EQ(decoded->histograms[1].histogram->positive_counts, std::vector<double>{1});
  }
}

TEST(PrometheusWal, SamplesWithoutStartTimestamps) {
  std::string record = "\x02";
  put_be(record, 70, 8);
  put_be(record, 5000, 8);
  codec::ByteWriter writer(record);
  writer.svarint(1);
  writer.svarint(2);
  put_f64(record, 1.5);
  const auto decoded = decode_wal_record(record);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->samples.size(), 1U);
  EXPECT_EQ(decoded->samples[0].ref, 71U);
  EXPECT_EQ(decoded->samples[0].sample.time, TimeMs{5002});
  EXPECT_TRUE(decoded->starts.empty());
}

}  // namespace prom5::prometheus
