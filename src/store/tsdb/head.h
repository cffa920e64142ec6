#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "store/index/postings.h"
#include "store/storage.h"
#include "store/tsdb/record.h"
#include "store/tsdb/series.h"

namespace prom5::tsdb {

/// A name with a number, for the statistics of /api/v1/status/tsdb.
struct NamedCount {
  std::string name;
  uint64_t count = 0;
};

struct HeadStats {
  uint64_t series = 0;
  uint64_t label_pairs = 0;
  uint64_t chunks = 0;
  TimeRange range;                           ///< of all samples; start > end when there are none
  std::vector<NamedCount> series_by_metric;  ///< greatest first
  std::vector<NamedCount> values_by_label;
  std::vector<NamedCount> bytes_by_label;
  std::vector<NamedCount> series_by_pair;
};

/// All series in memory: by reference, by label set, and by postings. Any thread.
///
/// Lock order: shard, then series, then postings; no two shards at once.
class Head {
 public:
  /// The series with these labels; created when absent, unless there are `max_series` already:
  /// then null. `created` tells which.
  struct Found {
    std::shared_ptr<Series> series;
    bool created = false;
  };
  Found find_or_create(const Labels& labels, uint64_t max_series);

  /// For replay: a series under the reference that the log gives it.
  std::shared_ptr<Series> restore(SeriesRef ref, const Labels& labels);

  [[nodiscard]] std::shared_ptr<Series> find(SeriesRef ref) const;

  /// In order of their labels.
  [[nodiscard]] std::vector<std::shared_ptr<Series>> select(
      std::span<const Matcher> matchers) const;
  [[nodiscard]] std::vector<std::string> label_names(std::span<const Matcher> matchers) const;
  [[nodiscard]] std::vector<std::string> label_values(std::string_view name,
                                                      std::span<const Matcher> matchers) const;

  /// Every series, in order of their labels.
  [[nodiscard]] std::vector<std::shared_ptr<Series>> sorted_series() const;

  /// Of all samples there are or were; start > end when there are none.
  [[nodiscard]] TimeRange range() const { return {{min_time_.load()}, {max_time_.load()}}; }

  /// Drops chunks that end before `cutoff` and series that are empty then.
  /// Result: the number of series dropped.
  uint64_t drop_before(TimeMs cutoff);

  [[nodiscard]] uint64_t series_count() const { return series_count_.load(); }
  [[nodiscard]] HeadStats stats(size_t limit) const;
  [[nodiscard]] size_t size_bytes() const;

  void note_time(TimeMs time);

 private:
  static constexpr size_t kShards = 32;

  struct RefShard {
    mutable Mutex mutex;
    std::unordered_map<SeriesRef, std::shared_ptr<Series>> series GUARDED_BY(mutex);
  };
  struct LabelShard {
    mutable Mutex mutex;
    std::unordered_multimap<uint64_t, std::shared_ptr<Series>> series GUARDED_BY(mutex);
  };

  std::shared_ptr<Series> insert(LabelShard& shard, SeriesRef ref, const Labels& labels,
                                 uint64_t hash) REQUIRES(shard.mutex);
  [[nodiscard]] std::vector<std::shared_ptr<Series>> all_series() const;

  std::array<RefShard, kShards> by_ref_;
  std::array<LabelShard, kShards> by_labels_;
  mutable Mutex postings_mutex_;
  index::MemPostings postings_ GUARDED_BY(postings_mutex_);
  std::atomic<SeriesRef> next_ref_{1};
  std::atomic<uint64_t> series_count_{0};
  std::atomic<int64_t> min_time_{INT64_MAX};
  std::atomic<int64_t> max_time_{INT64_MIN};
};

}  // namespace prom5::tsdb
