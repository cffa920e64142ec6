#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "base/mutex.h"
#include "base/time.h"

namespace prom5 {

/// From when on stored data may have changed, for those who keep what they computed from it. Any
/// thread; changed() is a load, and seldom a store.
class ChangeHistory {
 public:
  /// A moment in it.
  using Mark = uint64_t;

  /// What lies at `from` or later may be different. Called when readers can see it, and before
  /// whoever asked for the change learns that it is done.
  void changed(TimeMs from) {
    // What was stored before is seen by whoever marks after this, locks or none.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    int64_t before = earliest_.load();
    while (from.ms < before && !earliest_.compare_exchange_weak(before, from.ms)) {
    }
  }

  /// Now. Taken before data are read, it is good for all that is computed from them.
  Mark mark();
  /// From when on data may have changed since then; TimeMs::max() when nothing has. A mark of very
  /// long ago gets TimeMs::min().
  [[nodiscard]] TimeMs since(Mark mark) const;

 private:
  static constexpr size_t kMaxEpochs = 4096;

  mutable Mutex mutex_;
  std::atomic<int64_t> earliest_{TimeMs::max().ms};  // since the last mark
  std::deque<int64_t> epochs_ GUARDED_BY(mutex_);    // the earliest change between two marks
  Mark first_ GUARDED_BY(mutex_) = 0;                // the number of epochs_.front()
};

}  // namespace prom5
