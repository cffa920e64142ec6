#pragma once

#include <atomic>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "store/storage.h"

namespace prom5::tsdb {

/// The newest exemplars of all series, so many and no more: a new one takes the place of the
/// oldest. As prometheus' tsdb/exemplar.go. Any thread.
class ExemplarStore {
 public:
  explicit ExemplarStore(size_t capacity) : capacity_(capacity) {}

  /// Names and values of an exemplar's labels together, in characters (OpenMetrics).
  static constexpr size_t kMaxLabelCharacters = 128;

  /// Whether it can be kept. LimitExceeded for labels that are too long; OutOfOrder when the series
  /// has a newer one; DuplicateSample when it has this one.
  [[nodiscard]] Result<void> check(const Labels& series, const Exemplar& exemplar) const
      EXCLUDES(mutex_);
  /// Whether one may follow another of its series.
  [[nodiscard]] static Result<void> check_order(const Exemplar& last, const Exemplar& next);
  /// Keeps it, if check() still holds. Result: whether.
  bool add(const Labels& series, Exemplar exemplar) EXCLUDES(mutex_);

  /// Of the series for which any selector holds, in order of their labels, ascending by time.
  [[nodiscard]] std::vector<SeriesExemplars> select(
      TimeRange range, std::span<const std::vector<Matcher>> selectors) const EXCLUDES(mutex_);

  /// Changed by a reload; of too many the oldest go. 0 keeps none.
  void set_capacity(size_t capacity) EXCLUDES(mutex_);

  struct Stats {
    size_t capacity = 0;
    size_t exemplars = 0;
    size_t series = 0;
    TimeMs last;  ///< when there are any
  };
  [[nodiscard]] Stats stats() const EXCLUDES(mutex_);

 private:
  struct Entry {
    Labels series;
    Exemplar exemplar;
  };
  struct Known {
    Exemplar last;
    size_t count = 0;
  };

  void drop_oldest() REQUIRES(mutex_);

  mutable Mutex mutex_;
  size_t capacity_ GUARDED_BY(mutex_);
  std::vector<Entry> ring_ GUARDED_BY(mutex_);
  size_t oldest_ GUARDED_BY(mutex_) = 0;  // in the ring, once it is full
  std::unordered_map<Labels, Known> series_ GUARDED_BY(mutex_);
};

}  // namespace prom5::tsdb
