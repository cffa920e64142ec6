#pragma once

#include <array>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/mutex.h"
#include "store/tsdb/head.h"
#include "store/tsdb/record.h"

namespace prom5::tsdb {

/// Emptied vectors for whoever fills the next one. One thread fills, another empties: without them
/// both meet at the allocator's locks, and each new one is fetched from the system. Any thread.
template <typename T>
class SpareVectors {
 public:
  std::vector<T> take() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (spare_.empty()) return {};
    std::vector<T> out = std::move(spare_.back());
    spare_.pop_back();
    return out;
  }
  void give(std::vector<T> used) EXCLUDES(mutex_) {
    used.clear();
    const MutexLock lock(mutex_);
    spare_.push_back(std::move(used));
  }

 private:
  Mutex mutex_;
  std::vector<std::vector<T>> spare_ GUARDED_BY(mutex_);
};

/// Puts what the log holds into the head: one thread reads and decodes, others apply, each to
/// series of its own, so that a series' samples stay in order. Samples are gathered for some
/// hundred series at a time, and put in order of these, before they are applied: the log has one
/// sample of each series after the other, and fetching every series from memory for every sample is
/// what replay would wait for.
/// Used by one thread.
class Replay {
 public:
  /// `memory`: the bytes that gathering may use, about.
  Replay(Head& head, uint64_t memory);
  ~Replay();  ///< waits until everything is applied

  /// Begins a segment: it defines its series anew, and of its samples those before `from` are left
  /// out, being in blocks.
  void begin_segment(TimeMs from);

  void apply(Record record);
  /// Memory for the samples of the next record.
  std::vector<RefSample> spare() { return spare_samples_.take(); }

 private:
  static constexpr size_t kWorkers = 2;
  /// Batches on their way to a worker.
  static constexpr size_t kQueued = 16;
  static constexpr size_t kQueuedSteps = 3;
  /// References of one bucket: their series fit into a core's cache.
  static constexpr size_t kBucketSeries = 256;
  static constexpr size_t kMaxBucketSamples = 4096;
  static constexpr size_t kMaxGathered = 2'000'000;

  /// A sample of a bucket's series; which one is said by the lowest bits of its reference.
  struct Gathered {
    Sample sample;
    uint8_t series = 0;
  };
  static_assert(kBucketSeries == 256);  // a byte

  /// Samples or histograms, never both.
  struct Batch {
    SeriesRef first = 0;  ///< the bucket's
    std::vector<Gathered> samples;
    std::vector<std::pair<Series*, RefHistogram>> histograms;
    std::latch* barrier = nullptr;  ///< counted down instead

    [[nodiscard]] size_t size() const { return samples.size() + histograms.size(); }
  };

  /// Records, then perhaps the begin of a segment, or the end.
  struct Step {
    std::vector<Record> records;
    std::optional<TimeMs> begin_from;
    bool end = false;
  };
  /// Handed over together: waking a thread costs as much as some hundred samples.
  static constexpr size_t kSamplesOfStep = 16'384;

  void hand_over_step();
  void gather_steps();
  void gather(Record record);
  void work(BoundedQueue<Batch>& queue);
  void apply_in_order(const Batch& batch, std::vector<Sample>& sorted);

  /// The head's reference for the segment's, which is not asked of the series: that would be the
  /// fetch from memory that gathering saves. 0: its definition was in damaged records.
  [[nodiscard]] SeriesRef known(SeriesRef ref) const {
    const uint64_t page = ref / kPage;
    return page < known_.size() && known_[page] ? (*known_[page])[ref % kPage] : 0;
  }
  [[nodiscard]] Series* series_of(SeriesRef ref) const {
    const SeriesRef own = known(ref);
    return own == 0 ? nullptr : head_.find(own);
  }
  Batch& bucket(size_t number, bool histograms);
  void hand_over(size_t bucket);
  void hand_over_all();
  void wait_for_workers();

  Head& head_;
  const size_t max_gathered_;  ///< samples of all buckets together
  TimeMs from_ = TimeMs::min();
  // By the segment's references, which may be few and far apart.
  static constexpr size_t kPage = 4096;
  std::vector<std::unique_ptr<std::array<SeriesRef, kPage>>> known_;
  std::vector<Batch> buckets_;  ///< by the head's references
  bool all_applied_ = true;     ///< what was gathered
  size_t room_ = 0;             ///< of each bucket, in samples
  SpareVectors<Gathered> spare_gathered_;
  SpareVectors<RefSample> spare_samples_;
  Step next_;  ///< what is collected for the gatherer
  size_t next_samples_ = 0;
  BoundedQueue<Step> steps_{kQueuedSteps};
  std::array<std::unique_ptr<BoundedQueue<Batch>>, kWorkers> queues_;
  std::array<std::jthread, kWorkers> workers_;
  std::jthread gatherer_;
};

}  // namespace prom5::tsdb
