#include "store/remote/fanout_storage.h"

#include <gtest/gtest.h>

#include "base/loop_turn.h"
#include "base/rng.h"
#include "store/memory_storage.h"
#include "store/remote/remote_read_test.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

/// Samples by series and time, as text.
using World = std::map<std::string, std::map<int64_t, std::string>>;

std::string shown(const SampleColumns& samples, size_t i) {
  return is_histogram(samples, i) ? samples.histograms[i]->to_string()
                                  : fmt::format("{}", samples.values[i]);
}

World world_of(SeriesSet& set) {
  World out;
  SampleColumns samples;
  std::optional<Labels> before;
  while (set.next()) {
    EXPECT_TRUE(!before || *before < set.labels()) << set.labels().to_string();
    before = set.labels();
    EXPECT_TRUE(set.read(samples));
    for (size_t i = 0; i < samples.size(); ++i) {
      EXPECT_TRUE(i == 0 || samples.times[i - 1] < samples.times[i]);
      out[set.labels().to_string()][samples.times[i].ms] = shown(samples, i);
    }
  }
  return out;
}

/// Answers with what a storage has.
FakeServers::Server serve(Storage& storage, ReadForm form) {
  return [&storage, form](const io::HttpClientRequest& request) {
    const ReadQuery query = query_of(request);
    const auto querier = storage.querier(query.range).value();
    const auto set = querier->select(query.matchers).value();
    std::vector<AnsweredSeries> series;
    while (set->next()) {
      series.push_back({set->labels(), {}});
      CHECK(set->read(series.back().samples).has_value());
    }
    return answer_of(form, series);
  };
}

void fill(Storage& storage, Rng& rng) {
  const auto appender = storage.appender();
  for (size_t n = rng.below(40); n > 0; --n) {
    LabelsBuilder labels;
    labels.set("__name__", rng.below(2) == 0 ? "a" : "b");
    if (rng.below(2) == 0) labels.set("n", std::to_string(rng.below(3)));
    if (rng.below(3) == 0) labels.set("region", rng.below(2) == 0 ? "north" : "south");
    const TimeMs time{static_cast<int64_t>(rng.below(30)) * 1000};
    const auto value = static_cast<double>(rng.below(1000));
    if (rng.below(3) == 0) {
      Histogram h;
      h.count = h.zero_count = value;
      h.sum = value + 0.5;
      EXPECT_TRUE(appender->append_histogram(0, labels.build(), time, h));
    } else {
      EXPECT_TRUE(appender->append(0, labels.build(), {time, value}));
    }
  }
  EXPECT_TRUE(appender->commit());
}

/// What a storage has, put behind what is there already.
void add_behind(World& world, Storage& storage, TimeRange range,
                std::span<const Matcher> matchers) {
  const auto querier = storage.querier(range).value();
  const auto set = querier->select(matchers).value();
  SampleColumns samples;
  while (set->next()) {
    ASSERT_TRUE(set->read(samples));
    for (size_t i = 0; i < samples.size(); ++i) {
      world[set->labels().to_string()].emplace(samples.times[i].ms, shown(samples, i));
    }
  }
}

/// Has one series with rollups up to a time, and a history of its changes.
class RolledUpStorage final : public Storage {
 public:
  static constexpr Tier kTier{
      .width = DurationMs::seconds(5), .until = {10'000}, .rollups = true, .exact = false};

  class Set final : public SeriesSet {
   public:
    bool next() override { return !std::exchange(done_, true); }
    [[nodiscard]] const Labels& labels() const override { return labels_; }
    Result<void> read(SampleColumns& out) override {
      out.clear();
      tsdb::push(out, {12'000}, 12, nullptr);
      return {};
    }
    Result<void> read_rollups(Rollups& out) override {
      out.clear();
      out.ends = {{5'000}, {10'000}};
      return {};
    }

   private:
    const Labels labels_{{"__name__", "m"}, {"n", "2"}};
    bool done_ = false;
  };
  class View final : public Querier {
   public:
    explicit View(bool broken) : broken_(broken) {}
    [[nodiscard]] Tier tier(const TierRequest&) const override { return kTier; }
    using Querier::select;
    Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher>, const Tier&) override {
      if (broken_) return fail(ErrorCode::Io, "the disk is gone");
      return std::make_unique<Set>();
    }
    [[nodiscard]] std::vector<std::string> warnings() const override { return {"of its own"}; }
    Result<std::vector<std::string>> label_names(std::span<const Matcher>) override {
      return std::vector<std::string>{"local"};
    }
    Result<std::vector<std::string>> label_values(std::string_view,
                                                  std::span<const Matcher>) override {
      return std::vector<std::string>{"local value"};
    }

   private:
    const bool broken_;
  };

  std::unique_ptr<Appender> appender() override { return nullptr; }
  Result<std::unique_ptr<Querier>> querier(TimeRange) override {
    return std::make_unique<View>(broken);
  }
  ChangeHistory::Mark mark_changes() override { return changes.mark(); }
  [[nodiscard]] TimeMs changed_since(ChangeHistory::Mark mark) const override {
    return changes.since(mark);
  }
  [[nodiscard]] MetadataMap metadata() const override { return {}; }

  ChangeHistory changes;
  bool broken = false;
};

class FanoutTest : public testing::Test {
 protected:
  static ReadOptions options(const std::string& url, bool read_recent = true) {
    ReadOptions out;
    out.name = out.fingerprint = out.url = url;
    out.read_recent = read_recent;
    return out;
  }
  FanoutStorage over(Storage& local, TimeMs local_from = {}) {
    return {local, [local_from] { return local_from; }, {http, metrics}};
  }

  FakeServers http;
  MetricRegistry metrics;
};

}  // namespace

TEST_F(FanoutTest, MergesAsItsSimpleTwinDoes) {
  const uint64_t seed = 43;
  Rng rng(seed);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    MemoryStorage local;
    MemoryStorage first;
    MemoryStorage second;
    for (MemoryStorage* storage : {&local, &first, &second}) fill(*storage, rng);
    http.servers["http://1"] = serve(first, ReadForm::Sampled);
    http.servers["http://2"] = serve(second, ReadForm::Streamed);
    FanoutStorage fanout = over(local);
    fanout.apply({options("http://1"), options("http://2")}, {});
    const int64_t start = static_cast<int64_t>(rng.below(30)) * 1000;
    const TimeRange range{{start}, {start + static_cast<int64_t>(rng.below(30)) * 1000}};
    const std::vector<Matcher> matchers = {
        Matcher::equal("__name__", rng.below(2) == 0 ? "a" : "b"),
        Matcher::make(MatchType::NotEqual, "n", rng.below(2) == 0 ? "1" : "none").value()};
    World want;
    for (Storage* storage : {&local, &first, &second}) {
      add_behind(want, *storage, range, matchers);
    }
    const auto querier = fanout.querier(range).value();
    const auto set = querier->select(matchers).value();
    ASSERT_EQ(world_of(*set), want);
    ASSERT_TRUE(querier->warnings().empty()) << querier->warnings()[0];
  }
}

TEST_F(FanoutTest, SetsThatLoseALabelStayInOrder) {
  MemoryStorage local;
  MemoryStorage far;
  const auto appender = far.appender();
  for (const char* n : {"1", "2"}) {
    ASSERT_TRUE(appender->append(0, {{"__name__", "m"}, {"a", "north"}, {"n", n}}, {{1}, 1}));
  }
  ASSERT_TRUE(appender->commit());
  http.servers["http://1"] = serve(far, ReadForm::Streamed);
  FanoutStorage fanout = over(local);
  fanout.apply({options("http://1")}, {{"a", "north"}});
  const auto querier = fanout.querier({}).value();
  const std::vector<Matcher> name = {Matcher::equal("__name__", "m")};
  const World found = world_of(*querier->select(name).value());
  EXPECT_EQ(found.size(), 2);
  EXPECT_TRUE(found.contains(R"({__name__="m", n="1"})"));
}

TEST_F(FanoutTest, WhoWaitsForAServerIsOnNoEventLoop) {
  RolledUpStorage local;
  http.servers["http://1"] = [](const auto&) { return FakeServers::Answer{.status = 500}; };
  FanoutStorage fanout = over(local);
  const auto select = [&] {
    const LoopTurn turn([] {});
    EXPECT_TRUE(fanout.querier({}).value()->select({}));
    return turn.left();
  };
  EXPECT_FALSE(select());
  fanout.apply({options("http://1")}, {});
  EXPECT_TRUE(select());
}

TEST_F(FanoutTest, WhoFailsCostsAWarningTheLocalStorageTheQuery) {
  RolledUpStorage local;
  http.servers["http://1"] = [](const auto&) { return FakeServers::Answer{.status = 500}; };
  FanoutStorage fanout = over(local);
  fanout.apply({options("http://1")}, {});
  const auto querier = fanout.querier({}).value();
  const auto set = querier->select({}).value();
  EXPECT_TRUE(set->next());
  ASSERT_EQ(querier->warnings().size(), 2);
  EXPECT_EQ(querier->warnings()[0], "of its own");
  EXPECT_TRUE(querier->warnings()[1].starts_with("remote read from http://1: HTTP status 500"));
  EXPECT_EQ(querier->label_names({}).value(), std::vector<std::string>{"local"});
  EXPECT_EQ(querier->label_values("a", {}).value(), std::vector<std::string>{"local value"});
  EXPECT_EQ(http.requests.size(), 1);
  local.broken = true;
  EXPECT_EQ(fanout.querier({}).value()->select({}).error().code, ErrorCode::Io);
}

TEST_F(FanoutTest, SamplesDoNotCountTwiceBesideRollups) {
  RolledUpStorage local;
  MemoryStorage far;
  const auto appender = far.appender();
  for (const char* n : {"1", "2", "3"}) {
    for (int64_t t = 1'000; t <= 13'000; t += 1'000) {
      ASSERT_TRUE(appender->append(0, {{"__name__", "m"}, {"n", n}}, {{t}, 1}));
    }
  }
  ASSERT_TRUE(appender->commit());
  http.servers["http://1"] = serve(far, ReadForm::Streamed);
  FanoutStorage fanout = over(local);
  fanout.apply({options("http://1")}, {});
  const auto querier = fanout.querier({}).value();
  const Tier tier = querier->tier({});
  EXPECT_TRUE(tier.used());
  const auto set = querier->select({}, tier).value();
  std::vector<size_t> rollups;
  std::vector<size_t> samples;
  while (set->next()) {
    Rollups of_series;
    SampleColumns columns;
    ASSERT_TRUE(set->read_rollups(of_series));
    ASSERT_TRUE(set->read(columns));
    rollups.push_back(of_series.size());
    samples.push_back(columns.size());
    if (of_series.size() > 0) EXPECT_EQ(columns.values, (std::vector<double>{1, 12, 1}));
  }
  EXPECT_EQ(rollups, (std::vector<size_t>{0, 2, 0}));
  EXPECT_EQ(samples, (std::vector<size_t>{13, 3, 13}));
}

TEST_F(FanoutTest, WhatIsHereIsNotAskedFor) {
  MemoryStorage local;
  MemoryStorage far;
  http.servers["http://1"] = serve(far, ReadForm::Streamed);
  FanoutStorage fanout = over(local, {1'000});
  fanout.apply({options("http://1", false)}, {});
  ASSERT_TRUE(fanout.querier({{1'001}, {5'000}}).value()->select({}));
  EXPECT_TRUE(http.requests.empty());
  ASSERT_TRUE(fanout.querier({{900}, {5'000}}).value()->select({}));
  ASSERT_EQ(http.requests.size(), 1);
  EXPECT_EQ(query_of(http.requests[0]).range, (TimeRange{{900}, {1'000}}));
}

TEST_F(FanoutTest, AnApplyHoldsForQueriersFromThenOn) {
  MemoryStorage local;
  MemoryStorage far;
  http.servers["http://1"] = serve(far, ReadForm::Streamed);
  FanoutStorage fanout = over(local);
  fanout.apply({options("http://1")}, {});
  const auto before = fanout.querier({}).value();
  fanout.apply({}, {});
  ASSERT_TRUE(fanout.querier({}).value()->select({}));
  EXPECT_TRUE(http.requests.empty());
  ASSERT_TRUE(before->select({}));
  EXPECT_EQ(http.requests.size(), 1);
}

TEST_F(FanoutTest, KeptAnswersAreGoodWithoutServersAlone) {
  RolledUpStorage local;
  FanoutStorage fanout = over(local);
  fanout.apply({}, {});
  const auto first = fanout.mark_changes();
  EXPECT_EQ(fanout.changed_since(first), TimeMs::max());
  local.changes.changed({500});
  EXPECT_EQ(fanout.changed_since(first), TimeMs{500});
  fanout.apply({options("http://1")}, {});
  EXPECT_EQ(fanout.changed_since(fanout.mark_changes()), TimeMs::min());
  const auto with_servers = fanout.mark_changes();
  fanout.apply({}, {});
  EXPECT_EQ(fanout.changed_since(first), TimeMs::min());
  EXPECT_EQ(fanout.changed_since(with_servers), TimeMs::min());
  local.changes.changed({700});
  const auto after = fanout.mark_changes();
  EXPECT_EQ(fanout.changed_since(after), TimeMs::max());
}

TEST_F(FanoutTest, MetricsFollowTheServers) {
  MemoryStorage local;
  FanoutStorage fanout = over(local);
  const auto families = [&] {
    std::vector<std::string> out;
    for (const auto& family : metrics.collect()) {
      if (!family.points.empty()) out.push_back(family.name);
    }
    return out;
  };
  EXPECT_TRUE(families().empty());
  const std::vector<std::string> all = {"prom5_remote_storage_read_failures_total",
                                        "prometheus_remote_storage_read_queries_total",
                                        "prometheus_remote_storage_remote_read_queries"};
  fanout.apply({options("http://1")}, {});
  EXPECT_EQ(families(), all);
  fanout.apply({options("http://1", false)}, {{"region", "north"}});
  EXPECT_EQ(families(), all);
  fanout.apply({}, {});
  EXPECT_TRUE(families().empty());
}

}  // namespace prom5::remote
