#pragma once

#include <array>
#include <cstdint>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <vector>

#include "store/storage.h"

namespace prom5::ingest {

/// Which series the bytes of a label set stand for, so that its second sample needs no labels to be
/// read. Keys are 96 bits of a hash with a secret seed: nobody can make two label sets share one.
/// Any thread.
class SeriesCache {
 public:
  SeriesCache();

  struct Key {
    uint64_t low = 0;
    uint32_t high = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  [[nodiscard]] Key key_of(std::string_view bytes) const;

  /// Fills `refs`, as long as `keys`; 0 for what is not known. Many at once, so that the waits for
  /// memory overlap.
  void find(std::span<const Key> keys, std::span<SeriesRef> refs) const;
  void put(const Key& key, SeriesRef ref);

 private:
  /// Open addressing, linear probing, at most three quarters full; ref 0 is free.
  struct Place {
    uint64_t low = 0;
    uint32_t high = 0;
    uint32_t ref = 0;
  };
  /// A full cache begins anew: what is still sent comes back at the price of one reading.
  static constexpr size_t kMaxPlaces = size_t{1} << 23;
  static constexpr size_t kFirstPlaces = 1024;

  [[nodiscard]] size_t home(const Key& key) const { return key.low & (places_.size() - 1); }
  [[nodiscard]] size_t next(size_t at) const { return (at + 1) & (places_.size() - 1); }
  Place& place_of(const Key& key);
  void grow();

  uint64_t seed_;
  mutable std::shared_mutex mutex_;
  std::vector<Place> places_;
  size_t used_ = 0;
};

}  // namespace prom5::ingest
