#pragma once

#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/log.h"

namespace prom5::io {

/// Threads that take jobs from one queue. Any thread, but for start() and stop(), which are their
/// owner's.
class WorkerPool {
 public:
  using Job = std::function<void()>;

  /// `capacity`: of jobs that wait.
  WorkerPool(size_t capacity, const Log& log) : jobs_(capacity), log_(log) {}

  void start(size_t threads);
  /// Waits for the jobs that run. request_stop() before lets several pools end at one time.
  void stop() { workers_.clear(); }
  void request_stop();

  /// False when as many wait as may.
  bool try_push(Job job) { return jobs_.try_push(std::move(job)); }

 private:
  void work(const std::stop_token& stop);

  BoundedQueue<Job> jobs_;
  const Log& log_;
  std::vector<std::jthread> workers_;
};

}  // namespace prom5::io
