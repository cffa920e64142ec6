#include <malloc.h>

#include <algorithm>
#include <mutex>
#include <ranges>

#include "store/tsdb/db.h"

namespace prom5::tsdb {

namespace {

/// Blocks begin at multiples of it; the head is cut once it holds half as much again.
constexpr DurationMs kBlockSpan = DurationMs::hours(2);

constexpr DurationMs kCutBeyond = DurationMs::hours(3);

/// What is younger than this stays in memory, however full it is: it may not be complete yet.
constexpr DurationMs kYoung = DurationMs::minutes(5);

/// How often the head is looked at, and how often retention.
constexpr DurationMs kMaintenanceTick = DurationMs::seconds(5);
constexpr DurationMs kRetentionTick = DurationMs::minutes(1);

TimeMs next_boundary(TimeMs time) {
  const int64_t n = time.ms >= 0 ? time.ms / kBlockSpan.ms : (time.ms + 1) / kBlockSpan.ms - 1;
  return {(n + 1) * kBlockSpan.ms};
}

}  // namespace

void Db::sync_log(std::stop_token stop) {
  SystemClock clock;  // waiting is always in real time
  while (clock.wait_until(clock.now() + options_.wal_sync_interval, stop)) {
    if (auto synced = wal_->sync(); !synced) {
      wal_failures_.add();
      log_.error("The write-ahead log could not be synced", {{"err", synced.error().message}});
    }
  }
}

void Db::maintain(std::stop_token stop) {
  SystemClock clock;  // waiting is always in real time; what is past retention is the Db's clock's
  TimeMs next_retention = clock.now();
  while (clock.wait_until(clock.now() + kMaintenanceTick, stop)) {
    compact();
    if (clock.now() < next_retention) continue;
    enforce_retention();
    next_retention = clock.now() + kRetentionTick;
  }
}

TimeRange Db::head_range() const {
  TimeRange range = head_.range();
  // A clock that was wrong once must not push the head's end into the future.
  range.end = std::min(range.end, clock_.now() + kMaxAhead);
  const MutexLock lock(state_mutex_);
  range.start = std::max(range.start, head_from_);
  return range;
}

void Db::compact() {
  const MutexLock compaction(compaction_mutex_);
  drop_unpinned();
  const DurationMs window{out_of_order_window_ms_.load()};
  for (;;) {
    const TimeRange range = head_range();
    if (range.start > range.end || range.end - range.start <= kCutBeyond) break;
    const TimeMs end = next_boundary(range.start);
    if (end > range.end - window) break;  // late samples may still come for it
    if (!compact_or_log(end)) return;
  }
  compact_early();
  merge_blocks_of_days();
}

void Db::merge_blocks_of_days() {
  for (;;) {
    const BlockSet::Blocks group = blocks_.mergeable(retention());
    if (group.empty()) return;
    if (!rewrite_or_log(group)) return;
  }
}

bool Db::rewrite_or_log(std::span<const std::shared_ptr<Block>> blocks) {
  const auto done = blocks_.rewrite(blocks, maintenance_.get_stop_token());
  if (done) {
    compactions_.add();
    return true;
  }
  if (done.error().code == ErrorCode::Unavailable) return false;  // stopping
  block_failures_.add();
  log_.error("Blocks could not be made into one; they stay as they are",
             {{"err", done.error().message}});
  return false;
}

Result<void> Db::clean_tombstones() {
  const MutexLock compaction(compaction_mutex_);
  for (const auto& block : blocks_.blocks()) {
    if (block->tombstones()->empty()) continue;
    TRY(blocks_.rewrite({&block, 1}, maintenance_.get_stop_token()));
    compactions_.add();
  }
  return {};
}

/// One early cut at a time, and none as long as queries hold what an earlier one was to free.
void Db::compact_early() {
  {
    const MutexLock lock(state_mutex_);
    if (!to_drop_.empty()) return;
  }
  const size_t bytes = head_.size_bytes();
  if (bytes <= options_.max_head_bytes) return;
  const TimeRange range = head_range();
  if (range.start >= range.end) return;
  const TimeMs end = range.start + DurationMs{(range.end - range.start).ms / 2 + 1};
  if (end > range.end - kYoung) return;
  early_blocks_.add();
  log_.warn("The data in memory is over its limit; its older half goes into a block",
            {{"bytes", bytes}, {"limit", options_.max_head_bytes}});
  compact_or_log(end);
}

bool Db::compact_or_log(TimeMs end) {
  const auto written = compact_before(end);
  if (written) return true;
  block_failures_.add();
  log_.error("A block could not be written; its samples stay in memory and in the log",
             {{"err", written.error().message}});
  return false;
}

/// Moves the head's samples before `end` into a block.
Result<void> Db::compact_before(TimeMs end) {
  TimeMs from;
  {
    const MutexLock lock(state_mutex_);
    from = head_from_;
  }
  accept_from_ms_ = end.ms;
  // From here on no batch brings such samples; those that are under way are waited for.
  {
    const std::lock_guard turnstile(turnstile_);
    const std::unique_lock gate(commit_gate_);
  }
  const uint64_t segment = TRY(wal_->rotate());
  const TimeRange range{from, end - DurationMs{1}};
  TRY(blocks_.add({.wal_segment = segment, .wal_until = end},
                  [&](BlockWriter& writer) { return write_head(range, writer); }));
  {
    const MutexLock lock(state_mutex_);
    head_from_ = end;
  }
  drop_when_unpinned(end);
  compactions_.add();
  drop_unpinned();
  return {};
}

Result<void> Db::write_head(TimeRange range, BlockWriter& writer) const {
  SampleColumns samples;
  TimesCache times;
  for (const Series* series : head_.sorted_series()) {
    TRY(series->read(range, times, samples));
    if (samples.size() > 0) TRY(writer.add(series->labels(), samples));
  }
  return {};
}

/// From now on nobody else begins to read the head's samples before `cutoff`.
void Db::drop_when_unpinned(TimeMs cutoff) {
  const MutexLock lock(state_mutex_);
  to_drop_.push_back({pin_, cutoff});
  pin_ = std::make_shared<const int>(0);
}

/// Lets the head go of what is in blocks or past its retention, once nobody reads it any more.
void Db::drop_unpinned() {
  TimeMs cutoff = TimeMs::min();
  std::vector<Removed> freed;
  {
    const MutexLock lock(state_mutex_);
    while (!to_drop_.empty() && to_drop_.front().pin.expired()) {
      cutoff = std::max(cutoff, to_drop_.front().before);
      to_drop_.erase(to_drop_.begin());
    }
    while (!removed_.empty() && removed_.front().pin.expired()) {
      freed.push_back(std::move(removed_.front()));
      removed_.erase(removed_.begin());
    }
  }
  if (cutoff != TimeMs::min()) drop_before(cutoff);
}

/// Removes a block, or says why it stays.
void Db::remove_block(const std::shared_ptr<Block>& block, std::string_view why) {
  if (const auto removed = blocks_.remove(block); !removed) {
    log_.error("A block could not be removed", {{"why", why}, {"err", removed.error().message}});
    return;
  }
  blocks_deleted_.add();
  log_.info("A block is removed", {{"block", block->number()}, {"why", why}});
}

/// Hides and in the end removes what is past the retention of its series.
Result<void> Db::enforce_rules(const std::shared_ptr<Block>& block, TimeMs newest) {
  std::vector<TimeMs> cutoffs(block->info().series, newest - retention());
  if (retention().ms == 0) std::ranges::fill(cutoffs, TimeMs::min());
  // The first rule that matches a series holds.
  for (const RetentionRule& rule : std::views::reverse(retention_rules())) {
    const std::vector<uint32_t> matching = TRY(block->select(rule.matchers));
    for (const uint32_t number : matching) cutoffs[number] = newest - rule.keep;
  }
  const TimeRange range = block->info().range;
  std::vector<BlockSet::Deletion> deletions;
  size_t expired = 0;
  // In steps of a part of the block, or each minute would write another file.
  const int64_t step = std::max<int64_t>((range.end - range.start).ms / 8, 1);
  for (uint32_t number = 0; number < cutoffs.size(); ++number) {
    if (cutoffs[number] <= range.start) continue;
    const bool whole = cutoffs[number] > range.end;
    const int64_t steps = (cutoffs[number] - range.start).ms / step;
    const TimeMs until = whole ? range.end : range.start + DurationMs{steps * step - 1};
    if (until >= range.start) deletions.push_back({number, {range.start, until}});
    expired += whole ? 1 : 0;
  }
  if (expired == cutoffs.size()) {
    remove_block(block, "retention");
    return {};
  }
  const bool fresh = TRY(blocks_.delete_of(*block, deletions));
  constexpr size_t kRewriteFrom = 5;  // one series in so many
  if (fresh && expired * kRewriteFrom >= cutoffs.size()) rewrite_or_log({&block, 1});
  return {};
}

void Db::enforce_size() {
  if (retention_bytes_ == 0) return;
  for (;;) {
    const BlockSet::Blocks blocks = blocks_.blocks();
    const uint64_t bytes = blocks_.size_bytes() + wal_->total_bytes();
    if (blocks.empty() || bytes <= retention_bytes_) return;
    size_retentions_.add();
    remove_block(blocks.front(), "size");
    if (blocks_.blocks().size() == blocks.size()) return;
  }
}

void Db::enforce_retention() {
  const MutexLock compaction(compaction_mutex_);
  TimeRange range = head_.range();
  for (const auto& block : blocks_.blocks()) {
    range.end = std::max(range.end, block->info().range.end);
  }
  if (range.end == TimeMs::min()) return;
  // Retention counts from the newest sample, so that an imported old data set is not thrown away.
  const TimeMs newest = std::min(range.end, clock_.now());
  for (const auto& block : blocks_.blocks()) {
    if (const auto enforced = enforce_rules(block, newest); !enforced) {
      block_failures_.add();
      log_.error("Retention could not be enforced", {{"err", enforced.error().message}});
    }
  }
  enforce_size();
  if (retention().ms == 0) return;
  const TimeMs cutoff = newest - retention();
  if (range.start < cutoff) {
    drop_when_unpinned(cutoff);
    drop_unpinned();
  }
}

std::vector<RetentionRule> Db::retention_rules() const {
  const MutexLock lock(state_mutex_);
  return retention_rules_;
}

void Db::set_retention_rules(std::vector<RetentionRule> rules) {
  const MutexLock lock(state_mutex_);
  retention_rules_ = std::move(rules);
}

void Db::remove_series(std::span<Series* const> empty) {
  std::vector<std::unique_ptr<Series>> removed;
  {
    const std::lock_guard turnstile(turnstile_);
    const std::unique_lock gate(commit_gate_);
    removed = head_.remove(empty);
  }
  if (removed.empty()) return;
  head_.forget(removed);
  series_removed_.add(removed.size());
  const MutexLock lock(state_mutex_);
  removed_.push_back({pin_, std::move(removed)});
  pin_ = std::make_shared<const int>(0);
}

/// What the head let go of lies between what it keeps; the system gets whole pages of it back only
/// when asked.
void Db::give_back_memory() { malloc_trim(0); }

void Db::drop_before(TimeMs cutoff) {
  remove_series(head_.drop_before(cutoff));
  uint64_t first_kept = wal_->current_segment();
  {
    const MutexLock lock(state_mutex_);
    for (const auto& [segment, newest] : segment_newest_) {
      if (newest >= cutoff) {
        first_kept = std::min(first_kept, segment);
        break;
      }
    }
    std::erase_if(segment_newest_, [&](const auto& entry) { return entry.first < first_kept; });
  }
  if (auto logged = log_metadata_again(); !logged) {
    log_.error("Old segments of the write-ahead log are kept", {{"err", logged.error().message}});
    return;
  }
  if (auto removed = wal_->remove_before(first_kept); !removed) {
    log_.error("Old segments of the write-ahead log could not be removed",
               {{"err", removed.error().message}});
  }
  give_back_memory();
}

}  // namespace prom5::tsdb
