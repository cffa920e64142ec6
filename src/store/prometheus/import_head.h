#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "model/labels.h"
#include "store/prometheus/transfer.h"
#include "store/tsdb/head.h"

namespace prom5::prometheus {

/// Samples on their way into blocks: a head of its own, in memory. Floats may come in any order,
/// which costs one sort of what came late; of two at one time the first stays. One thread.
class ImportHead {
 public:
  /// The series with these labels, made when it is new.
  tsdb::Series& series(const Labels& labels) {
    return *head_.find_or_create(labels, UINT64_MAX).series;
  }
  /// `start`: since when the sample counts, or kNoStart.
  void append(tsdb::Series& series, Sample sample, TimeMs start);
  void append(tsdb::Series& series, TimeMs time, std::shared_ptr<const Histogram> histogram,
              TimeMs start);
  /// What the series has in the range is not there.
  void erase(tsdb::Series& series, TimeRange range);

  struct Written {
    uint64_t blocks = 0;
    uint64_t left_out = 0;  ///< for another value at their time
  };
  /// Writes blocks of a day, and counts what is in them. Once.
  Result<Written> write(tsdb::BlockSet& into, TransferStats& stats);

 private:
  uint64_t sort_late();

  tsdb::Head head_;
  /// What is not newer than what its series has, in the order in which it came; after sort_late()
  /// in order of time, each time once.
  std::unordered_map<const tsdb::Series*, SampleColumns> late_;
};

}  // namespace prom5::prometheus
