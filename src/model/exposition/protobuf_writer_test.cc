#include "model/exposition/protobuf_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/exposition/classic_buckets.h"
#include "model/exposition/protobuf_parser.h"

namespace prom5::exposition {

namespace {

using Kind = ProtobufWriter::Kind;
using Buckets = std::vector<std::pair<double, double>>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Labels labels_of(const ProtobufParser& parser) {
  LabelsBuilder builder;
  EXPECT_TRUE(parser.labels(builder));
  return builder.build();
}

Histogram custom() {
  Histogram h;
  h.schema = Histogram::kCustomSchema;
  h.custom_bounds = {1, 2, 4};
  h.positive_spans = {{1, 1}, {1, 1}};  // up to 2, and beyond 4
  h.positive_counts = {3, 2};
  h.count = 5;
  h.sum = 20;
  return h;
}

}  // namespace

TEST(ProtobufWriter, WhatIsWrittenIsRead) {
  Histogram h;
  h.schema = 3;
  h.zero_threshold = 0.25;
  h.zero_count = 1.5;
  h.count = 7.5;
  h.sum = -2;
  h.positive_spans = {{-2, 1}, {3, 2}};
  h.positive_counts = {1, 2, 1};
  h.negative_spans = {{5, 1}};
  h.negative_counts = {2};
  std::string page;
  ProtobufWriter writer(page);
  writer.family("a", Kind::Untyped);
  writer.sample({{"x", "1"}, {"y", ""}}, 2.5, TimeMs{60'000});
  writer.sample({}, kInfinity, TimeMs{-1});
  writer.family("h", Kind::GaugeHistogram);
  writer.histogram({{"x", "2"}}, h, TimeMs{70'000});
  writer.finish();

  using Entry = ProtobufParser::Entry;
  ProtobufParser parser(page, {.native_histograms = true});
  ASSERT_EQ(parser.next(), Entry::Family);
  EXPECT_EQ(parser.family().name, "a");
  EXPECT_EQ(parser.family().metadata.type, MetricType::Unknown);
  ASSERT_EQ(parser.next(), Entry::Sample);
  EXPECT_EQ(labels_of(parser), (Labels{{"__name__", "a"}, {"x", "1"}}));
  EXPECT_EQ(parser.value(), 2.5);
  EXPECT_EQ(parser.time(), TimeMs{60'000});
  ASSERT_EQ(parser.next(), Entry::Sample);
  EXPECT_EQ(parser.value(), kInfinity);
  EXPECT_EQ(parser.time(), TimeMs{-1});
  ASSERT_EQ(parser.next(), Entry::Family);
  EXPECT_EQ(parser.family().metadata.type, MetricType::GaugeHistogram);
  ASSERT_EQ(parser.next(), Entry::Histogram);
  EXPECT_EQ(labels_of(parser), (Labels{{"__name__", "h"}, {"x", "2"}}));
  Histogram read = parser.histogram();
  EXPECT_EQ(read.reset_hint, CounterResetHint::Gauge);
  read.reset_hint = h.reset_hint;
  EXPECT_EQ(read, h);
  EXPECT_EQ(parser.time(), TimeMs{70'000});
  EXPECT_EQ(parser.next(), Entry::End);
}

TEST(ProtobufWriter, AnEmptyHistogramIsANativeOneToo) {
  std::string page;
  ProtobufWriter writer(page);
  writer.family("h", Kind::Histogram);
  writer.histogram({}, Histogram{}, TimeMs{1});
  writer.finish();
  ProtobufParser parser(page, {.native_histograms = true});
  ASSERT_EQ(parser.next(), ProtobufParser::Entry::Family);
  EXPECT_EQ(parser.next(), ProtobufParser::Entry::Histogram);
}

TEST(ProtobufWriter, CustomBucketsBecomeClassicOnes) {
  EXPECT_EQ(classic_buckets(custom()), (Buckets{{1, 0}, {2, 3}, {4, 3}, {kInfinity, 5}}));
  std::string page;
  ProtobufWriter writer(page);
  writer.family("h", Kind::Histogram);
  writer.histogram({}, custom(), TimeMs{1});
  writer.finish();
  ProtobufParser parser(page, {.native_histograms = true});
  ASSERT_EQ(parser.next(), ProtobufParser::Entry::Family);
  std::map<std::string, double> samples;
  while (parser.next() == ProtobufParser::Entry::Sample) {
    const Labels labels = labels_of(parser);
    samples[std::string(labels.get(kMetricName)) + std::string(labels.get("le"))] = parser.value();
  }
  EXPECT_EQ(samples, (std::map<std::string, double>{{"h_bucket1.0", 0},
                                                    {"h_bucket2.0", 3},
                                                    {"h_bucket4.0", 3},
                                                    {"h_bucket+Inf", 5},
                                                    {"h_sum", 20},
                                                    {"h_count", 5}}));
}

}  // namespace prom5::exposition
