#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/index/postings.h"
#include "store/storage.h"
#include "store/tsdb/record.h"
#include "store/tsdb/series.h"
#include "store/tsdb/series_table.h"

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

/// The series of a head in order of their labels, so that a query need not sort what it selects:
/// comparing label sets would cost more than reading them. Brought up to date when a query selects
/// much of it. Any thread.
class SortedSeries {
 public:
  /// Puts `series` in order of their labels; all of `refs` may be in it.
  void sort(std::vector<Series*>& series, const RefTable& refs, SeriesRef newest) EXCLUDES(mutex_);
  /// Lets go of those that are gone.
  void forget_gone() EXCLUDES(mutex_);

 private:
  void add_up_to(SeriesRef newest, const RefTable& refs) REQUIRES(mutex_);

  Mutex mutex_;
  SeriesRef newest_ GUARDED_BY(mutex_) = 0;         ///< those up to it are in `sorted_`
  std::vector<Series*> sorted_ GUARDED_BY(mutex_);  ///< each one's rank is its place
};

/// All series in memory: by reference, by label set, and by postings. Any thread.
///
/// A Series* stays good as long as whoever removes it says (remove()).
/// Lock order: shard, then table, then postings; no two shards at once.
class Head {
 public:
  /// The series with these labels; created when absent, unless there are `max_series` already or
  /// `refuse` says no: then null. `created` tells which.
  struct Found {
    Series* series = nullptr;
    bool created = false;
  };
  Found find_or_create(
      const Labels& labels, uint64_t max_series,
      const std::function<bool()>& refuse = [] { return false; });

  [[nodiscard]] Series* find(SeriesRef ref) const { return by_ref_.find(ref); }

  /// Begins to load the series from memory, for a find() soon.
  void prefetch(SeriesRef ref) const {
    if (const Series* series = find(ref)) series->prefetch();
  }

  /// In order of their labels.
  [[nodiscard]] std::vector<Series*> select(std::span<const Matcher> matchers) const;
  [[nodiscard]] std::vector<std::string> label_names(std::span<const Matcher> matchers) const;
  [[nodiscard]] std::vector<std::string> label_values(std::string_view name,
                                                      std::span<const Matcher> matchers) const;

  /// Every series, in order of their labels.
  [[nodiscard]] std::vector<Series*> sorted_series() const;

  /// Of all samples there are or were; start > end when there are none.
  [[nodiscard]] TimeRange range() const { return {{min_time_.load()}, {max_time_.load()}}; }

  /// Drops chunks that end before `cutoff`. Result: the series that are empty now.
  std::vector<Series*> drop_before(TimeMs cutoff);
  /// Hides all samples before `cutoff`; what comes later is not hidden.
  void erase_before(TimeMs cutoff);
  /// Hides the samples in the range of all series that match; what comes later is not hidden.
  void erase(std::span<const Matcher> matchers, TimeRange range);
  /// The second half of drop_before(), while no commit is under way: takes out those of the series
  /// that are still empty. Somebody
  /// may hold them yet, so the caller lets go of them later.
  std::vector<std::unique_ptr<Series>> remove(std::span<Series* const> empty);
  /// The rest of remove(), which may take its time.
  void forget(std::span<const std::unique_ptr<Series>> removed);

  [[nodiscard]] uint64_t series_count() const { return series_count_.load(); }
  [[nodiscard]] HeadStats stats(size_t limit) const;
  [[nodiscard]] size_t size_bytes() const;
  /// The metric with most series.
  [[nodiscard]] NamedCount largest_metric() const;

  void note_time(TimeMs time);

  [[nodiscard]] ChunkStore& chunks() { return chunks_; }

 private:
  static constexpr size_t kShards = 32;

  struct LabelShard {
    mutable Mutex mutex;
    LabelTable table GUARDED_BY(mutex);
  };

  [[nodiscard]] std::vector<Series*> find_all(std::span<const Matcher> matchers) const;
  static size_t shard_of(uint64_t hash) { return hash >> 59; }
  static void lower(std::atomic<int64_t>& to, TimeMs time);
  void sort(std::vector<Series*>& series) const;

  RefTable by_ref_;
  mutable Mutex create_mutex_;  // references and RefTable::insert
  SeriesRef next_ref_ GUARDED_BY(create_mutex_) = 1;
  std::array<LabelShard, kShards> by_labels_;
  mutable Mutex postings_mutex_;
  index::MemPostings postings_ GUARDED_BY(postings_mutex_);
  mutable SortedSeries sorted_;
  ChunkStore chunks_;
  std::atomic<uint64_t> series_count_{0};
  std::atomic<int64_t> min_time_{INT64_MAX};
  std::atomic<int64_t> next_min_time_{INT64_MAX};  // after the drop that is under way
  std::atomic<int64_t> max_time_{INT64_MIN};
};

}  // namespace prom5::tsdb
