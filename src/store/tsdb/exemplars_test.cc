#include "store/tsdb/exemplars.h"

#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

namespace prom5::tsdb {

namespace {

const Labels kA{{"__name__", "a"}};
const Labels kB{{"__name__", "b"}, {"x", "1"}};
const std::vector<std::vector<Matcher>> kAll = {{}};

Exemplar trace(int64_t ms, std::string_view id) {
  return {Labels{{"trace_id", id}}, static_cast<double>(ms), {ms}};
}

std::vector<int64_t> times(const std::vector<SeriesExemplars>& list, const Labels& series) {
  std::vector<int64_t> out;
  for (const SeriesExemplars& s : list) {
    if (s.series != series) continue;
    for (const Exemplar& e : s.exemplars) out.push_back(e.time.ms);
  }
  return out;
}

}  // namespace

TEST(Exemplars, TheOldestGivesWay) {
  ExemplarStore store(4);
  for (int64_t ms = 1; ms <= 6; ++ms) store.add(ms % 3 == 0 ? kB : kA, trace(ms, "t"));
  EXPECT_EQ(times(store.select({}, kAll), kA), (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(times(store.select({}, kAll), kB), (std::vector<int64_t>{3, 6}));
  EXPECT_EQ(store.stats().series, 2U);
  store.add(kB, trace(7, "t"));
  store.add(kB, trace(8, "t"));
  store.add(kB, trace(9, "t"));
  EXPECT_EQ(store.stats().series, 1U) << "a's went with its last";
  store.set_capacity(2);
  EXPECT_EQ(times(store.select({}, kAll), kB), (std::vector<int64_t>{8, 9}));
  store.set_capacity(3);
  store.add(kA, trace(1, "t"));
  EXPECT_EQ(store.stats().exemplars, 3U);
  EXPECT_EQ(store.stats().last.ms, 9);
}

TEST(Exemplars, OrderAndLength) {
  ExemplarStore store(4);
  store.add(kA, trace(5, "t"));
  EXPECT_EQ(store.check(kA, trace(4, "t")).error().code, ErrorCode::OutOfOrder);
  EXPECT_EQ(store.check(kA, trace(5, "t")).error().code, ErrorCode::DuplicateSample);
  EXPECT_TRUE(store.check(kA, trace(5, "u")));
  EXPECT_TRUE(store.check(kB, trace(1, "t")));
  // Characters count, not bytes.
  std::string name;
  for (size_t i = 0; i < ExemplarStore::kMaxLabelCharacters - 8; ++i) name += "é";
  EXPECT_TRUE(store.check(kB, trace(1, name)));
  EXPECT_EQ(store.check(kB, trace(1, name + "é")).error().code, ErrorCode::LimitExceeded);
}

TEST(Exemplars, SelectedBySeriesAndTime) {
  ExemplarStore store(10);
  for (int64_t ms = 1; ms <= 5; ++ms) {
    store.add(kA, trace(ms, "t"));
    store.add(kB, trace(ms, "t"));
  }
  const std::vector<std::vector<Matcher>> b = {{Matcher::equal("x", "1")}};
  const auto found = store.select({{2}, {4}}, b);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(times(found, kB), (std::vector<int64_t>{2, 3, 4}));
}

TEST(Exemplars, SurviveARestart) {
  House house;
  auto appender = house.db->appender();
  ASSERT_TRUE(appender->append_exemplar(kA, trace(5, "t")));
  ASSERT_TRUE(appender->append_exemplar(kB, trace(6, "u")));
  EXPECT_TRUE(house.db->exemplars({}, kAll).empty()) << "not before the commit";
  ASSERT_TRUE(appender->commit());
  house.crash(1);
  house.open();
  const auto found = house.db->exemplars({}, kAll);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].exemplars.at(0).labels, Labels({{"trace_id", "u"}}));
  EXPECT_EQ(found[1].exemplars.at(0).value, 6);
}

}  // namespace prom5::tsdb
