#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/error.h"

namespace prom5 {

/// What the queries of one question may take together. Any thread; the clock must outlive it.
class QueryBudget {
 public:
  QueryBudget(const Clock& clock, TimeMs deadline, uint64_t max_samples)
      : clock_(clock), deadline_(deadline), max_samples_(max_samples) {}

  /// How long a query may take that begins now; above 0. Errors: Timeout when the time is up,
  /// LimitExceeded when the queries so far have read as much as they may.
  Result<DurationMs> admit() {
    if (samples() >= max_samples_) {
      turned_away_ = true;
      return fail(ErrorCode::LimitExceeded, "the question's queries have read {} samples, of {}",
                  samples(), max_samples_);
    }
    const DurationMs left = time_left();
    if (left.ms <= 0) return fail(ErrorCode::Timeout, "the question's time is up");
    return left;
  }

  /// Counts what a query has read. It may go past the limit: the next query is turned away.
  void draw(uint64_t samples) { samples_.fetch_add(samples, std::memory_order_relaxed); }

  [[nodiscard]] uint64_t samples() const { return samples_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t max_samples() const { return max_samples_; }
  [[nodiscard]] DurationMs time_left() const { return deadline_ - clock_.now(); }
  /// Whether a query was turned away for the samples of those before it.
  [[nodiscard]] bool turned_away() const { return turned_away_; }

 private:
  const Clock& clock_;
  const TimeMs deadline_;
  const uint64_t max_samples_;
  std::atomic<uint64_t> samples_{0};
  std::atomic<bool> turned_away_{false};
};

}  // namespace prom5
