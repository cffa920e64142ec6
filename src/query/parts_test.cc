#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "model/histogram_arithmetic.h"
#include "query/engine.h"
#include "store/tsdb/db_test.h"

// Answers that several threads gave in parts beside those that one thread gave.

namespace prom5::query {
namespace {

using tsdb::House;
using tsdb::kHour;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 480'000 * kHour;
constexpr int64_t kEnd = kStart + 5 * kHour;
constexpr int64_t kSeries = 600;

/// Counters in blocks and in the head; some end before the head begins, some begin in it, some
/// have gaps; a few histograms under a name of their own.
void fill(House& house) {
  Rng rng(11);
  std::vector<double> counters(kSeries);
  for (int64_t ms = kStart; ms <= kEnd; ms += kMinute) {
    house.clock.advance(TimeMs{ms + 1000} - house.clock.now());
    const auto appender = house.db->appender();
    const int64_t minute = (ms - kStart) / kMinute;
    for (int64_t i = 0; i < kSeries; ++i) {
      double& counter = counters[static_cast<size_t>(i)];
      counter = rng.below(400) == 0 ? 0 : counter + static_cast<double>(rng.below(1000)) / 7;
      if (i % 7 == 3 && minute > 100) continue;
      if (i % 11 == 5 && minute < 250) continue;
      if (i % 5 == 0 && rng.below(3) == 0) continue;
      const Labels labels{{"__name__", i % 2 == 0 ? "even_total" : "odd_total"},
                          {"group", fmt::format("g{}", i % 13)},
                          {"id", fmt::format("{}", i * 7919 % kSeries)}};
      ASSERT_TRUE(appender->append(0, labels, {{ms}, counter}));
    }
    for (int64_t i = 0; i < 30; ++i) {
      const Labels labels{{"__name__", "h"}, {"id", fmt::format("{}", i)}};
      ASSERT_TRUE(appender->append_histogram(
          0, labels, {ms}, tsdb::histogram_of(static_cast<double>((minute + i) * 2))));
    }
    ASSERT_TRUE(appender->commit());
    if (minute % 60 == 0) house.db->compact();
  }
}

bool close(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || a == b ||
         std::fabs(a - b) <= 1e-12 * std::max(std::fabs(a), std::fabs(b));
}

class Parts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House();
    fill(*house_);
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static QueryRequest request(const std::string& text) {
    QueryRequest out;
    out.text = text;
    out.start = {kStart + 13 * kMinute};
    out.end = {kEnd};
    out.step = DurationMs{kMinute};
    return out;
  }

  static EngineOptions with_workers(size_t threads) {
    EngineOptions out;
    out.part_workers = threads;
    out.range_cache_bytes = 0;
    return out;
  }

  static inline House* house_ = nullptr;
  Engine alone_{*house_->db, with_workers(0), *house_->metrics, house_->clock};
  MetricRegistry metrics_;
  Engine helped_{*house_->db, with_workers(3), metrics_, house_->clock};
};

TEST_F(Parts, TogetherAreTheWhole) {
  for (const std::string text : {"even_total",
                                 "{__name__=~\"even_total|odd_total\"}",
                                 "rate(even_total[5m])",
                                 "sum by (group) (rate({__name__=~\"even_total|odd_total\"}[5m]))",
                                 "sum(odd_total)",
                                 "avg by (group) (odd_total)",
                                 "count(even_total)",
                                 "group by (id) (even_total)",
                                 "min by (group) (odd_total)",
                                 "max(max_over_time(odd_total[10m]))",
                                 "topk(3, rate(odd_total[5m]))",
                                 "quantile(0.9, even_total)",
                                 "h",
                                 "sum(h)",
                                 "sum(rate(h[5m]))",
                                 "histogram_quantile(0.9, sum by (id) (rate(h[5m])))",
                                 "even_total + on(id) group_left() (even_total * 2)",
                                 "timestamp(even_total)",
                                 "sum(even_total offset 30m)",
                                 "max_over_time(sum(rate(even_total[5m]))[20m:2m])",
                                 "quantile_over_time(0.5, odd_total[20m])",
                                 "sum(count_over_time({id=~\".+\"}[7m]))"}) {
    SCOPED_TRACE(text);
    const auto one = alone_.run(request(text));
    const auto many = helped_.run(request(text));
    ASSERT_TRUE(one) << one.error().message;
    ASSERT_TRUE(many) << many.error().message;
    EXPECT_EQ(one->annotations.warnings(), many->annotations.warnings());
    EXPECT_EQ(one->annotations.infos(), many->annotations.infos());
    EXPECT_EQ(one->stats.samples.read, many->stats.samples.read);
    EXPECT_EQ(one->stats.samples_loaded, many->stats.samples_loaded);
    const auto& a = std::get<MatrixValue>(one->value).series;
    const auto& b = std::get<MatrixValue>(many->value).series;
    ASSERT_EQ(a.size(), b.size());
    ASSERT_FALSE(a.empty());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].labels, b[i].labels);
      ASSERT_EQ(a[i].points.size(), b[i].points.size()) << a[i].labels.to_string();
      for (size_t k = 0; k < a[i].points.size(); ++k) {
        EXPECT_EQ(a[i].points[k].time, b[i].points[k].time);
        EXPECT_TRUE(close(a[i].points[k].value, b[i].points[k].value))
            << a[i].labels.to_string() << " " << a[i].points[k].value << " "
            << b[i].points[k].value;
        const Histogram* h = a[i].histogram(k);
        ASSERT_EQ(h == nullptr, b[i].histogram(k) == nullptr);
        if (h != nullptr) {
          EXPECT_TRUE(same_observations(*h, *b[i].histogram(k)));
        }
      }
    }
  }
  EXPECT_GT(helped_.parts_done(), 50u);
  EXPECT_EQ(alone_.parts_done(), 0u);
}

TEST_F(Parts, LimitsHoldForAllTogether) {
  const uint64_t needed = alone_.run(request("even_total")).value().stats.peak_samples;
  for (const auto& [limit, enough] : {std::pair(needed * 3 / 4, false), {needed * 2, true}}) {
    EngineOptions options = with_workers(3);
    options.max_samples = limit;  // a part takes far less than either
    MetricRegistry metrics;
    Engine engine(*house_->db, options, metrics, house_->clock);
    for (int i = 0; i < 20; ++i) {
      const auto result = engine.run(request("even_total"));
      ASSERT_EQ(result.has_value(), enough);
      if (!enough) {
        EXPECT_EQ(result.error().code, ErrorCode::LimitExceeded);
      }
    }
  }
  MetricRegistry metrics;
  Engine engine(*house_->db, with_workers(3), metrics, house_->clock);
  QueryRequest canceled = request("sum(rate(odd_total[5m]))");
  std::stop_source stop;
  stop.request_stop();
  canceled.stop = stop.get_token();
  const auto none = engine.run(canceled);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::Canceled);
}

TEST_F(Parts, EachSeriesIsInOneOfThemInOrder) {
  const auto querier = house_->db->querier({{kStart}, {kEnd}}).value();
  const std::vector<Matcher> matchers = {
      Matcher::make(MatchType::Regex, "__name__", ".+_total").value()};
  const auto listed = [&](SeriesSet& set, std::vector<Labels>& out) {
    SampleColumns columns;
    while (set.next()) {
      ASSERT_TRUE(set.read(columns));
      EXPECT_GT(columns.size(), 0u);
      out.push_back(set.labels());
    }
  };
  std::vector<Labels> whole;
  listed(*querier->select(matchers).value(), whole);
  EXPECT_GT(whole.size(), size_t{500});  // all but those that never had a sample
  for (const size_t parts : {2, 3, 16, 200}) {
    const auto set = querier->select(matchers).value();
    auto split = set->split(parts);
    EXPECT_EQ(split.size(), parts);
    std::vector<Labels> joined;
    for (const auto& part : split) listed(*part, joined);
    EXPECT_EQ(joined, whole);
  }
}

}  // namespace
}  // namespace prom5::query
