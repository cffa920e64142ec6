#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "query/engine.h"
#include "store/tsdb/db_test.h"

// Answers from rollups beside those from the samples they were made of.

namespace prom5::query {

namespace {

using tsdb::House;
using tsdb::kHour;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 20'000 * kDay;
constexpr int64_t kEnd = kStart + 4 * kDay + 3 * kHour;

tsdb::Options with_tiers(DurationMs retention = DurationMs::days(3650)) {
  tsdb::Options options;
  options.retention = retention;
  options.downsampling = true;
  return options;
}

/// Counters with and without resets, gauges, gaps, ends, NaN, histograms: four days, a sample each
/// minute at times that are on no border, and some that are.
void fill(House& house) {
  Rng rng(7);
  double steady = 0;
  double reset = 0;
  double count = 0;
  for (int64_t ms = kStart; ms <= kEnd; ms += kMinute) {
    house.clock.advance(TimeMs{ms + 1000} - house.clock.now());
    const auto appender = house.db->appender();
    const auto put = [&](std::string_view kind, int64_t shift, double value) {
      const Labels labels{{"__name__", "m_total"}, {"kind", kind}};
      ASSERT_TRUE(appender->append(0, labels, {{ms + shift}, value}));
    };
    const int64_t minute = (ms - kStart) / kMinute;
    steady += static_cast<double>(rng.below(10));
    reset = rng.below(300) == 0 ? 1 : reset + static_cast<double>(rng.below(50)) / 8;
    count = rng.below(500) == 0 ? 2 : count + static_cast<double>(2 * rng.below(5));
    put("steady", 0, steady);
    put("shifted", 137, steady * 2);
    put("reset", 411, reset);
    put("gauge", 0, static_cast<double>(rng.below(1000)) / 8 - 50);
    if (rng.below(50) == 0) put("rare", 7, static_cast<double>(minute));
    if (minute % 700 < 250) put("gone", 3, minute % 700 == 249 ? kStale : steady);
    if (rng.below(4) == 0) put("nan", 9, rng.below(3) == 0 ? std::nan("") : 4);
    const Labels labels{{"__name__", "h"}, {"kind", "histogram"}};
    ASSERT_TRUE(appender->append_histogram(0, labels, {ms + 20}, tsdb::histogram_of(count)));
    ASSERT_TRUE(appender->commit());
    if (minute % 60 == 0) house.db->compact();
  }
  house.db->compact();
}

QueryRequest request(std::string text, int64_t start, int64_t end, int64_t step) {
  QueryRequest out;
  out.text = std::move(text);
  out.start = {start};
  out.end = {end};
  out.step = {step};
  return out;
}

bool close(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

std::vector<Series> matrix(House& house, const QueryRequest& asked, bool* from_tier = nullptr) {
  MetricRegistry metrics;
  Engine engine(*house.db, {}, metrics, house.clock);
  auto result = engine.run(asked);
  EXPECT_TRUE(result) << asked.text << ": " << result.error().message;
  if (!result) return {};
  if (from_tier != nullptr) {
    *from_tier = std::ranges::any_of(result->annotations.infos(), [](const std::string& text) {
      return text.find(" tier") != std::string::npos;
    });
  }
  return std::get<MatrixValue>(std::move(result->value)).series;
}

void expect_same(const std::vector<Series>& want, const std::vector<Series>& got,
                 const std::string& text) {
  ASSERT_EQ(want.size(), got.size()) << text;
  for (size_t i = 0; i < want.size(); ++i) {
    const std::string of = text + " of " + want[i].labels.to_string();
    EXPECT_EQ(want[i].labels, got[i].labels) << text;
    ASSERT_EQ(want[i].points.size(), got[i].points.size()) << of;
    for (size_t k = 0; k < want[i].points.size(); ++k) {
      const Point& a = want[i].points[k];
      const Point& b = got[i].points[k];
      ASSERT_EQ(a.time, b.time) << of;
      const Histogram* const histogram = want[i].histogram(k);
      ASSERT_EQ(histogram != nullptr, got[i].histogram(k) != nullptr) << of;
      if (histogram != nullptr) {
        EXPECT_TRUE(close(histogram->sum, got[i].histogram(k)->sum)) << of;
      } else {
        EXPECT_TRUE(close(a.value, b.value))
            << of << " at " << format_rfc3339(a.time) << ": " << a.value << " and " << b.value;
      }
    }
  }
}

const std::vector<std::string> kSummedUp = {"avg_over_time",
                                            "min_over_time",
                                            "max_over_time",
                                            "sum_over_time",
                                            "count_over_time",
                                            "first_over_time",
                                            "last_over_time",
                                            "present_over_time",
                                            "rate",
                                            "increase",
                                            "delta"};

}  // namespace

/// Built once: four days take a second to fill.
class TiersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    samples_ = std::make_unique<House>([] {
      tsdb::Options options = with_tiers();
      options.downsampling = false;
      return options;
    }());
    tiers_ = std::make_unique<House>(with_tiers());
    aged_ = std::make_unique<House>(with_tiers());
    fill(*samples_);
    fill(*tiers_);
    fill(*aged_);
    // Two days of samples are left, and rollups of everything that is over.
    aged_->open(with_tiers(DurationMs::days(2)));
    aged_->db->enforce_retention();
  }
  static void TearDownTestSuite() {
    samples_.reset();
    tiers_.reset();
    aged_.reset();
  }

  static inline std::unique_ptr<House> samples_;
  static inline std::unique_ptr<House> tiers_;
  static inline std::unique_ptr<House> aged_;
};

TEST_F(TiersTest, RangesOnBordersAreAnsweredAsFromSamples) {
  struct Grid {
    std::string range;
    int64_t step;
    int64_t start;
  };
  const std::vector<Grid> grids = {{"5m", 5 * kMinute, kStart + kDay},
                                   {"15m", 10 * kMinute, kStart + kHour},
                                   {"1h", kHour, kStart},
                                   {"6h", 2 * kHour, kStart + kDay},
                                   {"1d", kDay, kStart},
                                   {"2d", kDay, kStart + kDay},
                                   {"25h", 30 * kMinute, kStart + 30 * kHour}};
  size_t points = 0;
  for (const Grid& grid : grids) {
    for (const std::string& function : kSummedUp) {
      for (const std::string shift : {"", " offset 2h"}) {
        const std::string text = function + "({kind=~\".+\"}[" + grid.range + "]" + shift + ")";
        const QueryRequest asked = request(text, grid.start, kEnd, grid.step);
        bool from_tier = false;
        const auto want = matrix(*samples_, asked, &from_tier);
        EXPECT_FALSE(from_tier);
        const auto got = matrix(*tiers_, asked, &from_tier);
        EXPECT_TRUE(from_tier) << text;
        expect_same(want, got, text);
        for (const Series& s : want) points += s.points.size();
      }
    }
  }
  EXPECT_GT(points, 100'000U);
}

TEST_F(TiersTest, SelectorsOnBordersAreAnsweredAsFromSamples) {
  for (const int64_t step : {5 * kMinute, 15 * kMinute, kHour, 6 * kHour, kDay}) {
    for (const std::string text : {"{kind=~\".+\"}", "sum by (kind) (m_total)",
                                   "timestamp(m_total)", "m_total offset 1h", "histogram_sum(h)"}) {
      const QueryRequest asked = request(text, kStart, kEnd, step);
      bool from_tier = false;
      const auto got = matrix(*tiers_, asked, &from_tier);
      EXPECT_TRUE(from_tier) << text;
      expect_same(matrix(*samples_, asked), got, text);
    }
  }
}

TEST_F(TiersTest, RangesOffBordersAreReadFromSamplesWhereTheyAre) {
  for (const std::string& function : kSummedUp) {
    const std::string text = function + "({kind=~\".+\"}[7m])";
    const QueryRequest asked = request(text, kStart + kDay, kEnd, 11 * kMinute);
    bool from_tier = true;
    const auto got = matrix(*tiers_, asked, &from_tier);
    EXPECT_FALSE(from_tier) << text;
    expect_same(matrix(*samples_, asked), got, text);
  }
}

/// Where only rollups are left and ranges lie between borders, a range is widened to them at its
/// start and ends at the one before: less than a width each. What is averaged, least or greatest
/// there lies between the least and the greatest of the samples from a width before the range to
/// its end; a rate between the least and the greatest rate between two samples there.
TEST_F(TiersTest, RangesOffBordersKeepToTheirBound) {
  constexpr int64_t kWidth = 5 * kMinute;
  const int64_t from = kStart + 3 * kHour + 17'123;
  const int64_t until = kStart + kDay + 20 * kHour;
  struct Case {
    std::string function;
    int64_t range;
  };
  const std::vector<Case> cases = {{"avg_over_time", 7 * kMinute},  {"avg_over_time", 61 * kMinute},
                                   {"min_over_time", 13 * kMinute}, {"max_over_time", 2 * kMinute},
                                   {"rate", 7 * kMinute},           {"rate", 47 * kMinute},
                                   {"increase", 7 * kMinute},       {"increase", 3 * kMinute}};
  for (const Case& c : cases) {
    const bool rates = c.function == "rate" || c.function == "increase";
    const std::string kind = rates ? "steady" : "gauge";
    const std::string text =
        fmt::format("{}(m_total{{kind=\"{}\"}}[{}ms])", c.function, kind, c.range);
    bool from_tier = false;
    const auto got = matrix(*aged_, request(text, from, until, 13 * kMinute), &from_tier);
    EXPECT_TRUE(from_tier);
    ASSERT_EQ(got.size(), 1U) << text;
    EXPECT_EQ(got[0].points.size(), static_cast<size_t>((until - from) / (13 * kMinute) + 1));
    for (const Point& point : got[0].points) {
      const int64_t reach = c.range + 2 * kWidth;
      const std::string samples = fmt::format("m_total{{kind=\"{}\"}}[{}ms]", kind, reach);
      MetricRegistry metrics;
      Engine engine(*samples_->db, {}, metrics, samples_->clock);
      const auto raw = engine.run(request(samples, point.time.ms, point.time.ms, 0));
      ASSERT_TRUE(raw);
      const auto& points = std::get<MatrixValue>(raw->value).series.at(0).points;
      double low = INFINITY;
      double high = -INFINITY;
      for (size_t i = rates ? 1 : 0; i < points.size(); ++i) {
        double value = points[i].value;
        if (rates) value = (value - points[i - 1].value) / 60;
        low = std::min(low, value);
        high = std::max(high, value);
      }
      const double scale = c.function == "increase" ? static_cast<double>(c.range) / 1000 : 1;
      EXPECT_GE(point.value, low * scale - 1e-9) << text;
      EXPECT_LE(point.value, high * scale + 1e-9) << text;
    }
  }
}

TEST_F(TiersTest, OldSelectorsShowTheLastOfEachWindow) {
  const QueryRequest asked =
      request("m_total{kind=\"steady\"}", kStart + kHour + 71'000, kStart + kDay, 7 * kMinute);
  bool from_tier = false;
  const auto got = matrix(*aged_, asked, &from_tier);
  const auto want = matrix(*samples_, asked);
  EXPECT_TRUE(from_tier);
  ASSERT_EQ(got.size(), 1U);
  ASSERT_EQ(got[0].points.size(), want[0].points.size());
  for (size_t i = 0; i < got[0].points.size(); ++i) {
    EXPECT_LE(got[0].points[i].value, want[0].points[i].value);
    EXPECT_GE(got[0].points[i].value, want[0].points[i].value - 9 * 5);  // five minutes of it
  }
}

TEST_F(TiersTest, OldSeriesAreStillListed) {
  const auto querier = aged_->db->querier({{kStart}, {kStart + kDay}}).value();
  EXPECT_EQ(querier->label_values("kind", {}).value().size(), 8U);
  const auto set = querier->select({}, querier->tier({})).value();
  size_t n = 0;
  while (set->next()) ++n;
  EXPECT_EQ(n, 8U);
}

TEST_F(TiersTest, OldHistogramsAreAddedUpAsTheSamplesAre) {
  for (const std::string text :
       {"histogram_sum(sum_over_time(h[1h]))", "histogram_count(avg_over_time(h[2h]))",
        "count_over_time(h[1h])", "histogram_quantile(0.5, sum_over_time(h[3h]))"}) {
    const QueryRequest asked = request(text, kStart + 3 * kHour, kStart + kDay, kHour);
    const auto want = matrix(*samples_, asked);
    const auto got = matrix(*aged_, asked);
    ASSERT_EQ(want.size(), 1U) << text;
    ASSERT_EQ(got.size(), 1U) << text;
    ASSERT_EQ(want[0].points.size(), got[0].points.size()) << text;
    for (size_t i = 0; i < want[0].points.size(); ++i) {
      EXPECT_NEAR(got[0].points[i].value, want[0].points[i].value,
                  1e-9 * std::abs(want[0].points[i].value))
          << text << " at " << i;
    }
  }
}

TEST_F(TiersTest, OldHistogramsKeepTheirIncrease) {
  const std::string text = "histogram_sum(increase(h[1h]))";
  const QueryRequest asked = request(text, kStart + 2 * kHour, kStart + kDay, kHour);
  const auto want = matrix(*samples_, asked);
  const auto got = matrix(*aged_, asked);
  ASSERT_EQ(want.size(), 1U);
  ASSERT_EQ(got.size(), 1U);
  ASSERT_EQ(want[0].points.size(), got[0].points.size());
  for (size_t i = 0; i < want[0].points.size(); ++i) {
    // The samples kept are fewer, so that the increase is stretched over at most two of theirs.
    EXPECT_NEAR(got[0].points[i].value, want[0].points[i].value,
                0.05 * std::abs(want[0].points[i].value) + 1e-9);
  }
}

}  // namespace prom5::query
