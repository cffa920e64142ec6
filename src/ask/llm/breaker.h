#pragma once

#include <cstdint>

#include "base/mutex.h"
#include "base/time.h"

namespace prom5::llm {

/// Keeps from asking a peer that does not answer.
///
/// States, and the call that moves between them:
///   Closed    every request goes; `failures` of them one after another, by failed(): Open
///   Open      none goes for `pause`; then the next admit() is let through: HalfOpen
///   HalfOpen  one is on its way and no other goes; succeeded(): Closed, failed(): Open again,
///             undecided(): Open with the pause over
/// Each admit() that said yes is followed by one of the three. Any thread.
class Breaker {
 public:
  enum class State : uint8_t { Closed, HalfOpen, Open };

  Breaker(uint64_t failures, DurationMs pause) : failures_(failures), pause_(pause) {}

  /// Whether a request may go now.
  bool admit(TimeMs now);
  void succeeded();
  void failed(TimeMs now);
  /// It says nothing about the peer: the caller gave up, or asked for what it cannot do.
  void undecided();

  [[nodiscard]] State state() const;
  /// When the next request may go; only while Open.
  [[nodiscard]] TimeMs open_until() const;

 private:
  const uint64_t failures_;
  const DurationMs pause_;
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_) = State::Closed;
  uint64_t in_a_row_ GUARDED_BY(mutex_) = 0;
  TimeMs open_until_ GUARDED_BY(mutex_);
};

}  // namespace prom5::llm
