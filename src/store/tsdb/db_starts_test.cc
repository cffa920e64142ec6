#include <gtest/gtest.h>

#include "store/tsdb/db_test.h"

// Start timestamps through all that happens to samples.

namespace prom5::tsdb {

namespace {

using Starts = std::map<std::string, std::map<int64_t, int64_t>>;

/// Of all samples but staleness markers, which tell none.
Starts starts_of(Storage& storage) {
  Starts out;
  auto querier = storage.querier({}).value();
  auto set = querier->select({}).value();
  SampleColumns columns;
  std::vector<TimeMs> starts;
  while (set->next()) {
    EXPECT_TRUE(set->read(columns));
    EXPECT_TRUE(set->read_starts(columns.times, starts));
    for (size_t i = 0; i < columns.size(); ++i) {
      if (is_stale(columns.values[i])) continue;
      out[set->labels().to_string()][columns.times[i].ms] = starts.empty() ? 0 : starts[i].ms;
    }
  }
  return out;
}

/// The first sample that differs, in words; empty when none does.
std::string difference(const Starts& got, const Starts& expected) {
  for (const auto& [labels, samples] : expected) {
    if (!got.contains(labels)) return labels + " is missing";
    for (const auto& [time, start] : samples) {
      const auto& of_series = got.at(labels);
      const auto found = of_series.find(time);
      if (found == of_series.end()) return fmt::format("{} at {} is missing", labels, time);
      if (found->second == start) continue;
      return fmt::format("{} at {}: {}, expected {}", labels, time, found->second, start);
    }
    if (got.at(labels).size() != samples.size()) return labels + " has more samples";
  }
  return got.size() == expected.size() ? "" : "more series";
}

Options late_samples() {
  Options options;
  options.out_of_order_window = DurationMs::hours(1);
  options.wal_segment_bytes = 4096;  // so that segments go and their series are defined again
  return options;
}

Histogram histogram(double count) {
  Histogram h;
  h.count = count;
  h.zero_count = count;
  h.zero_threshold = 0.1;
  return h;
}

/// Samples of some series, each with the start of its run, a few late, a few without a start.
class Source {
 public:
  explicit Source(uint64_t seed) : rng_(seed) {}

  void put(Storage& db, Storage& model, int64_t ms) {
    auto into_db = db.appender();
    auto into_model = model.appender();
    for (uint64_t s = 0; s < kSeries; ++s) {
      if (rng_.below(8) == 0) continue;
      if (rng_.below(40) == 0) runs_[s] = static_cast<int64_t>(rng_.below(2)) * (ms - 1000);
      // Deltas begin anew each time.
      const TimeMs start{s == 0 ? ms - 30'000 : runs_[s]};
      const bool late = rng_.below(30) == 0;
      const TimeMs time{late ? ms - 90'001 : ms};
      const Labels labels{{"__name__", "m"}, {"s", std::to_string(s)}};
      const bool stale = rng_.below(50) == 0;
      for (Appender* to : {into_db.get(), into_model.get()}) {
        if (s == kSeries - 1) {
          EXPECT_TRUE(to->append_histogram(0, labels, time, histogram(2), start));
        } else if (stale) {
          EXPECT_TRUE(to->append(0, labels, {time, kStale}));
        } else {
          EXPECT_TRUE(to->append(0, labels, {time, static_cast<double>(ms)}, start));
        }
      }
    }
    EXPECT_TRUE(into_db->commit());
    EXPECT_TRUE(into_model->commit());
  }

 private:
  static constexpr uint64_t kSeries = 5;
  Rng rng_;
  std::array<int64_t, kSeries> runs_{};
};

}  // namespace

TEST(DbStarts, AreThoseOfTheTwinThroughBlocksAndReplay) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    House house(late_samples());
    house.clock.advance(DurationMs::days(30));
    MemoryStorage model;
    Source source(seed);
    for (int64_t ms = kHour; ms < 26 * kHour; ms += 60'000) {
      source.put(*house.db, model, ms);
      const uint64_t what = rng.below(200);
      if (what == 0) house.open(late_samples());
      if (what == 1) house.db->compact();
    }
    EXPECT_EQ(difference(starts_of(*house.db), starts_of(model)), "");
    house.open(late_samples());
    EXPECT_EQ(difference(starts_of(*house.db), starts_of(model)), "");
    house.db->compact();
    EXPECT_EQ(difference(starts_of(*house.db), starts_of(model)), "");
    ASSERT_TRUE(house.db->clean_tombstones());
    house.open(late_samples());
    EXPECT_EQ(difference(starts_of(*house.db), starts_of(model)), "");
  }
}

TEST(DbStarts, ADeletedSeriesLeavesNothing) {
  House house;
  house.clock.advance(DurationMs::days(30));
  for (int64_t ms = kHour; ms < 6 * kHour; ms += 60'000) {
    auto appender = house.db->appender();
    for (const char* name : {"kept", "deleted"}) {
      ASSERT_TRUE(appender->append(0, Labels{{"__name__", name}}, {{ms}, 1}, {kHour / 2}));
    }
    ASSERT_TRUE(appender->commit());
  }
  house.db->compact();
  ASSERT_FALSE(house.db->blocks().empty());
  const std::vector<std::vector<Matcher>> deleted = {
      {*Matcher::make(MatchType::Equal, "__name__", "deleted")}};
  ASSERT_TRUE(house.db->delete_series(deleted, {}));
  ASSERT_TRUE(house.db->clean_tombstones());
  for (const auto& block : house.db->blocks()) EXPECT_EQ(block->info().series, 1U);
  EXPECT_EQ(starts_of(*house.db).size(), 1U);
}

/// One that takes its time for each change would stand still here.
TEST(DbStarts, EachSampleMayHaveItsOwn) {
  constexpr int64_t kSamples = 200'000;
  House house;
  house.clock.advance(DurationMs::days(30));
  const Labels labels{{"__name__", "delta"}};
  auto appender = house.db->appender();
  SeriesRef ref = 0;
  for (int64_t i = 1; i <= kSamples; ++i) {
    ref = appender->append(ref, labels, {{i * 10}, 1}, {i * 10 - 5}).value();
  }
  ASSERT_TRUE(appender->commit());
  house.open();
  const Starts starts = starts_of(*house.db);
  ASSERT_EQ(starts.at(labels.to_string()).size(), static_cast<size_t>(kSamples));
  EXPECT_EQ(starts.at(labels.to_string()).at(kSamples * 10), kSamples * 10 - 5);
}

TEST(DbStarts, WhatCannotBeIsNotKnown) {
  House house;
  const Labels labels{{"__name__", "m"}};
  auto appender = house.db->appender();
  ASSERT_TRUE(appender->append(0, labels, {{1000}, 1}, {INT64_MAX}));
  ASSERT_TRUE(appender->append(0, labels, {{2000}, 1}, {-5}));
  ASSERT_TRUE(appender->commit());
  EXPECT_EQ(starts_of(*house.db), (Starts{{labels.to_string(), {{1000, 0}, {2000, 0}}}}));
}

TEST(DbStarts, SurviveAKill) {
  House house;
  const Labels labels{{"__name__", "m"}};
  auto appender = house.db->appender();
  ASSERT_TRUE(appender->append(0, labels, {{1000}, 1}, {500}));
  ASSERT_TRUE(appender->append(0, labels, {{2000}, 2}, {500}));
  ASSERT_TRUE(appender->append(0, labels, {{3000}, 1}));
  ASSERT_TRUE(appender->commit());
  house.crash(7);
  house.open();
  EXPECT_EQ(starts_of(*house.db),
            (Starts{{labels.to_string(), {{1000, 500}, {2000, 500}, {3000, 0}}}}));
}

TEST(DbStarts, AZeroIsStoredWhereACounterBegins) {
  Options options;
  options.zero_at_start = true;
  House house(options);
  house.clock.advance(DurationMs::days(1));
  const Labels labels{{"__name__", "m"}};
  const auto add = [&](int64_t ms, double value, int64_t start) {
    auto appender = house.db->appender();
    EXPECT_TRUE(appender->append(0, labels, {{ms}, value}, {start}));
    EXPECT_TRUE(appender->commit());
  };
  add(10'000, 3, 4'000);
  add(20'000, 5, 4'000);
  add(30'000, 9, 25'000);
  add(40'000, 9, 35'000 - 2 * kHour);  // before samples that are there
  const Labels batch{{"__name__", "batch"}};
  auto appender = house.db->appender();
  for (int64_t ms = 50'000; ms < 60'000; ms += 1000) {
    ASSERT_TRUE(appender->append(0, batch, {{ms}, 1}, {45'000}));
  }
  ASSERT_TRUE(appender->commit());
  EXPECT_EQ(dump(*house.db)[batch.to_string()].size(), 11U);
  std::vector<std::pair<int64_t, double>> got;
  Dump all = dump(*house.db);
  for (const auto& [ms, bits] : all[labels.to_string()]) {
    got.emplace_back(ms, std::bit_cast<double>(bits));
  }
  EXPECT_EQ(got, (std::vector<std::pair<int64_t, double>>{
                     {4'000, 0}, {10'000, 3}, {20'000, 5}, {25'000, 0}, {30'000, 9}, {40'000, 9}}));
}

}  // namespace prom5::tsdb
