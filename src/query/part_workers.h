#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"

namespace prom5::query {

/// Threads that take parts of a query's work over from the thread that asks. Who asks works as
/// well, so that a query never waits for threads that are busy with another. Any thread.
class PartWorkers {
 public:
  /// `threads`: beside those that ask; with none of them run() does all by itself.
  explicit PartWorkers(size_t threads);
  ~PartWorkers();  ///< no run() may be under way
  PartWorkers(const PartWorkers&) = delete;
  PartWorkers& operator=(const PartWorkers&) = delete;

  /// As many as there are other cores that this process may use; read from the system.
  static size_t threads_of_machine();

  [[nodiscard]] size_t threads() const { return threads_.size(); }
  /// How many parts were done, by all threads.
  [[nodiscard]] uint64_t parts_done() const { return parts_done_.load(std::memory_order_relaxed); }

  /// Numbered from 0. Called on any thread, several at once, each number once.
  using Do = std::function<Result<void>(size_t part)>;
  /// Called on the asking thread, one part after the other in their order.
  using Take = std::function<Result<void>(size_t part)>;

  /// Does `parts` parts and takes each as soon as those before it are taken. Few are done ahead of
  /// being taken: memory follows the number of threads, not of parts.
  /// Errors: the first one in the order of the parts; what was begun then is ended first, the rest
  /// is not begun.
  Result<void> run(size_t parts, const Do& work, const Take& take);

 private:
  struct Job {
    const Do& work;
    size_t parts;
    size_t most_ahead;
    size_t begun = 0;
    size_t taken = 0;
    size_t busy = 0;  ///< helpers that are at a part of it
    bool over = false;
    std::vector<std::optional<Result<void>>> done{};

    [[nodiscard]] bool has_part() const {
      return !over && begun < parts && begun < taken + most_ahead;
    }
  };

  void help(const std::stop_token& stop);
  Job* job_with_part() REQUIRES(mutex_);

  Mutex mutex_;
  std::condition_variable_any part_to_do_;
  std::condition_variable_any part_done_;
  std::atomic<uint64_t> parts_done_{0};
  std::list<Job*> jobs_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;
};

}  // namespace prom5::query
