#pragma once

// What the tests of Db share: a database on a file system that fails on demand, and ways to look at
// it whole.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/rng.h"
#include "io/file/memory_file_system.h"
#include "store/memory_storage.h"
#include "store/tsdb/db.h"

namespace prom5::tsdb {

inline constexpr int64_t kHour = 3'600'000;

using Dump = std::map<std::string, std::vector<std::pair<int64_t, uint64_t>>>;

/// Some files cannot be removed, as those that are a mount point or immutable; some cannot be read.
class StubbornFiles final : public io::FaultyFileSystem {
 public:
  void stick(std::set<std::string> paths) {
    const MutexLock lock(stubborn_mutex_);
    stuck_ = std::move(paths);
  }
  void hide(std::set<std::string> paths) {
    const MutexLock lock(stubborn_mutex_);
    unreadable_ = std::move(paths);
  }

  Result<void> remove(const std::string& path) override {
    if (exists(path)) TRY(refuse(path, stuck_));
    return FaultyFileSystem::remove(path);
  }
  Result<std::shared_ptr<const io::MappedFile>> map(const std::string& path) override {
    TRY(refuse(path, unreadable_));
    return FaultyFileSystem::map(path);
  }
  Result<std::string> read(const std::string& path) override {
    TRY(refuse(path, unreadable_));
    return FaultyFileSystem::read(path);
  }

 private:
  Result<void> refuse(const std::string& path, const std::set<std::string>& paths) {
    const MutexLock lock(stubborn_mutex_);
    if (!paths.contains(path)) return {};
    return fail(ErrorCode::Io, "{}: Device or resource busy", path);
  }

  bool exists(const std::string& path) {
    const MutexLock lock(mutex_);
    return files_.contains(path);
  }

  Mutex stubborn_mutex_;
  std::set<std::string> stuck_;
  std::set<std::string> unreadable_;
};

struct House {
  StubbornFiles files;
  ManualClock clock{TimeMs{1'000'000'000}};
  Log log{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  std::optional<MetricRegistry> metrics;
  std::unique_ptr<Db> db;

  explicit House(Options options = {}) { open(options); }
  void open(Options options = {}) {
    db.reset();
    metrics.emplace();
    auto opened = Db::open(options, clock, files, *metrics, log);
    ASSERT_TRUE(opened) << opened.error().message;
    db = *std::move(opened);
  }
  /// The process dies, then the power: nothing more is written, unsynced bytes are lost.
  void crash(uint64_t seed) {
    files.fail_from(1);
    db.reset();
    files.power_cut(seed);
    files.fail_from(0);
    files.fail_call(0);
  }
};

inline Dump dump(Storage& storage, TimeRange range = {}, std::span<const Matcher> matchers = {}) {
  Dump out;
  auto querier = storage.querier(range).value();
  auto set = querier->select(matchers).value();
  SampleColumns columns;
  while (set->next()) {
    EXPECT_TRUE(set->read(columns));
    for (size_t i = 0; i < columns.size(); ++i) {
      out[set->labels().to_string()].emplace_back(columns.times[i].ms,
                                                  std::bit_cast<uint64_t>(columns.values[i]));
    }
  }
  return out;
}

/// A small one of so many observations.
inline Histogram histogram_of(double count) {
  Histogram h;
  h.count = count;
  h.sum = count * 3;
  h.positive_spans = {{0, 2}};
  h.positive_counts = {count / 2, count / 2};
  return h;
}

inline std::vector<std::string> series_of(Storage& storage, TimeRange range = {}) {
  std::vector<std::string> out;
  auto querier = storage.querier(range).value();
  auto set = querier->select({}).value();
  while (set->next()) out.push_back(set->labels().to_string());
  return out;
}

inline std::optional<ErrorCode> put(Storage& storage, const Labels& labels, int64_t ms,
                                    double value) {
  auto appender = storage.appender();
  const auto added = appender->append(0, labels, {{ms}, value});
  const auto committed = appender->commit();
  EXPECT_TRUE(committed);
  return added ? std::nullopt : std::optional(added.error().code);
}

/// Puts the same samples into both, `from` to `to`, a step of a minute, some of them missing.
inline void put_span(Db& db, Storage& memory, Rng& rng, int64_t from, int64_t to) {
  for (int64_t ms = from; ms < to; ms += 60'000) {
    for (uint64_t l = 0; l < 5; ++l) {
      if (rng.below(8) == 0) continue;
      const Labels labels{{"__name__", "m"}, {"l", std::to_string(l)}};
      const double value = rng.below(30) == 0 ? kStale : static_cast<double>(rng.below(100)) / 4;
      ASSERT_EQ(put(db, labels, ms, value), std::nullopt);
      ASSERT_EQ(put(memory, labels, ms, value), std::nullopt);
    }
  }
}

}  // namespace prom5::tsdb
