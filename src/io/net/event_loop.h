#pragma once

// clang-format off
#include <utility> // Boost 1.81's headers use std::exchange without it
#include <boost/asio/io_context.hpp>
// clang-format on
#include <array>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "base/mutex.h"

namespace prom5::io {

/// An event loop and the two threads that take turns to run it, so that the one that runs it may
/// begin work of unknown length right there (base/loop_turn.h): when that becomes long, the other
/// takes the loop over.
///
/// What runs on the loop runs on one thread at a time, except for what was handed over from: that
/// goes on beside the loop and must post() to it what touches what the loop's other work uses.
class EventLoop {
 public:
  EventLoop() = default;
  ~EventLoop() { stop(); }
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  boost::asio::io_context& context() { return context_; }

  void start();
  /// Waits for what runs; what has not begun never does. Any thread but the two.
  void stop();

  /// Whether the loop can be handed over. On the loop's thread; stays true until that does it.
  [[nodiscard]] bool can_hand_over() const { return other_waits_.load(std::memory_order_acquire); }
  /// From here on the other thread runs the loop. Only when it can.
  void hand_over() EXCLUDES(mutex_);

 private:
  void take_turns(size_t self) EXCLUDES(mutex_);

  boost::asio::io_context context_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<size_t> runner_ = 0;  ///< which thread's turn it is; written under the mutex
  std::atomic<bool> other_waits_ = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::array<std::jthread, 2> threads_;
};

}  // namespace prom5::io
