#pragma once

#include <array>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "store/tsdb/head.h"
#include "store/tsdb/record.h"

namespace prom5::tsdb {

/// Puts what the log holds into the head: one thread reads and decodes, others apply, each to
/// series of its own, so that a series' samples stay in order. Used by one thread.
class Replay {
 public:
  explicit Replay(Head& head);
  ~Replay();  ///< waits until everything is applied

  /// Begins a segment: it defines its series anew, and of its samples those before `from` are left
  /// out, being in blocks.
  void begin_segment(TimeMs from);

  /// Result: the time of the newest sample, those that are left out included.
  TimeMs apply(Record record);

 private:
  static constexpr size_t kWorkers = 2;
  /// Records on their way to a worker.
  static constexpr size_t kQueued = 16;

  struct Batch {
    std::vector<std::pair<Series*, Sample>> samples;
    std::vector<std::pair<Series*, RefHistogram>> histograms;
    std::latch* barrier = nullptr;  ///< counted down instead
  };

  void work(BoundedQueue<Batch>& queue);
  [[nodiscard]] Series* series_of(SeriesRef ref) const;
  static size_t worker_of(SeriesRef ref) { return ref % kWorkers; }
  void wait_for_workers();

  Head& head_;
  TimeMs from_ = TimeMs::min();
  std::vector<Series*> series_;  ///< by the segment's references
  std::array<std::unique_ptr<BoundedQueue<Batch>>, kWorkers> queues_;
  std::array<std::jthread, kWorkers> workers_;
};

}  // namespace prom5::tsdb
