#include "store/tsdb/sample_times.h"

#include <algorithm>

#include "store/chunk/column_chunk.h"

namespace prom5::tsdb {

namespace {

constexpr int64_t kNone = INT64_MIN;

}  // namespace

std::shared_ptr<const SealedTimes> SealedTimes::make(std::span<const TimeMs> times) {
  auto out = std::make_shared<SealedTimes>();
  out->range = {times.front(), times.back()};
  out->count = static_cast<uint32_t>(times.size());
  chunk::encode_times(times, out->bytes);
  out->bytes.shrink_to_fit();
  return out;
}

TimeTrack::TimeTrack(size_t limit) : limit_(limit) {
  for (auto& time : times_) time.store(kNone, std::memory_order_relaxed);
}

bool TimeTrack::put(size_t at, TimeMs time) {
  int64_t seen = times_[at].load(std::memory_order_acquire);
  if (seen == kNone) {
    if (times_[at].compare_exchange_strong(seen, time.ms, std::memory_order_acq_rel)) return true;
  }
  return seen == time.ms;
}

void TimeTrack::copy_first(size_t count, std::vector<TimeMs>& out) const {
  const size_t before = out.size();
  out.resize(before + count);
  for (size_t i = 0; i < count; ++i) out[before + i] = at(i);
}

std::shared_ptr<const SealedTimes> TimeTrack::seal() {
  const MutexLock lock(mutex_);
  if (!sealed_) {
    std::vector<TimeMs> times;
    copy_first(limit_, times);
    sealed_ = SealedTimes::make(times);
  }
  return sealed_;
}

bool TimeTrack::same_first(size_t count, const TimeTrack& other) const {
  for (size_t i = 0; i < count; ++i) {
    if (at(i) != other.at(i)) return false;
  }
  return true;
}

std::shared_ptr<TimeTrack> TrackTable::join(const TimeTrack* before, size_t count, TimeMs next,
                                            bool first_chunk) {
  const uint64_t mixed = (static_cast<uint64_t>(next.ms) + count) * 0x9E3779B97F4A7C15;
  const MutexLock lock(mutex_);
  std::weak_ptr<TimeTrack>& place = recent_[mixed >> 54];
  if (auto track = place.lock(); track && count < track->limit() && track->at(count) == next &&
                                 (count == 0 || track->same_first(count, *before))) {
    return track;
  }
  // Not make_shared: the weak pointer would keep the memory.
  constexpr size_t kLeast = kSamplesPerChunk / 2;
  const size_t shortened = kLeast + mixed % (kSamplesPerChunk - kLeast + 1);
  const size_t limit = before != nullptr ? before->limit()
                       : first_chunk     ? shortened
                                         : kSamplesPerChunk;
  std::shared_ptr<TimeTrack> track(new TimeTrack(limit));
  for (size_t i = 0; i < count; ++i) track->put(i, before->at(i));
  track->put(count, next);
  place = track;
  return track;
}

char* ChunkArena::allocate(size_t bytes, std::shared_ptr<const SealedTimes> times) {
  constexpr size_t kAlign = 8;
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  const MutexLock lock(mutex_);
  if (slabs_.empty() || slabs_.back().size - slabs_.back().used < bytes) {
    const size_t size = std::max(kSlabBytes, bytes);
    slabs_.push_back({std::make_unique_for_overwrite<char[]>(size), 0, size, TimeMs::min(), {}});
  }
  Slab& slab = slabs_.back();
  char* const at = slab.bytes.get() + slab.used;
  slab.used += bytes;
  slab.newest = std::max(slab.newest, times->range.end);
  // The chunk before mostly had the same.
  if (slab.times.empty() || slab.times.back() != times) slab.times.push_back(std::move(times));
  return at;
}

void ChunkArena::drop_before(TimeMs cutoff) {
  const MutexLock lock(mutex_);
  std::erase_if(slabs_, [&](const Slab& slab) { return slab.newest < cutoff; });
}

}  // namespace prom5::tsdb
