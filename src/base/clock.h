#pragma once

#include <condition_variable>
#include <stop_token>

#include "base/mutex.h"
#include "base/time.h"

namespace prom5 {

/// Where "now" comes from. Read once per operation and passed on. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  [[nodiscard]] virtual TimeMs now() const = 0;

  /// Blocks until `deadline` or until a stop is requested. True when the deadline was reached.
  virtual bool wait_until(TimeMs deadline, std::stop_token stop) = 0;
};

/// The machine's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override;
  bool wait_until(TimeMs deadline, std::stop_token stop) override;
};

/// For tests: stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimeMs start) : now_(start) {}

  [[nodiscard]] TimeMs now() const override;
  bool wait_until(TimeMs deadline, std::stop_token stop) override NO_THREAD_SAFETY_ANALYSIS;

  /// Moves forward and wakes every waiter whose deadline has come.
  void advance(DurationMs by);

 private:
  mutable Mutex mutex_;
  std::condition_variable_any moved_;
  TimeMs now_ GUARDED_BY(mutex_);
};

}  // namespace prom5
