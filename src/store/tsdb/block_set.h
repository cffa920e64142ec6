#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "io/file/file_system.h"
#include "store/tsdb/block.h"

namespace prom5::tsdb {

/// Whether what a crash left behind may be cleared away.
enum class Access : uint8_t { ReadWrite, ReadOnly };

/// What becomes of chunks that cannot be read when their block is rewritten.
enum class Damage : uint8_t { Refused, LeftOut };

/// The blocks of a folder and what is deleted of them: files `NNNNNNNN` and, beside some,
/// `NNNNNNNN.tombstones`.
///
/// Reading: any thread. Changing: one thread at a time. A block that is removed stays readable for
/// whoever holds it.
class BlockSet {
 public:
  using Blocks = std::vector<std::shared_ptr<Block>>;

  BlockSet(io::FileSystem& files, std::string folder, const Log& log)
      : files_(files), folder_(std::move(folder)), log_(log) {}

  /// Opens what is there and finishes what a crash left half done. A block that cannot be opened is
  /// left out and left where it is. Result: how many, and how many lists of deletions.
  Result<size_t> open(Access access = Access::ReadWrite) EXCLUDES(mutex_);

  /// Tries again to open what could not be opened for another reason than damage. Result: how many
  /// still cannot be, damaged ones included.
  size_t open_again() EXCLUDES(mutex_);

  /// By their first time.
  [[nodiscard]] Blocks blocks() const EXCLUDES(mutex_);
  [[nodiscard]] uint64_t size_bytes() const EXCLUDES(mutex_);

  /// Tries again to remove files of blocks that could not be removed.
  void remove_leftovers();
  /// How often a file could not be removed.
  [[nodiscard]] uint64_t removal_failures() const { return removal_failures_; }

  /// Adds the block that `fill` writes. Durable on return. False when it wrote no series.
  Result<bool> add(const BlockInfo& origin, const std::function<Result<void>(BlockWriter&)>& fill)
      EXCLUDES(mutex_);

  /// Durable on return. A file that cannot be removed is told of in the log, once, hidden behind a
  /// list of deletions that has all of it, and tried again with the next change.
  Result<void> remove(const std::shared_ptr<Block>& block) EXCLUDES(mutex_);

  /// Puts one block in the place of some, without what is deleted of them. False when nothing is
  /// left of them: they stay, for the caller to remove. Unavailable when stopped, which leaves
  /// everything as it was.
  Result<bool> rewrite(std::span<const std::shared_ptr<Block>> blocks, const std::stop_token& stop,
                       Damage damage = Damage::Refused) EXCLUDES(mutex_);

  /// Which blocks are to become one, group by group: those of one of the spans of time, shortest
  /// first, once it is over, where it is no more than a tenth of the retention. Spans are counted
  /// from `origin`.
  [[nodiscard]] std::vector<Blocks> mergeable(std::span<const DurationMs> spans, TimeMs origin,
                                              DurationMs retention) const EXCLUDES(mutex_);

  /// Marks samples as deleted: for each series that matches, those in the range. Durable on return.
  /// Unavailable while a block cannot be read that may be later: it would keep its samples.
  Result<void> delete_samples(std::span<const Matcher> matchers, TimeRange range) EXCLUDES(mutex_);
  /// The same for some series of one block. Result: whether anything was not deleted before.
  struct Deletion {
    uint32_t series = 0;
    TimeRange range;
  };
  Result<bool> delete_of(const std::shared_ptr<Block>& block, std::span<const Deletion> deletions);

  /// Rewrites each block that has damage without what cannot be read, which stays beside it as
  /// NAME.damaged, as does a block of which nothing can be read. One that cannot be opened for
  /// another reason than damage is left alone.
  struct Repair {
    std::vector<std::string> lines;  ///< what was damaged and what was done, in words
    size_t mended = 0;               ///< blocks that are whole again but for what is told
    size_t lost = 0;                 ///< blocks put aside as a whole
    size_t left = 0;                 ///< not to be opened, for another reason than damage
  };
  Result<Repair> repair() EXCLUDES(mutex_);

  /// Links every block, and what is deleted of it, into a folder, which exists.
  Result<void> link_into(const std::string& folder) const EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::string path_of(uint64_t number) const;
  void put(std::shared_ptr<Block> block) REQUIRES(mutex_);
  void open_one(uint64_t number, size_t& damaged) REQUIRES(mutex_);
  void forget_replaced(Access access, std::set<uint64_t> numbers) REQUIRES(mutex_);
  void remove_files(std::span<const std::shared_ptr<Block>> blocks);
  void remove_names(std::string_view suffix, std::set<uint64_t>& numbers);
  void note_failure(uint64_t number, const Error& error);
  void hide_leftovers();
  [[nodiscard]] Result<void> leftovers_let(std::span<const std::shared_ptr<Block>> blocks,
                                           bool deleting) const;
  [[nodiscard]] Result<void> all_are_open() const EXCLUDES(mutex_);

  io::FileSystem& files_;
  const std::string folder_;
  const Log& log_;
  mutable Mutex mutex_;
  Blocks blocks_ GUARDED_BY(mutex_);  // by their first time
  std::map<uint64_t, Error> unopened_ GUARDED_BY(mutex_);
  uint64_t next_ GUARDED_BY(mutex_) = 1;
  // Blocks that are no part of the set any more and whose files may still be there, now or after a
  // power cut. Those that were part of it do no harm once they are hidden, or as long as nothing
  // becomes of the block that replaced them. One that never was stands for those that it was to
  // replace: nothing may become of these, nor may anything be deleted.
  struct Leftover {
    uint64_t series = 0;  ///< 0: not known
    TimeRange range;
    bool unfinished = false;
    std::vector<uint64_t> replaces = {};  ///< of an unfinished one
    bool hidden = false;
    std::optional<Error> error = {};  ///< why it is still there
  };
  std::map<uint64_t, Leftover> leftovers_;  // used by the thread that changes the set
  std::atomic<uint64_t> removal_failures_ = 0;
};

/// Writes the series of blocks, in the order of their time, as one, without what is deleted.
Result<void> merge_blocks(std::span<const std::shared_ptr<Block>> blocks,
                          const std::stop_token& stop, Damage damage, BlockWriter& writer);

}  // namespace prom5::tsdb
