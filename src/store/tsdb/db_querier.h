#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/storage.h"
#include "store/tsdb/block.h"
#include "store/tsdb/head.h"

namespace prom5::tsdb {

/// What is missing in an answer, in words. Any thread.
class ViewWarnings {
 public:
  void add(std::string text) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    texts_.push_back(std::move(text));
  }
  /// Something is damaged. Tells of the first few, of each once, however often it was read. Result:
  /// whether it was not known, as far as so many are remembered.
  bool add_damage(const Error& error) EXCLUDES(mutex_) {
    constexpr size_t kTold = 10;
    constexpr size_t kKept = 1000;
    const MutexLock lock(mutex_);
    if (damages_.size() >= kKept || !damages_.insert(error.message).second) return false;
    if (damages_.size() <= kTold) {
      texts_.push_back("damaged data is left out of this answer: " + error.message);
    }
    return true;
  }
  [[nodiscard]] std::vector<std::string> texts() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return texts_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> texts_ GUARDED_BY(mutex_);
  std::set<std::string> damages_ GUARDED_BY(mutex_);
};

/// What a querier looks at: blocks in the order of their time, then the head.
struct DbView {
  std::vector<std::shared_ptr<const Block>> blocks;
  const Head* head = nullptr;  ///< null while it is being filled from the log
  /// The head's part: samples before it are in blocks.
  TimeMs head_from;
  /// Held as long as the view is: the head lets go of nothing that it may still read.
  std::shared_ptr<const void> pin;
  struct TierView {
    DurationMs width;
    std::vector<std::shared_ptr<const Block>> blocks;
    TimeMs from = TimeMs::max();  ///< of the oldest
  };
  std::vector<TierView> tiers;  ///< finest first
  /// Up to here every sample is in the tiers too.
  TimeMs rolled_until = TimeMs::min();
  /// From here on there are samples.
  TimeMs samples_from = TimeMs::min();
  /// Told of a damaged chunk, which is left out. Any thread.
  std::function<void(const Error&)> damaged;
  /// `damaged` adds to them.
  std::shared_ptr<ViewWarnings> warnings;
};

/// Reads blocks and head as one; where they overlap, a time is taken from the first that has it.
std::unique_ptr<Querier> make_querier(DbView view, TimeRange range);

}  // namespace prom5::tsdb
