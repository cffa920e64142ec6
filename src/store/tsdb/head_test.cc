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

TEST(Head, SelectsInOrderOfLabelsWhateverCameAndWent) {
  Head head;
  Rng rng(5);
  std::vector<Series*> there;
  // What was removed stays in memory: a query might hold it.
  std::vector<std::unique_ptr<Series>> removed;
  for (int round = 0; round < 60; ++round) {
    for (uint64_t n = rng.below(40); n > 0; --n) {
      const auto found = head.find_or_create(
          {{"id", fmt::format("{}", rng.below(100'000))}, {"odd", n % 2 == 0 ? "no" : "yes"}},
          1'000'000);
      if (found.created) there.push_back(found.series);
    }
    for (uint64_t n = rng.below(10); n > 0 && !there.empty(); --n) {
      const size_t at = rng.below(there.size());
      auto gone = head.remove({{there[at]}});
      ASSERT_EQ(gone.size(), 1U);
      if (rng.below(2) == 0) ASSERT_EQ(head.select({}).size(), there.size() - 1);
      head.forget(gone);
      removed.push_back(std::move(gone[0]));
      there.erase(there.begin() + static_cast<ptrdiff_t>(at));
    }
    const auto check = [&](std::span<const Matcher> matchers) {
      std::vector<Series*> wanted;
      for (Series* s : there) {
        const bool matches = std::ranges::all_of(
            matchers, [&](const Matcher& m) { return m.matches(s->labels().get(m.name())); });
        if (matches) wanted.push_back(s);
      }
      std::ranges::sort(wanted,
                        [](const Series* a, const Series* b) { return a->labels() < b->labels(); });
      ASSERT_EQ(head.select(matchers), wanted) << "round " << round;
    };
    check({});
    const Matcher yes = Matcher::make(MatchType::Equal, "odd", "yes").value();
    const Matcher one = Matcher::make(MatchType::Regex, "id", "1.*").value();
    check({{yes}});
    check({{yes, one}});
  }
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
