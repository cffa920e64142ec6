#include "collect/ingest/remote_write.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

#include "base/log.h"
#include "io/codec/compress.h"
#include "io/file/memory_file_system.h"
#include "store/memory_storage.h"
#include "store/tsdb/db.h"

namespace prom5::ingest {

namespace {

std::string varint(uint64_t n) {
  std::string out;
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
  return out;
}
std::string number(uint32_t field, uint64_t n) { return varint(field << 3) + varint(n); }
std::string real(uint32_t field, double value) {
  std::string out = varint((field << 3) | 1);
  const auto bits = std::bit_cast<uint64_t>(value);
  for (unsigned i = 0; i < 64; i += 8) out += static_cast<char>(bits >> i);
  return out;
}
std::string bytes(uint32_t field, std::string_view text) {
  return varint((field << 3) | 2) + varint(text.size()) + std::string(text);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string sample(int64_t ms, double value) {
  return bytes(2, real(1, value) + number(2, static_cast<uint64_t>(ms)));
}
std::string series(const Pairs& labels, std::string_view rest) {
  std::string out;
  for (const auto& [name, value] : labels) out += bytes(1, bytes(1, name) + bytes(2, value));
  return bytes(1, out + std::string(rest));
}

class RemoteWriteTest : public testing::Test {
 protected:
  io::HttpResponse post(std::string body, std::string type = "application/x-protobuf",
                        std::string encoding = "snappy") {
    io::HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/write";
    if (!type.empty()) request.headers.add("Content-Type", std::move(type));
    if (!encoding.empty()) request.headers.add("Content-Encoding", std::move(encoding));
    request.body = std::move(body);
    return RemoteWriteReceiver(storage_, options_, clock_, metrics_).handle(request);
  }
  io::HttpResponse send(const std::string& message) {
    return post(codec::snappy_compress(message));
  }

  /// All samples, by series as text and milliseconds; of histograms the count.
  std::map<std::string, std::map<int64_t, double>> stored() {
    std::map<std::string, std::map<int64_t, double>> out;
    const auto querier = *storage_.querier({});
    const auto set = *querier->select({});
    SampleColumns columns;
    while (set->next()) {
      EXPECT_TRUE(set->read(columns));
      for (size_t i = 0; i < columns.size(); ++i) {
        const bool histogram = !columns.histograms.empty() && columns.histograms[i];
        out[set->labels().to_string()][columns.times[i].ms] =
            histogram ? columns.histograms[i]->count : columns.values[i];
      }
    }
    return out;
  }

  MemoryStorage storage_;
  MetricRegistry metrics_;
  RemoteWriteOptions options_;
  ManualClock clock_{TimeMs{1'700'000'000'000}};
};

using Stored = std::map<std::string, std::map<int64_t, double>>;

}  // namespace

TEST_F(RemoteWriteTest, StoresSamples) {
  const auto answer = send(series({{"__name__", "a"}, {"job", "x"}}, sample(1, 2) + sample(2, 3)) +
                           series({{"__name__", "b"}}, sample(-5, 4)));
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(stored(), (Stored{{R"({__name__="a", job="x"})", {{1, 2}, {2, 3}}},
                              {R"({__name__="b"})", {{-5, 4}}}}));
}

TEST_F(RemoteWriteTest, SamplesFarInTheFutureAreRefused) {
  const int64_t now = clock_.now().ms;
  const auto answer = send(series({{"__name__", "a"}}, sample(now + 600'000, 1)) +
                           series({{"__name__", "b"}}, sample(now + 600'001, 2)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("1 of 2 samples were not stored"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("in the future"), std::string::npos) << answer.body;
  EXPECT_EQ(stored(), (Stored{{R"({__name__="a"})", {{now + 600'000, 1}}}}));
}

TEST_F(RemoteWriteTest, AZeroThresholdThatIsNoNumberIsRefused) {
  for (const double threshold : {double{NAN}, -1.0, double{INFINITY}}) {
    const std::string h = real(5, threshold) + number(15, 1);
    EXPECT_EQ(send(series({{"__name__", "h"}}, bytes(4, h))).status, 400) << threshold;
  }
  EXPECT_TRUE(stored().empty());
}

TEST_F(RemoteWriteTest, IntegerHistogramsMustAddUp) {
  const auto post_count = [&](uint64_t count, double sum, int64_t at) {
    // Two observations in bucket 0 of schema 0.
    const std::string h = number(1, count) + real(3, sum) + bytes(11, number(2, 1)) +
                          bytes(12, varint(4)) + number(15, static_cast<uint64_t>(at));
    return send(series({{"__name__", "h"}}, bytes(4, h))).status;
  };
  EXPECT_EQ(post_count(2, 3.5, 1), 204);
  EXPECT_EQ(post_count(3, 3.5, 2), 400);
  EXPECT_EQ(post_count(3, NAN, 3), 204) << "a NaN observation is in no bucket";
  EXPECT_EQ(post_count(1, NAN, 4), 400);
}

/// Over the real database, which keeps references: the second sample of a series takes another way
/// through the receiver, and must end up the same.
TEST(RemoteWriteToDb, KnownSeriesTakeTheShortWay) {
  io::MemoryFileSystem files;
  ManualClock clock{TimeMs{1'700'000'000'000}};
  MetricRegistry metrics;
  const Log log(LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {});
  const auto db = tsdb::Db::open({}, clock, files, metrics, log).value();
  RemoteWriteReceiver receiver(*db, {}, clock, metrics);
  const auto send = [&](const std::string& message) {
    io::HttpRequest request;
    request.headers.add("Content-Type", "application/x-protobuf");
    request.body = codec::snappy_compress(message);
    return receiver.handle(request);
  };
  const Pairs a = {{"__name__", "a"}, {"job", "x"}};
  const Pairs b = {{"__name__", "b"}, {"long", std::string(300, 'l')}};
  for (int64_t ms = 1; ms <= 5; ++ms) {
    EXPECT_EQ(
        send(series(a, sample(ms, static_cast<double>(ms))) + series(b, sample(ms, 7))).status,
        204);
  }
  // Labels behind the sample belong to the series, too, and make it another one.
  const std::string more = bytes(1, bytes(1, "z") + bytes(2, "1"));
  EXPECT_EQ(send(series(a, sample(6, 6) + more)).status, 204);
  const auto late = send(series(a, sample(2, 9)));
  EXPECT_EQ(late.status, 400);
  EXPECT_NE(late.body.find("a"), std::string::npos) << "the reason names the series";
  std::map<std::string, size_t> counts;
  auto querier = db->querier({}).value();
  auto set = querier->select({}).value();
  SampleColumns columns;
  while (set->next()) {
    ASSERT_TRUE(set->read(columns));
    counts[set->labels().to_string()] = columns.size();
  }
  EXPECT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[R"({__name__="a", job="x"})"], 5U);
  EXPECT_EQ(counts[R"({__name__="a", job="x", z="1"})"], 1U);
}

TEST_F(RemoteWriteTest, ContentTypes) {
  const std::string body = codec::snappy_compress(series({{"__name__", "a"}}, sample(1, 2)));
  const auto is = [&](std::string type, std::string encoding, int want) {
    EXPECT_EQ(post(body, type, encoding).status, want) << type << " / " << encoding;
  };
  is("application/x-protobuf", "snappy", 204);
  is("application/x-protobuf", "", 204);
  is("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204);
  is("application/x-protobuf; proto=prometheus.WriteRequest", "snappy", 204);
  // The message of version 1 under the name of version 2.
  is("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 400);
  is("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", 415);
  is("application/json", "snappy", 415);
  is("", "snappy", 415);
  is("application/x-protobuf", "gzip", 415);
  is("application/x-protobuf", "zstd", 415);
}

TEST_F(RemoteWriteTest, RefusesMalformedBodies) {
  const auto refused = [this](const std::string& body, int status) {
    const auto answer = post(body);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_FALSE(answer.body.empty());
    EXPECT_TRUE(stored().empty());
  };
  refused("", 400);
  refused("no snappy", 400);
  refused(std::string("\xFF\xFF\xFF\xFF\xFF\xFF", 6), 400);
  const std::string good = codec::snappy_compress(series({{"__name__", "a"}}, sample(1, 2)));
  for (size_t n = 0; n < good.size(); ++n) refused(good.substr(0, n), 400);
}

TEST_F(RemoteWriteTest, RefusesMalformedMessages) {
  const auto refused = [this](const std::string& message) {
    EXPECT_EQ(send(message).status, 400);
    EXPECT_TRUE(stored().empty());
  };
  const std::string good = series({{"__name__", "a"}}, sample(1, 2));
  for (size_t n = 1; n < good.size(); ++n) refused(good.substr(0, n));
  refused("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F");     // longer than the message
  refused("\x0B");                                             // a group
  refused(std::string("\0\0", 2));                             // field 0
  refused(good + bytes(1, "\x0A\x7F"));                        // one broken series of two
  refused(series({{"__name__", "a"}}, bytes(2, "\x09\x01")));  // half a number
}

TEST_F(RemoteWriteTest, AnEmptyRequestIsGood) {
  EXPECT_EQ(send("").status, 204);
  EXPECT_EQ(send(bytes(2, "reserved") + number(99, 1)).status, 204);  // unknown fields
  EXPECT_TRUE(stored().empty());
}

TEST_F(RemoteWriteTest, ABodyHasALimit) {
  options_.max_body_bytes = 100;
  const std::string body = codec::snappy_compress(std::string(101, 'x'));
  EXPECT_EQ(post(body).status, 413);
}

TEST_F(RemoteWriteTest, InvalidSeriesAreLeftOutAndTheRestIsKept) {
  const auto kept = [this](const Pairs& labels, std::string_view reason) {
    storage_.clear();
    const auto answer =
        send(series(labels, sample(1, 1)) + series({{"__name__", "good"}}, sample(1, 2)));
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find("1 of 2 samples"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find(reason), std::string::npos) << answer.body;
    EXPECT_EQ(stored(), (Stored{{R"({__name__="good"})", {{1, 2}}}}));
  };
  kept({}, "no metric name");
  kept({{"job", "x"}}, "no metric name");
  kept({{"__name__", ""}}, "no metric name");
  kept({{"__name__", "a"}, {"", "x"}}, "no name");
  kept({{"__name__", "a"}, {"x", "1"}, {"x", "2"}}, "not unique");
  kept({{"__name__", "a"}, {"x", "\xFF"}}, "UTF-8");
  kept({{"__name__", "a\xC3"}}, "UTF-8");
}

TEST_F(RemoteWriteTest, Histograms) {
  const std::string spans = bytes(11, number(1, 0) + number(2, 2));  // two buckets from 0
  const std::string integer = number(1, 3) + real(3, 4.5) + number(4, 0) + spans +
                              bytes(12, varint(2) + varint(2)) + number(15, 10);  // 1, then +1
  EXPECT_EQ(send(series({{"__name__", "h"}}, bytes(4, integer))).status, 204);
  EXPECT_EQ(stored(), (Stored{{R"({__name__="h"})", {{10, 3}}}}));
  // More counts than the spans have buckets.
  const std::string broken = number(1, 3) + bytes(12, varint(2)) + number(15, 20);
  EXPECT_EQ(send(series({{"__name__", "h"}}, bytes(4, broken))).status, 400);
  EXPECT_EQ(stored(), (Stored{{R"({__name__="h"})", {{10, 3}}}}));
}

TEST_F(RemoteWriteTest, Metadata) {
  const std::string family =
      number(1, 1) + bytes(2, "a_total") + bytes(4, "Things.") + bytes(5, "bytes");
  EXPECT_EQ(send(bytes(3, family)).status, 204);
  const auto metadata = storage_.metadata();
  ASSERT_TRUE(metadata.contains("a_total"));
  const Metadata want{MetricType::Counter, "Things.", "bytes"};
  EXPECT_EQ(metadata.at("a_total").at(0), want);
}

/// A series of version 2 with one sample: its labels and metadata refer to these symbols.
std::string series_v2(const std::vector<uint64_t>& labels, std::string_view metadata) {
  std::string refs;
  for (const uint64_t ref : labels) refs += varint(ref);
  return bytes(5, bytes(1, refs) + sample(1, 1) + bytes(5, metadata));
}

TEST_F(RemoteWriteTest, TypeAndUnitBecomeLabels) {
  std::string symbols;
  // 0 to 7
  for (const char* text : {"", "__name__", "a", "bytes", "__type__", "__unit__", "said", "b"}) {
    symbols += bytes(4, text);
  }
  const auto stores = [&](const std::vector<uint64_t>& labels, std::string_view metadata,
                          const std::string& want) {
    storage_.clear();
    const auto answer = post(codec::snappy_compress(symbols + series_v2(labels, metadata)),
                             "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    EXPECT_EQ(answer.status, 204) << answer.body;
    EXPECT_EQ(stored(), (Stored{{want, {{1, 1}}}}));
  };
  const std::string counter = number(1, 1);
  const std::string bytes_unit = number(4, 3);
  stores({1, 2}, counter + bytes_unit, R"({__name__="a"})");
  options_.type_and_unit_labels = true;
  stores({1, 2}, counter + bytes_unit, R"({__name__="a", __type__="counter", __unit__="bytes"})");
  stores({1, 2}, counter, R"({__name__="a", __type__="counter"})");
  stores({1, 2}, bytes_unit, R"({__name__="a", __unit__="bytes"})");
  stores({1, 2}, "", R"({__name__="a"})");
  // The metadata knows better than labels do, and where there is none the labels stay.
  const std::vector<uint64_t> labelled = {1, 2, 4, 6, 5, 6, 7, 6};
  stores(labelled, counter, R"({__name__="a", __type__="counter", b="said"})");
  stores(labelled, bytes_unit, R"({__name__="a", __unit__="bytes", b="said"})");
  stores(labelled, "", R"({__name__="a", __type__="said", __unit__="said", b="said"})");
}

TEST_F(RemoteWriteTest, StalenessMarkersKeepTheirBits) {
  EXPECT_EQ(send(series({{"__name__", "a"}}, sample(1, kStale))).status, 204);
  EXPECT_TRUE(is_stale(stored()[R"({__name__="a"})"][1]));
}

}  // namespace prom5::ingest
