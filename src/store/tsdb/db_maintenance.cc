#include <malloc.h>

#include <algorithm>
#include <mutex>
#include <ranges>
#include <set>

#include "store/tsdb/db.h"

namespace prom5::tsdb {

namespace {

/// Blocks begin at multiples of it; the head is cut once it holds half as much again.
constexpr DurationMs kBlockSpan = DurationMs::hours(2);

constexpr DurationMs kCutBeyond = DurationMs::hours(3);

/// Blocks become one block for each of these spans of time, one after the other: few enough to open
/// for a long query, large enough apart that a sample is written again only twice.
constexpr DurationMs kMergedSpans[] = {DurationMs::days(1), DurationMs::days(10)};
/// The same for rollups, whose blocks begin with a day.
constexpr DurationMs kMergedTierSpans[] = {DurationMs::days(5), DurationMs::days(30)};

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
    keep_reserve();
    verify_a_block();
    if (clock.now() < next_retention) continue;
    enforce_retention();
    next_retention = clock.now() + kRetentionTick;
  }
}

void Db::verify_a_block() {
  constexpr DurationMs kAgain = DurationMs::days(7);
  const TimeMs now = clock_.now();
  std::vector<const BlockSet*> sets = {&blocks_};
  for (size_t tier = 0; tier < kTiers; ++tier) sets.push_back(&tiers_.blocks(tier));
  std::map<std::string, TimeMs> known;
  std::shared_ptr<Block> next;
  for (const BlockSet* set : sets) {
    for (const auto& block : set->blocks()) {
      const auto found = verified_.find(block->path());
      if (found != verified_.end()) known.insert(*found);
      const bool due = found == verified_.end() || found->second <= now - kAgain;
      if (due && next == nullptr) next = block;
    }
  }
  verified_ = std::move(known);  // without those that are gone
  if (next == nullptr) return;
  verified_[next->path()] = now;
  const std::vector<Error> damage = next->verify(Block::Depth::Checksums);
  verified_bytes_.add(next->size_bytes());
  verification_failures_.add(damage.size());
  for (const Error& error : damage) {
    log_.error("A block is damaged; `prom5 tsdb repair` rewrites it without that",
               {{"err", error.message}});
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
  open_blocks_again();
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
  note_retention();
  roll_up_days();
  merge_blocks(blocks_, kMergedSpans, {}, retention());
  const TierRetention keep = tier_retention();
  for (size_t tier = 0; tier < kTiers; ++tier) {
    merge_blocks(tiers_.blocks(tier), kMergedTierSpans, Tiers::range_of_day(0).start, keep[tier]);
  }
}

/// Whether it is worth trying: not again soon after it failed, and not without room for the result.
bool Db::may_merge(const BlockSet::Blocks& group) {
  constexpr DurationMs kAgain = DurationMs::hours(1);
  const auto failed = merge_again_at_.find(group.front()->path());
  if (failed != merge_again_at_.end() && clock_.now() < failed->second) return false;
  uint64_t bytes = 0;
  for (const auto& block : group) bytes += block->size_bytes();
  const auto room = files_.free_bytes(options_.path);
  const bool enough = !room || *room >= 2 * bytes;
  if (enough) return true;
  merge_again_at_[group.front()->path()] = clock_.now() + kAgain;
  log_.warn("There is no room to make blocks into one",
            {{"blocks", group.size()}, {"bytes", bytes}, {"free", *room}});
  return false;
}

void Db::merge_blocks(BlockSet& set, std::span<const DurationMs> spans, TimeMs origin,
                      DurationMs retention) {
  constexpr DurationMs kAgain = DurationMs::hours(1);
  for (const BlockSet::Blocks& group : set.mergeable(spans, origin, retention)) {
    // A block that became part of another meanwhile makes the group one of the next round.
    if (maintenance_.get_stop_token().stop_requested()) return;
    if (!may_merge(group)) continue;
    const std::string first = group.front()->path();
    if (rewrite_or_log(set, group)) {
      merge_again_at_.erase(first);
    } else {
      merge_again_at_[first] = clock_.now() + kAgain;
    }
  }
}

/// Segments of the log may still have a block's samples, or come back: replay passes over them as
/// long as there is the block to say so, and afterwards because of this record.
Result<void> Db::log_gone(TimeMs before) {
  {
    // A block that could not be read at first is not alone with its time.
    const MutexLock lock(state_mutex_);
    before = std::min(before, head_from_);
  }
  if (before == TimeMs::min() || !log_has({TimeMs::min(), before - DurationMs{1}})) return {};
  std::string payload;
  encode_gone(before, payload);
  return append_alone(payload);
}

Result<void> Db::remove_for_good(BlockSet& set, const std::shared_ptr<Block>& block) {
  TRY(log_gone(block->info().wal_until));
  return set.remove(block);
}

Result<void> Db::rewrite(BlockSet& set, std::span<const std::shared_ptr<Block>> blocks) {
  if (TRY(set.rewrite(blocks, maintenance_.get_stop_token()))) return {};
  for (const auto& block : blocks) TRY(remove_for_good(set, block));
  return {};
}

bool Db::rewrite_or_log(BlockSet& set, std::span<const std::shared_ptr<Block>> blocks) {
  const auto done = rewrite(set, blocks);
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
  TRY(refuse_changes());
  const MutexLock compaction(compaction_mutex_);
  Result<void> done;  // one that cannot be written anew, being damaged, holds up no other
  const auto clean = [&](BlockSet& set) REQUIRES(compaction_mutex_) {
    for (const auto& block : set.blocks()) {
      if (block->tombstones()->empty()) continue;
      if (auto rewritten = rewrite(set, {&block, 1}); rewritten) {
        compactions_.add();
      } else if (done) {
        done = std::move(rewritten);
      }
    }
  };
  clean(blocks_);
  for (size_t tier = 0; tier < kTiers; ++tier) clean(tiers_.blocks(tier));
  return done;
}

/// No more samples come for the time before it, and all there are lie in blocks.
TimeMs Db::complete_until() const {
  {
    const MutexLock lock(state_mutex_);
    if (head_from_ != TimeMs::min()) return head_from_;
  }
  // Blocks that were brought here: nothing was written by this database yet.
  return std::min(head_.range().start, clock_.now() - kCutBeyond);
}

/// Days that have samples in blocks and are to be summed up. Not those whose samples may have gone
/// in part: what the tiers have of them is all there will be.
std::set<int64_t> Db::days_to_roll_up() const {
  TimeMs whole_from;
  {
    const MutexLock lock(state_mutex_);
    whole_from = samples_from_;
  }
  constexpr DurationMs kDay = DurationMs::days(1);
  std::set<int64_t> out;
  for (const auto& block : blocks_.blocks()) {
    for (const TimeMs end : block->window_ends(kDay)) {
      const int64_t day = Tiers::day_of(end);
      if (tiers_.has_day(day)) continue;
      const bool in_part = Tiers::range_of_day(day).start < whole_from;
      if (in_part && tiers_.has_rollups(day)) continue;
      out.insert(day);
    }
  }
  return out;
}

/// Up to where rollups may stand for samples.
void Db::note_rolled_until() {
  int64_t first_without = Tiers::day_of(complete_until());  // it is not over
  const std::set<int64_t> days = days_to_roll_up();
  if (!days.empty()) first_without = std::min(first_without, *days.begin());
  const MutexLock lock(state_mutex_);
  rolled_until_ = Tiers::range_of_day(first_without).start - DurationMs{1};
}

/// Sums up each day that is over and has samples.
void Db::roll_up_days() {
  if (!options_.downsampling) return;
  const DurationMs keep = retention();
  if (keep.ms > 0 && keep < kMinToRollUp) return;
  const TimeMs complete = complete_until();
  const std::set<int64_t> days = days_to_roll_up();
  for (const int64_t day : days) {
    const TimeRange range = Tiers::range_of_day(day);
    if (range.end >= complete) break;
    const auto rolled = [&]() -> Result<uint64_t> {
      const auto samples = TRY(querier(range));
      return tiers_.roll_up_day(day, *samples, maintenance_.get_stop_token());
    }();
    if (rolled) {
      days_rolled_up_.add();
      log_.info("A day is summed up", {{"until", format_rfc3339(range.end)}, {"series", *rolled}});
      continue;
    }
    if (rolled.error().code == ErrorCode::Unavailable) break;  // stopping
    block_failures_.add();
    log_.error("A day could not be summed up; its samples stay for as long as they are kept",
               {{"until", format_rfc3339(range.end)}, {"err", rolled.error().message}});
    break;
  }
  note_rolled_until();
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

/// A disk that could not read a block may read it now.
void Db::open_blocks_again() {
  if (unread_blocks_ == 0) return;
  size_t unread = blocks_.open_again();
  for (size_t tier = 0; tier < kTiers; ++tier) unread += tiers_.blocks(tier).open_again();
  if (unread_blocks_.exchange(unread) != unread) changes_.changed(TimeMs::min());
}

/// Where there is room for it many times over.
void Db::keep_reserve() {
  if (options_.reserve_bytes == 0) return;
  const std::string path = options_.path + "/reserve";
  if (files_.size(path)) return;
  const auto room = files_.free_bytes(options_.path);
  if (!room || *room / 8 < options_.reserve_bytes) return;
  const std::string bytes(options_.reserve_bytes, '\0');
  if (const auto kept = files_.write_atomically(path, bytes); !kept) {
    log_.warn("No room is kept for a full disk", {{"err", kept.error().message}});
  }
}

/// Whether there was one.
bool Db::release_reserve() {
  if (!files_.remove(options_.path + "/reserve")) return false;
  log_.warn("The reserve is used up to write a block", {{"bytes", options_.reserve_bytes}});
  return true;
}

bool Db::compact_or_log(TimeMs end) {
  auto written = compact_before(end);
  if (!written && written.error().code == ErrorCode::Io && release_reserve()) {
    written = compact_before(end);
  }
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
  close_before(end);
  const uint64_t segment = TRY(wal_->rotate());
  const TimeRange range{from, end - DurationMs{1}};
  // First, or a failure would leave the block, and the next attempt write another.
  TRY(tiers_.forget_days({std::max(from, head_.range().start), end}));
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

/// From here on no batch brings samples before `end`; those that are under way are waited for.
void Db::close_before(TimeMs end) {
  accept_from_ms_ = std::max(accept_from_ms_.load(), end.ms);
  const std::lock_guard turnstile(turnstile_);
  const std::unique_lock gate(commit_gate_);
}

Result<void> Db::write_head(TimeRange range, BlockWriter& writer) const {
  SampleColumns samples;
  TimesCache times;
  for (const Series* series : head_.sorted_series()) {
    samples.clear();
    TRY(series->append_to(samples, range, times));
    if (samples.size() > 0) TRY(writer.add(series->labels(), samples, series->starts()));
  }
  return {};
}

/// From now on nobody else begins to read the head's samples before `cutoff`.
void Db::drop_when_unpinned(TimeMs cutoff) {
  const MutexLock lock(state_mutex_);
  to_drop_.push_back({pin_, cutoff});
  replace_pin();
}

/// Each pin holds the one after it: when one has gone, so have all before it.
void Db::replace_pin() {
  auto next = std::make_shared<Pin>();
  pin_->next = next;
  pin_ = std::move(next);
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
void Db::remove_block(BlockSet& set, const std::shared_ptr<Block>& block, std::string_view why) {
  const auto removed = remove_for_good(set, block);
  changes_.changed(block->info().range.start);
  if (!removed) {
    block_failures_.add();
    log_.error("A block could not be removed", {{"why", why}, {"err", removed.error().message}});
    return;
  }
  blocks_deleted_.add();
  log_.info("A block is removed", {{"block", block->path()}, {"why", why}});
}

/// Hides and in the end removes what is past the retention of its series.
Result<void> Db::enforce_rules(BlockSet& set, const std::shared_ptr<Block>& block, TimeMs newest,
                               const Keep& keep) {
  const auto cutoff_of = [&](DurationMs kept) {
    return kept.ms == 0 ? TimeMs::min() : newest - kept;
  };
  std::vector<TimeMs> cutoffs(block->info().series, cutoff_of(keep.here));
  // The first rule that matches a series holds. One that keeps less than others keep samples is
  // meant to get rid of them: their rollups go too.
  for (const RetentionRule& rule : std::views::reverse(retention_rules())) {
    const bool less = keep.samples.ms == 0 || rule.keep < keep.samples;
    const DurationMs kept = less || keep.here.ms == 0 ? rule.keep : std::max(rule.keep, keep.here);
    const std::vector<uint32_t> matching = TRY(block->select(rule.matchers));
    for (const uint32_t number : matching) cutoffs[number] = cutoff_of(kept);
  }
  const TimeRange range = block->info().range;
  std::vector<BlockSet::Deletion> deletions;
  size_t expired = 0;
  // In steps of a part of the block, or each minute would write another file.
  const int64_t part = std::max<int64_t>((range.end - range.start).ms / 8, 1);
  const int64_t step = (part + keep.step.ms - 1) / keep.step.ms * keep.step.ms;
  for (uint32_t number = 0; number < cutoffs.size(); ++number) {
    if (cutoffs[number] <= range.start) continue;
    const bool whole = cutoffs[number] > range.end;
    const TimeMs until = whole ? range.end : TimeMs{cutoffs[number].ms / step * step};
    if (until >= range.start) deletions.push_back({number, {range.start, until}});
    expired += whole ? 1 : 0;
  }
  if (expired == cutoffs.size()) {
    remove_block(set, block, "retention");
    return {};
  }
  const bool fresh = TRY(set.delete_of(block, deletions));
  if (fresh) changes_.changed(range.start);
  constexpr size_t kRewriteFrom = 5;  // one series in so many
  if (fresh && expired * kRewriteFrom >= cutoffs.size()) rewrite_or_log(set, {&block, 1});
  return {};
}

void Db::enforce_rules(BlockSet& set, TimeMs newest, const Keep& keep) {
  for (const auto& block : set.blocks()) {
    if (const auto enforced = enforce_rules(set, block, newest, keep); !enforced) {
      block_failures_.add();
      log_.error("Retention could not be enforced", {{"err", enforced.error().message}});
    }
  }
}

/// Of what takes most room, samples or rollups, the oldest block goes.
void Db::enforce_size() {
  if (retention_bytes_ == 0) return;
  for (;;) {
    BlockSet* largest = &blocks_;
    uint64_t bytes = blocks_.size_bytes() + wal_->total_bytes();
    for (size_t tier = 0; tier < kTiers; ++tier) {
      BlockSet& set = tiers_.blocks(tier);
      bytes += set.size_bytes();
      if (set.size_bytes() > largest->size_bytes()) largest = &set;
    }
    const BlockSet::Blocks blocks = largest->blocks();
    if (blocks.empty() || bytes <= retention_bytes_) return;
    size_retentions_.add();
    if (largest == &blocks_) {
      const MutexLock lock(state_mutex_);
      samples_from_ = std::max(samples_from_, blocks.front()->info().range.end);
    }
    remove_block(*largest, blocks.front(), "size");
    if (largest->blocks().size() == blocks.size()) return;
  }
}

/// Retention counts from the newest sample, so that an imported old data set is not thrown away.
std::optional<TimeMs> Db::newest_sample() const {
  TimeMs newest = head_.range().end;
  for (const auto& block : blocks_.blocks()) {
    newest = std::max(newest, block->info().range.end);
  }
  if (newest == TimeMs::min()) return std::nullopt;
  return std::min(newest, clock_.now());
}

/// From which time on samples are whole. Result: it.
TimeMs Db::note_retention() {
  const auto newest = newest_sample();
  const DurationMs keep = retention();
  const MutexLock lock(state_mutex_);
  if (newest && keep.ms > 0) samples_from_ = std::max(samples_from_, *newest - keep);
  return samples_from_;
}

void Db::enforce_retention() {
  const MutexLock compaction(compaction_mutex_);
  blocks_.remove_leftovers();
  for (size_t tier = 0; tier < kTiers; ++tier) tiers_.blocks(tier).remove_leftovers();
  const auto found = newest_sample();
  if (!found) return;
  const TimeMs newest = *found;
  const DurationMs samples = retention();
  enforce_rules(blocks_, newest, {samples, samples, DurationMs{1}});
  const TierRetention keep = tier_retention();
  for (size_t tier = 0; tier < kTiers; ++tier) {
    enforce_rules(tiers_.blocks(tier), newest, {samples, keep[tier], kTierWidths[tier]});
  }
  enforce_size();
  if (samples.ms == 0) return;
  const TimeMs cutoff = newest - samples;
  note_retention();
  if (head_.range().start >= cutoff) return;
  close_before(cutoff);
  {
    const MutexLock lock(state_mutex_);
    head_from_ = std::max(head_from_, cutoff);
  }
  changes_.changed(TimeMs::min());
  drop_when_unpinned(cutoff);
  drop_unpinned();
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
  replace_pin();
}

/// What the head let go of lies between what it keeps; the system gets whole pages of it back only
/// when asked.
void Db::give_back_memory() { malloc_trim(0); }

void Db::drop_before(TimeMs cutoff) {
  remove_series(head_.drop_before(cutoff));
  uint64_t first_kept = wal_->current_segment();
  if (wal_->total_bytes() <= options_.max_held_log_bytes) {
    first_kept = std::min(first_kept, keep_log_from_.load());
  }
  {
    const MutexLock lock(state_mutex_);
    for (const auto& [segment, samples] : segment_times_) {
      if (samples.end >= cutoff) {
        first_kept = std::min(first_kept, segment);
        break;
      }
    }
  }
  if (auto logged = log_metadata_again(); !logged) {
    log_.error("Old segments of the write-ahead log are kept", {{"err", logged.error().message}});
    return;
  }
  if (auto removed = wal_->remove_before(first_kept); !removed) {
    log_.error("Old segments of the write-ahead log could not be removed",
               {{"err", removed.error().message}});
  } else {
    const MutexLock lock(state_mutex_);
    segment_times_.erase(segment_times_.begin(), segment_times_.lower_bound(first_kept));
    unread_segments_.erase(unread_segments_.begin(), unread_segments_.lower_bound(first_kept));
  }
  give_back_memory();
}

}  // namespace prom5::tsdb
