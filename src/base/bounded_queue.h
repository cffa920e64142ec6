#pragma once

#include <condition_variable>
#include <deque>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/mutex.h"

namespace prom5 {

/// A queue between threads that is never longer than its capacity. Any thread.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// False when the queue is full; the caller counts what was turned away.
  bool try_push(T value) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(value));
    }
    ready_.notify_one();
    return true;
  }

  /// Waits for room.
  void push(T value) NO_THREAD_SAFETY_ANALYSIS {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&]() REQUIRES(mutex_) { return items_.size() < capacity_; });
      items_.push_back(std::move(value));
    }
    ready_.notify_one();
  }

  /// Waits for an item; nothing when a stop is requested and the queue is empty.
  std::optional<T> pop(std::stop_token stop) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, stop, [&]() REQUIRES(mutex_) { return !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    T value = std::move(items_.front());
    items_.pop_front();
    room_.notify_one();
    return value;
  }

  [[nodiscard]] size_t size() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  const size_t capacity_;
  mutable Mutex mutex_;
  std::condition_variable_any ready_;
  std::condition_variable_any room_;
  std::deque<T> items_ GUARDED_BY(mutex_);
};

}  // namespace prom5
