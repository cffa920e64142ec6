#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/loop_turn.h"

// Clang's thread-safety analysis, run by script/lint; other compilers see nothing.
#if defined(__clang__)
#define PROM5_TSA(x) __attribute__((x))
#else
#define PROM5_TSA(x)
#endif
#define CAPABILITY(x) PROM5_TSA(capability(x))
#define SCOPED_CAPABILITY PROM5_TSA(scoped_lockable)
#define GUARDED_BY(x) PROM5_TSA(guarded_by(x))
#define REQUIRES(...) PROM5_TSA(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) PROM5_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) PROM5_TSA(release_capability(__VA_ARGS__))
#define EXCLUDES(...) PROM5_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS PROM5_TSA(no_thread_safety_analysis)

namespace prom5 {

/// std::mutex that the thread-safety analysis understands. Who has to wait leaves the event loop it
/// may be on.
class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() {
    if (mutex_.try_lock()) return;
    leave_event_loop();
    mutex_.lock();
  }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A lock of one byte, for what there are millions of. Held for a moment only; whoever finds it
/// taken sleeps until it is given back.
class CAPABILITY("mutex") ByteMutex {
 public:
  void lock() ACQUIRE() {
    uint8_t seen = kFree;
    if (state_.compare_exchange_strong(seen, kTaken, std::memory_order_acquire)) return;
    leave_event_loop();
    // "Drepper, Futexes Are Tricky", mutex 2: whoever waits says so, or nobody would wake it.
    while (state_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      state_.wait(kAwaited, std::memory_order_relaxed);
    }
  }
  void unlock() RELEASE() {
    if (state_.exchange(kFree, std::memory_order_release) == kAwaited) state_.notify_one();
  }

 private:
  static constexpr uint8_t kFree = 0;
  static constexpr uint8_t kTaken = 1;
  static constexpr uint8_t kAwaited = 2;
  std::atomic<uint8_t> state_ = kFree;
};

class SCOPED_CAPABILITY ByteMutexLock {
 public:
  explicit ByteMutexLock(ByteMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~ByteMutexLock() RELEASE() { mutex_.unlock(); }
  ByteMutexLock(const ByteMutexLock&) = delete;
  ByteMutexLock& operator=(const ByteMutexLock&) = delete;

 private:
  ByteMutex& mutex_;
};

}  // namespace prom5
