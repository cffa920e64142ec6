#include "collect/scrape/scrape_loop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "base/rng.h"
#include "store/memory_storage.h"

namespace prom5::scrape {

namespace {

constexpr TimeMs kStart{60'000};

TimeMs at(int64_t second) { return kStart + DurationMs::seconds(second); }

class ScrapeLoopTest : public testing::Test {
 protected:
  ScrapeLoopTest() { options_.job_name = "api"; }

  ScrapeLoop make_loop() {
    Target target;
    target.labels = Labels{{"job", "api"}, {"instance", "a:1"}};
    target.url = "http://a:1/metrics";
    return ScrapeLoop(target, std::make_shared<ScrapeOptions>(options_), storage_, metrics_);
  }

  static ScrapeLoop::Outcome page(int64_t second, std::string body,
                                  std::string type = "text/plain; version=0.0.4") {
    io::HttpClientResponse response;
    response.status = 200;
    if (!type.empty()) response.headers.add("Content-Type", std::move(type));
    response.body = std::move(body);
    return {at(second), 0.25, std::move(response)};
  }
  static ScrapeLoop::Outcome failure(int64_t second, ErrorCode code, const std::string& message) {
    return {at(second), 0.25, std::unexpected(Error{code, message})};
  }
  static ScrapeLoop::Outcome status(int64_t second, int code) {
    auto out = page(second, "a 1\n");
    out.response->status = code;
    return out;
  }

  /// The samples of the one series that `labels` (besides job and instance) name.
  std::map<int64_t, double> samples(std::string_view name, const Labels& labels = {}) {
    LabelsBuilder builder(labels);
    builder.set(kMetricName, name).set("job", "api").set("instance", "a:1");
    return samples_of(builder.build());
  }
  std::map<int64_t, double> samples_of(const Labels& wanted) {
    std::map<int64_t, double> out;
    const auto querier = *storage_.querier({});
    const auto set = *querier->select({});
    SampleColumns columns;
    while (set->next()) {
      if (set->labels() != wanted) continue;
      EXPECT_TRUE(set->read(columns));
      for (size_t i = 0; i < columns.size(); ++i) {
        out[(columns.times[i] - kStart).ms / 1000] = columns.values[i];
      }
    }
    return out;
  }
  /// Of series with these names: name, second of the sample, second of the start.
  std::set<std::tuple<std::string, int64_t, int64_t>> starts() {
    std::set<std::tuple<std::string, int64_t, int64_t>> out;
    const auto querier = *storage_.querier({});
    const auto set = *querier->select({});
    SampleColumns columns;
    std::vector<TimeMs> starts;
    while (set->next()) {
      EXPECT_TRUE(set->read(columns));
      EXPECT_TRUE(set->read_starts(columns.times, starts));
      for (size_t i = 0; i < starts.size(); ++i) {
        if (starts[i] == kNoStart) continue;
        out.emplace(set->labels().get(kMetricName), (columns.times[i] - kStart).ms / 1000,
                    starts[i].ms / 1000);
      }
    }
    return out;
  }
  /// The value of a sample that must be there.
  double value(std::string_view name, int64_t second) {
    const auto all = samples(name);
    const auto found = all.find(second);
    if (found != all.end()) return found->second;
    ADD_FAILURE() << name << " has no sample at " << second;
    return NAN;
  }

  ScrapeOptions options_;
  MemoryStorage storage_;
  MetricRegistry registry_;
  ScrapeMetrics metrics_{registry_};
};

using Samples = std::map<int64_t, double>;

}  // namespace

TEST_F(ScrapeLoopTest, StoresAPageAndItsReport) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\nb{x=\"y\"} 2\n")));
  ASSERT_TRUE(loop.take(page(15, "a 3\nb{x=\"y\"} 4\nc 5\n")));
  EXPECT_EQ(samples("a"), (Samples{{0, 1}, {15, 3}}));
  EXPECT_EQ(samples("b", {{"x", "y"}}), (Samples{{0, 2}, {15, 4}}));
  EXPECT_EQ(samples("up"), (Samples{{0, 1}, {15, 1}}));
  EXPECT_EQ(samples("scrape_duration_seconds"), (Samples{{0, 0.25}, {15, 0.25}}));
  EXPECT_EQ(samples("scrape_samples_scraped"), (Samples{{0, 2}, {15, 3}}));
  EXPECT_EQ(samples("scrape_samples_post_metric_relabeling"), (Samples{{0, 2}, {15, 3}}));
  EXPECT_EQ(samples("scrape_series_added"), (Samples{{0, 2}, {15, 1}}));
  EXPECT_EQ(loop.status().health, "up");
  EXPECT_EQ(loop.status().last_scrape, at(15));
  EXPECT_EQ(loop.status().last_error, "");
}

/// Series come and go and change places; some names begin as others do.
TEST_F(ScrapeLoopTest, EachLineIsItsOwnSeriesInWhateverOrder) {
  struct Line {
    std::string text;
    std::string name;
    Labels labels;
  };
  const std::vector<Line> lines = {
      {"a", "a", {}},
      {"ab", "ab", {}},
      {"abc", "abc", {}},
      {R"(a{x="1"})", "a", {{"x", "1"}}},
      {R"(a {x="2"})", "a", {{"x", "2"}}},
      {R"(a{x="1}"})", "a", {{"x", "1}"}}},
      {R"(a{x="1",y="\"}"})", "a", {{"x", "1"}, {"y", "\"}"}}},
      {R"({"a",x="3"})", "a", {{"x", "3"}}},
  };
  const uint64_t seed = 17;
  Rng rng(seed);
  ScrapeLoop loop = make_loop();
  std::vector<Samples> want(lines.size());
  std::vector<bool> present(lines.size());
  for (int64_t second = 0; second < 300; ++second) {
    SCOPED_TRACE(fmt::format("seed {}, page {}", seed, second));
    std::vector<size_t> order;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (rng.below(5) > 0) order.push_back(i);
    }
    if (rng.below(3) == 0 && order.size() > 1) {
      std::swap(order[rng.below(order.size())], order[rng.below(order.size())]);
    }
    const bool refused = rng.below(10) == 0;
    std::string body;
    std::vector<bool> now(lines.size());
    for (const size_t i : order) {
      const auto value = static_cast<double>(rng.below(1000));
      body += fmt::format("{}{} {}\n", lines[i].text, rng.below(4) == 0 ? " " : "", value);
      if (!refused) want[i][second] = value;
      now[i] = !refused;
    }
    if (refused) body += "what is this\n";
    for (size_t i = 0; i < lines.size(); ++i) {
      if (present[i] && !now[i]) want[i][second] = kStale;
    }
    present = now;
    ASSERT_TRUE(loop.take(page(second, body)));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    const Samples got = samples(lines[i].name, lines[i].labels);
    ASSERT_EQ(got.size(), want[i].size()) << lines[i].text;
    for (const auto& [second, value] : want[i]) {
      ASSERT_TRUE(same_bits(got.at(second), value)) << lines[i].text << " at " << second;
    }
  }
}

TEST_F(ScrapeLoopTest, StatusBeforeTheFirstScrape) {
  const TargetStatus status = make_loop().status();
  EXPECT_EQ(status.health, "unknown");
  EXPECT_EQ(status.job, "api");
  EXPECT_EQ(status.last_scrape, TimeMs{0});
}

TEST_F(ScrapeLoopTest, ASeriesThatVanishesBecomesStale) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\nb 1\n")));
  ASSERT_TRUE(loop.take(page(15, "a 2\n")));
  ASSERT_TRUE(loop.take(page(30, "a 3\n")));
  EXPECT_EQ(samples("a"), (Samples{{0, 1}, {15, 2}, {30, 3}}));
  const Samples b = samples("b");
  ASSERT_EQ(b.size(), 2U);  // marked once
  EXPECT_TRUE(is_stale(b.at(15)));
  ASSERT_TRUE(loop.take(page(45, "a 4\nb 7\n")));
  EXPECT_EQ(value("b", 45), 7);
}

TEST_F(ScrapeLoopTest, AFailureEndsAllSeriesButItsReport) {
  const auto fails = [this](ScrapeLoop::Outcome outcome, std::string_view error) {
    storage_.clear();
    ScrapeLoop loop = make_loop();
    ASSERT_TRUE(loop.take(page(0, "a 1\n")));
    ASSERT_TRUE(loop.take(std::move(outcome)));
    EXPECT_TRUE(is_stale(value("a", 15))) << error;
    EXPECT_EQ(value("up", 15), 0) << error;
    EXPECT_EQ(value("scrape_duration_seconds", 15), 0.25);
    EXPECT_EQ(value("scrape_series_added", 15), 0);
    EXPECT_EQ(loop.status().health, "down");
    EXPECT_NE(loop.status().last_error.find(error), std::string::npos) << loop.status().last_error;
  };
  fails(failure(15, ErrorCode::Unavailable, "connection refused"), "connection refused");
  fails(failure(15, ErrorCode::Timeout, "deadline exceeded"), "deadline exceeded");
  fails(failure(15, ErrorCode::LimitExceeded, "body size limit exceeded"), "body size limit");
  fails(status(15, 500), "server returned HTTP status 500 Internal Server Error");
  fails(status(15, 404), "server returned HTTP status 404 Not Found");
  fails(page(15, "a 1\nthis is no sample\n"), "");
  fails(page(15, "a 1\n", "application/json"), "application/json");
  fails(page(15, "a 1\n", ""), "Content-Type");
}

TEST_F(ScrapeLoopTest, CountsBodiesThatAreTooLarge) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(failure(0, ErrorCode::LimitExceeded, "body size limit exceeded")));
  EXPECT_EQ(metrics_.body_too_large.value(), 1U);
  EXPECT_EQ(metrics_.failures.value(), 1U);
  EXPECT_EQ(metrics_.scrapes.value(), 1U);
}

TEST_F(ScrapeLoopTest, FallbackTakesAnyContentType) {
  options_.fallback_protocol = ScrapeProtocol::PrometheusText004;
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\n", "")));
  EXPECT_EQ(value("a", 0), 1);
  EXPECT_EQ(value("up", 0), 1);
}

TEST_F(ScrapeLoopTest, Limits) {
  using O = ScrapeOptions;
  const auto limited = [this](uint64_t O::* limit, uint64_t most, std::string_view body, bool up,
                              std::string_view error) {
    storage_.clear();
    options_ = {};
    options_.*limit = most;
    ScrapeLoop loop = make_loop();
    ASSERT_TRUE(loop.take(page(0, std::string(body))));
    EXPECT_EQ(value("up", 0), up ? 1 : 0) << body;
    EXPECT_EQ(samples("a").size(), up ? 1U : 0U) << body;
    EXPECT_NE(loop.status().last_error.find(error), std::string::npos) << loop.status().last_error;
  };
  limited(&O::sample_limit, 2, "a 1\nb 1\n", true, "");
  limited(&O::sample_limit, 2, "a 1\nb 1\nc 1\n", false, "sample limit");
  limited(&O::label_limit, 3, "a 1\n", true, "");  // with the name, job and instance
  limited(&O::label_limit, 3, "a 1\nb{x=\"1\"} 1\n", false, "label_limit exceeded");
  limited(&O::label_name_length_limit, 8, "a 1\n", true, "");
  limited(&O::label_name_length_limit, 8, "a 1\nb{ninechars=\"1\"} 1\n", false,
          "label_name_length_limit exceeded");
  limited(&O::label_value_length_limit, 4, "a 1\nb{x=\"1234\"} 1\n", true, "");
  limited(&O::label_value_length_limit, 4, "a 1\nb{x=\"12345\"} 1\n", false,
          "label_value_length_limit exceeded");
}

// Prometheus goes on counting past the limit, so that its report says by how much it was passed.
TEST_F(ScrapeLoopTest, TheReportOfARefusedPageCountsTheWholePage) {
  options_.sample_limit = 2;
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\nb 1\nc 1\n")));
  EXPECT_EQ(value("up", 0), 0);
  EXPECT_EQ(value("scrape_samples_scraped", 0), 3);
  EXPECT_EQ(metrics_.sample_limit.value(), 1U);
}

TEST_F(ScrapeLoopTest, NothingOfARefusedPageIsStored) {
  options_.sample_limit = 2;
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\n")));
  ASSERT_TRUE(loop.take(page(15, "a 2\nb 1\nc 1\n")));
  const Samples a = samples("a");
  ASSERT_EQ(a.size(), 2U);
  EXPECT_TRUE(is_stale(a.at(15)));
  EXPECT_TRUE(samples("b").empty());  // never had a sample, so there is nothing to end
  EXPECT_TRUE(samples("c").empty());
  ASSERT_TRUE(loop.take(page(30, "a 3\nb 3\n")));
  EXPECT_EQ(value("a", 30), 3);
  EXPECT_EQ(value("b", 30), 3);
}

TEST_F(ScrapeLoopTest, LabelsThatTheTargetHasToo) {
  const auto stored = [this](bool honor, std::string_view line, const Labels& want) {
    storage_.clear();
    options_.honor_labels = honor;
    ScrapeLoop loop = make_loop();
    ASSERT_TRUE(loop.take(page(0, std::string(line))));
    EXPECT_EQ(samples_of(want), (Samples{{0, 1}})) << line << " as " << want.to_string();
  };
  const std::string_view line = "a{job=\"own\"} 1\n";
  stored(false, line,
         {{"__name__", "a"}, {"instance", "a:1"}, {"job", "api"}, {"exported_job", "own"}});
  stored(true, line, {{"__name__", "a"}, {"instance", "a:1"}, {"job", "own"}});
  stored(false, "a{job=\"own\",exported_job=\"x\"} 1\n",
         {{"__name__", "a"},
          {"instance", "a:1"},
          {"job", "api"},
          {"exported_job", "x"},
          {"exported_exported_job", "own"}});
  // As federation and the Pushgateway say that there is none.
  stored(true, "a{job=\"\"} 1\n", {{"__name__", "a"}, {"instance", "a:1"}});
  stored(false, "a{job=\"\"} 1\n", {{"__name__", "a"}, {"instance", "a:1"}, {"job", "api"}});
}

TEST_F(ScrapeLoopTest, MetricRelabelling) {
  RelabelConfig drop;
  drop.action = RelabelAction::Drop;
  drop.source_labels = {"__name__"};
  drop.regex = *Regex::compile("go_.*");
  options_.metric_relabel_configs = {drop};
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\ngo_x 1\ngo_y 1\n")));
  EXPECT_TRUE(samples("go_x").empty());
  EXPECT_EQ(value("scrape_samples_scraped", 0), 3);
  EXPECT_EQ(value("scrape_samples_post_metric_relabeling", 0), 1);
  EXPECT_EQ(value("scrape_series_added", 0), 1);
}

TEST_F(ScrapeLoopTest, Timestamps) {
  const std::string own = "a 1 " + std::to_string(at(-5).ms) + "\n";
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, own)));
  EXPECT_EQ(samples("a"), (Samples{{-5, 1}}));
  ASSERT_TRUE(loop.take(page(15, "b 1\n")));
  EXPECT_EQ(samples("a"), (Samples{{-5, 1}}));  // whose end is not ours to tell
  storage_.clear();
  options_.honor_timestamps = false;
  ScrapeLoop ignoring = make_loop();
  ASSERT_TRUE(ignoring.take(page(0, own)));
  EXPECT_EQ(samples("a"), (Samples{{0, 1}}));
}

TEST_F(ScrapeLoopTest, OpenMetricsTellsStartsBehindTheirSamples) {
  const auto text = [](std::string_view a, std::string_view h) {
    return fmt::format(
        "# TYPE a counter\na_total{{x=\"1\"}} 1\na_created{{x=\"1\"}} {}\na_total{{x=\"2\"}} 1\n"
        "# TYPE g gauge\ng 1\ng_created 7\n# TYPE h histogram\nh_bucket{{le=\"1\"}} 1\n"
        "h_bucket{{le=\"+Inf\"}} 2\nh_count 2\nh_sum 3\nh_created {}\n# EOF\n",
        a, h);
  };
  constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0";
  for (const bool as_start : {false, true}) {
    SCOPED_TRACE(as_start);
    storage_.clear();
    options_.created_as_start = as_start;
    ScrapeLoop loop = make_loop();
    ASSERT_TRUE(loop.take(page(0, text("40", "50.5"), std::string(kOpenMetrics))));
    ASSERT_TRUE(loop.take(page(15, text("40", "50.5"), std::string(kOpenMetrics))));
    ASSERT_TRUE(loop.take(page(30, text("70", "NaN"), std::string(kOpenMetrics))));
    std::set<std::tuple<std::string, int64_t, int64_t>> expected;
    for (const int64_t second : {0, 15}) {
      expected.emplace("a_total", second, 40);
      for (const char* of_h : {"h_bucket", "h_count", "h_sum"}) {
        expected.emplace(of_h, second, 50);
      }
    }
    expected.emplace("a_total", 30, 70);
    EXPECT_EQ(starts(), expected);
    EXPECT_EQ(samples("a_created", {{"x", "1"}}),
              as_start ? Samples() : (Samples{{0, 40}, {15, 40}, {30, 70}}));
    EXPECT_EQ(samples("g_created"), (Samples{{0, 7}, {15, 7}, {30, 7}}));
    EXPECT_EQ(value("scrape_samples_scraped", 30), as_start ? 8 : 10);
  }
}

TEST_F(ScrapeLoopTest, StartsMayStandAnywhere) {
  ScrapeLoop loop = make_loop();
  const std::string text =
      "# TYPE a counter\na_created{x=\"1\"} 40\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\n"
      "a_total{x=\"3\"} 1\na_created{x=\"2\"} 50\na_created{x=\"3\"} 60\n# EOF\n";
  for (const int64_t second : {0, 15}) {
    ASSERT_TRUE(loop.take(page(second, text, "application/openmetrics-text; version=1.0.0")));
  }
  EXPECT_EQ(starts(), (std::set<std::tuple<std::string, int64_t, int64_t>>{{"a_total", 0, 40},
                                                                           {"a_total", 0, 50},
                                                                           {"a_total", 0, 60},
                                                                           {"a_total", 15, 40},
                                                                           {"a_total", 15, 50},
                                                                           {"a_total", 15, 60}}));
}

TEST_F(ScrapeLoopTest, CustomBucketsHaveTheirStart) {
  Target target;
  target.labels = Labels{{"job", "api"}, {"instance", "a:1"}};
  target.classic_to_custom_buckets = true;
  ScrapeLoop loop(target, std::make_shared<ScrapeOptions>(options_), storage_, metrics_);
  const std::string text =
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n"
      "h_created 50\n# EOF\n";
  ASSERT_TRUE(loop.take(page(0, text, "application/openmetrics-text; version=1.0.0")));
  EXPECT_TRUE(starts().contains({"h", 0, 50}));
}

TEST_F(ScrapeLoopTest, TheFirstOfTwoEqualSeriesStays) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\na 2\n")));
  EXPECT_EQ(samples("a"), (Samples{{0, 1}}));
  EXPECT_EQ(metrics_.duplicates.value(), 1U);
  EXPECT_EQ(value("up", 0), 1);
}

TEST_F(ScrapeLoopTest, BordersOfBucketsHaveOneForm) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0,
                             "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
                             "h_sum 1\nh_count 2\n# TYPE g gauge\ng{le=\"1\"} 3\n")));
  EXPECT_EQ(samples("h_bucket", {{"le", "1.0"}}), (Samples{{0, 1}}));
  EXPECT_EQ(samples("h_bucket", {{"le", "+Inf"}}), (Samples{{0, 2}}));
  EXPECT_EQ(samples("g", {{"le", "1"}}), (Samples{{0, 3}}));
}

/// Histograms made of classic ones come and go, and pages are refused while they do.
TEST_F(ScrapeLoopTest, CustomBucketsOfWhatIsGoneAreForgotten) {
  Target target;
  target.labels = Labels{{"job", "api"}, {"instance", "a:1"}};
  target.classic_to_custom_buckets = true;
  ScrapeLoop loop(target, std::make_shared<ScrapeOptions>(options_), storage_, metrics_);
  const auto histograms = [](std::initializer_list<int> which) {
    std::string out = "# TYPE h histogram\n";
    for (const int i : which) {
      out += fmt::format(
          "h_bucket{{n=\"{0}\",le=\"1\"}} {0}\nh_bucket{{n=\"{0}\",le=\"+Inf\"}} {0}\n"
          "h_sum{{n=\"{0}\"}} {0}\nh_count{{n=\"{0}\"}} {0}\n",
          i);
    }
    return out;
  };
  const auto counts = [this](int n) {
    std::map<int64_t, double> out;
    const auto querier = *storage_.querier({});
    const auto set = *querier->select({});
    SampleColumns columns;
    while (set->next()) {
      if (set->labels().get("n") != std::to_string(n)) continue;
      EXPECT_TRUE(set->read(columns));
      for (size_t i = 0; i < columns.size(); ++i) {
        const Histogram& h = *columns.histograms.at(i);
        out[(columns.times[i] - kStart).ms / 1000] = is_stale(h.sum) ? -1 : h.count;
      }
    }
    return out;
  };
  ASSERT_TRUE(loop.take(page(0, histograms({1, 2, 3}))));
  ASSERT_TRUE(loop.take(page(1, histograms({3, 2}))));
  ASSERT_TRUE(loop.take(page(2, histograms({2, 4, 5}) + "what is this\n")));  // refused
  ASSERT_TRUE(loop.take(page(3, histograms({5, 3}))));
  ASSERT_TRUE(loop.take(page(4, histograms({3, 1}))));
  EXPECT_EQ(counts(1), (Samples{{0, 1}, {1, -1}, {4, 1}}));
  EXPECT_EQ(counts(2), (Samples{{0, 2}, {1, 2}, {2, -1}}));
  EXPECT_EQ(counts(3), (Samples{{0, 3}, {1, 3}, {2, -1}, {3, 3}, {4, 3}}));
  EXPECT_EQ(counts(4), Samples{});
  EXPECT_EQ(counts(5), (Samples{{3, 5}, {4, -1}}));
}

TEST_F(ScrapeLoopTest, TheEndOfATargetEndsEverySeries) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a 1\n")));
  ASSERT_TRUE(loop.end(at(15)));
  for (const std::string_view name :
       {"a", "up", "scrape_duration_seconds", "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling", "scrape_series_added"}) {
    EXPECT_TRUE(is_stale(value(name, 15))) << name;
  }
}

/// As client libraries do for metrics whose labels have no values yet.
TEST_F(ScrapeLoopTest, AFamilyThatHasNoSamplesYetIsToldLater) {
  ScrapeLoop loop = make_loop();
  const std::string before = "# HELP a_total Things.\n# TYPE a_total counter\n";
  const std::string after = "# TYPE b gauge\nb 1\n";
  ASSERT_TRUE(loop.take(page(0, before + after)));
  EXPECT_FALSE(storage_.metadata().contains("a_total"));
  ASSERT_TRUE(loop.take(page(15, before + "a_total{x=\"1\"} 5\n" + after)));
  ASSERT_TRUE(storage_.metadata().contains("a_total"));
  EXPECT_EQ(storage_.metadata().at("a_total").at(0).type, MetricType::Counter);
}

/// Whatever the bytes of one format are, they are nothing in another.
TEST_F(ScrapeLoopTest, AnotherFormatBeginsAnew) {
  const std::string type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  ScrapeLoop loop = make_loop();
  const std::string family(
      "\x0a\x01"
      "a\x18\x01",
      5);
  ASSERT_TRUE(loop.take(page(0, std::string("\x05", 1) + family, type)));
  ASSERT_TRUE(loop.take(page(15, std::string("\x07\x00", 2) + family + " x\n")));
  EXPECT_EQ(loop.status().health, "down");
  ASSERT_TRUE(loop.take(page(30, "# TYPE a info\na 1\n# EOF\n", "application/openmetrics-text")));
  EXPECT_EQ(loop.status().health, "up");
  ASSERT_TRUE(loop.take(page(45, "# TYPE a info\na 1\n")));
  EXPECT_NE(loop.status().last_error.find("invalid metric type"), std::string::npos);
  ASSERT_TRUE(loop.take(page(60, "a 2\nb 1\n")));
  ASSERT_TRUE(loop.take(page(75, "a 3\n# EOF\n", "application/openmetrics-text")));
  const Samples a = samples("a");
  EXPECT_EQ(a.at(60), 2);
  EXPECT_EQ(a.at(75), 3);
  EXPECT_TRUE(is_stale(samples("b").at(75)));
}

/// The same series by another text is on the page, and does not end.
TEST_F(ScrapeLoopTest, LabelsInAnotherOrderAreTheSameSeries) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "a{x=\"1\",y=\"2\"} 1\n")));
  ASSERT_TRUE(loop.take(page(15, "a{y=\"2\",x=\"1\"} 2\n")));
  EXPECT_EQ(samples("a", {{"x", "1"}, {"y", "2"}}), (Samples{{0, 1}, {15, 2}}));
}

TEST_F(ScrapeLoopTest, RemembersWhatFamiliesAre) {
  ScrapeLoop loop = make_loop();
  ASSERT_TRUE(loop.take(page(0, "# HELP a_total Things.\n# TYPE a_total counter\na_total 1\n")));
  const auto metadata = storage_.metadata();
  ASSERT_TRUE(metadata.contains("a_total"));
  EXPECT_EQ(metadata.at("a_total").at(0).type, MetricType::Counter);
  EXPECT_EQ(metadata.at("a_total").at(0).help, "Things.");
}

}  // namespace prom5::scrape
