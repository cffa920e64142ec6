#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/time.h"

namespace prom5::discovery {

/// What comes from the HTTP client's thread, waiting for the discoverer's. Any thread pushes.
template <typename Event>
class EventQueue {
 public:
  void push(Event event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    changed_.notify_one();
  }

  /// The next event; nothing after `wait`, or when stopped.
  std::optional<Event> pop(DurationMs wait, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, std::chrono::milliseconds(wait.ms),
                      [&] { return !events_.empty(); });
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Event> events_;
};

}  // namespace prom5::discovery
