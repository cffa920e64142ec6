#include "store/tsdb/tiers.h"

#include <algorithm>
#include <charconv>

#include "store/tsdb/rollup.h"

namespace prom5::tsdb {

namespace {

constexpr DurationMs kDay = DurationMs::days(1);

/// A window is whole or gone.
TimeRange whole_windows(TimeRange range, DurationMs width) {
  TimeRange out = range;
  // Far away there is nothing, and no room to round.
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max() / 4;
  if (range.start.ms > -kFar) out.start = window_end(range.start, width) - width + DurationMs{1};
  if (range.end.ms < kFar) out.end = window_end(range.end, width);
  return out;
}

/// One series after the other into the writers of all tiers.
Result<uint64_t> write_day(SeriesSet& set, std::span<BlockWriter* const> writers,
                           const std::stop_token& stop) {
  SampleColumns samples;
  std::array<RolledUp, kTiers> rolled;
  uint64_t series = 0;
  while (set.next()) {
    if (stop.stop_requested()) return fail(ErrorCode::Unavailable, "stopped");
    TRY(set.read(samples));
    if (samples.size() == 0) continue;
    ++series;
    for (size_t tier = 0; tier < kTiers; ++tier) {
      if (tier == 0) {
        roll_up(samples, kTierWidths[tier], rolled[tier]);
      } else {
        roll_up(rolled[tier - 1], kTierWidths[tier], rolled[tier]);
      }
      TRY(write_rollups(set.labels(), rolled[tier], *writers[tier]));
    }
  }
  return series;
}

}  // namespace

Tiers::Tiers(io::FileSystem& files, std::string path, const Log& log)
    : files_(files), path_(std::move(path)), log_(log) {
  for (size_t tier = 0; tier < kTiers; ++tier) {
    sets_[tier] =
        std::make_unique<BlockSet>(files, fmt::format("{}/{}", path_, tier_name(tier)), log);
  }
}

Result<size_t> Tiers::open(Access access) {
  size_t damaged = 0;
  for (size_t tier = 0; tier < kTiers; ++tier) {
    if (access == Access::ReadWrite) {
      TRY(files_.make_directories(fmt::format("{}/{}", path_, tier_name(tier))));
    }
    damaged += TRY(sets_[tier]->open(access));
  }
  const auto text = files_.read(path_ + "/days");
  if (!text) {
    if (text.error().code == ErrorCode::NotFound) return damaged;
    log_.warn("The list of days that are summed up cannot be read: they are summed up again",
              {{"err", text.error().message}});
    return damaged;
  }
  const MutexLock lock(mutex_);
  const char* at = text->data();
  const char* const end = at + text->size();
  while (at < end) {
    int64_t day = 0;
    const auto [next, error] = std::from_chars(at, end, day);
    if (error != std::errc{} || next == end || *next != '\n') {
      log_.warn("The list of days that are summed up is damaged: they are summed up again",
                {{"file", path_ + "/days"}});
      days_.clear();
      break;
    }
    days_.insert(day);
    at = next + 1;
  }
  return damaged;
}

int64_t Tiers::day_of(TimeMs time) { return window_end(time, kDay).ms / kDay.ms - 1; }

TimeRange Tiers::range_of_day(int64_t day) { return {{day * kDay.ms + 1}, {(day + 1) * kDay.ms}}; }

bool Tiers::has_day(int64_t day) const {
  const MutexLock lock(mutex_);
  return days_.contains(day);
}

bool Tiers::has_rollups(int64_t day) const {
  return std::ranges::any_of(sets_[0]->blocks(), [&](const auto& block) {
    return block->info().range.overlaps(range_of_day(day));
  });
}

std::string Tiers::days_as_text() const {
  const MutexLock lock(mutex_);
  std::string text;
  for (const int64_t day : days_) text += fmt::format("{}\n", day);
  return text;
}

Result<void> Tiers::write_days() {
  {
    const MutexLock lock(mutex_);
    unwritten_ = true;
  }
  TRY(files_.write_atomically(path_ + "/days", days_as_text()));
  const MutexLock lock(mutex_);
  unwritten_ = false;
  return {};
}

Result<void> Tiers::link_into(const std::string& folder) const {
  for (size_t tier = 0; tier < kTiers; ++tier) {
    const std::string of_tier = fmt::format("{}/{}", folder, tier_name(tier));
    TRY(files_.make_directories(of_tier));
    TRY(sets_[tier]->link_into(of_tier));
  }
  return files_.write_atomically(folder + "/days", days_as_text());
}

Result<uint64_t> Tiers::roll_up_day(int64_t day, Querier& samples, const std::stop_token& stop) {
  // What is there of the day is of an attempt that was broken off, or older than its samples.
  TRY(delete_samples({}, range_of_day(day)));
  const auto set = TRY(samples.select({}));
  std::array<BlockWriter*, kTiers> writers{};
  uint64_t series = 0;
  const std::function<Result<void>(size_t)> open_tier = [&](size_t tier) -> Result<void> {
    if (tier == kTiers) {
      series = TRY(write_day(*set, writers, stop));
      return {};
    }
    TRY(sets_[tier]->add({}, [&](BlockWriter& writer) {
      writers[tier] = &writer;
      return open_tier(tier + 1);
    }));
    return {};
  };
  TRY(open_tier(0));
  {
    const MutexLock lock(mutex_);
    days_.insert(day);
  }
  TRY(write_days());
  return series;
}

Result<void> Tiers::forget_days(TimeRange range) {
  {
    const MutexLock lock(mutex_);
    const auto from = days_.lower_bound(day_of(range.start));
    const auto to = days_.upper_bound(day_of(range.end));
    if (from == to && !unwritten_) return {};
    days_.erase(from, to);
  }
  return write_days();
}

Result<void> Tiers::delete_samples(std::span<const Matcher> matchers, TimeRange range) {
  for (size_t tier = 0; tier < kTiers; ++tier) {
    TRY(sets_[tier]->delete_samples(matchers, whole_windows(range, kTierWidths[tier])));
  }
  return {};
}

}  // namespace prom5::tsdb
