#include "collect/ingest/series_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <mutex>
#include <random>

namespace prom5::ingest {

SeriesCache::SeriesCache() : places_(kFirstPlaces) {
  std::random_device random;
  seed_ = uint64_t{random()} << 32 | random();
}

SeriesCache::Key SeriesCache::key_of(std::string_view bytes) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed_);
  return {hash.low64, static_cast<uint32_t>(hash.high64)};
}

void SeriesCache::find(std::span<const Key> keys, std::span<SeriesRef> refs) const {
  const std::shared_lock lock(mutex_);
  for (const Key& key : keys) __builtin_prefetch(&places_[home(key)]);
  for (size_t i = 0; i < keys.size(); ++i) {
    refs[i] = 0;
    for (size_t at = home(keys[i]); places_[at].ref != 0; at = next(at)) {
      if (places_[at].low != keys[i].low || places_[at].high != keys[i].high) continue;
      refs[i] = places_[at].ref;
      break;
    }
  }
}

/// Where the key is or may be put.
SeriesCache::Place& SeriesCache::place_of(const Key& key) {
  size_t at = home(key);
  while (places_[at].ref != 0 && (places_[at].low != key.low || places_[at].high != key.high)) {
    at = next(at);
  }
  return places_[at];
}

void SeriesCache::grow() {
  std::vector<Place> before(places_.size() == kMaxPlaces ? kFirstPlaces : places_.size() * 2);
  const bool begin_anew = before.size() < places_.size();
  before.swap(places_);
  if (begin_anew) {
    used_ = 0;
    return;
  }
  for (const Place& place : before) {
    if (place.ref != 0) place_of({place.low, place.high}) = place;
  }
}

void SeriesCache::put(const Key& key, SeriesRef ref) {
  if (ref == 0 || ref > UINT32_MAX) return;
  const std::lock_guard lock(mutex_);
  if ((used_ + 1) * 4 > places_.size() * 3) grow();
  Place& place = place_of(key);
  if (place.ref == 0) ++used_;
  place = {key.low, key.high, static_cast<uint32_t>(ref)};
}

}  // namespace prom5::ingest
