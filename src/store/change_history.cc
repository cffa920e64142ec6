#include "store/change_history.h"

#include <algorithm>

namespace prom5 {

ChangeHistory::Mark ChangeHistory::mark() {
  const MutexLock lock(mutex_);
  const int64_t earliest = earliest_.exchange(TimeMs::max().ms);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Nothing has changed: the moment is the same as the last one.
  if (earliest == TimeMs::max().ms) return first_ + epochs_.size();
  epochs_.push_back(earliest);
  if (epochs_.size() > kMaxEpochs) {
    epochs_.pop_front();
    ++first_;
  }
  return first_ + epochs_.size();
}

TimeMs ChangeHistory::since(Mark mark) const {
  const MutexLock lock(mutex_);
  if (mark < first_) return TimeMs::min();
  int64_t earliest = earliest_.load();
  for (size_t i = mark - first_; i < epochs_.size(); ++i) earliest = std::min(earliest, epochs_[i]);
  return {earliest};
}

}  // namespace prom5
