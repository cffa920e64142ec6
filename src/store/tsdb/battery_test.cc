#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "store/tsdb/db_test.h"

// What a night may bring: power cuts, calls that fail, bits that flip, at random places. Short, or
// with PROM5_LONG=1 long (script/test --long).

namespace prom5::tsdb {

namespace {

uint64_t rounds(uint64_t short_form, uint64_t long_form) {
  const char* wanted = std::getenv("PROM5_LONG");
  return wanted != nullptr && std::string_view(wanted) == "1" ? long_form : short_form;
}

Histogram histogram(double count) {
  Histogram h;
  h.count = count;
  h.sum = count * 3;
  h.positive_spans = {{0, 1}};
  h.positive_counts = {count};
  return h;
}

/// A life of a database beside what it must hold: samples in and out of order, histograms,
/// deletions, blocks, merges, rollups, snapshots. Every time of a series is used once.
class Life {
 public:
  explicit Life(uint64_t seed, DurationMs sync_interval = {}) : rng_(seed) {
    options_.wal_sync_interval = sync_interval;
    options_.retention = DurationMs::days(3650);
    options_.out_of_order_window = DurationMs::hours(1);
    options_.wal_segment_bytes = 4000;
    options_.downsampling = true;
    house_.emplace(options_);
    house_->clock.advance(DurationMs::days(30));
  }

  House& house() { return *house_; }
  [[nodiscard]] const Options& options() const { return options_; }
  Rng& rng() { return rng_; }

  /// One thing that happens. What fails is not in the model; what fails half way may be in either
  /// state from then on.
  void act() {
    switch (rng_.below(24)) {
      case 0: house_->db->compact(); break;
      case 1: erase(); break;
      case 2:
        if (rng_.below(2) == 0) static_cast<void>(house_->db->clean_tombstones());
        break;
      case 3:
        if (rng_.below(4) == 0) static_cast<void>(house_->db->snapshot(rng_.below(2) == 0));
        break;
      case 4:
        now_ += static_cast<int64_t>(rng_.below(rng_.below(8) == 0 ? 30 * kHour : 2 * kHour));
        break;
      case 5:
        if (rng_.below(3) == 0) house_->files.stick(some_files(rng_.below(6)));
        break;
      case 6:
        if (rng_.below(12) == 0) open_without_some();
        break;
      default: append();
    }
  }

  /// Power goes and comes back. Of a log that is synced later, what came since the last time may
  /// be lost; what was deleted meanwhile is deleted.
  void cut_power(uint64_t seed) {
    house_->crash(seed);
    for (const auto& [name, ms] : recent_) {
      if (taken_[name].contains(ms)) unsure_.emplace(name, ms);
    }
    recent_.clear();
    house_->open(options_);
  }

  /// Everything that was taken is there, and nothing that was not offered.
  void check() {
    Dump got = dump(*house_->db);
    for (const auto& [labels, samples] : taken_) {
      std::map<int64_t, uint64_t> have;
      for (const auto& [ms, bits] : got[labels]) {
        ASSERT_TRUE(have.emplace(ms, bits).second) << labels << " has " << ms << " twice";
      }
      for (const auto& [ms, bits] : samples) {
        if (unsure_.contains({labels, ms})) continue;
        const auto found = have.find(ms);
        ASSERT_NE(found, have.end()) << labels << " lost " << ms;
        ASSERT_EQ(found->second, bits) << labels << " at " << ms;
      }
    }
    for (const auto& [labels, samples] : got) {
      for (const auto& [ms, bits] : samples) {
        if (unsure_.contains({labels, ms})) continue;
        const auto& of_series = taken_[labels];
        const auto found = of_series.find(ms);
        ASSERT_NE(found, of_series.end()) << labels << " has " << ms << ", which was not taken";
        ASSERT_EQ(found->second, bits);
      }
    }
  }

 private:
  /// The later ones are of series that come and go.
  [[nodiscard]] Labels labels_of(uint64_t l) const {
    Labels labels{{"__name__", l == 0 ? "h" : "m"}, {"l", std::to_string(l)}};
    if (l < 3) return labels;
    return Labels{
        {"__name__", "m"}, {"l", std::to_string(l)}, {"life", std::to_string(now_ / (8 * kHour))}};
  }

  /// Of blocks, rollups and their lists of deletions.
  std::set<std::string> some_files(uint64_t n) {
    std::vector<std::string> all;
    for (const char* folder : {"data/blocks", "data/rollups/5m", "data/rollups/1d"}) {
      const auto names = house_->files.list(folder);
      if (!names) continue;
      for (const std::string& name : *names) all.push_back(fmt::format("{}/{}", folder, name));
    }
    std::set<std::string> out;
    for (; n > 0 && !all.empty(); --n) out.insert(all[rng_.below(all.size())]);
    return out;
  }

  /// Files that cannot be read when it opens are read a while later.
  void open_without_some() {
    house_->files.fail_from(0);
    house_->files.fail_call(0);
    house_->files.hide(some_files(1 + rng_.below(3)));
    house_->open(options_);
    for (uint64_t n = rng_.below(6); n > 0; --n) rng_.below(4) == 0 ? erase() : append();
    house_->files.hide({});
    house_->db->compact();
  }

  void append() {
    now_ += 1 + static_cast<int64_t>(rng_.below(200'000));
    auto appender = house_->db->appender();
    std::vector<std::tuple<std::string, int64_t, uint64_t>> batch;
    for (uint64_t n = 1 + rng_.below(4); n > 0; --n) {
      const uint64_t l = rng_.below(5);
      const Labels labels = labels_of(l);
      const std::string name = labels.to_string();
      int64_t ms = now_;
      if (rng_.below(5) == 0) ms -= static_cast<int64_t>(rng_.below(kHour));
      if (ms < 1 || !used_.emplace(name, ms).second) continue;
      const double value = static_cast<double>(rng_.below(1000)) / 4;
      const auto added = l == 0 ? appender->append_histogram(0, labels, {ms}, histogram(value))
                                : appender->append(0, labels, {{ms}, value});
      const double shown = l == 0 ? value * 3 : value;
      if (added) batch.emplace_back(name, ms, std::bit_cast<uint64_t>(shown));
    }
    const auto committed = appender->commit();
    for (const auto& [name, ms, bits] : batch) {
      taken_[name][ms] = bits;
      if (options_.wal_sync_interval.ms > 0) recent_.emplace(name, ms);
      // The log may have it although the call failed.
      if (!committed) unsure_.emplace(name, ms);
    }
  }

  /// A part of a series, now and then all there is.
  void erase() {
    const bool all = rng_.below(8) == 0;
    const uint64_t l = rng_.below(5);
    auto from = static_cast<int64_t>(rng_.below(static_cast<uint64_t>(now_ + 1)));
    int64_t to = from + static_cast<int64_t>(rng_.below(kHour));
    if (rng_.below(4) == 0) {
      from = 0;
      to = now_;
    }
    std::vector<std::vector<Matcher>> selectors(1);
    if (!all) selectors[0].push_back(Matcher::equal("l", std::to_string(l)));
    const auto erased = house_->db->delete_series(selectors, {{from}, {to}});
    const std::string label = fmt::format("l=\"{}\"", l);
    for (auto& [name, samples] : taken_) {
      if (!all && name.find(label) == std::string::npos) continue;
      for (auto it = samples.lower_bound(from); it != samples.end() && it->first <= to;) {
        if (erased && !unsure_.contains({name, it->first})) {
          it = samples.erase(it);
        } else {
          unsure_.emplace(name, it->first);
          ++it;
        }
      }
    }
  }

  Rng rng_;
  Options options_;
  std::optional<House> house_;
  int64_t now_ = 1;
  std::map<std::string, std::map<int64_t, uint64_t>> taken_;
  std::set<std::pair<std::string, int64_t>> used_;
  std::set<std::pair<std::string, int64_t>> unsure_;
  std::set<std::pair<std::string, int64_t>> recent_;  // taken, and maybe not synced
};

}  // namespace

TEST(Battery, HistoriesReadBackAsTheyWereWritten) {
  for (uint64_t seed = 0; seed < rounds(150, 100'000); ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    const uint64_t acts = 20 + life.rng().below(150);
    for (uint64_t i = 0; i < acts; ++i) {
      life.act();
      if (life.rng().below(40) == 0) life.house().open(life.options());
    }
    life.check();
    life.house().open(life.options());
    life.check();
    if (testing::Test::HasFatalFailure()) return;
  }
}

namespace {

/// Each cut comes after a change chosen by chance, with everything failing before it, one call or
/// none; unsynced sectors and names go by chance.
void cut_power_often(uint64_t first_seed, uint64_t wanted, DurationMs sync_interval) {
  uint64_t cuts = 0;
  for (uint64_t seed = first_seed; cuts < wanted; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed, sync_interval);
    for (uint64_t lives = 0; lives < 4; ++lives, ++cuts) {
      const uint64_t before = life.rng().below(3) == 0 ? life.rng().below(80) : 0;
      for (uint64_t i = 0; i < before; ++i) life.act();
      if (life.rng().below(4) == 0) life.house().open(life.options());
      switch (life.rng().below(3)) {
        case 0: life.house().files.fail_from(1 + life.rng().below(150)); break;
        case 1: life.house().files.fail_call(1 + life.rng().below(300)); break;
        default: break;
      }
      const uint64_t acts = life.rng().below(80);
      for (uint64_t i = 0; i < acts; ++i) life.act();
      life.cut_power(seed * 7 + lives);
      life.check();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

/// PROM5_BATTERY_SEED=n begins elsewhere than where every run begins.
uint64_t first_seed() {
  const char* wanted = std::getenv("PROM5_BATTERY_SEED");
  return wanted == nullptr ? 1'000'000 : std::strtoull(wanted, nullptr, 10);
}

}  // namespace

TEST(Battery, PowerCutsLoseNothingThatWasSynced) {
  cut_power_often(first_seed(), rounds(400, 20'000), {});
}

/// A log that is synced now and then loses what came since, and nothing else; deletions at once.
TEST(Battery, PowerCutsBringNothingBack) {
  cut_power_often(first_seed() + 500'000, rounds(100, 20'000), DurationMs::hours(1));
}

/// Every call of a life, one after the other, fails once; the database goes on or opens again.
TEST(Battery, AnyCallMayFail) {
  uint64_t seed = 42;
  const uint64_t last_seed = seed + rounds(3, 100);
  for (uint64_t n = 1; seed < last_seed; ++n) {
    SCOPED_TRACE(fmt::format("seed {}, call {}", seed, n));
    Life life(seed);
    life.house().files.fail_call(n);
    const uint64_t before = life.house().files.calls();
    for (int i = 0; i < 120; ++i) life.act();
    // An open that fails leaves everything as it was.
    life.house().db.reset();
    life.house().metrics.emplace();
    auto opened = Db::open(life.options(), life.house().clock, life.house().files,
                           *life.house().metrics, life.house().log);
    if (opened) {
      life.house().db = *std::move(opened);
    } else {
      life.house().open(life.options());
    }
    life.house().db->compact();  // a block that could not be read is tried again
    life.check();
    if (testing::Test::HasFatalFailure()) return;
    if (life.house().files.calls() - before >= n) continue;
    ++seed;
    n = 0;
  }
}

/// A flipped bit in the log costs at most the record that it is in.
TEST(Battery, AFlippedBitInTheLogCostsOneRecord) {
  House house;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(put(*house.db, Labels{{"__name__", "m"}, {"l", std::to_string(i % 5)}}, 1000 + i, i),
              std::nullopt);
  }
  const Dump want = dump(*house.db);
  house.db.reset();
  const std::string segment = "data/wal/" + house.files.list("data/wal").value().front();
  const std::string good = house.files.read(segment).value();
  Rng rng(11);
  for (uint64_t i = 0; i < rounds(1'000, 10'000); ++i) {
    const size_t at = rng.below(good.size());
    const auto bit = static_cast<char>(1 << rng.below(8));
    SCOPED_TRACE(fmt::format("byte {} bit {}", at, static_cast<int>(bit)));
    house.files.corrupt(segment, [&](std::string& bytes) {
      bytes = good;
      bytes[at] ^= bit;
    });
    house.open();
    size_t lost = 0;
    Dump got = dump(*house.db);
    for (const auto& [labels, samples] : want) {
      const auto& have = got[labels];
      ASSERT_LE(have.size(), samples.size());
      lost += samples.size() - have.size();
      for (const auto& sample : have) {
        ASSERT_NE(std::ranges::find(samples, sample), samples.end()) << "a wrong value";
      }
    }
    ASSERT_LE(lost, 1U);
    house.db.reset();
    // What opening wrote is taken back.
    const std::vector<std::string> names = house.files.list("data/wal").value();
    for (const std::string& name : names) {
      if ("data/wal/" + name != segment) ASSERT_TRUE(house.files.remove("data/wal/" + name));
    }
  }
}

/// A flipped bit in a block, its rollups or what is deleted of it never gives a wrong value.
TEST(Battery, AFlippedBitInABlockGivesNoWrongValue) {
  Options options;
  options.retention = DurationMs::days(3650);
  options.downsampling = true;
  House house(options);
  house.clock.advance(DurationMs::days(30));
  MemoryStorage model;
  Rng rng(3);
  put_span(*house.db, model, rng, 0, 31 * kHour);
  house.db->compact();
  const Dump want = dump(*house.db);
  house.db.reset();
  const std::string path = "data/blocks/" + house.files.list("data/blocks").value().front();
  const std::string good = house.files.read(path).value();
  for (uint64_t i = 0; i < rounds(300, 10'000); ++i) {
    const size_t at = rng.below(good.size());
    SCOPED_TRACE(at);
    house.files.corrupt(path, [&](std::string& bytes) {
      bytes = good;
      bytes[at] ^= static_cast<char>(1 << rng.below(8));
    });
    MetricRegistry metrics;
    options.read_only = true;
    const auto db = Db::open(options, house.clock, house.files, metrics, house.log).value();
    Dump got = dump(*db);
    for (const auto& [labels, samples] : got) {
      const auto found = want.find(labels);
      ASSERT_NE(found, want.end()) << labels;
      for (const auto& sample : samples) {
        ASSERT_NE(std::ranges::find(found->second, sample), found->second.end());
      }
    }
  }
}

}  // namespace prom5::tsdb
