#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "io/file/file_system.h"
#include "store/storage.h"
#include "store/tsdb/block_set.h"

namespace prom5::tsdb {

/// Widths of the windows, finest first; each a multiple of the one before and a part of a day.
inline constexpr std::array kTierWidths = {DurationMs::minutes(5), DurationMs::hours(1),
                                           DurationMs::days(1)};
inline constexpr size_t kTiers = kTierWidths.size();

/// How long the rollups of each width are kept; 0: as long as there is room.
using TierRetention = std::array<DurationMs, kTiers>;
inline constexpr TierRetention kDefaultTierRetention = {DurationMs::days(60), DurationMs::days(365),
                                                        DurationMs::days(3 * 365)};

/// Rollups of all series, in widths of five minutes, an hour and a day: blocks that are made of a
/// day's samples once the day is over.
///
///   path/{5m,1h,1d}/N   blocks
///   path/days           the days that are in them, numbers since 1970, a line each
///
/// The file of days may go: what there are samples of is summed up again.
///
/// Reading: any thread. Changing: one thread at a time.
class Tiers {
 public:
  Tiers(io::FileSystem& files, std::string path, const Log& log);

  /// Result: how many blocks could not be opened.
  Result<size_t> open(Access access = Access::ReadWrite) EXCLUDES(mutex_);

  [[nodiscard]] BlockSet& blocks(size_t tier) { return *sets_[tier]; }
  [[nodiscard]] const BlockSet& blocks(size_t tier) const { return *sets_[tier]; }

  /// A day, by its number, has the samples from just behind its start to its end.
  static int64_t day_of(TimeMs time);
  static TimeRange range_of_day(int64_t day);

  [[nodiscard]] bool has_day(int64_t day) const EXCLUDES(mutex_);
  /// Whether there is something of the day, whole or not.
  [[nodiscard]] bool has_rollups(int64_t day) const;
  /// Puts what the querier has of a day into all tiers, in the place of what they had of it.
  /// Unavailable when stopped. Result: how many series there were.
  Result<uint64_t> roll_up_day(int64_t day, Querier& samples, const std::stop_token& stop)
      EXCLUDES(mutex_);
  /// These days are to be summed up again: samples came for them, or went.
  Result<void> forget_days(TimeRange range) EXCLUDES(mutex_);

  /// Deletes each window that has a part in the range. Durable on return.
  Result<void> delete_samples(std::span<const Matcher> matchers, TimeRange range);
  /// Links everything into a folder, which is made.
  Result<void> link_into(const std::string& folder) const EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::string days_as_text() const EXCLUDES(mutex_);
  Result<void> write_days() EXCLUDES(mutex_);

  io::FileSystem& files_;
  const std::string path_;
  const Log& log_;
  std::array<std::unique_ptr<BlockSet>, kTiers> sets_;
  mutable Mutex mutex_;
  std::set<int64_t> days_ GUARDED_BY(mutex_);
  bool unwritten_ GUARDED_BY(mutex_) = false;  ///< the file has other days
};

/// As in paths, flags and the configuration.
constexpr std::string_view tier_name(size_t tier) {
  constexpr std::array<std::string_view, kTiers> kNames = {"5m", "1h", "1d"};
  return kNames[tier];
}

}  // namespace prom5::tsdb
