#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "store/chunk/open_chunk.h"
#include "store/storage.h"
#include "store/tsdb/sample_times.h"
#include "store/tsdb/start_times.h"

namespace prom5::tsdb {

/// How a sample stands to what its series holds.
enum class Fit : uint8_t { Next, Repeated, OutOfOrder, Duplicate };

/// One series in the head: full chunks, the open chunk, and samples that came late.
/// Any thread; each call locks the series. Made to be small: there are millions.
class Series {
 public:
  Series(SeriesRef ref, Labels labels) : ref_(ref), labels_(std::move(labels)) {}

  [[nodiscard]] SeriesRef ref() const { return ref_; }
  [[nodiscard]] const Labels& labels() const { return labels_; }

  void prefetch() const {
    for (size_t at = 0; at < sizeof(Series); at += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
    }
  }

  /// What append() would say.
  [[nodiscard]] Fit fit(TimeMs time, double value) const EXCLUDES(mutex_);
  [[nodiscard]] Fit fit(TimeMs time, const Histogram& histogram) const EXCLUDES(mutex_);

  /// Stores a sample. Next and OutOfOrder are stored, Repeated and Duplicate are not.
  Fit append(Sample sample, ChunkStore& store) EXCLUDES(mutex_);
  Fit append(TimeMs time, std::shared_ptr<const Histogram> histogram, ChunkStore& store)
      EXCLUDES(mutex_);

  /// append() for each; the samples' order may be any.
  void append_all(std::span<const Sample> samples, ChunkStore& store) EXCLUDES(mutex_);

  /// What changes in the start timestamps: of the sample at that time `alone`, or from it on.
  void set_start(TimeMs time, TimeMs start, bool alone) EXCLUDES(mutex_);
  /// Of the samples that come next, should they not say otherwise.
  [[nodiscard]] TimeMs start() const { return {start_ms_.load(std::memory_order_relaxed)}; }
  [[nodiscard]] StartTimes starts() const EXCLUDES(mutex_);
  /// StartTimes::last() of them.
  [[nodiscard]] StartTimes::Change last_start() const EXCLUDES(mutex_);
  [[nodiscard]] bool has_starts() const EXCLUDES(mutex_);

  [[nodiscard]] TimeMs last_time() const { return {last_ms_.load(std::memory_order_relaxed)}; }
  /// TimeMs::max() when there is no sample.
  [[nodiscard]] TimeMs first_time() const EXCLUDES(mutex_);

  /// False when it certainly has none.
  [[nodiscard]] bool may_have_samples(TimeRange range) const EXCLUDES(mutex_);

  /// Adds the samples in range to `out`, which has only older ones. Corruption when a chunk does
  /// not decode. Nobody may call drop_before() on what is in range meanwhile, or as long as the
  /// cache lives.
  Result<void> append_to(SampleColumns& out, TimeRange range, TimesCache& times) const
      EXCLUDES(mutex_);

  /// From now on the samples in the range that it has are not there.
  void erase(TimeRange range) EXCLUDES(mutex_);

  /// Lets go of chunks that end before `cutoff`. Result: whether nothing is left.
  bool drop_before(TimeMs cutoff) EXCLUDES(mutex_);

  [[nodiscard]] size_t size_bytes() const EXCLUDES(mutex_);
  [[nodiscard]] size_t chunk_count() const EXCLUDES(mutex_);

  /// Set once, when the series leaves the head: whoever still holds it must look it up anew.
  /// Written while no commit is under way, read by commits.
  bool gone = false;

  /// The place among the head's series in order of their labels. Guarded by the lock of
  /// SortedSeries.
  uint32_t rank = 0;

  /// The WAL segment that holds this series' definition. Guarded by the log's lock.
  uint64_t defined_in_segment = 0;

 private:
  struct Late {
    TimeMs time;
    double value = 0;
    std::shared_ptr<const Histogram> histogram;
  };

  using Histograms = std::vector<std::shared_ptr<const Histogram>>;

  /// A full chunk in the arena, its values behind it. Never changed again, but for `older`.
  struct Sealed {
    const SealedTimes* times = nullptr;
    Sealed* older = nullptr;
    const Histograms* histograms = nullptr;  ///< Rare::sealed has them; null for floats
    uint32_t size = 0;
    bool open_form = false;  ///< OpenChunk::take_bytes, not chunk::encode_floats

    [[nodiscard]] std::string_view values() const {
      return {reinterpret_cast<const char*>(this + 1), size};
    }
  };

  /// What few series have.
  struct Rare {
    std::vector<Late> late;  // ascending by time
    /// Of the samples that came in order.
    std::vector<TimeRange> deleted;
    Histograms open_histograms;
    std::vector<std::pair<TimeMs, std::unique_ptr<const Histograms>>> sealed;  ///< by their end
    std::shared_ptr<const Histogram> last_histogram;
  };

  [[nodiscard]] Fit fit_locked(TimeMs time, double value, const Histogram* histogram) const
      REQUIRES(mutex_);
  Fit append_locked(Sample sample, ChunkStore& store) REQUIRES(mutex_);
  void take_time(TimeMs time, size_t at, ChunkStore& store) REQUIRES(mutex_);
  [[nodiscard]] size_t open_count() const REQUIRES(mutex_);
  [[nodiscard]] TimeMs first_locked() const REQUIRES(mutex_);
  void seal(ChunkStore& store) REQUIRES(mutex_);
  void insert_late(Late late) REQUIRES(mutex_);
  static void append_histograms(const Histograms& histograms, SampleColumns& out);
  static Result<void> append_sealed(const Sealed& chunk, TimesCache& cache, SampleColumns& out);
  Rare& rare() REQUIRES(mutex_);

  const SeriesRef ref_;
  const Labels labels_;

  mutable ByteMutex mutex_;
  // The open chunk holds floats or histograms, never both; its times are the track's first ones.
  chunk::OpenChunk open_floats_ GUARDED_BY(mutex_);
  std::shared_ptr<TimeTrack> track_ GUARDED_BY(mutex_);
  std::atomic<int64_t> last_ms_ = TimeMs::min().ms;  // written with the lock held
  std::atomic<int64_t> start_ms_ = kNoStart.ms;      // written with the lock held
  double last_value_ GUARDED_BY(mutex_) = 0;
  Sealed* newest_sealed_ GUARDED_BY(mutex_) = nullptr;
  std::unique_ptr<Rare> rare_ GUARDED_BY(mutex_);
  std::unique_ptr<StartTimes> starts_ GUARDED_BY(mutex_);  // null where nobody tells them
};

/// What a log segment must say of these series before a record in it can name them.
std::string undefined_in(uint64_t segment, std::span<Series* const> series);

}  // namespace prom5::tsdb
