#include "store/tsdb/block_set.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "store/tsdb/columns.h"

namespace prom5::tsdb {

namespace {

constexpr std::string_view kTombstones = ".tombstones";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kDamaged = ".damaged";

bool contains(std::span<const uint64_t> numbers, uint64_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

/// Chunks with fewer samples are joined when blocks are merged; others are copied as they are.
constexpr uint32_t kWholeChunk = 240;

std::optional<uint64_t> number_of(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

std::string BlockSet::path_of(uint64_t number) const {
  return fmt::format("{}/{:08}", folder_, number);
}

Result<size_t> BlockSet::open(Access access) {
  const MutexLock lock(mutex_);
  size_t damaged = 0;
  // What is listed is there for good, and what is not does not come back.
  if (access == Access::ReadWrite) TRY(files_.sync_directory(folder_));
  auto listed = files_.list(folder_);
  if (!listed && access == Access::ReadOnly && listed.error().code == ErrorCode::NotFound) {
    return damaged;
  }
  if (!listed) return std::unexpected(std::move(listed).error());
  const std::vector<std::string>& names = *listed;
  const std::set<std::string, std::less<>> present(names.begin(), names.end());
  std::set<uint64_t> numbers;
  for (const std::string& name : names) {
    // Of files that are removed here, too: they may come back, beside a block of their number.
    next_ = std::max(next_, number_of(name.substr(0, name.find('.'))).value_or(0) + 1);
    const bool half_written = name.ends_with(kTemporary);
    const bool orphan =
        name.ends_with(kTombstones) &&
        !present.contains(std::string_view(name).substr(0, name.size() - kTombstones.size()));
    if (half_written || orphan) {
      if (access == Access::ReadOnly) continue;
      if (const auto removed = files_.remove(folder_ + "/" + name); !removed) {
        ++removal_failures_;
        log_.warn("What a crash left behind cannot be removed; it does no harm",
                  {{"err", removed.error().message}});
      }
    } else if (const auto number = number_of(name);
               number && path_of(*number).ends_with("/" + name)) {
      numbers.insert(*number);
      open_one(*number, damaged);
    }
  }
  forget_replaced(access, std::move(numbers));
  return damaged;
}

void BlockSet::open_one(uint64_t number, size_t& damaged) {
  const auto leave_out = [&](Error error) REQUIRES(mutex_) {
    ++damaged;
    const bool corrupt = error.code == ErrorCode::Corruption;
    log_.error(corrupt ? "A damaged block is left out"
                       : "A block that cannot be read is left out; it is tried again",
               {{"err", error.message}});
    unopened_.emplace(number, std::move(error));
  };
  auto block = Block::open(files_, path_of(number), number);
  if (!block) return leave_out(std::move(block).error());
  if (const auto& damage = (*block)->index_damage()) {
    log_.error("A block's index is damaged and its spare copy used; `prom5 tsdb repair` mends it",
               {{"err", damage->message}});
  }
  const auto bytes = files_.read(path_of(number) + std::string(kTombstones));
  if (bytes) {
    auto tombstones = Tombstones::decode(*bytes);
    if (tombstones) {
      if (tombstones->encode() != *bytes) {
        ++damaged;
        log_.error("A copy of what was deleted of a block is damaged and the other one used",
                   {{"block", number}});
      }
      (*block)->set_tombstones(*std::move(tombstones));
    } else {
      ++damaged;
      log_.error("What was deleted of a block is not known any more and shows again",
                 {{"block", number}, {"err", tombstones.error().message}});
    }
  } else if (bytes.error().code != ErrorCode::NotFound) {
    return leave_out(bytes.error());
  }
  put(*std::move(block));
}

size_t BlockSet::open_again() {
  const MutexLock lock(mutex_);
  std::vector<uint64_t> numbers;
  for (const auto& [number, error] : unopened_) {
    if (error.code != ErrorCode::Corruption) numbers.push_back(number);
  }
  bool any = false;
  for (const uint64_t number : numbers) {
    auto block = Block::open(files_, path_of(number), number);
    if (!block) continue;  // told already
    size_t damaged = 0;
    unopened_.erase(number);
    open_one(number, damaged);
    any = any || !unopened_.contains(number);
  }
  // What it replaced may have come back without it.
  if (any) forget_replaced(Access::ReadWrite, {});
  return unopened_.size();
}

void BlockSet::put(std::shared_ptr<Block> block) {
  const auto at = std::upper_bound(
      blocks_.begin(), blocks_.end(), block,
      [](const auto& a, const auto& b) { return a->info().range.start < b->info().range.start; });
  blocks_.insert(at, std::move(block));
}

/// A crash between writing a block and removing those that it replaces leaves both. `numbers`: of
/// files that are there, whether they can be read or not.
void BlockSet::forget_replaced(Access access, std::set<uint64_t> numbers) {
  std::set<uint64_t> replaced;
  for (const auto& block : blocks_) {
    replaced.insert(block->info().replaces.begin(), block->info().replaces.end());
  }
  Blocks forgotten;
  for (const auto& block : blocks_) {
    numbers.erase(block->number());
    if (replaced.contains(block->number())) forgotten.push_back(block);
  }
  std::erase_if(blocks_, [&](const auto& block) { return replaced.contains(block->number()); });
  std::erase_if(unopened_, [&](const auto& entry) { return replaced.contains(entry.first); });
  if (access == Access::ReadOnly) return;
  for (const uint64_t number : numbers) {
    if (replaced.contains(number)) leftovers_[number];
  }
  remove_files(forgotten);
}

void BlockSet::remove_files(std::span<const std::shared_ptr<Block>> blocks) {
  for (const auto& block : blocks) {
    leftovers_[block->number()] = {.series = block->info().series, .range = block->info().range};
  }
  remove_leftovers();
}

void BlockSet::note_failure(uint64_t number, const Error& error) {
  ++removal_failures_;
  Leftover& leftover = leftovers_[number];
  if (!leftover.error) {
    log_.warn("A block that is not needed any more cannot be removed; it is tried again",
              {{"block", path_of(number)}, {"err", error.message}});
  }
  leftover.error = error;
}

/// Removes a file of each and takes out those for which it fails.
void BlockSet::remove_names(std::string_view suffix, std::set<uint64_t>& numbers) {
  for (auto at = numbers.begin(); at != numbers.end();) {
    const auto removed = files_.remove(path_of(*at) + std::string(suffix));
    if (removed || removed.error().code == ErrorCode::NotFound) {
      ++at;
      continue;
    }
    note_failure(*at, removed.error());
    at = numbers.erase(at);
  }
}

/// What is deleted of a block goes after the block itself is gone for good: a power cut must not
/// bring back one without the other.
void BlockSet::remove_leftovers() {
  if (leftovers_.empty()) return;
  std::set<uint64_t> numbers;
  for (const auto& [number, leftover] : leftovers_) numbers.insert(number);
  remove_names("", numbers);
  const auto synced = numbers.empty() ? Result<void>() : files_.sync_directory(folder_);
  for (const uint64_t number : numbers) {
    if (!synced) note_failure(number, synced.error());
  }
  if (synced) {
    remove_names(kTombstones, numbers);
    for (const uint64_t number : numbers) leftovers_.erase(number);
  }
  hide_leftovers();
}

/// What shows nothing may come back. Not an unfinished one: with it would go what it replaces.
void BlockSet::hide_leftovers() {
  for (auto& [number, leftover] : leftovers_) {
    if (leftover.hidden || leftover.unfinished || leftover.series == 0) continue;
    Tombstones all;
    for (uint64_t i = 0; i < leftover.series; ++i) {
      all.add(static_cast<uint32_t>(i), leftover.range);
    }
    leftover.hidden =
        files_.write_atomically(path_of(number) + std::string(kTombstones), all.encode())
            .has_value();
  }
}

/// Whether no file that is left over keeps something from being done with these blocks.
Result<void> BlockSet::leftovers_let(std::span<const std::shared_ptr<Block>> blocks,
                                     bool deleting) const {
  for (const auto& [number, leftover] : leftovers_) {
    const auto concerns = [&](const std::shared_ptr<Block>& block) {
      return leftover.unfinished ? deleting || contains(leftover.replaces, block->number())
                                 : contains(block->info().replaces, number);
    };
    if (leftover.hidden || std::ranges::none_of(blocks, concerns)) continue;
    return fail(ErrorCode::Io, "block {} is to be removed first: {}", path_of(number),
                leftover.error ? leftover.error->message : std::string_view("it is still there"));
  }
  return {};
}

/// Of one that is not, nothing can be deleted, and it may be read again later.
Result<void> BlockSet::all_are_open() const {
  const MutexLock lock(mutex_);
  for (const auto& [number, error] : unopened_) {
    if (error.code == ErrorCode::Corruption) continue;
    return fail(ErrorCode::Unavailable, "nothing can be deleted of a block that cannot be read: {}",
                error.message);
  }
  return {};
}

BlockSet::Blocks BlockSet::blocks() const {
  const MutexLock lock(mutex_);
  return blocks_;
}

uint64_t BlockSet::size_bytes() const {
  uint64_t total = 0;
  for (const auto& block : blocks()) total += block->size_bytes();
  return total;
}

Result<bool> BlockSet::add(const BlockInfo& origin,
                           const std::function<Result<void>(BlockWriter&)>& fill) {
  uint64_t number = 0;
  {
    const MutexLock lock(mutex_);
    number = next_++;
  }
  const std::string path = path_of(number);
  const std::string temporary = path + std::string(kTemporary);
  const auto write = [&]() -> Result<std::shared_ptr<Block>> {
    const auto writer = TRY(BlockWriter::create(files_, temporary));
    TRY(fill(*writer));
    if (writer->series() == 0) return std::shared_ptr<Block>();
    TRY(writer->finish(origin));
    TRY(files_.rename(temporary, path));
    TRY(files_.sync_directory(folder_));
    return Block::open(files_, path, number);
  };
  auto written = write();
  if (!written || !*written) {
    // Left behind it would stand for the blocks that it replaces, whatever becomes of them. Should
    // it not go now, nothing is deleted before it does.
    static_cast<void>(files_.remove(temporary));
    leftovers_[number] = {.unfinished = true, .replaces = origin.replaces};
    remove_leftovers();
    if (!written) return std::unexpected(std::move(written).error());
    return false;
  }
  const MutexLock lock(mutex_);
  std::erase_if(blocks_, [&](const auto& b) { return contains(origin.replaces, b->number()); });
  put(*std::move(written));
  return true;
}

Result<void> BlockSet::remove(const std::shared_ptr<Block>& block) {
  remove_leftovers();
  TRY(leftovers_let({&block, 1}, false));  // what it replaced goes before it
  {
    const MutexLock lock(mutex_);
    std::erase(blocks_, block);
  }
  remove_files({&block, 1});
  const auto left = leftovers_.find(block->number());
  if (left == leftovers_.end() || left->second.hidden) return {};
  return std::unexpected(*left->second.error);
}

Result<bool> BlockSet::rewrite(std::span<const std::shared_ptr<Block>> blocks,
                               const std::stop_token& stop, Damage damage) {
  remove_leftovers();
  TRY(leftovers_let(blocks, false));
  BlockInfo origin;
  for (const auto& block : blocks) {
    origin.replaces.push_back(block->number());
    // A range of the log is skipped for what is newest in it: the greatest of both serves all.
    origin.wal_segment = std::max(origin.wal_segment, block->info().wal_segment);
    origin.wal_until = std::max(origin.wal_until, block->info().wal_until);
  }
  const bool any_left = TRY(
      add(origin, [&](BlockWriter& writer) { return merge_blocks(blocks, stop, damage, writer); }));
  if (any_left) remove_files(blocks);
  return any_left;
}

std::vector<BlockSet::Blocks> BlockSet::mergeable(std::span<const DurationMs> spans, TimeMs origin,
                                                  DurationMs retention) const {
  const Blocks all = blocks();
  if (all.empty()) return {};
  TimeMs newest = TimeMs::min();
  for (const auto& block : all) newest = std::max(newest, block->info().range.end);
  for (const DurationMs span : spans) {
    if (retention.ms > 0 && span.ms > retention.ms / 10) break;
    const auto span_of = [&](TimeMs time) { return floor_div((time - origin).ms, span.ms); };
    std::map<int64_t, Blocks> groups;
    for (const auto& block : all) {
      const int64_t number = span_of(block->info().range.start);
      if (number != span_of(block->info().range.end)) continue;
      if (number == span_of(newest)) continue;  // more may come for it
      groups[number].push_back(block);
    }
    std::vector<Blocks> out;
    for (auto& [number, group] : groups) {
      if (group.size() > 1) out.push_back(std::move(group));
    }
    if (!out.empty()) return out;
  }
  return {};
}

Result<bool> BlockSet::delete_of(const std::shared_ptr<Block>& block,
                                 std::span<const Deletion> deletions) {
  const auto before = block->tombstones();
  Tombstones after = *before;
  for (const Deletion& d : deletions) after.add(d.series, d.range);
  if (after == *before) return false;
  remove_leftovers();
  // Whatever comes back of them would not know of it.
  TRY(leftovers_let({&block, 1}, true));
  TRY(files_.write_atomically(path_of(block->number()) + std::string(kTombstones), after.encode()));
  block->set_tombstones(std::move(after));
  return true;
}

Result<void> BlockSet::delete_samples(std::span<const Matcher> matchers, TimeRange range) {
  TRY(all_are_open());
  for (const auto& block : blocks()) {
    if (!block->info().range.overlaps(range)) continue;
    std::vector<Deletion> deletions;
    const std::vector<uint32_t> numbers = TRY(block->select(matchers));
    for (const uint32_t number : numbers) deletions.push_back({number, range});
    TRY(delete_of(block, deletions));
  }
  return {};
}

Result<BlockSet::Repair> BlockSet::repair() {
  Repair out;
  for (const auto& block : blocks()) {
    const std::vector<Error> damage = block->verify();
    if (damage.empty()) continue;
    for (const Error& error : damage) out.lines.push_back(error.message);
    // An earlier repair may have broken off.
    const std::string aside = block->path() + std::string(kDamaged);
    if (!files_.size(aside)) TRY(files_.link(block->path(), aside));
    TRY(files_.sync_directory(folder_));
    if (!TRY(rewrite({&block, 1}, {}, Damage::LeftOut))) TRY(remove(block));
    ++out.mended;
    out.lines.push_back(fmt::format("block {}: rewritten; the damaged one stays as {:08}{}",
                                    block->path(), block->number(), kDamaged));
  }
  std::map<uint64_t, Error> unopened;
  {
    const MutexLock lock(mutex_);
    unopened = unopened_;
  }
  for (const auto& [number, error] : unopened) {
    out.lines.push_back(error.message);
    if (error.code != ErrorCode::Corruption) {
      ++out.left;
      out.lines.push_back(fmt::format("block {}: left alone", path_of(number)));
      continue;
    }
    TRY(files_.rename(path_of(number), path_of(number) + std::string(kDamaged)));
    TRY(files_.sync_directory(folder_));
    ++out.lost;
    out.lines.push_back(
        fmt::format("block {}: lost; it stays as {:08}{}", path_of(number), number, kDamaged));
  }
  return out;
}

Result<void> BlockSet::link_into(const std::string& folder) const {
  for (const auto& block : blocks()) {
    const std::string name = fmt::format("{:08}", block->number());
    TRY(files_.link(block->path(), folder + "/" + name));
    const auto tombstones = block->tombstones();
    if (tombstones->empty()) continue;
    TRY(files_.write_atomically(folder + "/" + name + std::string(kTombstones),
                                tombstones->encode()));
  }
  return files_.sync_directory(folder);
}

namespace {

/// All series of a block, one after the other.
struct MergeCursor {
  const Block* block;
  SeriesReader reader;
  uint32_t number = 0;
  std::optional<Block::Series> series = {};

  Result<void> load() {
    if (number >= block->info().series) {
      series.reset();
      return {};
    }
    if (!series) series.emplace();
    return reader.read(number, *series);
  }
};

/// Whether the chunks can be taken over as they are: whole, one after the other.
bool can_copy(std::span<const BlockWriter::Copied> chunks) {
  for (size_t i = 0; i < chunks.size(); ++i) {
    const ChunkRef& chunk = chunks[i].chunk;
    if (i > 0 && chunk.range.start <= chunks[i - 1].chunk.range.end) return false;
    if (i + 1 < chunks.size() && chunk.count < kWholeChunk) return false;
  }
  return true;
}

/// Writes the series that some cursors stand at, column by column.
class SeriesMerger {
 public:
  SeriesMerger(Damage damage, BlockWriter& writer) : damage_(damage), writer_(writer) {}

  Result<void> merge_series(const Labels& labels, std::span<const MergeCursor* const> cursors) {
    writer_.begin_series(labels);
    // A column of rollups that is not there says something, so that they go together.
    if (damage_ == Damage::LeftOut && !std::ranges::all_of(cursors, rollups_are_readable)) {
      return {};
    }
    for (size_t column = 0; column < kColumns; ++column) {
      if (static_cast<Column>(column) == Column::Starts) continue;
      TRY(merge_column(static_cast<Column>(column), cursors));
    }
    TRY(merge_starts(cursors));
    return writer_.end_series();
  }

 private:
  static bool rollups_are_readable(const MergeCursor* cursor) {
    const auto& chunks = cursor->series->chunks;
    const bool samples_alone = std::ranges::all_of(chunks, [](const ChunkRef& chunk) {
      return chunk.column == Column::Samples || chunk.column == Column::Starts;
    });
    if (samples_alone) return true;
    TimesCache times;
    SampleColumns read;
    return std::ranges::all_of(chunks, [&](const ChunkRef& chunk) {
      return cursor->block->read(chunk, times, read).has_value();
    });
  }

  Result<void> merge_column(Column column, std::span<const MergeCursor* const> cursors) {
    chunks_.clear();
    bool copy = damage_ == Damage::Refused;  // copying reads nothing
    for (const MergeCursor* c : cursors) {
      for (const ChunkRef& chunk : c->series->chunks) {
        if (chunk.column == column) chunks_.push_back({c->block, chunk});
      }
      copy = copy && c->block->tombstones()->of(c->number).empty();
    }
    if (chunks_.empty()) return {};
    if (copy && can_copy(chunks_)) return writer_.copy_column(chunks_);
    samples_.clear();
    std::optional<Error> unreadable;
    const auto damaged = [&](const Error& error) { unreadable = error; };
    for (const MergeCursor* c : cursors) {
      const auto tombstones = c->block->tombstones();
      c->block->read(tombstones->of(c->number), *c->series, column, {}, times_, damaged, more_);
      merge(samples_, more_, {});
    }
    // What cannot be read now may be readable by repair: the blocks stay.
    if (unreadable && damage_ == Damage::Refused) return std::unexpected(*unreadable);
    writer_.add_column(column, samples_);
    return {};
  }

  /// Where blocks overlap, the newer one's hold.
  Result<void> merge_starts(std::span<const MergeCursor* const> cursors) {
    StartTimes all;
    std::optional<Error> unreadable;
    for (const MergeCursor* c : cursors) {
      const auto damaged = [&](const Error& error) { unreadable = error; };
      all.overlay(c->block->starts(*c->series, damaged), c->series->range());
    }
    if (unreadable && damage_ == Damage::Refused) return std::unexpected(*unreadable);
    writer_.add_column(Column::Starts, all.columns());
    return {};
  }

  const Damage damage_;
  BlockWriter& writer_;
  TimesCache times_;
  std::vector<BlockWriter::Copied> chunks_;
  SampleColumns samples_;
  SampleColumns more_;
};

}  // namespace

Result<void> merge_blocks(std::span<const std::shared_ptr<Block>> blocks,
                          const std::stop_token& stop, Damage damage, BlockWriter& writer) {
  std::vector<MergeCursor> cursors;
  for (const auto& block : blocks) {
    cursors.push_back({block.get(), SeriesReader(*block)});
    TRY(cursors.back().load());
  }
  SeriesMerger merger(damage, writer);
  std::vector<const MergeCursor*> here;
  for (;;) {
    if (stop.stop_requested()) return fail(ErrorCode::Unavailable, "stopped");
    const Labels* least = nullptr;
    for (const MergeCursor& c : cursors) {
      if (c.series && (least == nullptr || c.series->labels < *least)) least = &c.series->labels;
    }
    if (least == nullptr) return {};
    const Labels labels = *least;
    here.clear();
    for (const MergeCursor& c : cursors) {
      if (c.series && c.series->labels == labels) here.push_back(&c);
    }
    TRY(merger.merge_series(labels, here));
    for (MergeCursor& c : cursors) {
      if (!c.series || c.series->labels != labels) continue;
      ++c.number;
      TRY(c.load());
    }
  }
}

}  // namespace prom5::tsdb
