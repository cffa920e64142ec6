#pragma once

#include <vector>

#include "model/labels.h"
#include "store/prometheus/transfer.h"
#include "store/tsdb/head.h"

namespace prom5::prometheus {

/// Samples on their way into blocks: a head of its own, in memory. One thread.
class ImportHead {
 public:
  /// The series with these labels, made when it is new.
  tsdb::Series& series(const Labels& labels) {
    return *head_.find_or_create(labels, UINT64_MAX).series;
  }
  tsdb::Fit append(tsdb::Series& series, Sample sample) {
    return series.append(sample, head_.chunks());
  }
  tsdb::Fit append(tsdb::Series& series, TimeMs time, std::shared_ptr<const Histogram> histogram) {
    return series.append(time, std::move(histogram), head_.chunks());
  }

  /// Writes blocks of two hours, and counts what is in them.
  Result<void> write(tsdb::BlockSet& into, TransferStats& stats);

 private:
  tsdb::Head head_;
};

}  // namespace prom5::prometheus
