#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "store/tsdb/db_test.h"

// What a database does while its log is being replayed.

namespace prom5::tsdb {

namespace {

/// Once closed, whoever reads the log waits to be let through.
class SlowLog final : public io::FaultyFileSystem {
 public:
  Result<std::shared_ptr<const io::MappedFile>> map(const std::string& path) override {
    if (closed_ && path.find("/wal/") != std::string::npos) {
      if (!waiting_.test_and_set()) asked_.count_down();
      through_.wait();
    }
    return FaultyFileSystem::map(path);
  }
  void close() { closed_ = true; }
  void wait_until_asked() { asked_.wait(); }
  void let_through() { through_.count_down(); }

 private:
  std::atomic<bool> closed_ = false;
  std::atomic_flag waiting_;
  std::latch asked_{1};
  std::latch through_{1};
};

class DbReplay : public testing::Test {
 protected:
  DbReplay() {
    clock_.advance(DurationMs::days(30));
    open();
    Rng rng(1);
    put_span(*db_, model_, rng, 0, 6 * kHour);
    db_->compact();  // two blocks; the rest is in the log
    db_.reset();
    files_.close();
  }

  void open() {
    metrics_.emplace();
    db_ = Db::open({}, clock_, files_, *metrics_, log_).value();
  }
  void begin() {
    metrics_.emplace();
    db_ = Db::begin({}, clock_, files_, *metrics_, log_).value();
    files_.wait_until_asked();
  }

  SlowLog files_;
  ManualClock clock_{TimeMs{1'000'000'000}};
  Log log_{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  std::optional<MetricRegistry> metrics_;
  MemoryStorage model_;
  std::unique_ptr<Db> db_;
};

/// Series of several buckets of a replay, the last one's samples more than its bucket holds.
Labels numbered(int number) { return {{"__name__", fmt::format("m{:04}", number)}}; }

void put_each(Db& db, int series) {
  auto appender = db.appender();
  for (int i = 1; i <= series; ++i) {
    ASSERT_TRUE(appender->append(0, numbered(i), {TimeMs{1'000'000'000}, 1.0 * i}));
  }
  ASSERT_TRUE(appender->commit());
}

void expect_same_after_restart(House& house) {
  house.clock.advance(DurationMs{500'000});
  const auto before = dump(*house.db);
  house.open();
  EXPECT_EQ(dump(*house.db), before);
}

TEST(ReplayBuckets, KeepTheirSeriesWhenOneSampleIsLeft) {
  for (int more = 4040; more < 4060; ++more) {
    House house;
    put_each(*house.db, 300);
    auto appender = house.db->appender();
    for (int i = 1; i <= more; ++i) {
      const TimeMs time{1'000'000'000 + (i * 100)};
      ASSERT_TRUE(appender->append(0, numbered(300), {time, 5000.0 + i}));
    }
    ASSERT_TRUE(appender->commit());
    expect_same_after_restart(house);
  }
}

TEST(ReplayBuckets, KeepTheirSeriesBetweenFloatsAndHistograms) {
  for (const int series : {300, 511, 512, 513}) {
    House house;
    put_each(*house.db, series);
    auto appender = house.db->appender();
    ASSERT_TRUE(appender->append_histogram(0, numbered(9000), TimeMs{1'000'000'000},
                                           histogram_of(4), kNoStart));
    ASSERT_TRUE(appender->commit());
    put(*house.db, numbered(series), 1'000'015'000, 77);
    expect_same_after_restart(house);
  }
}

TEST_F(DbReplay, BlocksAnswerMeanwhileAndTheAnswerSaysSo) {
  begin();
  const TimeMs in_blocks = db_->blocks().back()->info().range.end;
  const TimeRange range{{0}, in_blocks};
  const Dump want = dump(model_, range);
  ASSERT_FALSE(want.empty());
  EXPECT_EQ(dump(*db_), want);
  const auto querier = db_->querier({}).value();
  ASSERT_EQ(querier->warnings().size(), 1U);
  EXPECT_NE(querier->warnings()[0].find("partial"), std::string::npos) << querier->warnings()[0];
  EXPECT_EQ(querier->label_values("l", {}).value().size(), 5U);
  EXPECT_FALSE(db_->replay_progress().done);
  EXPECT_EQ(db_->stats(10).series, 0U);
  files_.let_through();
  ASSERT_TRUE(db_->wait_until_open());
  EXPECT_EQ(dump(*db_), dump(model_));
  EXPECT_TRUE(db_->querier({}).value()->warnings().empty());
  EXPECT_TRUE(db_->replay_progress().done);
}

TEST_F(DbReplay, NothingIsTakenMeanwhile) {
  begin();
  const auto appender = db_->appender();
  const auto added = appender->append(0, Labels{{"__name__", "n"}}, {clock_.now(), 1});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::Unavailable);
  const auto committed = appender->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::Unavailable);
  const std::vector<std::vector<Matcher>> all = {{Matcher::equal("__name__", "m")}};
  EXPECT_EQ(db_->delete_series(all, {}).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(db_->clean_tombstones().error().code, ErrorCode::Unavailable);
  EXPECT_EQ(db_->snapshot(false).error().code, ErrorCode::Unavailable);
  files_.let_through();
  ASSERT_TRUE(db_->wait_until_open());
  EXPECT_EQ(put(*db_, Labels{{"__name__", "n"}}, clock_.now().ms, 1), std::nullopt);
  EXPECT_EQ(dump(*db_, {{0}, {7 * kHour}}), dump(model_));
}

TEST_F(DbReplay, ClosingBreaksItOff) {
  begin();
  db_->stop_opening();
  files_.let_through();
  const auto opened = db_->wait_until_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::Unavailable);
  db_.reset();
  open();
  EXPECT_EQ(dump(*db_), dump(model_));
}

}  // namespace

/// A damaged chunk is no error of the query: what is left is answered, with a warning.
TEST(DbDamage, AnswersSayWhatIsMissing) {
  House house;
  MemoryStorage model;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, model, rng, 0, 6 * kHour);
  house.db->compact();
  house.db.reset();
  house.files.corrupt("data/blocks/00000001", [](std::string& bytes) { bytes[20] ^= 1; });
  house.open();
  const auto querier = house.db->querier({}).value();
  const auto set = querier->select({}).value();
  SampleColumns samples;
  size_t series = 0;
  EXPECT_TRUE(querier->warnings().empty());
  while (set->next()) {
    ASSERT_TRUE(set->read(samples));
    ++series;
  }
  EXPECT_EQ(series, 5U);
  ASSERT_EQ(querier->warnings().size(), 1U);
  EXPECT_NE(querier->warnings()[0].find("data/blocks/00000001"), std::string::npos);
}

TEST(DbDamage, IsFoundBeforeItIsAskedFor) {
  House house;
  MemoryStorage model;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, model, rng, 0, 8 * kHour);
  house.db->compact();
  const size_t blocks = house.db->blocks().size();
  house.db.reset();
  house.files.corrupt("data/blocks/00000001", [](std::string& bytes) { bytes[20] ^= 1; });
  house.open();
  const auto value = [&](std::string_view name) {
    for (const auto& family : house.metrics->collect()) {
      if (family.name == name) return family.points.at(0).value;
    }
    return -1.0;
  };
  for (size_t i = 0; i < blocks; ++i) house.db->verify_a_block();
  EXPECT_EQ(value("prom5_tsdb_verification_failures_total"), 1);
  const double bytes = value("prom5_tsdb_verified_bytes_total");
  EXPECT_GT(bytes, 0);
  house.db->verify_a_block();
  EXPECT_EQ(value("prom5_tsdb_verified_bytes_total"), bytes) << "once a week is enough";
  house.clock.advance(DurationMs::days(8));
  for (size_t i = 0; i < blocks; ++i) house.db->verify_a_block();
  EXPECT_EQ(value("prom5_tsdb_verification_failures_total"), 2);
}

TEST(DbDamage, ABlockThatCannotBeOpenedIsToldInEachAnswer) {
  House house;
  MemoryStorage model;
  Rng rng(1);
  house.clock.advance(DurationMs::days(30));
  put_span(*house.db, model, rng, 0, 6 * kHour);
  house.db->compact();
  house.db.reset();
  house.files.corrupt("data/blocks/00000001", [](std::string& bytes) { bytes.resize(100); });
  house.open();
  ASSERT_EQ(house.db->querier({}).value()->warnings().size(), 1U);
}

}  // namespace prom5::tsdb
