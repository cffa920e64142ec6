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
  for (const std::string& name : names) {
    // Of files that are removed here, too: they may come back, beside a block of their number.
    next_ = std::max(next_, number_of(name.substr(0, name.find('.'))).value_or(0) + 1);
    const bool half_written = name.ends_with(kTemporary);
    const bool orphan =
        name.ends_with(kTombstones) &&
        !present.contains(std::string_view(name).substr(0, name.size() - kTombstones.size()));
    if (half_written || orphan) {
      if (access == Access::ReadWrite) TRY(files_.remove(folder_ + "/" + name));
    } else if (const auto number = number_of(name)) {
      TRY(open_one(*number, damaged));
    }
  }
  TRY(forget_replaced(access));
  return damaged;
}

Result<void> BlockSet::open_one(uint64_t number, size_t& damaged) {
  auto block = Block::open(files_, path_of(number), number);
  if (!block) {
    ++damaged;
    const bool corrupt = block.error().code == ErrorCode::Corruption;
    log_.error(corrupt ? "A damaged block is left out"
                       : "A block that cannot be read is left out; it is tried again",
               {{"err", block.error().message}});
    unopened_.emplace(number, std::move(block).error());
    return {};
  }
  if (const auto& damage = (*block)->index_damage()) {
    log_.error("A block's index is damaged and its spare copy used; `prom5 tsdb repair` mends it",
               {{"err", damage->message}});
  }
  const auto bytes = files_.read(path_of(number) + std::string(kTombstones));
  if (bytes) {
    auto tombstones = Tombstones::decode(*bytes);
    if (tombstones) {
      (*block)->set_tombstones(*std::move(tombstones));
    } else {
      ++damaged;
      log_.error("What was deleted of a block is not known any more and shows again",
                 {{"block", number}, {"err", tombstones.error().message}});
    }
  } else if (bytes.error().code != ErrorCode::NotFound) {
    return std::unexpected(bytes.error());
  }
  put(*std::move(block));
  return {};
}

size_t BlockSet::open_again() {
  const MutexLock lock(mutex_);
  std::vector<uint64_t> numbers;
  for (const auto& [number, error] : unopened_) {
    if (error.code != ErrorCode::Corruption) numbers.push_back(number);
  }
  for (const uint64_t number : numbers) {
    auto block = Block::open(files_, path_of(number), number);
    if (!block) continue;  // told already
    size_t damaged = 0;
    unopened_.erase(number);
    if (auto opened = open_one(number, damaged); !opened) {
      unopened_.emplace(number, std::move(opened).error());
    }
  }
  return unopened_.size();
}

void BlockSet::put(std::shared_ptr<Block> block) {
  const auto at = std::upper_bound(
      blocks_.begin(), blocks_.end(), block,
      [](const auto& a, const auto& b) { return a->info().range.start < b->info().range.start; });
  blocks_.insert(at, std::move(block));
}

/// A crash between writing a block and removing those that it replaces leaves both.
Result<void> BlockSet::forget_replaced(Access access) {
  std::set<uint64_t> replaced;
  for (const auto& block : blocks_) {
    replaced.insert(block->info().replaces.begin(), block->info().replaces.end());
  }
  std::vector<uint64_t> numbers;
  for (const auto& block : blocks_) {
    if (replaced.contains(block->number())) numbers.push_back(block->number());
  }
  if (access == Access::ReadWrite) TRY(remove_files(numbers));
  std::erase_if(blocks_, [&](const auto& block) { return replaced.contains(block->number()); });
  return {};
}

Result<void> BlockSet::remove_files(std::span<const uint64_t> numbers) {
  leftovers_.insert(numbers.begin(), numbers.end());
  return remove_leftovers();
}

/// What is deleted of a block goes after the block itself is gone for good: a power cut must not
/// bring back one without the other.
Result<void> BlockSet::remove_leftovers() {
  if (leftovers_.empty()) return {};
  const auto remove_each = [&](std::string_view suffix) -> Result<void> {
    for (const uint64_t number : leftovers_) {
      const auto removed = files_.remove(path_of(number) + std::string(suffix));
      if (!removed && removed.error().code != ErrorCode::NotFound) return removed;
    }
    return {};
  };
  TRY(remove_each(""));
  TRY(files_.sync_directory(folder_));
  TRY(remove_each(kTombstones));
  leftovers_.clear();
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
  // What a block replaced goes before it.
  if (!origin.replaces.empty()) TRY(remove_leftovers());
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
    static_cast<void>(remove_files({&number, 1}));
    if (!written) return std::unexpected(std::move(written).error());
    return false;
  }
  const MutexLock lock(mutex_);
  std::erase_if(blocks_, [&](const auto& b) {
    return std::ranges::find(origin.replaces, b->number()) != origin.replaces.end();
  });
  put(*std::move(written));
  return true;
}

Result<void> BlockSet::remove(const std::shared_ptr<Block>& block) {
  TRY(remove_leftovers());  // what it replaced goes before it
  {
    const MutexLock lock(mutex_);
    std::erase(blocks_, block);
  }
  const uint64_t number = block->number();
  return remove_files({&number, 1});
}

Result<bool> BlockSet::rewrite(std::span<const std::shared_ptr<Block>> blocks,
                               const std::stop_token& stop, Damage damage) {
  BlockInfo origin;
  for (const auto& block : blocks) {
    origin.replaces.push_back(block->number());
    // A range of the log is skipped for what is newest in it: the greatest of both serves all.
    origin.wal_segment = std::max(origin.wal_segment, block->info().wal_segment);
    origin.wal_until = std::max(origin.wal_until, block->info().wal_until);
  }
  const bool any_left = TRY(
      add(origin, [&](BlockWriter& writer) { return merge_blocks(blocks, stop, damage, writer); }));
  if (any_left) TRY(remove_files(origin.replaces));
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

Result<bool> BlockSet::delete_of(Block& block, std::span<const Deletion> deletions) {
  const auto before = block.tombstones();
  Tombstones after = *before;
  for (const Deletion& d : deletions) after.add(d.series, d.range);
  if (after == *before) return false;
  TRY(remove_leftovers());
  TRY(files_.write_atomically(path_of(block.number()) + std::string(kTombstones), after.encode()));
  block.set_tombstones(std::move(after));
  return true;
}

Result<void> BlockSet::delete_samples(std::span<const Matcher> matchers, TimeRange range) {
  // Whatever comes back of them would not know of it.
  TRY(remove_leftovers());
  for (const auto& block : blocks()) {
    if (!block->info().range.overlaps(range)) continue;
    std::vector<Deletion> deletions;
    const std::vector<uint32_t> numbers = TRY(block->select(matchers));
    for (const uint32_t number : numbers) deletions.push_back({number, range});
    TRY(delete_of(*block, deletions));
  }
  return {};
}

Result<BlockSet::Repair> BlockSet::repair() {
  Repair out;
  for (const auto& block : blocks()) {
    const std::vector<Error> damage = block->verify();
    if (damage.empty()) continue;
    for (const Error& error : damage) out.lines.push_back(error.message);
    TRY(files_.link(block->path(), block->path() + std::string(kDamaged)));
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
