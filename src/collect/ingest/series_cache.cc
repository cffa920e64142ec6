#include "collect/ingest/series_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>

namespace prom5::ingest {

SeriesCache::SeriesCache() {
  std::random_device random;
  seed_ = uint64_t{random()} << 32 | random();
}

SeriesCache::Key SeriesCache::key_of(std::string_view bytes) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed_);
  return {hash.low64, hash.high64};
}

SeriesRef SeriesCache::find(const Key& key) const {
  const Shard& shard = shards_[key.high % kShards];
  const MutexLock lock(shard.mutex);
  const auto found = shard.refs.find(key);
  return found == shard.refs.end() ? 0 : found->second;
}

void SeriesCache::put(const Key& key, SeriesRef ref) {
  Shard& shard = shards_[key.high % kShards];
  const MutexLock lock(shard.mutex);
  if (shard.refs.size() >= kMaxPerShard) shard.refs.clear();
  shard.refs[key] = ref;
}

}  // namespace prom5::ingest
