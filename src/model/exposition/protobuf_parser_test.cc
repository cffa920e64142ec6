#include "model/exposition/protobuf_parser.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/rng.h"
#include "io/codec/protobuf.h"

namespace prom5::exposition {

namespace {

using codec::ProtoWriter;
using Entry = ProtobufParser::Entry;

std::string label(std::string_view name, std::string_view value) {
  std::string out;
  ProtoWriter writer(out);
  writer.bytes(1, name);
  writer.bytes(2, value);
  return out;
}

/// A metric with one label and a part of a kind.
std::string metric(std::string_view value, uint32_t kind, const std::string& part) {
  std::string out;
  ProtoWriter writer(out);
  writer.bytes(1, label("l", value));
  writer.bytes(kind, part);
  return out;
}

std::string family(std::string_view name, uint64_t type, const std::vector<std::string>& metrics) {
  std::string out;
  ProtoWriter writer(out);
  writer.bytes(1, name);
  writer.bytes(2, "what it is");
  writer.number(3, type);
  for (const std::string& m : metrics) writer.bytes(4, m);
  std::string delimited;
  codec::ByteWriter(delimited).varint(out.size());
  return delimited + out;
}

std::string number(double value) {
  std::string out;
  ProtoWriter(out).real(1, value);
  return out;
}

/// The samples of a page, as a text page would have them.
std::vector<std::string> lines(std::string_view page, ProtobufParser::Options options = {}) {
  std::vector<std::string> out;
  ProtobufParser parser(page, options);
  for (;;) {
    const auto entry = parser.next();
    if (!entry) return {entry.error().message};
    if (*entry == Entry::End) return out;
    if (*entry != Entry::Sample && *entry != Entry::Histogram) continue;
    LabelsBuilder labels;
    if (auto read = parser.labels(labels); !read) return {read.error().message};
    const std::string name(labels.get(kMetricName));
    out.push_back(name + labels.remove(kMetricName).build().to_string() + " " +
                  (*entry == Entry::Histogram ? parser.histogram().to_string()
                                              : fmt::format("{}", parser.value())));
  }
}

std::string classic_histogram() {
  std::string out;
  ProtoWriter writer(out);
  writer.number(1, 7);
  writer.real(2, 9.5);
  for (const auto& [count, bound] : {std::pair<uint64_t, double>{2, 0.5}, {5, 1}}) {
    std::string bucket;
    ProtoWriter b(bucket);
    b.number(1, count);
    b.real(2, bound);
    writer.bytes(3, bucket);
  }
  return out;
}

std::string native_histogram() {
  std::string out = classic_histogram();
  ProtoWriter writer(out);
  writer.zigzag(5, 0);
  writer.real(6, 0.001);
  writer.number(7, 2);
  std::string span;
  ProtoWriter s(span);
  s.zigzag(1, 1);
  s.number(2, 2);
  writer.bytes(12, span);
  std::string deltas;
  codec::ByteWriter d(deltas);
  d.varint(4);  // +2
  d.varint(2);  // +1
  writer.bytes(13, deltas);
  return out;
}

}  // namespace

TEST(ProtobufParser, TellsSinceWhenAMetricCounts) {
  std::string created;
  ProtoWriter time(created);
  time.number(1, 12);
  time.number(2, 345'000'000);
  const auto with = [&](uint32_t field) {
    std::string part = number(1);
    ProtoWriter(part).bytes(field, created);
    return part;
  };
  // Of a counter, a summary, a histogram; gauges have none.
  const std::string page =
      family("c_total", 0, {metric("x", 3, with(3)), metric("y", 3, number(1))}) +
      family("s", 2, {metric("x", 4, with(4))}) + family("h", 4, {metric("x", 7, with(15))}) +
      family("g", 1, {metric("x", 2, number(1))});
  ProtobufParser parser(page, {});
  std::vector<int64_t> starts;
  for (;;) {
    const auto entry = parser.next();
    ASSERT_TRUE(entry) << entry.error().message;
    if (*entry == Entry::End) break;
    if (*entry == Entry::Sample) starts.push_back(parser.start().value_or(TimeMs{}).ms);
  }
  // A counter's sample each, sum and count, bucket, sum and count, the gauge.
  EXPECT_EQ(starts, (std::vector<int64_t>{12'345, 0, 12'345, 12'345, 12'345, 12'345, 12'345, 0}));
}

TEST(ProtobufParser, CountersAndGauges) {
  EXPECT_EQ(
      lines(family("c_total", 0, {metric("x", 3, number(3)), metric("y", 3, number(0.5))}) +
            family("g", 1, {metric("x", 2, number(-1))})),
      (std::vector<std::string>{R"(c_total{l="x"} 3)", R"(c_total{l="y"} 0.5)", R"(g{l="x"} -1)"}));
}

TEST(ProtobufParser, ClassicHistograms) {
  EXPECT_EQ(lines(family("h", 4, {metric("x", 7, classic_histogram())})),
            (std::vector<std::string>{
                R"(h_bucket{l="x", le="0.5"} 2)", R"(h_bucket{l="x", le="1.0"} 5)",
                R"(h_bucket{l="x", le="+Inf"} 7)", R"(h_sum{l="x"} 9.5)", R"(h_count{l="x"} 7)"}));
}

TEST(ProtobufParser, NativeHistogramsWhereTheyAreWanted) {
  const std::string page = family("h", 4, {metric("x", 7, native_histogram())});
  EXPECT_EQ(lines(page).size(), 5U);
  const auto native = lines(page, {.native_histograms = true});
  ASSERT_EQ(native.size(), 1U);
  EXPECT_EQ(native[0], R"(h{l="x"} {count:7, sum:9.5, [-0.001,0.001]:2, (1,2]:2, (2,4]:3})");
  EXPECT_EQ(lines(page, {.native_histograms = true, .always_classic = true}).size(), 6U);
}

TEST(ProtobufParser, TheSameSeriesHasTheSameKeyAndOthersHaveNot) {
  const std::string page =
      family("h", 4, {metric("x", 7, classic_histogram()), metric("y", 7, classic_histogram())});
  std::vector<std::string> first;
  for (int round = 0; round < 2; ++round) {
    ProtobufParser parser(page, {});
    size_t n = 0;
    for (auto entry = parser.next(); entry && *entry != Entry::End; entry = parser.next()) {
      if (*entry != Entry::Sample) continue;
      if (round == 0) {
        EXPECT_EQ(std::count(first.begin(), first.end(), parser.text()), 0);
        first.emplace_back(parser.text());
      } else {
        EXPECT_EQ(parser.text(), first.at(n++));
      }
    }
  }
}

TEST(ProtobufParser, MalformedPagesNameTheFamily) {
  const std::string good = family("g", 1, {metric("x", 2, number(1))});
  EXPECT_EQ(
      lines(good + good.substr(0, good.size() - 3)),
      (std::vector<std::string>{"family 2: the page is cut, or is no length-delimited protobuf"}));
  EXPECT_NE(lines(family("g", 9, {}))[0].find("unknown metric type"), std::string::npos);
  EXPECT_NE(lines(family("", 1, {}))[0].find("invalid metric name"), std::string::npos);
  EXPECT_NE(lines(family("g", 1, {metric("\xff", 2, number(1))}))[0].find("UTF-8"),
            std::string::npos);
}

TEST(ProtobufParser, NoBytesMakeItFail) {
  Rng rng(3);
  const std::string page = family("h", 4, {metric("x", 7, native_histogram())}) +
                           family("g", 1, {metric("x", 2, number(1))});
  for (int i = 0; i < 20'000; ++i) {
    std::string broken = page;
    for (int n = 0; n < 3; ++n) broken[rng.below(broken.size())] = static_cast<char>(rng.next());
    lines(broken, {.native_histograms = true, .always_classic = true});
  }
}

}  // namespace prom5::exposition
