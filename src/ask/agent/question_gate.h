#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/time.h"

namespace prom5::agent {

/// Lets so many questions be answered at one time, and of one conversation one after another, in
/// the order in which they came. Any thread; waits on the machine's clock.
class QuestionGate {
 public:
  struct Options {
    size_t max_running = 64;
    size_t max_waiting = 1000;
    size_t max_waiting_each = 3;  ///< behind another of the same conversation
  };

  QuestionGate(Options options, MetricRegistry& metrics);

  /// A question's place until its end.
  class Place {
   public:
    Place(QuestionGate& gate, std::string conversation)
        : gate_(gate), conversation_(std::move(conversation)) {}
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class QuestionGate;
    QuestionGate& gate_;
    const std::string conversation_;
    bool running_ = false;  // under the gate's mutex
  };

  /// Waits for a place. Errors: Unavailable when too many wait already, Timeout after `timeout`,
  /// Canceled when `stop` is requested meanwhile.
  Result<std::unique_ptr<Place>> enter(std::string conversation, const std::stop_token& stop,
                                       DurationMs timeout) EXCLUDES(mutex_);

 private:
  [[nodiscard]] bool may_run(const Place& place) const;
  void leave(const Place& place) EXCLUDES(mutex_);

  const Options options_;
  Gauge& running_gauge_;
  Counter& full_;
  Counter& timed_out_;
  mutable Mutex mutex_;
  std::condition_variable_any freed_;
  std::list<Place*> places_ GUARDED_BY(mutex_);  // running and waiting, in the order of coming
  size_t running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace prom5::agent
