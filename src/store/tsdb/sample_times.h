#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"

namespace prom5::tsdb {

// Series that are scraped together have their samples at the same times. So a time is kept once for
// all of them: while it is new in a TimeTrack, then, compressed, in SealedTimes.

/// At most so many samples fill a chunk of the head: at 15 s 24 minutes, few enough to decode for
/// one step's window.
inline constexpr size_t kSamplesPerChunk = 96;

/// The times of a full chunk, compressed.
struct SealedTimes {
  TimeRange range;
  uint32_t count = 0;
  std::string bytes;  ///< chunk::encode_times

  /// Times ascend; not empty.
  static std::shared_ptr<const SealedTimes> make(std::span<const TimeMs> times);
};

/// The times of open chunks, of any number of series: each has taken the first n of them. Any
/// thread, without locks: a time once written never changes.
class TimeTrack {
 public:
  /// `limit`: how many times it takes.
  explicit TimeTrack(size_t limit);

  [[nodiscard]] size_t limit() const { return limit_; }

  /// Whether the time at this place is `time`; where there was none yet, it is now.
  bool put(size_t at, TimeMs time);
  [[nodiscard]] TimeMs at(size_t i) const { return {times_[i].load(std::memory_order_acquire)}; }
  void copy_first(size_t count, std::vector<TimeMs>& out) const;
  [[nodiscard]] bool same_first(size_t count, const TimeTrack& other) const;

  /// All of them, which must have been put; made once for all series.
  std::shared_ptr<const SealedTimes> seal() EXCLUDES(mutex_);

 private:
  const size_t limit_;
  std::array<std::atomic<int64_t>, kSamplesPerChunk> times_;
  Mutex mutex_;
  std::shared_ptr<const SealedTimes> sealed_ GUARDED_BY(mutex_);
};

/// Where a series finds the track of those that keep the same times. Any thread.
class TrackTable {
 public:
  /// A track that begins with the first `count` times of `before` (null when 0) and then `next`.
  /// The first chunk of a series is shorter by chance, so that not all series fill theirs at the
  /// same moment.
  std::shared_ptr<TimeTrack> join(const TimeTrack* before, size_t count, TimeMs next,
                                  bool first_chunk) EXCLUDES(mutex_);

 private:
  static constexpr size_t kPlaces = 1024;  // ten bits of a hash
  Mutex mutex_;
  /// By a hash of count and next; a later one takes the place.
  std::array<std::weak_ptr<TimeTrack>, kPlaces> recent_ GUARDED_BY(mutex_);
};

/// Full chunks, side by side. What ends before some time goes together, so slabs of memory are
/// given back as a whole and no holes are left. Any thread.
class ChunkArena {
 public:
  /// Room for a chunk with these times, which live as long as it does: until drop_before() a time
  /// after their end. Aligned to eight bytes.
  char* allocate(size_t bytes, std::shared_ptr<const SealedTimes> times) EXCLUDES(mutex_);
  void drop_before(TimeMs cutoff) EXCLUDES(mutex_);

 private:
  static constexpr size_t kSlabBytes = size_t{64} << 10;
  struct Slab {
    std::unique_ptr<char[]> bytes;
    size_t used = 0;
    size_t size = 0;
    TimeMs newest = TimeMs::min();
    std::vector<std::shared_ptr<const SealedTimes>> times;
  };

  mutable Mutex mutex_;
  std::vector<Slab> slabs_ GUARDED_BY(mutex_);  ///< the last one is being filled
};

/// What the series of a head share for their chunks.
struct ChunkStore {
  TrackTable tracks;
  ChunkArena arena;
  /// Whether full chunks are encoded at once. During replay they are kept as they were written,
  /// a third larger, which saves half of its time.
  std::atomic<bool> encode = true;
};

/// Columns of times that were decoded a moment ago: the next series mostly has the same. One
/// thread; what its keys name must not go away before it.
class TimesCache {
 public:
  /// Appends the times named by `owner` and `number`, calling `decode(vector&) -> Result<void>`
  /// when they are not at hand.
  template <typename Decode>
  Result<void> append(const void* owner, uint64_t number, std::vector<TimeMs>& out, Decode decode) {
    Entry& entry = entries_[place_of(owner, number)];
    if (entry.owner != owner || entry.number != number) {
      entry.owner = nullptr;
      entry.times.clear();
      TRY(decode(entry.times));
      entry.owner = owner;
      entry.number = number;
    }
    // Not insert(): it would copy one by one.
    const size_t before = out.size();
    out.resize(before + entry.times.size());
    std::ranges::copy(entry.times, out.begin() + static_cast<ptrdiff_t>(before));
    return {};
  }

 private:
  static constexpr size_t kEntries = 64;
  struct Entry {
    const void* owner = nullptr;
    uint64_t number = 0;
    std::vector<TimeMs> times;
  };
  static size_t place_of(const void* owner, uint64_t number) {
    const uint64_t mixed = (reinterpret_cast<uintptr_t>(owner) + number * 64) * 0x9E3779B97F4A7C15;
    return mixed >> 58;
  }
  static_assert(kEntries == 64);  // six bits

  std::array<Entry, kEntries> entries_;
};

}  // namespace prom5::tsdb
