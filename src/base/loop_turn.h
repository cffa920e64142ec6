#pragma once

#include <chrono>
#include <functional>

namespace prom5 {

/// Work that begins on the thread of an event loop because most of its kind is done within
/// microseconds, less than the way to a worker and back costs. The loop stands still meanwhile, so
/// what turns out to take long, or has to wait, leaves the loop first: another thread takes the
/// loop over, and this one goes on with the work.
///
/// Work that may run within a turn calls leave_event_loop() before it waits for a thread or a
/// server, before it writes to a file, and before steps of unknown length;
/// leave_event_loop_when_long() within loops, also those over mapped files, of which a page may
/// have to be fetched. A wait for a Mutex does so by itself.
///
/// Lives on the stack of one thread, one at a time. Source: Chromium's ScopedBlockingCall, tokio's
/// block_in_place.
class LoopTurn {
 public:
  static constexpr std::chrono::microseconds kLong{200};

  /// `hand_over` has another thread take the loop over; called at most once, on this thread, under
  /// whatever locks the work holds: it may take no lock under which others leave.
  explicit LoopTurn(std::function<void()> hand_over);
  ~LoopTurn();
  LoopTurn(const LoopTurn&) = delete;
  LoopTurn& operator=(const LoopTurn&) = delete;

  /// Whether another thread runs the loop by now.
  [[nodiscard]] bool left() const { return left_; }

 private:
  friend void leave_event_loop();
  friend void leave_event_loop_when_long(std::chrono::steady_clock::time_point now);

  const std::function<void()> hand_over_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool left_ = false;
};

/// Nothing on a thread that has no turn.
void leave_event_loop();
/// The same once the turn is older than LoopTurn::kLong.
void leave_event_loop_when_long(std::chrono::steady_clock::time_point now);
void leave_event_loop_when_long();

}  // namespace prom5
