#include "query/range_cache.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/loop_turn.h"
#include "base/rng.h"
#include "query/engine.h"
#include "query/promql/parser.h"
#include "store/tsdb/db_test.h"

namespace prom5::query {

namespace {

constexpr DurationMs kStep = DurationMs::seconds(30);
constexpr TimeMs kStart{1'000'020'000};  // a multiple of the step

/// A database and an engine that keeps answers. Time goes on in intervals of 15 s.
class Dashboard {
 public:
  explicit Dashboard(EngineOptions options = {})
      : house_(storage_options()), engine_(*house_.db, options, metrics_, house_.clock) {
    house_.db->set_out_of_order_window(DurationMs::hours(1));
    house_.clock.advance(DurationMs::days(1));
  }

  void append(int series, TimeMs time, double value) {
    const Labels labels =
        LabelsBuilder().set(kMetricName, "m_total").set("n", fmt::format("{}", series)).build();
    const auto appender = house_.db->appender();
    const auto appended = appender->append(0, labels, {time, value});
    if (appended) {
      ASSERT_TRUE(appender->commit());
    }
  }
  void erase(TimeRange range) {
    const std::vector<std::vector<Matcher>> all = {{Matcher::equal(kMetricName, "m_total")}};
    ASSERT_TRUE(house_.db->delete_series(all, range));
  }

  Result<QueryResult> ask(const std::string& text, TimeMs end, DurationMs range, bool no_cache) {
    QueryRequest request;
    request.text = text;
    request.step = kStep;
    request.end = {end.ms / kStep.ms * kStep.ms};
    request.start = request.end - range;
    request.no_cache = no_cache;
    return engine_.run(request);
  }

  double counted(std::string_view name, std::string_view steps = {}) {
    for (const auto& family : metrics_.collect()) {
      if (family.name != name) continue;
      for (const auto& point : family.points) {
        if (steps.empty() || point.labels.front().second == steps) return point.value;
      }
    }
    return -1;
  }
  double hits(std::string_view steps) {
    return counted("prom5_query_range_cache_hits_total", steps);
  }

 private:
  static tsdb::Options storage_options() {
    tsdb::Options options;
    options.path = "data";
    return options;
  }

  tsdb::House house_;
  MetricRegistry metrics_;
  Engine engine_;
};

std::string shown(const Result<QueryResult>& result) {
  if (!result) return "error: " + result.error().message;
  std::string out;
  for (const Series& series : std::get<MatrixValue>(result->value).series) {
    out += series.labels.to_string();
    for (const Point& point : series.points) {
      out += fmt::format(" {}@{}", point.value, point.time.ms);
    }
    out += '\n';
  }
  return out;
}

TEST(RangeCache, OnlyNewStepsAreComputed) {
  Dashboard board;
  TimeMs now = kStart;
  for (int i = 0; i < 240; ++i, now = now + DurationMs::seconds(15)) board.append(1, now, i);
  for (int refresh = 0; refresh < 10; ++refresh) {
    const auto kept = board.ask("rate(m_total[5m])", now, DurationMs::minutes(30), false);
    const auto fresh = board.ask("rate(m_total[5m])", now, DurationMs::minutes(30), true);
    EXPECT_EQ(shown(kept), shown(fresh));
    if (refresh >= 2) {
      EXPECT_LT(kept->stats.samples_loaded, fresh->stats.samples_loaded / 4);
    }
    for (int i = 0; i < 4; ++i, now = now + DurationMs::seconds(15)) board.append(1, now, i);
  }
  EXPECT_EQ(board.hits("some"), 8);  // all but the first two
  board.ask("rate(m_total[5m])", now, DurationMs::minutes(30), false);
  const auto again = board.ask("rate(m_total[5m])", now, DurationMs::minutes(30), false);
  EXPECT_EQ(again->stats.samples_loaded, 0U);
  EXPECT_EQ(board.hits("all"), 1);
}

TEST(RangeCache, ASteadyQueryIsAHitWhole) {
  Dashboard board;
  for (int i = 0; i < 240; ++i) board.append(1, kStart + DurationMs::seconds(15 * i), i);
  const TimeMs end = kStart + DurationMs::minutes(30);
  for (int i = 0; i < 5; ++i) board.ask("m_total", end, DurationMs::minutes(10), false);
  EXPECT_EQ(board.hits("all"), 3);
  // A part of it; and at another phase of the step.
  board.ask("m_total", end, DurationMs::minutes(9), false);
  EXPECT_EQ(board.hits("all"), 4);
  board.ask("m_total", end, DurationMs{300'001}, false);
  EXPECT_EQ(board.hits("all"), 4);
}

TEST(RangeCache, AShortRangeLeavesALongOneWhereItIs) {
  Dashboard board;
  for (int i = 0; i < 240; ++i) board.append(1, kStart + DurationMs::seconds(15 * i), i);
  const TimeMs end = kStart + DurationMs::minutes(30);
  for (int i = 0; i < 4; ++i) {
    board.ask("m_total", end, DurationMs::minutes(30), false);
    board.ask("m_total", end, DurationMs::minutes(5), false);
  }
  EXPECT_EQ(board.hits("all"), 4);  // all but the first two of each
}

TEST(RangeCache, WhatIsNotKept) {
  EngineOptions off;
  off.range_cache_bytes = 0;
  EngineOptions small;
  small.range_cache_bytes = 100;
  for (const EngineOptions& options : {off, small}) {
    Dashboard board(options);
    board.append(1, kStart, 1);
    for (int i = 0; i < 3; ++i) board.ask("m_total", kStart, DurationMs::minutes(5), false);
    EXPECT_EQ(board.hits("all") + board.hits("some"), 0);
    EXPECT_EQ(board.counted("prom5_query_range_cache_bytes"), 0);
  }
  Dashboard board;
  board.append(1, kStart, 1);
  for (const std::string text :
       {"m_total @ end()", "m_total + start()", "m_total offset range()",
        "sum_over_time(m_total[range()])", "delta(m_total[5m]) or quantile(2, m_total)", "1 +",
        "m_total[5m]"}) {
    const double before = board.hits("all") + board.hits("some");
    for (int i = 0; i < 3; ++i) board.ask(text, kStart, DurationMs::minutes(5), false);
    EXPECT_EQ(board.hits("all") + board.hits("some"), before) << text;
  }
}

TEST(RangeCache, TheOldestMakeRoom) {
  EngineOptions options;
  options.range_cache_bytes = 20'000;
  Dashboard board(options);
  for (int i = 0; i < 40; ++i) board.append(1, kStart + DurationMs::seconds(15 * i), i);
  for (int i = 0; i < 100; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      board.ask(fmt::format("m_total + {}", i), kStart + DurationMs::minutes(10),
                DurationMs::hours(1), false);
    }
    EXPECT_LE(board.counted("prom5_query_range_cache_bytes"), 20'000);
  }
  EXPECT_GT(board.counted("prom5_query_range_cache_evicted_total"), 50);
}

std::optional<Reach> reach(std::string_view text) {
  return reach_of(**promql::parse(text), DurationMs::minutes(5));
}

TEST(Reach, OfExpressions) {
  EXPECT_EQ(reach("m_total")->ahead.ms, 0);
  EXPECT_EQ(reach("m_total offset 1h")->ahead.ms, 0);
  EXPECT_EQ(reach("m_total offset -1h + m_total")->ahead, DurationMs::hours(1));
  EXPECT_EQ(reach("m_total smoothed")->ahead, DurationMs::minutes(5));
  EXPECT_EQ(reach("rate(m_total[1m] smoothed offset -1m)")->ahead, DurationMs::minutes(6));
  EXPECT_EQ(reach("max_over_time(m_total[1h:1m] offset -10m)")->ahead, DurationMs::minutes(10));
  EXPECT_EQ(reach("max_over_time((m_total offset -5m)[1h:1m] offset -10m)")->ahead,
            DurationMs::minutes(15));
  EXPECT_EQ(reach("m_total @ 100")->fixed, TimeMs{100'000});
  EXPECT_EQ(reach("m_total @ 100 offset 10s")->fixed, TimeMs{90'000});
  EXPECT_EQ(reach("m_total")->fixed, TimeMs::min());
  EXPECT_FALSE(reach("m_total @ start()"));
  EXPECT_FALSE(reach("sum(rate(m_total[range()]))"));
  EXPECT_FALSE(reach("vector(end())"));
}

/// Whatever happens between two refreshes, the kept answer is the one that would be computed.
TEST(RangeCache, IsAsIfThereWereNone) {
  const std::vector<std::string> panels = {"m_total",
                                           "rate(m_total[2m])",
                                           "sum(m_total)",
                                           "m_total offset -3m",
                                           "m_total @ 1000620",
                                           "max_over_time(m_total[3m:30s])",
                                           "absent(m_total{n=\"7\"})",
                                           "count(m_total) or vector(0)",
                                           "topk(1, m_total)",
                                           "m_total offset 2m",
                                           "m_total smoothed",
                                           "sum by (n) (increase(m_total[3m] smoothed))"};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng random(seed);
    Dashboard board;
    TimeMs now = kStart;
    for (int i = 0; i < 400; ++i) {
      now = now + DurationMs::seconds(static_cast<int64_t>(random.below(30)));
      const int series = static_cast<int>(random.below(3));
      const auto value = static_cast<double>(random.below(100));
      switch (random.below(12)) {
        case 0:
          board.append(series, now - DurationMs::seconds(static_cast<int64_t>(random.below(1800))),
                       value);
          break;
        case 1: board.append(series, now, kStale); break;
        case 2:
          if (random.below(4) == 0) {
            const TimeMs from = now - DurationMs::seconds(static_cast<int64_t>(random.below(1800)));
            board.erase(
                {from, from + DurationMs::seconds(static_cast<int64_t>(random.below(600)))});
          }
          break;
        default: board.append(series, now, value); break;
      }
      const std::string& text = panels[random.below(panels.size())];
      const DurationMs range = DurationMs::minutes(5 * (1 + static_cast<int64_t>(random.below(3))));
      ASSERT_EQ(shown(board.ask(text, now, range, false)), shown(board.ask(text, now, range, true)))
          << "seed " << seed << " round " << i << ": " << text;
    }
    EXPECT_GT(board.hits("some") + board.hits("all"), 50) << seed;
  }
}

}  // namespace

TEST(RangeCache, ALongAnswerThatIsKnownIsGivenOffTheEventLoop) {
  MetricRegistry metrics;
  RangeCache cache(size_t{64} << 20, metrics);
  const tsdb::House house;
  QueryRequest request;
  request.text = "x";
  request.start = kStart;
  request.step = DurationMs{1000};
  request.end = kStart + DurationMs{10'000'000};
  size_t asked = 0;
  const auto evaluate = [&](const QueryRequest& r) -> Result<QueryResult> {
    ++asked;
    MatrixValue value;
    for (int i = 0; i < 200; ++i) {
      Series series;
      series.labels = Labels{{"i", fmt::format("{:04}", i)}};
      for (TimeMs t = r.start; t <= r.end; t = t + r.step) series.add(t, 1);
      value.series.push_back(std::move(series));
    }
    QueryResult out;
    out.value = std::move(value);
    return out;
  };
  const auto ask = [&] {
    const LoopTurn turn([] {});
    EXPECT_TRUE(cache.answer(
        *house.db, request,
        {.reach = {}, .lookback = DurationMs::minutes(5), .subquery_step = DurationMs::minutes(1)},
        evaluate));
    return turn.left();
  };
  ask();
  ask();
  EXPECT_TRUE(ask());
  EXPECT_EQ(asked, 2U) << "the third is known";
}

}  // namespace prom5::query
