#include "store/tsdb/db_test.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "base/rng.h"
#include "io/file/memory_file_system.h"
#include "store/memory_storage.h"

namespace prom5::tsdb {

namespace {

const Labels kUp{{"__name__", "up"}, {"job", "a"}};

}  // namespace

TEST(Db, OrderRules) {
  House house;
  const auto ok = [&](int64_t ms, double v) {
    EXPECT_EQ(put(*house.db, kUp, ms, v), std::nullopt) << ms;
  };
  const auto bad = [&](int64_t ms, double v, ErrorCode want) {
    EXPECT_EQ(put(*house.db, kUp, ms, v), want) << ms;
  };
  ok(100, 1);
  ok(200, 2);
  ok(200, 2);  // the same again
  bad(200, 3, ErrorCode::DuplicateSample);
  bad(150, 1, ErrorCode::OutOfOrder);
  bad(100, 1, ErrorCode::OutOfOrder);
  ok(300, kStale);
  ok(300, kStale);  // equal by bits
  house.db->set_out_of_order_window({100});
  ok(250, 5);
  ok(200, 9);  // in the window, but what came in order stays
  bad(199, 1, ErrorCode::TooOld);
  const std::vector<int64_t> want = {100, 200, 250, 300};
  std::vector<int64_t> times;
  const auto stored = dump(*house.db);  // outlives the loop over a part of it
  for (const auto& [ms, bits] : stored.begin()->second) times.push_back(ms);
  EXPECT_EQ(times, want);
}

/// A window of 0 refuses late samples, in one batch as in two.
TEST(Db, OutOfOrderWithinOneBatch) {
  House house;
  auto appender = house.db->appender();
  ASSERT_TRUE(appender->append(0, kUp, {{200}, 1}));
  (void)appender->append(0, kUp, {{100}, 1});
  ASSERT_TRUE(appender->commit());
  EXPECT_EQ(dump(*house.db).begin()->second.size(), 1U);
}

TEST(Db, WithoutCommitNothingIsThere) {
  House house;
  {
    ASSERT_TRUE(house.db->appender()->append(0, kUp, {{100}, 1}));
  }
  EXPECT_TRUE(dump(*house.db).empty());
  EXPECT_TRUE(series_of(*house.db).empty());
  EXPECT_TRUE(series_of(*house.db, {{0}, {1000}}).empty());
}

TEST(Db, SeriesBeyondTheLimitAreRefused) {
  Options options;
  options.max_series = 1;
  House house(options);
  EXPECT_EQ(put(*house.db, kUp, 1, 1), std::nullopt);
  EXPECT_EQ(put(*house.db, {{"__name__", "b"}}, 1, 1), ErrorCode::LimitExceeded);
  EXPECT_EQ(put(*house.db, kUp, 2, 1), std::nullopt);
}

TEST(Db, SecondOpenerIsRefused) {
  House house;
  MetricRegistry metrics;
  const auto second = Db::open({}, house.clock, house.files, metrics, house.log);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
}

TEST(Db, ReopenFindsEverything) {
  House house;
  for (int i = 0; i < 300; ++i) {
    put(*house.db, kUp, i * 1000, i);
    put(*house.db, {{"__name__", "b"}, {"i", std::to_string(i % 7)}}, i * 1000, -i);
  }
  auto appender = house.db->appender();
  appender->set_metadata("up", {MetricType::Gauge, "Help.", ""});
  ASSERT_TRUE(appender->commit());
  const Dump before = dump(*house.db);
  house.open();
  EXPECT_EQ(dump(*house.db), before);
  EXPECT_EQ(house.db->metadata().at("up").at(0).help, "Help.");
  EXPECT_EQ(put(*house.db, kUp, 1, 1), ErrorCode::OutOfOrder);
}

TEST(Db, SameMetadataTwiceInABatchIsOneEntry) {
  House house;
  auto appender = house.db->appender();
  appender->set_metadata("up", {MetricType::Gauge, "Help.", ""});
  appender->set_metadata("up", {MetricType::Gauge, "Help.", ""});
  ASSERT_TRUE(appender->commit());
  EXPECT_EQ(house.db->metadata().at("up").size(), 1U);
}

TEST(Db, CrashLosesNothingAcknowledged) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Options options;
    options.wal_segment_bytes = 600;
    House house(options);
    std::vector<std::pair<Labels, int64_t>> acknowledged;
    for (int life = 0; life < 3; ++life) {
      house.files.fail_from(1 + rng.below(80));
      for (int i = 0; i < 40; ++i) {
        const int64_t ms = life * 1000 + i;
        const Labels labels{{"__name__", "m"}, {"l", std::to_string(rng.below(5))}};
        auto appender = house.db->appender();
        if (!appender->append(0, labels, {{ms}, static_cast<double>(ms)})) continue;
        if (appender->commit()) acknowledged.emplace_back(labels, ms);
      }
      house.crash(seed * 3 + static_cast<uint64_t>(life));
      house.open(options);
    }
    const Dump got = dump(*house.db);
    for (const auto& [labels, ms] : acknowledged) {
      const auto found = got.find(labels.to_string());
      ASSERT_NE(found, got.end());
      const std::pair want{ms, std::bit_cast<uint64_t>(static_cast<double>(ms))};
      EXPECT_EQ(std::count(found->second.begin(), found->second.end(), want), 1) << ms;
    }
  }
}

TEST(Db, AgreesWithMemoryStorage) {
  const uint64_t seed = 51;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  House house;
  MemoryStorage memory;
  for (int i = 0; i < 3000; ++i) {
    const Labels labels{{"__name__", "m"}, {"l", std::to_string(rng.below(9))}};
    const double value = rng.below(20) == 0 ? kStale : rng.unit();
    for (Storage* s : std::initializer_list<Storage*>{house.db.get(), &memory}) {
      ASSERT_EQ(put(*s, labels, i * 10, value), std::nullopt);
    }
  }
  for (int i = 0; i < 200; ++i) {
    const auto start = static_cast<int64_t>(rng.below(30'000));
    const TimeRange range{{start}, {start + static_cast<int64_t>(rng.below(10'000))}};
    const std::vector<Matcher> matchers = {
        Matcher::make(static_cast<MatchType>(rng.below(4)), "l", rng.below(2) == 0 ? "3" : "[2-5]")
            .value()};
    ASSERT_EQ(dump(*house.db, range, matchers), dump(memory, range, matchers)) << start;
  }
  EXPECT_EQ(house.db->querier({}).value()->label_values("l", {}).value(),
            memory.querier({}).value()->label_values("l", {}).value());
}

TEST(Db, BlocksAndHeadAnswerAsOne) {
  const uint64_t seed = 77;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  House house;
  MemoryStorage memory;
  for (int64_t at = 0; at < 24 * kHour; at += kHour) {
    put_span(*house.db, memory, rng, at, at + kHour);
    if (rng.below(3) == 0) house.db->compact();
    if (rng.below(4) == 0) house.open();
    if (rng.below(4) == 0) {
      house.crash(seed + static_cast<uint64_t>(at));
      house.open();
    }
    const auto start = static_cast<int64_t>(rng.below(static_cast<uint64_t>(at) + 1));
    const TimeRange range{{start}, {start + static_cast<int64_t>(rng.below(6 * kHour))}};
    ASSERT_EQ(dump(*house.db, range), dump(memory, range)) << at;
  }
  house.db->compact();
  EXPECT_GE(house.db->blocks().size(), 9U);
  // Three hours, and the chunk that reaches back behind them.
  EXPECT_LE(house.db->stats(0).range.end - house.db->stats(0).range.start, DurationMs::hours(5));
  EXPECT_EQ(dump(*house.db), dump(memory));
  const std::vector<Matcher> matchers = {Matcher::make(MatchType::Regex, "l", "[1-3]").value()};
  EXPECT_EQ(dump(*house.db, {}, matchers), dump(memory, {}, matchers));
  EXPECT_EQ(house.db->querier({}).value()->label_values("l", matchers).value(),
            memory.querier({}).value()->label_values("l", matchers).value());
  EXPECT_EQ(house.db->querier({}).value()->label_names({}).value(),
            memory.querier({}).value()->label_names({}).value());
}

TEST(Db, AQuerierSeesItsSamplesThroughACompaction) {
  House house;
  MemoryStorage memory;
  Rng rng(1);
  put_span(*house.db, memory, rng, 0, 5 * kHour);
  auto querier = house.db->querier({}).value();
  auto set = querier->select({}).value();
  house.db->compact();
  ASSERT_GE(house.db->blocks().size(), 1U);
  Dump got;
  SampleColumns columns;
  while (set->next()) {
    ASSERT_TRUE(set->read(columns));
    for (size_t i = 0; i < columns.size(); ++i) {
      got[set->labels().to_string()].emplace_back(columns.times[i].ms,
                                                  std::bit_cast<uint64_t>(columns.values[i]));
    }
  }
  EXPECT_EQ(got, dump(memory));
  set.reset();
  querier.reset();
  house.db->compact();  // now the head may let go
  EXPECT_EQ(dump(*house.db), dump(memory));
}

/// Whatever call fails while a block is made, and then the power: nothing is lost, nothing twice.
TEST(Db, ABlockIsMadeWholeOrNotAtAll) {
  bool all_calls_seen = false;
  for (uint64_t n = 1; !all_calls_seen; ++n) {
    SCOPED_TRACE(n);
    Rng rng(n);
    House house;
    MemoryStorage memory;
    put_span(*house.db, memory, rng, 0, 4 * kHour);
    const uint64_t before = house.files.changes();
    house.files.fail_from(n);
    house.db->compact();
    all_calls_seen = house.files.changes() - before < n;
    ASSERT_EQ(dump(*house.db), dump(memory)) << "while the disk fails";
    house.crash(n);
    house.open();
    ASSERT_EQ(dump(*house.db), dump(memory)) << "after the crash";
    house.db->compact();
    ASSERT_EQ(dump(*house.db), dump(memory)) << "after another try";
    ASSERT_GE(house.db->blocks().size(), 1U);
    ASSERT_LT(n, 200U);
  }
}

TEST(Db, ASampleOfTheFarFutureIsRefused) {
  House house;
  const int64_t now = house.clock.now().ms;
  EXPECT_EQ(put(*house.db, kUp, now + 600'000, 1), std::nullopt);
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "b"}}, now + 600'001, 1), ErrorCode::OutOfOrder);
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "b"}}, INT64_MAX, 1), ErrorCode::OutOfOrder);
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "b"}}, INT64_MIN + 1, 1), ErrorCode::OutOfOrder);
  house.db->compact();
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "b"}}, now, 1), std::nullopt);
}

TEST(Db, AFullMemoryWritesOneEarlyBlockAtATime) {
  Options options;
  options.max_head_bytes = 1;  // the series alone are more
  House house(options);
  MemoryStorage memory;
  Rng rng(9);
  put_span(*house.db, memory, rng, 0, kHour);
  house.db->compact();
  EXPECT_EQ(house.db->blocks().size(), 1U);
  for (int i = 0; i < 20; ++i) house.db->compact();
  EXPECT_LE(house.db->blocks().size(), 5U) << "what is young stays in memory";
  EXPECT_EQ(dump(*house.db), dump(memory));
  EXPECT_EQ(put(*house.db, kUp, kHour, 1), std::nullopt) << "and is not too old";
}

TEST(Db, SteadyCommitsDoNotKeepACompactionOut) {
  House house;
  MemoryStorage memory;
  Rng rng(10);
  put_span(*house.db, memory, rng, 0, 5 * kHour);
  std::atomic<bool> done{false};
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      const Labels labels{{"__name__", "w"}, {"n", std::to_string(w)}};
      for (int64_t ms = 5 * kHour; !done; ++ms) put(*house.db, labels, ms, 1);
    });
  }
  house.db->compact();
  done = true;
  EXPECT_GE(house.db->blocks().size(), 1U);
}

TEST(Db, SamplesOfAWrittenBlockAreTooOld) {
  House house;
  MemoryStorage memory;
  Rng rng(2);
  put_span(*house.db, memory, rng, 0, 5 * kHour);
  house.db->compact();
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "late"}}, kHour, 1), ErrorCode::TooOld);
  EXPECT_EQ(put(*house.db, Labels{{"__name__", "late"}}, 3 * kHour, 1), std::nullopt);
}

TEST(Db, BlocksPastTheirRetentionGo) {
  Options options;
  options.retention = DurationMs::hours(6);
  House house(options);
  MemoryStorage memory;
  Rng rng(4);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, memory, rng, 0, 20 * kHour);
  house.db->compact();
  ASSERT_GE(house.db->blocks().size(), 8U);
  house.db->enforce_retention();
  const TimeRange kept{{14 * kHour}, {20 * kHour}};
  EXPECT_EQ(dump(*house.db, kept), dump(memory, kept));
  EXPECT_GE(house.db->blocks().front()->info().range.end, TimeMs{13 * kHour});
  house.open(options);
  EXPECT_EQ(dump(*house.db, kept), dump(memory, kept));
}

TEST(Db, ADamagedBlockCostsOnlyItself) {
  House house;
  MemoryStorage memory;
  Rng rng(6);
  put_span(*house.db, memory, rng, 0, 8 * kHour);
  house.db->compact();
  ASSERT_GE(house.db->blocks().size(), 2U);
  const std::string first = "data/blocks/" + house.files.list("data/blocks").value().front();
  house.files.corrupt(first, [](std::string& bytes) { bytes.resize(bytes.size() / 2); });
  house.open();
  const TimeRange rest{{2 * kHour}, {8 * kHour}};
  EXPECT_EQ(dump(*house.db, rest), dump(memory, rest));
}

/// SampleColumns: no histogram in range, no histogram column.
TEST(Db, FloatsBeforeAHistogramHaveNoHistogramColumn) {
  House house;
  put(*house.db, kUp, 100, 1);
  auto appender = house.db->appender();
  Histogram h;
  h.count = 1;
  h.positive_spans = {{0, 1}};
  h.positive_counts = {1};
  ASSERT_TRUE(appender->append_histogram(0, kUp, {200}, h));
  ASSERT_TRUE(appender->commit());
  const auto histograms = [&](int64_t from, int64_t to) {
    auto querier = house.db->querier({{from}, {to}}).value();
    auto set = querier->select({}).value();
    EXPECT_TRUE(set->next());
    SampleColumns columns;
    EXPECT_TRUE(set->read(columns));
    return columns.histograms.size();
  };
  EXPECT_EQ(histograms(0, 300), 2U);
  EXPECT_EQ(histograms(150, 300), 1U);
  EXPECT_EQ(histograms(0, 150), 0U);
}

}  // namespace prom5::tsdb
