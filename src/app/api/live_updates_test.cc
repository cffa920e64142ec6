#include "app/api/live_updates.h"

#include <gtest/gtest.h>

#include "io/codec/json.h"
#include "model/labels.h"
#include "store/memory_storage.h"

namespace prom5::api {

namespace {

using Event = std::pair<std::string, Json>;

class RecordingSink final : public LiveSink {
 public:
  bool send(std::string_view event, std::string_view data) override {
    if (gone) return false;
    events.emplace_back(event, codec::parse_json(data).value());
    return true;
  }
  bool heartbeat() override {
    ++beats;
    return !gone;
  }
  [[nodiscard]] size_t unsent_bytes() const override { return unsent; }
  void close() override { closed = true; }

  [[nodiscard]] std::vector<Json> of(std::string_view name) const {
    std::vector<Json> out;
    for (const auto& [event, data] : events) {
      if (event == name) out.push_back(data);
    }
    return out;
  }

  std::vector<Event> events;
  size_t beats = 0;
  size_t unsent = 0;
  bool gone = false;
  bool closed = false;
};

/// A memory whose long ranges take two seconds of a stopwatch.
class SlowStorage final : public Storage {
 public:
  std::unique_ptr<Appender> appender() override { return memory_.appender(); }
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override {
    if (range.end - range.start > DurationMs::minutes(10)) seconds += 2;
    return memory_.querier(range);
  }
  [[nodiscard]] MetadataMap metadata() const override { return memory_.metadata(); }

  double seconds = 0;  // on the stopwatch

 private:
  MemoryStorage memory_;
};

class LiveUpdatesTest : public testing::Test {
 protected:
  static constexpr TimeMs kStart{1'000'000};

  void put(const std::string& name, const std::vector<std::pair<std::string, std::string>>& labels,
           double value) {
    LabelsBuilder builder;
    builder.set("__name__", name);
    for (const auto& [label, text] : labels) builder.set(label, text);
    auto appender = storage_.appender();
    ASSERT_TRUE(appender->append(SeriesRef{}, builder.build(), {now_, value}));
    ASSERT_TRUE(appender->commit());
  }
  std::shared_ptr<RecordingSink> join(LiveUpdates& live) {
    auto sink = std::make_shared<RecordingSink>();
    id_ = live.join(sink).value();
    return sink;
  }
  void tick(LiveUpdates& live, int64_t seconds = 1) {
    now_ = now_ + DurationMs::seconds(seconds);
    clock_.advance(DurationMs::seconds(seconds));
    live.tick(now_, {});
  }
  double metric(std::string_view name) {
    for (const auto& family : metrics_.collect()) {
      if (family.name == name) return family.points[0].value;
    }
    return -1;
  }

  LiveOptions with_stopwatch(LiveOptions options = {}) {
    options.stopwatch = [this] { return storage_.seconds; };
    return options;
  }
  /// The ids of the updates since the last call, and how many of each.
  static std::map<std::string, size_t> taken(RecordingSink& sink) {
    std::map<std::string, size_t> out;
    for (const Json& update : sink.of("metrics_update")) ++out[update["id"]];
    sink.events.clear();
    return out;
  }

  SlowStorage storage_;
  ManualClock clock_{kStart};
  MetricRegistry metrics_;
  query::Engine engine_{storage_, {}, metrics_, clock_};
  TimeMs now_ = kStart;
  LiveUpdates::SubscriberId id_ = 0;
};

TEST_F(LiveUpdatesTest, OneQueryForAllWhoLook) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  put("load", {{"host", "a"}}, 3);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 5; ++i) {
    sinks.push_back(join(live));
    ASSERT_TRUE(live.subscribe(id_, {std::to_string(i), "load", {}}));
  }
  tick(live);
  for (int i = 0; i < 5; ++i) {
    const auto updates = sinks[static_cast<size_t>(i)]->of("metrics_update");
    ASSERT_EQ(updates.size(), 1U);
    EXPECT_EQ(updates[0].dump(),
              R"({"id":")" + std::to_string(i) +
                  R"(","promql":"load","time":1001,"resultType":"vector","result":)" +
                  R"([{"metric":{"__name__":"load","host":"a"},"value":[1001,"3"]}]})");
  }
  // One for the alerts.
  EXPECT_EQ(metric("prom5_live_queries_total"), 2);
  EXPECT_EQ(metric("prom5_live_subscribers"), 5);
}

TEST_F(LiveUpdatesTest, IntervalsAreKept) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  const auto sink = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"fast", "1", DurationMs::seconds(1)}));
  ASSERT_TRUE(live.subscribe(id_, {"slow", "1", DurationMs::seconds(5)}));
  for (int i = 0; i < 10; ++i) tick(live);
  std::map<std::string, int> seen;
  for (const Json& update : sink->of("metrics_update")) ++seen[update["id"]];
  EXPECT_EQ(seen["fast"], 10);
  EXPECT_EQ(seen["slow"], 3) << "at once, then at 1005 and 1010";
  EXPECT_TRUE(live.unsubscribe(id_, "fast"));
  EXPECT_FALSE(live.unsubscribe(id_, "fast"));
  sink->events.clear();
  for (int i = 0; i < 5; ++i) tick(live);
  EXPECT_EQ(sink->of("metrics_update").size(), 1U);
  live.leave(id_);
  sink->events.clear();
  tick(live, 5);
  EXPECT_TRUE(sink->events.empty());
}

TEST_F(LiveUpdatesTest, WrongWishesAreRefused) {
  LiveUpdates live(engine_, clock_, metrics_, {.max_subscribers = 2, .max_subscriptions = 2});
  join(live);
  const auto refused = [&](const std::string& promql, int64_t ms) {
    const auto done = live.subscribe(id_, {"x", promql, {ms}});
    return done ? "accepted" : std::string(to_string(done.error().code));
  };
  EXPECT_EQ(refused("sum(", 0), "bad_data");
  EXPECT_EQ(refused("1", 10), "bad_data");
  EXPECT_EQ(refused("1", 999'999'999), "bad_data");
  EXPECT_EQ(refused(std::string(10'000, '1'), 0), "bad_data");
  EXPECT_TRUE(live.subscribe(id_, {"a", "1", {}}));
  EXPECT_TRUE(live.subscribe(id_, {"b", "1", {}}));
  EXPECT_EQ(live.subscribe(id_, {"c", "1", {}}).error().code, ErrorCode::LimitExceeded);
  EXPECT_TRUE(live.subscribe(id_, {"b", "2", {}})) << "in place of the one before";
  join(live);
  EXPECT_EQ(live.join(std::make_shared<RecordingSink>()).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(live.subscribe(999, {"a", "1", {}}).error().code, ErrorCode::NotFound);
  live.stop();
  EXPECT_EQ(live.join(std::make_shared<RecordingSink>()).error().code, ErrorCode::Unavailable);
}

TEST_F(LiveUpdatesTest, FailuresAreTold) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  const auto sink = join(live);
  put("load", {{"host", "a"}}, 1);
  put("load", {{"host", "b"}}, 1);
  ASSERT_TRUE(live.subscribe(id_, {"q", "load * on() load", {}}));
  tick(live);
  const auto errors = sink->of("error");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0]["id"], "q");
  EXPECT_EQ(errors[0]["promql"], "load * on() load");
  EXPECT_FALSE(errors[0]["message"].get<std::string>().empty());
}

TEST_F(LiveUpdatesTest, WhatDoesNotFitIntoATickComesWithTheNext) {
  LiveUpdates live(engine_, clock_, metrics_, {.max_queries_per_tick = 2});
  const auto sink = join(live);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(live.subscribe(id_, {std::to_string(i), std::to_string(i), {}}));
  }
  tick(live);
  EXPECT_EQ(sink->of("metrics_update").size(), 2U);
  EXPECT_EQ(metric("prom5_live_queries_postponed_total"), 2);
  tick(live);
  std::map<std::string, int> seen;
  for (const Json& update : sink->of("metrics_update")) ++seen[update["id"]];
  EXPECT_EQ(seen.size(), 4U) << "nobody waits for ever";
}

TEST_F(LiveUpdatesTest, WhatAQueryCostsIsNotShakenOff) {
  LiveUpdates live(engine_, clock_, metrics_, with_stopwatch());
  const auto sink = join(live);
  const LiveUpdates::SubscriberId first = id_;
  ASSERT_TRUE(live.subscribe(id_, {"q", "max_over_time(load[1h])", {}}));
  tick(live);
  EXPECT_EQ(taken(*sink)["q"], 1U);
  // It took 2 s, so it may come again 20 s after its end.
  const std::vector<std::pair<std::string, int64_t>> ways = {{"max_over_time(load[1h])", 1},
                                                             {" max_over_time( load[60m] )", 1},
                                                             {"max_over_time(load[1h])", 2},
                                                             {"(max_over_time(load[1h]))", 1}};
  const auto other = join(live);
  for (int second = 0; second < 21; ++second) {
    const auto& [promql, interval] = ways[static_cast<size_t>(second) % 3];
    ASSERT_TRUE(live.subscribe(first, {"q", promql, DurationMs::seconds(interval)}));
    ASSERT_TRUE(live.subscribe(id_, {"q", promql, DurationMs::seconds(1)}));
    tick(live);
    if (second == 10) live.leave(first);
    if (second == 10) break;
    EXPECT_TRUE(taken(*sink).empty()) << second;
    EXPECT_TRUE(taken(*other).empty()) << second;
    ASSERT_TRUE(live.unsubscribe(first, "q"));
    ASSERT_TRUE(live.unsubscribe(id_, "q"));
  }
  live.leave(id_);
  tick(live);  // nobody looks on
  const auto late = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"q", "max_over_time(load[1h])", {}}));
  for (int second = 0; second < 9; ++second) {
    tick(live);
    EXPECT_TRUE(taken(*late).empty()) << second;
  }
  tick(live);
  EXPECT_EQ(taken(*late)["q"], 1U);
}

TEST_F(LiveUpdatesTest, SlowQueriesOfOneKeepNobodyElseWaiting) {
  LiveUpdates live(engine_, clock_, metrics_,
                   with_stopwatch({.heartbeat_interval = DurationMs::seconds(1)}));
  put("load", {{"host", "a"}}, 3);
  const auto quick = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"q", "load", {}}));
  tick(live);
  const auto slow = join(live);
  for (int i = 0; i < 20; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_TRUE(live.subscribe(id_, {id, "max_over_time(load[1h]) + " + id, {}}));
  }
  std::map<std::string, size_t> seen;
  quick->events.clear();
  for (int ticks = 0; ticks < 20; ++ticks) {
    if (ticks == 5) {
      join(live);
      ASSERT_TRUE(live.subscribe(id_, {"new", "load + 1", {}}));
    }
    const double before = storage_.seconds;
    tick(live);
    EXPECT_LE(storage_.seconds - before, 2) << "one slow one in a tick";
    EXPECT_EQ(taken(*quick)["q"], 1U) << ticks;
    EXPECT_EQ(quick->beats, static_cast<size_t>(ticks) + 2);
    for (const auto& [id, times] : taken(*slow)) seen[id] += times;
  }
  EXPECT_GE(seen.size(), 18U) << "each has its turn";
  EXPECT_GT(metric("prom5_live_queries_postponed_total"), 20);
}

TEST_F(LiveUpdatesTest, ANewcomerIsNotBehindAllOfAnothersSlowQueries) {
  LiveUpdates live(engine_, clock_, metrics_, with_stopwatch());
  put("load", {{"host", "a"}}, 3);
  join(live);
  for (int i = 0; i < 20; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_TRUE(live.subscribe(id_, {id, "max_over_time(load[1h]) + " + id, {}}));
  }
  tick(live);
  const auto newcomer = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"new", "load", {}}));
  tick(live);
  tick(live);
  EXPECT_GE(taken(*newcomer)["new"], 1U);
}

TEST_F(LiveUpdatesTest, EachSeesItsQueryAsItWroteIt) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  put("load", {{"host", "a"}}, 3);
  const auto sink = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"a", "load+1", {}}));
  ASSERT_TRUE(live.subscribe(id_, {"b", "load + 1", {}}));
  tick(live);
  const auto updates = sink->of("metrics_update");
  ASSERT_EQ(updates.size(), 2U);
  EXPECT_EQ(updates[0]["promql"], "load+1");
  EXPECT_EQ(updates[1]["promql"], "load + 1");
  EXPECT_EQ(metric("prom5_live_queries_total"), 2) << "one for the alerts, one for both";
}

TEST_F(LiveUpdatesTest, LongResultsAreCut) {
  LiveUpdates live(engine_, clock_, metrics_, {.max_series = 2});
  const auto sink = join(live);
  for (const char* host : {"a", "b", "c"}) put("load", {{"host", host}}, 1);
  ASSERT_TRUE(live.subscribe(id_, {"q", "load", {}}));
  tick(live);
  const auto updates = sink->of("metrics_update");
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0]["result"].size(), 2U);
  EXPECT_EQ(updates[0]["truncated"], true);
}

TEST_F(LiveUpdatesTest, WhoReadsTooSlowlyMissesUpdatesAndIsGivenUp) {
  LiveUpdates live(engine_, clock_, metrics_,
                   {.max_unsent_bytes = 100, .give_up = DurationMs::seconds(3)});
  const auto slow = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"q", "1", {}}));
  const auto fast = join(live);
  ASSERT_TRUE(live.subscribe(id_, {"q", "1", {}}));
  slow->unsent = 101;
  tick(live);
  tick(live);
  EXPECT_TRUE(slow->events.empty());
  EXPECT_EQ(metric("prom5_live_updates_skipped_total"), 2);
  slow->unsent = 0;
  tick(live);
  EXPECT_EQ(slow->events.size(), 1U) << "caught up";
  slow->unsent = 101;
  for (int i = 0; i < 4; ++i) tick(live);
  EXPECT_TRUE(slow->closed);
  EXPECT_EQ(live.subscribers(), 1U);
  EXPECT_EQ(metric("prom5_live_subscribers_dropped_total"), 1);
  EXPECT_EQ(fast->events.size(), 7U);
  fast->gone = true;
  tick(live);
  EXPECT_EQ(live.subscribers(), 0U);
}

TEST_F(LiveUpdatesTest, AlertsAreToldAsTheyChange) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  using Labels = std::vector<std::pair<std::string, std::string>>;
  const Labels pending = {{"alertname", "Hot"}, {"alertstate", "pending"}, {"host", "a"}};
  const Labels firing = {{"alertname", "Hot"}, {"alertstate", "firing"}, {"host", "a"}};
  put("ALERTS", {{"alertname", "Old"}, {"alertstate", "firing"}}, 1);
  const auto sink = join(live);
  tick(live);
  EXPECT_TRUE(sink->events.empty()) << "what was before is no change";
  put("ALERTS", pending, 1);
  tick(live);
  auto alerts = sink->of("alert");
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].dump(), R"({"state":"pending","previous":"inactive","time":1002,)"
                              R"("labels":{"alertname":"Hot","host":"a"}})");
  put("ALERTS", firing, 1);
  tick(live);
  tick(live);
  alerts = sink->of("alert");
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_EQ(alerts[1]["state"], "firing");
  EXPECT_EQ(alerts[1]["previous"], "pending");
  tick(live, 600);  // past the lookback
  alerts = sink->of("alert");
  ASSERT_EQ(alerts.size(), 4U);
  for (const size_t i : {2U, 3U}) {
    EXPECT_EQ(alerts[i]["state"], "resolved");
    EXPECT_EQ(alerts[i]["previous"], "firing");
  }
}

TEST_F(LiveUpdatesTest, HeartbeatsFindTheDead) {
  LiveUpdates live(engine_, clock_, metrics_, {.heartbeat_interval = DurationMs::seconds(10)});
  const auto sink = join(live);
  tick(live);
  EXPECT_EQ(sink->beats, 1U);
  for (int i = 0; i < 9; ++i) tick(live);
  EXPECT_EQ(sink->beats, 1U);
  sink->gone = true;
  tick(live);
  EXPECT_EQ(live.subscribers(), 0U);
}

TEST_F(LiveUpdatesTest, StopClosesAll) {
  LiveUpdates live(engine_, clock_, metrics_, {});
  const auto sink = join(live);
  live.start();
  live.stop();
  EXPECT_TRUE(sink->closed);
  EXPECT_EQ(live.subscribers(), 0U);
}

}  // namespace

}  // namespace prom5::api
