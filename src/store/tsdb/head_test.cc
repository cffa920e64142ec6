#include "store/tsdb/head.h"

#include <gtest/gtest.h>

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

TEST(Head, NewRefsAreAboveEveryRefOfTheLog) {
  Head head;
  const auto series = head.restore(1, {{"a", "1"}});
  EXPECT_EQ(head.restore(5, {{"a", "1"}}), series);  // dropped and created again before the crash
  EXPECT_GT(head.find_or_create({{"b", "1"}}, 10).series->ref(), 5U);
}

TEST(Head, RefUsedForTwoSeriesInTheLogMixesNothing) {
  Head head;
  head.restore(3, {{"a", "1"}});
  head.restore(3, {{"b", "1"}});
  const std::vector<Matcher> b = {Matcher::equal("b", "1")};
  const auto found = head.select(b);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->labels(), (Labels{{"b", "1"}}));
}

}  // namespace prom5::tsdb
