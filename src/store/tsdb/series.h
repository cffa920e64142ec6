#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "store/chunk/xor_chunk.h"
#include "store/storage.h"

namespace prom5::tsdb {

/// A full chunk: never changed again, so readers share it with the series.
struct SealedChunk {
  TimeRange range;
  uint32_t count = 0;
  std::string xor_data;  ///< float samples; empty for histograms
  std::vector<TimeMs> histogram_times;
  std::vector<std::shared_ptr<const Histogram>> histograms;

  [[nodiscard]] size_t size_bytes() const;
};

/// How a sample stands to what its series holds.
enum class Fit : uint8_t { Next, Repeated, OutOfOrder, Duplicate };

/// One series in the head: full chunks, the open chunk, and samples that came late.
/// Any thread; each call locks the series.
class Series {
 public:
  /// 120 samples fill a chunk: at 15 s half an hour, few enough to decode for one step's window.
  static constexpr size_t kSamplesPerChunk = 120;

  Series(SeriesRef ref, Labels labels) : ref_(ref), labels_(std::move(labels)) {}

  [[nodiscard]] SeriesRef ref() const { return ref_; }
  [[nodiscard]] const Labels& labels() const { return labels_; }

  /// What append() would say.
  [[nodiscard]] Fit fit(TimeMs time, double value) const EXCLUDES(mutex_);
  [[nodiscard]] Fit fit(TimeMs time, const Histogram& histogram) const EXCLUDES(mutex_);

  /// Stores a sample. Next and OutOfOrder are stored, Repeated and Duplicate are not.
  Fit append(Sample sample) EXCLUDES(mutex_);
  Fit append(TimeMs time, std::shared_ptr<const Histogram> histogram) EXCLUDES(mutex_);

  [[nodiscard]] TimeMs last_time() const EXCLUDES(mutex_);
  /// TimeMs::max() when there is no sample.
  [[nodiscard]] TimeMs first_time() const EXCLUDES(mutex_);

  /// Replaces `out` by the samples in range. Corruption when a chunk does not decode.
  Result<void> read(TimeRange range, SampleColumns& out) const EXCLUDES(mutex_);

  /// Lets go of chunks that end before `cutoff`. Result: whether nothing is left.
  bool drop_before(TimeMs cutoff) EXCLUDES(mutex_);

  [[nodiscard]] size_t size_bytes() const EXCLUDES(mutex_);
  [[nodiscard]] size_t chunk_count() const EXCLUDES(mutex_);

  /// The WAL segment that holds this series' definition. Guarded by the log's lock.
  uint64_t defined_in_segment = 0;

 private:
  struct Late {
    TimeMs time;
    double value = 0;
    std::shared_ptr<const Histogram> histogram;
  };

  [[nodiscard]] Fit fit_locked(TimeMs time, double value, const Histogram* histogram) const
      REQUIRES(mutex_);
  void seal() REQUIRES(mutex_);
  void insert_late(Late late) REQUIRES(mutex_);

  const SeriesRef ref_;
  const Labels labels_;

  mutable Mutex mutex_;
  std::vector<std::shared_ptr<const SealedChunk>> sealed_ GUARDED_BY(mutex_);
  // The open chunk holds floats or histograms, never both.
  chunk::XorChunk open_floats_ GUARDED_BY(mutex_);
  std::vector<TimeMs> open_histogram_times_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const Histogram>> open_histograms_ GUARDED_BY(mutex_);
  std::vector<Late> late_ GUARDED_BY(mutex_);  // ascending by time
  TimeMs last_time_ GUARDED_BY(mutex_) = TimeMs::min();
  double last_value_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Histogram> last_histogram_ GUARDED_BY(mutex_);
};

}  // namespace prom5::tsdb
