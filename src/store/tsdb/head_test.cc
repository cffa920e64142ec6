#include "store/tsdb/head.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace prom5::tsdb {

TEST(Head, SameLabelsAreTheSameSeries) {
  Head head;
  const auto first = head.find_or_create({{"a", "1"}}, 10);
  const auto again = head.find_or_create({{"a", "1"}}, 10);
  EXPECT_TRUE(first.created);
  EXPECT_FALSE(again.created);
  EXPECT_EQ(first.series, again.series);
  EXPECT_EQ(head.find(first.series->ref()), first.series);
  EXPECT_EQ(head.find(12345), nullptr);
}

TEST(Head, RemovedSeriesIsGoneAndComesBackAnew) {
  Head head;
  Series* series = head.find_or_create({{"a", "1"}}, 10).series;
  Series* other = head.find_or_create({{"a", "2"}}, 10).series;
  series->append({TimeMs{5}, 1}, head.chunks());
  other->append({TimeMs{50}, 1}, head.chunks());
  const SeriesRef ref = series->ref();
  const auto empty = head.drop_before(TimeMs{10});
  EXPECT_EQ(empty, std::vector<Series*>{series});
  const auto removed = head.remove(empty);
  head.forget(removed);
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_TRUE(series->gone);
  EXPECT_EQ(head.find(ref), nullptr);
  EXPECT_EQ(head.select({}), std::vector<Series*>{other});
  const auto again = head.find_or_create({{"a", "1"}}, 10);
  EXPECT_TRUE(again.created);
  EXPECT_GT(again.series->ref(), ref);
}

TEST(Head, SeriesThatGotASampleMeanwhileStays) {
  Head head;
  Series* series = head.find_or_create({{"a", "1"}}, 10).series;
  const auto empty = head.drop_before(TimeMs{10});
  series->append({TimeMs{50}, 1}, head.chunks());
  EXPECT_TRUE(head.remove(empty).empty());
  EXPECT_EQ(head.find(series->ref()), series);
}

TEST(Head, FindsEachOfManySeriesThroughInsertsAndRemovals) {
  Head head;
  Rng rng(3);
  std::map<Labels, SeriesRef> model;
  for (int i = 0; i < 20'000; ++i) {
    const Labels labels = {{"id", fmt::format("{}", rng.below(3000))}};
    const auto known = model.find(labels);
    if (known == model.end() || rng.below(3) > 0) {
      const auto found = head.find_or_create(labels, 1'000'000);
      ASSERT_EQ(found.created, known == model.end());
      model[labels] = found.series->ref();
      continue;
    }
    Series* series = head.find(known->second);
    ASSERT_NE(series, nullptr);
    ASSERT_EQ(head.remove({{series}}).size(), 1U);
    model.erase(known);
  }
  EXPECT_EQ(head.series_count(), model.size());
  for (const auto& [labels, ref] : model) {
    ASSERT_EQ(head.find_or_create(labels, 1'000'000).series->ref(), ref);
  }
}

}  // namespace prom5::tsdb
