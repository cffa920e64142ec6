#include "collect/scrape/custom_buckets.h"

#include <gtest/gtest.h>

namespace prom5::scrape {

namespace {

/// Takes the lines of one histogram: borders with counts, then sum and count.
std::optional<Histogram> convert(const std::vector<std::pair<std::string, double>>& buckets,
                                 double sum, double count) {
  CustomBuckets all;
  all.begin_page();
  const auto take = [&](std::string_view name, std::string_view le, double value) {
    LabelsBuilder labels;
    labels.set(kMetricName, name).set("job", "x").set("le", le);
    const auto place = all.place_of(labels, "h");
    ASSERT_TRUE(place) << name;
    all.take(*place, value, std::nullopt, {});
  };
  for (const auto& [le, value] : buckets) take("h_bucket", le, value);
  take("h_sum", "", sum);
  take("h_count", "", count);
  EXPECT_EQ(all.groups().size(), 1U);
  EXPECT_EQ(all.groups()[0].labels, (Labels{{"__name__", "h"}, {"job", "x"}}));
  return to_histogram(all.groups()[0]);
}

}  // namespace

TEST(CustomBuckets, BecomeOneHistogram) {
  const auto h = convert({{"0.5", 2}, {"1", 5}, {"+Inf", 7}}, 9.5, 7);
  ASSERT_TRUE(h);
  EXPECT_TRUE(h->validate());
  EXPECT_EQ(h->custom_bounds, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(h->positive_counts, (std::vector<double>{2, 3, 2}));
  EXPECT_EQ(h->sum, 9.5);
  EXPECT_EQ(h->count, 7);
}

TEST(CustomBuckets, OrderAndAMissingLastBucketDoNotMatter) {
  EXPECT_EQ(convert({{"1", 5}, {"0.5", 2}}, 9.5, 7),
            convert({{"0.5", 2}, {"1", 5}, {"+Inf", 7}}, 9.5, 7));
}

TEST(CustomBuckets, FallingCountsAreNoHistogram) {
  EXPECT_FALSE(convert({{"0.5", 5}, {"1", 2}, {"+Inf", 7}}, 1, 7));
  EXPECT_FALSE(convert({{"0.5", 5}, {"+Inf", 6}}, 1, 7));
  EXPECT_FALSE(convert({{"0.5", 5}, {"0.5", 6}, {"+Inf", 7}}, 1, 7));
}

TEST(CustomBuckets, OtherSeriesAreNoPart) {
  CustomBuckets all;
  const auto place = [&](std::string_view name, std::string_view le) {
    LabelsBuilder labels;
    labels.set(kMetricName, name).set("le", le);
    return all.place_of(labels, "h");
  };
  EXPECT_FALSE(place("h", ""));
  EXPECT_FALSE(place("other_bucket", "1"));
  EXPECT_FALSE(place("h_bucket", "wide"));
  EXPECT_TRUE(all.groups().empty());
}

}  // namespace prom5::scrape
