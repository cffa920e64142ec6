#pragma once

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/file/file_system.h"
#include "store/storage.h"
#include "store/tsdb/block_set.h"
#include "store/tsdb/exemplars.h"
#include "store/tsdb/head.h"
#include "store/tsdb/memory_budget.h"
#include "store/tsdb/tiers.h"
#include "store/wal/wal.h"

namespace prom5::tsdb {

struct Options {
  std::string path = "data";
  /// Nothing is written, locked or taken, so that a directory can be looked at which a server uses
  /// or which belongs to another user.
  bool read_only = false;
  /// 0: as long as there is room.
  DurationMs retention = DurationMs::days(15);
  /// Beyond it, blocks and log together, the oldest blocks go. 0: no limit.
  uint64_t retention_bytes = 0;
  /// Whether days that are over are summed up; with a retention of samples below kMinToRollUp they
  /// are not.
  bool downsampling = false;
  TierRetention tier_retention = kDefaultTierRetention;
  /// Samples older than the newest of their series by at most this are taken; 0 refuses them.
  DurationMs out_of_order_window;
  /// A counter whose start timestamp is newer than its last sample gets a sample of zero there.
  bool zero_at_start = false;
  /// Sync the log at each commit (0) or in the background at this interval.
  DurationMs wal_sync_interval;
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  /// New series are refused beyond it.
  uint64_t max_series = 10'000'000;
  /// Beyond it the older half of the data in memory goes into a block before its time.
  uint64_t max_head_bytes = uint64_t{4} << 30;
  uint64_t max_held_log_bytes = uint64_t{2} << 30;
  /// Kept free in a file, so that on a full disk a block can be written, which lets the log go.
  uint64_t reserve_bytes = 0;
  /// Anonymous memory of the process beyond which new series are refused; 0: a part of what the
  /// control group or the machine has.
  uint64_t memory_budget = 0;
};

/// Series that match are kept so long, shorter or longer than others.
struct RetentionRule {
  std::vector<Matcher> matchers;
  DurationMs keep;
};

/// How far the replay of the log has come, in segments.
struct ReplayProgress {
  uint64_t first_segment = 0;
  uint64_t last_segment = 0;
  uint64_t segment = 0;
  bool done = false;
};

/// The database on a directory: a head in memory whose every change is in a write-ahead log first,
/// and blocks that the head's oldest samples go into, two hours at a time.
///
///   path/lock        held while the process lives
///   path/wal/N       segments (store/wal/wal.h)
///   path/blocks/N    blocks (store/tsdb/block.h)
///   path/reserve     nothing, for a full disk
///   path/rollups     rollups of whole days (store/tsdb/tiers.h)
///
/// Any thread. Closing (the destructor) syncs the log.
class Db final : public Storage {
 public:
  /// Locks the directory, opens the blocks and begins to replay the log. Until that is done
  /// (wait_until_open) queries are answered from blocks, with a warning, and nothing is taken.
  /// Errors: Unavailable when another process has the directory; Io when it cannot be read or
  /// written.
  static Result<std::unique_ptr<Db>> begin(Options options, const Clock& clock,
                                           io::FileSystem& files, MetricRegistry& metrics,
                                           const Log& log);
  /// Whether the log was replayed: Io when it cannot be read or written, Unavailable when the
  /// database is closed meanwhile.
  [[nodiscard]] Result<void> wait_until_open() const { return opened_.get(); }
  /// Breaks the replay off, for a shutdown.
  void stop_opening() { maintenance_.request_stop(); }
  /// begin() and wait_until_open().
  static Result<std::unique_ptr<Db>> open(Options options, const Clock& clock,
                                          io::FileSystem& files, MetricRegistry& metrics,
                                          const Log& log);
  ~Db() override;

  std::unique_ptr<Appender> appender() override;
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override;
  [[nodiscard]] MetadataMap metadata() const override;
  ChangeHistory::Mark mark_changes() override { return changes_.mark(); }
  [[nodiscard]] TimeMs changed_since(ChangeHistory::Mark mark) const override {
    return changes_.since(mark);
  }
  [[nodiscard]] std::vector<SeriesExemplars> exemplars(
      TimeRange range, std::span<const std::vector<Matcher>> selectors) const override {
    return exemplars_.select(range, selectors);
  }
  /// Changed by a reload of the configuration.
  void set_max_exemplars(size_t n) { exemplars_.set_capacity(n); }
  static constexpr size_t kDefaultMaxExemplars = 100'000;

  [[nodiscard]] HeadStats stats(size_t limit) const EXCLUDES(state_mutex_);
  [[nodiscard]] DurationMs retention() const { return {retention_ms_.load()}; }
  [[nodiscard]] ReplayProgress replay_progress() const EXCLUDES(state_mutex_);

  /// Changed by a reload of the configuration; 0 is no limit.
  void set_retention(DurationMs time, uint64_t bytes, const TierRetention& tiers)
      EXCLUDES(state_mutex_);
  /// "15d or 10GiB"; empty without limits.
  [[nodiscard]] std::string retention_text() const;
  [[nodiscard]] TierRetention tier_retention() const EXCLUDES(state_mutex_);

  /// A day has to be over and written before its samples may go.
  static constexpr DurationMs kMinToRollUp = DurationMs::days(2);

  /// Segments of the log from this one on are needed by somebody who reads it; UINT64_MAX: none is.
  /// They stay as long as the log is no larger than Options::max_held_log_bytes.
  void keep_log_from(uint64_t segment) { keep_log_from_ = segment; }

  /// Changed by a reload of the configuration.
  void set_out_of_order_window(DurationMs window) { out_of_order_window_ms_ = window.ms; }

  /// Writes blocks as long as the head holds more than it needs, and lets go of what is past its
  /// retention. Called by the maintenance thread; also by tests.
  void compact() EXCLUDES(compaction_mutex_);
  /// Reads the checksums of one block that was not looked at for a week, if there is one. What is
  /// damaged is in the log and counted.
  void verify_a_block();
  void enforce_retention() EXCLUDES(compaction_mutex_);

  /// The first rule that matches a series says how long it is kept. Changed by a reload.
  void set_retention_rules(std::vector<RetentionRule> rules) EXCLUDES(state_mutex_);

  [[nodiscard]] BlockSet::Blocks blocks() const { return blocks_.blocks(); }
  [[nodiscard]] const Tiers& tiers() const { return tiers_; }

  /// Deletes what the series of any of the selectors have in the range; durable on return. What is
  /// appended later stays.
  Result<void> delete_series(std::span<const std::vector<Matcher>> selectors, TimeRange range)
      EXCLUDES(compaction_mutex_);
  /// Frees the room of what is deleted of blocks.
  Result<void> clean_tombstones() EXCLUDES(compaction_mutex_);
  /// Makes `snapshots/NAME`, a data directory of its own: blocks as links, the head as a block.
  /// Samples come in meanwhile. Result: NAME.
  Result<std::string> snapshot(bool skip_head) EXCLUDES(compaction_mutex_);

 private:
  friend class DbAppender;

  static constexpr size_t kMaxMetadataPerFamily = 8;
  /// Samples further in the future are refused, as Prometheus' doors do.
  static constexpr DurationMs kMaxAhead = DurationMs::minutes(10);

  Db(Options options, const Clock& clock, io::FileSystem& files, MetricRegistry& metrics,
     const Log& log);
  Result<void> open_blocks();
  Result<void> take_directory();
  [[nodiscard]] double head_seconds(TimeMs TimeRange::* which) const;
  void export_times(MetricRegistry& metrics);
  void export_exemplars(MetricRegistry& metrics);
  void export_metrics(MetricRegistry& metrics);
  Result<void> finish_opening(const std::stop_token& stop);
  [[nodiscard]] Result<void> refuse_until_open() const;
  [[nodiscard]] Result<void> refuse_changes() const;
  Result<void> replay(const std::stop_token& stop);
  [[nodiscard]] TimeMs in_blocks_until(uint64_t segment) const EXCLUDES(state_mutex_);
  [[nodiscard]] TimeRange head_range() const EXCLUDES(state_mutex_);
  void compact_early() EXCLUDES(state_mutex_);
  void open_blocks_again();
  void keep_reserve();
  bool release_reserve();
  bool compact_or_log(TimeMs end) EXCLUDES(state_mutex_);
  Result<void> compact_before(TimeMs end);
  Result<void> write_head(TimeRange range, BlockWriter& writer) const;
  [[nodiscard]] bool may_merge(const BlockSet::Blocks& group) REQUIRES(compaction_mutex_);
  void merge_blocks(BlockSet& set, std::span<const DurationMs> spans, TimeMs origin,
                    DurationMs retention) REQUIRES(compaction_mutex_);
  Result<void> log_gone(TimeMs before) EXCLUDES(state_mutex_);
  Result<void> remove_for_good(BlockSet& set, const std::shared_ptr<Block>& block)
      REQUIRES(compaction_mutex_);
  Result<void> rewrite(BlockSet& set, std::span<const std::shared_ptr<Block>> blocks)
      REQUIRES(compaction_mutex_);
  bool rewrite_or_log(BlockSet& set, std::span<const std::shared_ptr<Block>> blocks)
      REQUIRES(compaction_mutex_);
  void roll_up_days() REQUIRES(compaction_mutex_);
  [[nodiscard]] std::set<int64_t> days_to_roll_up() const;
  void note_rolled_until() EXCLUDES(state_mutex_);
  [[nodiscard]] std::optional<TimeMs> newest_sample() const;
  TimeMs note_retention() EXCLUDES(state_mutex_);
  [[nodiscard]] TimeMs complete_until() const EXCLUDES(state_mutex_);
  void remove_block(BlockSet& set, const std::shared_ptr<Block>& block, std::string_view why)
      REQUIRES(compaction_mutex_);
  struct Keep {
    DurationMs samples;  ///< 0: for ever
    DurationMs here;     ///< in this set of blocks
    DurationMs step;     ///< what is hidden ends at multiples of it
  };
  Result<void> enforce_rules(BlockSet& set, const std::shared_ptr<Block>& block, TimeMs newest,
                             const Keep& keep) REQUIRES(compaction_mutex_);
  void enforce_rules(BlockSet& set, TimeMs newest, const Keep& keep) REQUIRES(compaction_mutex_);
  void enforce_size() REQUIRES(compaction_mutex_);
  [[nodiscard]] std::vector<RetentionRule> retention_rules() const EXCLUDES(state_mutex_);
  [[nodiscard]] std::shared_ptr<const void> pin() const EXCLUDES(state_mutex_);
  void close_before(TimeMs end);
  void replace_pin() REQUIRES(state_mutex_);
  void drop_when_unpinned(TimeMs cutoff) EXCLUDES(state_mutex_);
  void drop_unpinned() EXCLUDES(state_mutex_);
  void remove_series(std::span<Series* const> empty) EXCLUDES(state_mutex_);
  void note_replay_of(uint64_t segment) EXCLUDES(state_mutex_);
  void take_metadata(std::vector<FamilyMetadata> entries) EXCLUDES(state_mutex_);
  static void give_back_memory();
  Error refusal(const Labels& labels, bool memory) EXCLUDES(state_mutex_);
  void maintain(std::stop_token stop);
  void sync_log(std::stop_token stop);
  void note_segment(uint64_t segment, TimeRange samples) EXCLUDES(state_mutex_);
  void note_unread(uint64_t segment) EXCLUDES(state_mutex_);
  [[nodiscard]] bool log_has(TimeRange range) const EXCLUDES(state_mutex_);
  void drop_before(TimeMs cutoff);
  Result<void> log_metadata_again();
  Result<void> append_alone(std::string_view payload);

  const Options options_;
  const Clock& clock_;
  io::FileSystem& files_;
  const Log& log_;
  BlockSet blocks_;
  Tiers tiers_;
  std::atomic<int64_t> out_of_order_window_ms_;
  std::atomic<uint64_t> keep_log_from_{UINT64_MAX};
  std::atomic<int64_t> retention_ms_;
  std::atomic<uint64_t> retention_bytes_;

  MemoryBudget memory_budget_;
  Head head_;
  ExemplarStore exemplars_{kDefaultMaxExemplars};
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<wal::WalWriter> wal_;

  uint64_t snapshots_ GUARDED_BY(compaction_mutex_) = 0;
  // Groups of blocks, by the path of their first, that could not be made into one.
  std::map<std::string, TimeMs> merge_again_at_ GUARDED_BY(compaction_mutex_);
  Mutex compaction_mutex_;  // one compaction at a time; taken before state_mutex_
  mutable Mutex state_mutex_;
  MetadataMap metadata_ GUARDED_BY(state_mutex_);
  // Of the samples of each segment. The newest tells when the segment may go.
  std::map<uint64_t, TimeRange> segment_times_ GUARDED_BY(state_mutex_);
  std::set<uint64_t> unread_segments_ GUARDED_BY(state_mutex_);
  std::vector<RetentionRule> retention_rules_ GUARDED_BY(state_mutex_);
  TierRetention tier_retention_ GUARDED_BY(state_mutex_);
  TimeMs head_from_ GUARDED_BY(state_mutex_) = TimeMs::min();  // older samples are in blocks
  TimeMs rolled_until_ GUARDED_BY(state_mutex_) = TimeMs::min();
  TimeMs samples_from_ GUARDED_BY(state_mutex_) = TimeMs::min();  // older ones may be gone
  // Held by queriers and appenders; replaced when something is about to leave the head, which
  // goes when nobody holds the one before any more.
  struct Pin {
    std::shared_ptr<const Pin> next;
  };
  std::shared_ptr<Pin> pin_ GUARDED_BY(state_mutex_) = std::make_shared<Pin>();
  struct Unpinned {
    std::weak_ptr<const Pin> pin;  ///< queriers that may still read them from the head
    TimeMs before;
  };
  std::vector<Unpinned> to_drop_ GUARDED_BY(state_mutex_);
  struct Removed {
    std::weak_ptr<const Pin> pin;
    std::vector<std::unique_ptr<Series>> series;
  };
  std::vector<Removed> removed_ GUARDED_BY(state_mutex_);
  // What grows, when series were refused last: counting them each time would cost too much.
  NamedCount largest_metric_ GUARDED_BY(state_mutex_);
  TimeMs refusal_told_ GUARDED_BY(state_mutex_) = TimeMs::min();

  // Samples before it are too old: their block is written, or being written.
  std::atomic<int64_t> accept_from_ms_{TimeMs::min().ms};
  // Commits hold it shared; taking it alone waits for those under way.
  std::shared_mutex commit_gate_;
  std::mutex turnstile_;  // before the gate
  ChangeHistory changes_;

  ReplayProgress replay_progress_ GUARDED_BY(state_mutex_);
  std::atomic<bool> is_open_ = false;  // before it the head and the log belong to the replay
  std::promise<Result<void>> opening_;
  const std::shared_future<Result<void>> opened_ = opening_.get_future().share();
  std::atomic<size_t> unread_blocks_ = 0;

  Counter& samples_appended_;
  Counter& histograms_appended_;
  Counter& exemplars_appended_;
  Counter& out_of_order_;
  Counter& too_old_;
  Counter& series_created_;
  Counter& series_removed_;
  Counter& series_refused_;
  Counter& wal_failures_;
  Counter& wal_corruptions_;
  Counter& early_blocks_;
  Counter& compactions_;
  Counter& block_failures_;
  Counter& blocks_deleted_;
  Counter& size_retentions_;
  Counter& days_rolled_up_;
  Counter& verified_bytes_;
  Counter& verification_failures_;
  Counter& blocks_damaged_;
  Counter& chunks_damaged_;

  std::map<std::string, TimeMs> verified_;  // by path; used by the thread of maintenance alone

  std::jthread syncing_;
  std::jthread maintenance_;  // last: stops first
};

/// BadData, with what to do, when the path is a data directory of Prometheus.
Result<void> check_data_directory(io::FileSystem& files, const std::string& path);

}  // namespace prom5::tsdb
