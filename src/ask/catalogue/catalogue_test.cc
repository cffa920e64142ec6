#include "ask/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>

#include "store/memory_storage.h"

namespace prom5::catalogue {

namespace {

constexpr TimeMs kStart{1'700'000'000'000};

/// Passes on to a MemoryStorage, counts who reads, and lets a test wait for that.
class WatchedStorage final : public Storage {
 public:
  std::unique_ptr<Appender> appender() override { return inner_.appender(); }
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override {
    const std::scoped_lock lock(mutex_);
    last_range = range;
    ++reads_;
    changed_.notify_all();
    if (broken) return fail(ErrorCode::Unavailable, "the disk is gone");
    return inner_.querier(range);
  }
  [[nodiscard]] MetadataMap metadata() const override { return inner_.metadata(); }

  int reads() {
    const std::scoped_lock lock(mutex_);
    return reads_;
  }
  /// False when that many reads do not come within a minute.
  bool wait_for_reads(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return reads_ >= count; });
  }

  std::atomic<bool> broken = false;
  TimeRange last_range{};

 private:
  MemoryStorage inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int reads_ = 0;
};

const Lexicon& lexicon() {
  static const Lexicon made = *Lexicon::parse(R"(
means: {request: [requests, hits], memory: [mem]}
heard: {}
kinds: {host: [instance]}
roles: {}
aliases: {}
numbered: {core: [cpu]}
values: {}
ignored: [of, the]
weak: [total]
)");
  return made;
}

class CatalogueTest : public testing::Test {
 protected:
  void put(const Labels& labels, TimeMs time) {
    const auto appender = storage_.appender();
    EXPECT_TRUE(appender->append(0, labels, {time, 1}));
    EXPECT_TRUE(appender->commit());
  }
  void put(const Labels& labels) { put(labels, now()); }
  void tell(const std::string& family, Metadata metadata) {
    const auto appender = storage_.appender();
    appender->set_metadata(family, std::move(metadata));
    EXPECT_TRUE(appender->commit());
  }
  TimeMs now() { return clock_.now(); }
  std::shared_ptr<const Snapshot> learned() { return *catalogue_.snapshot(now()); }

  WatchedStorage storage_;
  ManualClock clock_{kStart};
  Catalogue catalogue_{storage_, lexicon(), clock_};
};

std::vector<std::string> names(const Snapshot& snapshot) {
  std::vector<std::string> out;
  for (const Metric& metric : snapshot.metrics()) out.push_back(metric.name);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_F(CatalogueTest, LearnsFromTheStorage) {
  tell("hits_total", {MetricType::Counter, "Hits of the pages.", "hits"});
  put({{"__name__", "hits_total"}, {"page", "b"}});
  put({{"__name__", "hits_total"}, {"page", "a"}, {"host", "x"}});
  put({{"__name__", "depth"}});
  const auto snapshot = learned();
  EXPECT_EQ(names(*snapshot), (Names{"depth", "hits_total"}));
  const Metric* hits = snapshot->find("hits_total");
  ASSERT_NE(hits, nullptr);
  EXPECT_EQ(hits->help, "Hits of the pages.");
  EXPECT_EQ(hits->unit, "hits");
  EXPECT_EQ(hits->type, MetricType::Counter);
  EXPECT_EQ(hits->series, 2U);
  EXPECT_EQ(hits->words, (Names{"request", "total"}));
  ASSERT_EQ(hits->labels.size(), 2U);
  EXPECT_EQ(hits->labels[0].name, "host");
  EXPECT_EQ(hits->labels[1].name, "page");
  EXPECT_EQ(hits->labels[1].values, (Names{"a", "b"}));
  EXPECT_FALSE(hits->labels[1].cut);
  EXPECT_EQ(hits->label("pag"), nullptr);
  EXPECT_EQ(hits->label("pages"), nullptr);
  EXPECT_TRUE(hits->has("page", "a"));
  EXPECT_FALSE(hits->has("page", "c"));
  EXPECT_FALSE(hits->has("pages", "a"));
  EXPECT_TRUE(snapshot->has_label("page"));
  EXPECT_FALSE(snapshot->has_label("__name__"));
  EXPECT_EQ(snapshot->find("hits"), nullptr);
  EXPECT_EQ(snapshot->find("hits_total2"), nullptr);
  EXPECT_EQ(snapshot->find(""), nullptr);
}

TEST_F(CatalogueTest, AnEmptyStorageIsNoError) {
  const auto snapshot = learned();
  EXPECT_TRUE(snapshot->metrics().empty());
  EXPECT_TRUE(snapshot->places("web01").empty());
  EXPECT_TRUE(snapshot->with_word("request").empty());
  EXPECT_FALSE(snapshot->leads("web"));
}

TEST_F(CatalogueTest, FindsByWordOfNameAndHelp) {
  tell("depth", {MetricType::Gauge, "Memory the queue takes.", ""});
  put({{"__name__", "depth"}});
  put({{"__name__", "http_requests_total"}});
  put({{"__name__", "MemAvailable_bytes"}});
  const auto snapshot = learned();
  const auto found = [&](std::string_view word) {
    Names out;
    for (const uint32_t at : snapshot->with_word(word)) out.push_back(snapshot->metrics()[at].name);
    return out;
  };
  EXPECT_EQ(found("memory"), (Names{"MemAvailable_bytes", "depth"}));
  EXPECT_EQ(found("request"), Names{"http_requests_total"});
  EXPECT_EQ(found("depth"), Names{"depth"});
  EXPECT_EQ(found("requests"), Names{});  // the lexicon's form alone
  EXPECT_EQ(found("the"), Names{});
  EXPECT_EQ(found(""), Names{});
}

TEST_F(CatalogueTest, TypesComeFromMetadataThenFromNames) {
  tell("wait_seconds", {MetricType::Histogram, "Wait.", "seconds"});
  tell("strange_total", {MetricType::Gauge, "No counter.", ""});
  tell("odd", {MetricType::Unknown, "Who knows.", ""});
  for (const char* name : {"wait_seconds_bucket", "wait_seconds_sum", "wait_seconds",
                           "strange_total", "odd", "free_total", "level"}) {
    put({{"__name__", name}});
  }
  const auto snapshot = learned();
  const auto type = [&](std::string_view name) { return snapshot->find(name)->type; };
  EXPECT_EQ(type("wait_seconds_bucket"), MetricType::Counter);
  EXPECT_EQ(snapshot->find("wait_seconds_bucket")->help, "Wait.");
  EXPECT_EQ(type("wait_seconds_sum"), MetricType::Counter);
  EXPECT_EQ(type("wait_seconds"), MetricType::Histogram);
  EXPECT_EQ(type("strange_total"), MetricType::Gauge);
  EXPECT_EQ(type("odd"), MetricType::Gauge);
  EXPECT_EQ(type("free_total"), MetricType::Counter);
  EXPECT_EQ(type("level"), MetricType::Gauge);
}

TEST(Catalogue, GuessesTypes) {
  for (const char* name : {"a_total", "a_bucket", "a_count", "a_sum"}) {
    EXPECT_EQ(guess_type(name), MetricType::Counter) << name;
  }
  for (const char* name : {"a_bytes", "", "total", "a_totals"}) {
    EXPECT_EQ(guess_type(name), MetricType::Gauge) << name;
  }
}

TEST(Catalogue, Folds) {
  const auto folds = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(fold(text), want) << text;
  };
  folds("Web-01:9100", "web019100");
  folds("a_b.c/d e", "abcde");
  folds("", "");
  folds("---", "");
  folds("M\xc3\xbcller", "mller");
  folds(std::string("a\0b", 3), "ab");
}

TEST_F(CatalogueTest, NamesThingsHoweverTheyAreWritten) {
  put({{"__name__", "up"}, {"instance", "web-01:9100"}, {"job", "node"}});
  put({{"__name__", "up"}, {"instance", "https://shop.example.com/cart"}, {"job", "probe"}});
  put({{"__name__", "disk"}, {"mountpoint", "/"}, {"state", "hits"}});
  put({{"__name__", "wait_bucket"}, {"le", "0.5"}});
  put({{"__name__", "wait"}, {"quantile", "0.75"}});
  const auto snapshot = learned();
  const auto place = [&](std::string_view folded, const char* label, const char* value) {
    const auto found = snapshot->places(folded);
    ASSERT_EQ(found.size(), 1U) << folded;
    EXPECT_EQ(found[0], (Place{label, value})) << folded;
  };
  place("web01", "instance", "web-01:9100");
  place("web019100", "instance", "web-01:9100");
  place("shopexamplecom", "instance", "https://shop.example.com/cart");
  place("shop", "instance", "https://shop.example.com/cart");
  place("root", "mountpoint", "/");
  place("hits", "state", "hits");
  place("request", "state", "hits");  // the lexicon's word for it
  EXPECT_TRUE(snapshot->places("web").empty());
  EXPECT_TRUE(snapshot->places("05").empty());
  EXPECT_TRUE(snapshot->places("075").empty());
  EXPECT_TRUE(snapshot->places("").empty());
}

TEST_F(CatalogueTest, AValueOfSeveralLabelsHasSeveralPlaces) {
  put({{"__name__", "a"}, {"job", "api"}});
  put({{"__name__", "b"}, {"service", "api"}});
  put({{"__name__", "c"}, {"service", "api"}, {"zone", "1"}});
  EXPECT_EQ(learned()->places("api").size(), 2U);
}

TEST_F(CatalogueTest, LeadsAreBeginningsBeforeADash) {
  put({{"__name__", "up"}, {"instance", "web-front-01:9100"}, {"node", "db_1"}, {"zone", "eu"}});
  const auto snapshot = learned();
  for (const char* lead : {"web", "webfront", "db"}) EXPECT_TRUE(snapshot->leads(lead)) << lead;
  for (const char* none : {"we", "eu", "webfront01", "db1"}) {
    EXPECT_FALSE(snapshot->leads(none)) << none;
  }
}

TEST_F(CatalogueTest, TooManyValuesAreCutAndSaidToBe) {
  const size_t count = Snapshot::kMaxValues + 10;
  {
    const auto appender = storage_.appender();
    for (size_t i = 0; i < count; ++i) {
      const Labels labels{{"__name__", "up"}, {"id", fmt::format("{:06}", i)}, {"job", "x"}};
      EXPECT_TRUE(appender->append(0, labels, {now(), 1}));
    }
    EXPECT_TRUE(appender->commit());
  }
  const auto snapshot = learned();
  const Metric& up = *snapshot->find("up");
  EXPECT_EQ(up.series, count);
  ASSERT_NE(up.label("id"), nullptr);
  EXPECT_TRUE(up.label("id")->cut);
  EXPECT_EQ(up.label("id")->values.size(), Snapshot::kMaxValues);
  EXPECT_TRUE(std::is_sorted(up.label("id")->values.begin(), up.label("id")->values.end()));
  EXPECT_EQ(up.label("id")->values.back(), fmt::format("{:06}", Snapshot::kMaxValues - 1));
  EXPECT_TRUE(up.has("id", "005009"));  // may have: not all are known
  EXPECT_FALSE(up.label("job")->cut);
  EXPECT_FALSE(up.has("job", "y"));
}

TEST_F(CatalogueTest, AsManyValuesAsFitAreNotCut) {
  const auto appender = storage_.appender();
  for (size_t i = 0; i < Snapshot::kMaxValues; ++i) {
    for (const char* zone : {"a", "b"}) {
      const Labels labels{{"__name__", "up"}, {"id", fmt::format("{:06}", i)}, {"zone", zone}};
      EXPECT_TRUE(appender->append(0, labels, {now(), 1}));
    }
  }
  EXPECT_TRUE(appender->commit());
  EXPECT_FALSE(learned()->find("up")->label("id")->cut);
}

TEST(Catalogue, TimeGrowsWithTheSeriesAndNotFaster) {
  // CPU time a series, of a small and of a large database; a limit in seconds would depend on the
  // machine. The storage's own tree costs a little more a series when it is large.
  const auto seconds_a_series = [](int hosts) {
    MemoryStorage storage;
    const auto appender = storage.appender();
    int series = 0;
    for (int h = 0; h < hosts; ++h) {
      for (int m = 0; m < 100; ++m, ++series) {
        const Labels labels{{"__name__", fmt::format("work_{}_total", m)},
                            {"instance", fmt::format("host-{:04}:9100", h)},
                            {"job", "filler"},
                            {"shard", fmt::format("{}", h % 7)}};
        EXPECT_TRUE(appender->append(0, labels, {kStart, 1}));
      }
    }
    EXPECT_TRUE(appender->commit());
    const ManualClock clock{kStart};
    Catalogue catalogue(storage, lexicon(), clock);
    const std::clock_t before = std::clock();
    const auto snapshot = catalogue.snapshot(kStart);
    const double taken = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_EQ((*snapshot)->metrics().size(), 100U);
    EXPECT_EQ((*snapshot)->find("work_0_total")->series, static_cast<size_t>(hosts));
    return taken / series;
  };
  const double small = seconds_a_series(100);
  const double large = seconds_a_series(1000);
  EXPECT_LT(large, 4 * small + 1e-6) << small << " and " << large << " seconds a series";
}

TEST_F(CatalogueTest, LooksBackADay) {
  put({{"__name__", "silent"}}, now() - DurationMs::hours(23));
  put({{"__name__", "gone"}}, now() - DurationMs::hours(25));
  EXPECT_EQ(names(*learned()), Names{"silent"});
  EXPECT_EQ(storage_.last_range.start, kStart - DurationMs::hours(24));
  EXPECT_EQ(storage_.last_range.end, kStart);
}

TEST_F(CatalogueTest, IsKeptForHalfAMinute) {
  put({{"__name__", "a"}});
  const auto first = learned();
  put({{"__name__", "b"}});
  clock_.advance(DurationMs::seconds(29));
  EXPECT_EQ(learned(), first);
  EXPECT_EQ(storage_.reads(), 1);
}

TEST_F(CatalogueTest, IsBroughtUpToDateBehindTheQuestionsBack) {
  put({{"__name__", "a"}});
  const auto first = learned();
  put({{"__name__", "b"}});
  clock_.advance(DurationMs::seconds(31));
  EXPECT_EQ(learned(), first) << "a question does not wait";
  ASSERT_TRUE(storage_.wait_for_reads(2));
  // Held while learning: when this returns, the worker is done.
  const auto fresh = *catalogue_.fresh_snapshot(now());
  EXPECT_EQ(names(*fresh), (Names{"a", "b"}));
  EXPECT_EQ(learned(), fresh);
  EXPECT_EQ(storage_.reads(), 2);
}

TEST_F(CatalogueTest, FreshIsLearnedUnlessItJustWas) {
  put({{"__name__", "a"}});
  const auto first = learned();
  put({{"__name__", "b"}});
  clock_.advance(DurationMs::seconds(2));
  EXPECT_EQ(*catalogue_.fresh_snapshot(now()), first);
  clock_.advance(DurationMs::seconds(2));
  EXPECT_EQ(names(**catalogue_.fresh_snapshot(now())), (Names{"a", "b"}));
  EXPECT_EQ(storage_.reads(), 2);
}

TEST_F(CatalogueTest, OtherTimesAreOtherSnapshots) {
  const TimeMs week_ago = now() - DurationMs::days(7);
  put({{"__name__", "old"}}, week_ago);
  put({{"__name__", "new"}});
  EXPECT_EQ(names(**catalogue_.snapshot(week_ago)), Names{"old"});
  EXPECT_EQ(names(*learned()), Names{"new"});
  EXPECT_EQ(names(**catalogue_.snapshot(week_ago + DurationMs::minutes(14))), Names{"old"});
  EXPECT_EQ(storage_.reads(), 2);
  // Only some are kept, the least recently used go first.
  for (int day = 1; day <= 3; ++day) {
    EXPECT_TRUE(catalogue_.snapshot(now() - DurationMs::days(day)));
  }
  EXPECT_EQ(storage_.reads(), 5);
  EXPECT_TRUE(catalogue_.snapshot(now() - DurationMs::days(3)));
  EXPECT_EQ(storage_.reads(), 5);
  EXPECT_TRUE(catalogue_.snapshot(week_ago));
  EXPECT_EQ(storage_.reads(), 6);
}

TEST_F(CatalogueTest, ErrorsOfTheStorageAreTold) {
  storage_.broken = true;
  const auto failed = catalogue_.snapshot(now());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::Unavailable);
  storage_.broken = false;
  EXPECT_TRUE(catalogue_.snapshot(now()));
}

TEST_F(CatalogueTest, WhatCannotBeRefreshedStaysKnown) {
  put({{"__name__", "a"}});
  const auto first = learned();
  storage_.broken = true;
  clock_.advance(DurationMs::seconds(31));
  EXPECT_EQ(learned(), first);
  ASSERT_TRUE(storage_.wait_for_reads(2));
  EXPECT_EQ(learned(), first);
  EXPECT_FALSE(catalogue_.fresh_snapshot(now()));
}

TEST_F(CatalogueTest, ASnapshotIsNotChangedByLaterOnes) {
  put({{"__name__", "a"}});
  const auto first = learned();
  put({{"__name__", "b"}});
  clock_.advance(DurationMs::seconds(10));
  EXPECT_TRUE(catalogue_.fresh_snapshot(now()));
  EXPECT_EQ(names(*first), Names{"a"});
}

TEST_F(CatalogueTest, QuestionsThatComeTogetherReadOnce) {
  put({{"__name__", "a"}});
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < 8; ++i) {
      askers.emplace_back([&] { good += catalogue_.snapshot(kStart).has_value() ? 1 : 0; });
    }
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(storage_.reads(), 1);
}

TEST_F(CatalogueTest, HostileLabelsAreOnlyText) {
  const std::string value = "\"} or vector(1) #\n\\";
  put({{"__name__", "up"}, {"job", value}});
  put({{"__name__", "up"}, {"job", "\xff\xfe"}});
  put({{"__name__", "up"}, {"job", "---"}});
  const auto snapshot = learned();
  EXPECT_TRUE(snapshot->find("up")->has("job", value));
  EXPECT_EQ(snapshot->places("orvector1").size(), 1U);
  EXPECT_FALSE(snapshot->names().contains(""));
}

}  // namespace prom5::catalogue
