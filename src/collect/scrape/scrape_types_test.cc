// Labels of type and unit: what pages tell of them, and what comes of it when that changes.

#include <gtest/gtest.h>

#include <map>

#include "collect/scrape/scrape_loop.h"
#include "store/memory_storage.h"

namespace prom5::scrape {

namespace {

constexpr std::string_view kText = "text/plain; version=0.0.4";
constexpr std::string_view kOpenMetrics = "application/openmetrics-text";
constexpr std::string_view kProtobuf =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

using Samples = std::map<int64_t, double>;

class ScrapeTypesTest : public testing::Test {
 protected:
  ScrapeTypesTest() {
    options_.job_name = "api";
    options_.type_and_unit_labels = true;
  }

  ScrapeLoop make_loop() {
    Target target;
    target.labels = Labels{{"job", "api"}};
    target.classic_to_custom_buckets = options_.classic_to_custom_buckets;
    return ScrapeLoop(target, std::make_shared<ScrapeOptions>(options_), storage_, metrics_);
  }
  static void take(ScrapeLoop& loop, int64_t second, std::string body,
                   std::string_view type = kText) {
    io::HttpClientResponse response;
    response.status = 200;
    response.headers.add("Content-Type", std::string(type));
    response.body = std::move(body);
    ASSERT_TRUE(loop.take({TimeMs{second * 1000}, 0.25, std::move(response)}));
    EXPECT_EQ(loop.status().last_error, "");
  }

  /// The samples of what the pages told by series, without its job; of histograms the count. -1
  /// is the end of a series.
  std::map<std::string, Samples> stored() {
    std::map<std::string, Samples> out;
    const auto querier = *storage_.querier({});
    const auto set = *querier->select({});
    SampleColumns columns;
    while (set->next()) {
      const std::string_view name = set->labels().get(kMetricName);
      if (name == "up" || name.starts_with("scrape_")) {
        EXPECT_FALSE(set->labels().has(kTypeLabel)) << name;
        continue;
      }
      EXPECT_TRUE(set->read(columns));
      Samples& samples = out[set->labels().without("job").to_string()];
      for (size_t i = 0; i < columns.size(); ++i) {
        const bool histogram = !columns.histograms.empty() && columns.histograms[i];
        const double value = histogram ? columns.histograms[i]->sum : columns.values[i];
        samples[columns.times[i].ms / 1000] = is_stale(value) ? -1 : value;
      }
    }
    return out;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& [series, samples] : stored()) out.push_back(series);
    return out;
  }

  ScrapeOptions options_;
  MemoryStorage storage_;
  MetricRegistry registry_;
  ScrapeMetrics metrics_{registry_};
};

using Names = std::vector<std::string>;
using Stored = std::map<std::string, Samples>;

TEST_F(ScrapeTypesTest, TextPagesTellTypes) {
  ScrapeLoop loop = make_loop();
  take(loop, 0,
       "# TYPE a_total counter\na_total{x=\"1\"} 1\n# TYPE g gauge\ng 2\n# TYPE u untyped\nu 3\n"
       "# HELP h Only help.\nh 4\n# UNIT n bytes\nn 5\n");
  EXPECT_EQ(names(), (Names{R"({__name__="a_total", __type__="counter", x="1"})",
                            R"({__name__="g", __type__="gauge"})", R"({__name__="h"})",
                            R"({__name__="n"})", R"({__name__="u"})"}));
}

TEST_F(ScrapeTypesTest, OpenMetricsTellsUnitsToo) {
  ScrapeLoop loop = make_loop();
  take(loop, 0,
       "# TYPE a_bytes counter\n# UNIT a_bytes bytes\na_bytes_total 1\n"
       "# TYPE s_seconds summary\n# UNIT s_seconds seconds\ns_seconds{quantile=\"0.5\"} 2\n"
       "s_seconds_count 3\n# TYPE i info\ni_info 1\n# TYPE n_m unknown\n# UNIT n_m m\nn_m 4\n# "
       "EOF\n",
       kOpenMetrics);
  EXPECT_EQ(
      names(),
      (Names{R"({__name__="a_bytes_total", __type__="counter", __unit__="bytes"})",
             R"({__name__="i_info", __type__="info"})", R"({__name__="n_m", __unit__="m"})",
             R"({__name__="s_seconds", __type__="summary", __unit__="seconds", quantile="0.5"})",
             R"({__name__="s_seconds_count", __type__="summary", __unit__="seconds"})"}));
}

TEST_F(ScrapeTypesTest, ProtobufTellsThemLikewise) {
  // MetricFamily{name: "a", type: GAUGE, metric: [{gauge: {value: 1}}], unit: "m"}
  const std::string gauge = std::string("\x12\x09\x09\0\0\0\0\0\0\xf0\x3f", 11);
  const std::string family = std::string(
                                 "\x0a\x01"
                                 "a\x18\x01",
                                 5) +
                             "\x22" + static_cast<char>(gauge.size()) + gauge + "\x2a\x01m";
  ScrapeLoop loop = make_loop();
  take(loop, 0, static_cast<char>(family.size()) + family, kProtobuf);
  EXPECT_EQ(stored(), (Stored{{R"({__name__="a", __type__="gauge", __unit__="m"})", {{0, 1}}}}));
}

TEST_F(ScrapeTypesTest, ThePageKnowsBetterThanItsLabels) {
  ScrapeLoop loop = make_loop();
  take(loop, 0,
       "# TYPE a gauge\na{__type__=\"x\",__unit__=\"y\"} 1\nb{__type__=\"x\",__unit__=\"y\"} 2\n");
  EXPECT_EQ(names(), (Names{R"({__name__="a", __type__="gauge", __unit__="y"})",
                            R"({__name__="b", __type__="x", __unit__="y"})"}));
}

TEST_F(ScrapeTypesTest, WhatOnlyStandsBelowAFamilyIsNotOfIt) {
  ScrapeLoop loop = make_loop();
  take(loop, 0,
       "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\na_other 1\nb 1\n");
  EXPECT_EQ(names(),
            (Names{R"({__name__="a_bucket", __type__="histogram", le="+Inf"})",
                   R"({__name__="a_count", __type__="histogram"})", R"({__name__="a_other"})",
                   R"({__name__="a_sum", __type__="histogram"})", R"({__name__="b"})"}));
}

TEST_F(ScrapeTypesTest, RelabellingSeesThem) {
  options_.metric_relabel_configs.resize(1);
  RelabelConfig& rule = options_.metric_relabel_configs[0];
  rule.source_labels = {"__type__"};
  rule.regex = Regex::compile("gauge").value();
  rule.action = RelabelAction::Drop;
  ScrapeLoop loop = make_loop();
  take(loop, 0, "# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n");
  EXPECT_EQ(names(), Names{R"({__name__="b", __type__="counter"})"});
}

/// The series of the type before ends, as a series that went away does.
TEST_F(ScrapeTypesTest, AnotherTypeIsAnotherSeries) {
  ScrapeLoop loop = make_loop();
  const auto page = [](const std::string& type, int a, int b) {
    return "# TYPE a " + type + "\na " + std::to_string(a) + "\n# TYPE b gauge\nb " +
           std::to_string(b) + "\n";
  };
  take(loop, 0, page("gauge", 1, 1));
  take(loop, 15, page("gauge", 2, 2));
  take(loop, 30, page("counter", 3, 3));
  take(loop, 45, page("counter", 4, 4));
  take(loop, 60, page("gauge", 5, 5));
  EXPECT_EQ(stored(),
            (Stored{{R"({__name__="a", __type__="gauge"})", {{0, 1}, {15, 2}, {30, -1}, {60, 5}}},
                    {R"({__name__="a", __type__="counter"})", {{30, 3}, {45, 4}, {60, -1}}},
                    {R"({__name__="b", __type__="gauge"})",
                     {{0, 1}, {15, 2}, {30, 3}, {45, 4}, {60, 5}}}}));
}

TEST_F(ScrapeTypesTest, AnotherUnitIsAnotherSeries) {
  ScrapeLoop loop = make_loop();
  const auto page = [](const std::string& unit) {
    return "# TYPE a_" + unit + " gauge\n# UNIT a_" + unit + " " + unit + "\na_" + unit +
           " 1\n# EOF\n";
  };
  take(loop, 0, page("m"), kOpenMetrics);
  take(loop, 15, "# TYPE a_m gauge\na_m 2\n# EOF\n", kOpenMetrics);
  EXPECT_EQ(stored(),
            (Stored{{R"({__name__="a_m", __type__="gauge", __unit__="m"})", {{0, 1}, {15, -1}}},
                    {R"({__name__="a_m", __type__="gauge"})", {{15, 2}}}}));
}

/// A line that had no type because it stood in another family gets it when it has its own.
TEST_F(ScrapeTypesTest, ALineMayComeIntoItsOwnFamily) {
  ScrapeLoop loop = make_loop();
  take(loop, 0, "# TYPE a gauge\na 1\nb 1\n");
  take(loop, 15, "# TYPE a gauge\na 2\n# TYPE b gauge\nb 2\n");
  EXPECT_EQ(stored(), (Stored{{R"({__name__="a", __type__="gauge"})", {{0, 1}, {15, 2}}},
                              {R"({__name__="b"})", {{0, 1}, {15, -1}}},
                              {R"({__name__="b", __type__="gauge"})", {{15, 2}}}}));
}

TEST_F(ScrapeTypesTest, TheEndOfATargetEndsThem) {
  ScrapeLoop loop = make_loop();
  take(loop, 0, "# TYPE a_m gauge\n# UNIT a_m m\na_m 1\n# EOF\n", kOpenMetrics);
  ASSERT_TRUE(loop.end(TimeMs{15'000}));
  EXPECT_EQ(stored(),
            (Stored{{R"({__name__="a_m", __type__="gauge", __unit__="m"})", {{0, 1}, {15, -1}}}}));
}

TEST_F(ScrapeTypesTest, HistogramsOfCustomBuckets) {
  options_.classic_to_custom_buckets = true;
  ScrapeLoop loop = make_loop();
  take(loop, 0,
       "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n");
  EXPECT_EQ(stored(), (Stored{{R"({__name__="h", __type__="histogram"})", {{0, 3}}}}));
}

TEST_F(ScrapeTypesTest, WithoutTheFeatureThereAreNone) {
  options_.type_and_unit_labels = false;
  ScrapeLoop loop = make_loop();
  take(loop, 0, "# TYPE a_m gauge\n# UNIT a_m m\na_m 1\n# EOF\n", kOpenMetrics);
  take(loop, 15, "# TYPE a_m unknown\na_m 2\n# EOF\n", kOpenMetrics);
  EXPECT_EQ(stored(), (Stored{{R"({__name__="a_m"})", {{0, 1}, {15, 2}}}}));
}

}  // namespace

}  // namespace prom5::scrape
