#pragma once

#include <span>
#include <vector>

#include "base/time.h"
#include "store/storage.h"

namespace prom5::tsdb {

/// Since when the samples of one series count: start timestamps, kept as changes. They are nearly
/// always the same from one sample to the next, so a series mostly has one for each run of its
/// process, and none where nobody tells them. One thread.
class StartTimes {
 public:
  /// What a place says that leaves it to others: no start timestamp is negative.
  static constexpr TimeMs kUnsaid{-1};

  /// Samples from `from` on began at `start`; kNoStart: nobody knows, kUnsaid: see above.
  struct Change {
    TimeMs from;
    TimeMs start;
    friend bool operator==(const Change&, const Change&) = default;
  };

  StartTimes() = default;
  /// Changes as a block keeps them, or of each sample: times as times, start timestamps as values.
  explicit StartTimes(const SampleColumns& columns);
  [[nodiscard]] SampleColumns columns() const;

  /// Of the sample at `time` and all later ones, up to where another change is known already.
  void set_from(TimeMs time, TimeMs start);
  /// Of the sample at `time` alone, which came late.
  void set_at(TimeMs time, TimeMs start);

  /// kUnsaid before the first change.
  [[nodiscard]] TimeMs at(TimeMs time) const;
  /// The change that holds at the end; nothing is said when there is none.
  [[nodiscard]] Change last() const {
    return changes_.empty() ? Change{TimeMs::min(), kUnsaid} : changes_.back();
  }

  /// Takes over what `above` says in the range.
  void overlay(const StartTimes& above, TimeRange range);
  /// What it says of the range, which has an end.
  [[nodiscard]] StartTimes within(TimeRange range) const;
  /// Forgets what no sample from `cutoff` on needs.
  void drop_before(TimeMs cutoff);

  /// Replaces `out` by the start timestamps of samples at these times, which ascend; by nothing
  /// when none has one.
  void of(std::span<const TimeMs> times, std::vector<TimeMs>& out) const;

  [[nodiscard]] bool empty() const { return changes_.empty(); }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] size_t size_bytes() const {
    return sizeof *this + changes_.capacity() * sizeof(Change);
  }

 private:
  void put(TimeMs from, TimeMs start);
  void unite_at(TimeMs from);
  void unite();

  std::vector<Change> changes_;  ///< ascending; neighbours differ
};

}  // namespace prom5::tsdb
