#pragma once

#include <map>

#include "base/mutex.h"
#include "store/storage.h"

namespace prom5 {

/// A Storage without files, chunks or postings: for tests, and the slow twin of tsdb::Db. Takes
/// samples in any order; the later of two with one time stays. Any thread.
class MemoryStorage final : public Storage {
 public:
  std::unique_ptr<Appender> appender() override;
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override;
  [[nodiscard]] MetadataMap metadata() const override;

  void clear();

 private:
  friend class MemoryAppender;

  struct Point {
    double value = 0;
    std::shared_ptr<const Histogram> histogram;
    TimeMs start = kNoStart;
  };
  using SeriesMap = std::map<Labels, std::map<TimeMs, Point>>;

  mutable Mutex mutex_;
  SeriesMap series_ GUARDED_BY(mutex_);
  MetadataMap metadata_ GUARDED_BY(mutex_);
};

}  // namespace prom5
