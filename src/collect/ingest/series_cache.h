#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "store/storage.h"

namespace prom5::ingest {

/// Which series the bytes of a label set stand for, so that its second sample needs no labels to be
/// read. Keys are 128-bit hashes with a secret seed: nobody can make two label sets share one.
/// Any thread.
class SeriesCache {
 public:
  SeriesCache();

  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  [[nodiscard]] Key key_of(std::string_view bytes) const;

  /// 0 when it is not known.
  [[nodiscard]] SeriesRef find(const Key& key) const;
  void put(const Key& key, SeriesRef ref);

 private:
  struct Hash {
    size_t operator()(const Key& key) const { return key.low; }
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<Key, SeriesRef, Hash> refs GUARDED_BY(mutex);
  };
  static constexpr size_t kShards = 16;
  /// A shard that is full begins anew: what is still sent comes back at the price of one reading.
  static constexpr size_t kMaxPerShard = 256 * 1024;

  uint64_t seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace prom5::ingest
