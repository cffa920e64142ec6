#include "collect/ingest/otlp_names.h"

#include <gtest/gtest.h>

namespace prom5::ingest {

namespace {

using enum OtlpTranslation;

std::string name(std::string name, std::string unit, OtlpKind kind, bool monotonic,
                 OtlpTranslation translation = UnderscoreEscapingWithSuffixes) {
  OtlpMetric metric;
  metric.name = std::move(name);
  metric.unit = std::move(unit);
  metric.kind = kind;
  metric.monotonic = monotonic;
  return otlp_metric_name(metric, translation).value_or("refused");
}

}  // namespace

TEST(OtlpNames, UnitsAndTypesAreSuffixes) {
  EXPECT_EQ(name("http.server.duration", "ms", OtlpKind::Histogram, false),
            "http_server_duration_milliseconds");
  EXPECT_EQ(name("system.io", "By", OtlpKind::Sum, true), "system_io_bytes_total");
  EXPECT_EQ(name("speed", "m/s", OtlpKind::Gauge, false), "speed_meters_per_second");
  EXPECT_EQ(name("cpu.utilization", "1", OtlpKind::Gauge, false), "cpu_utilization_ratio");
  EXPECT_EQ(name("requests", "{request}", OtlpKind::Sum, true), "requests_total");
  EXPECT_EQ(name("total.requests", "1", OtlpKind::Sum, true), "requests_total");
  EXPECT_EQ(name("size_bytes", "By", OtlpKind::Gauge, false), "size_bytes");
  EXPECT_EQ(name("2xx", "", OtlpKind::Gauge, false), "_2xx");
}

TEST(OtlpNames, OtherStrategies) {
  EXPECT_EQ(name("a.b", "s", OtlpKind::Sum, true, UnderscoreEscapingWithoutSuffixes), "a_b");
  EXPECT_EQ(name("a.b", "s", OtlpKind::Sum, true, NoUtf8EscapingWithSuffixes), "a.b_seconds_total");
  EXPECT_EQ(name("a.b", "s", OtlpKind::Sum, true, NoTranslation), "a.b");
}

TEST(OtlpNames, NamesOfWhichNothingIsLeftAreRefused) {
  EXPECT_EQ(name("", "", OtlpKind::Gauge, false), "refused");
  EXPECT_EQ(name("°", "", OtlpKind::Gauge, false), "refused");
}

TEST(OtlpNames, Labels) {
  OtlpOptions options;
  EXPECT_EQ(*otlp_label_name("http.method", options), "http_method");
  EXPECT_EQ(*otlp_label_name("1st", options), "key_1st");
  EXPECT_EQ(*otlp_label_name("_private", options), "key_private");
  EXPECT_EQ(*otlp_label_name("a..b", options), "a__b");
  EXPECT_FALSE(otlp_label_name("__", options));
  options.label_name_preserve_multiple_underscores = false;
  EXPECT_EQ(*otlp_label_name("a..b", options), "a_b");
  EXPECT_FALSE(otlp_label_name("", options));
}

TEST(OtlpNames, Units) {
  EXPECT_EQ(otlp_unit("By/s"), "bytes_per_second");
  EXPECT_EQ(otlp_unit("1"), "");
  EXPECT_EQ(otlp_unit("{packet}"), "");
}

}  // namespace prom5::ingest
