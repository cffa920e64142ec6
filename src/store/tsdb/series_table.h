#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "model/labels.h"
#include "store/tsdb/series.h"

namespace prom5::tsdb {

/// All series by their reference: two loads, no lock. References are given out ascending from 1,
/// each once. Any thread for find(); the others one at a time.
class RefTable {
 public:
  static constexpr SeriesRef kMaxRef = UINT32_MAX;

  RefTable();

  /// Null when it was never given out or is removed.
  [[nodiscard]] Series* find(SeriesRef ref) const {
    if (ref > kMaxRef) return nullptr;
    const Leaf* leaf = leaves_[ref / kLeaf].load(std::memory_order_acquire);
    return leaf == nullptr ? nullptr : leaf->series[ref % kLeaf].load(std::memory_order_acquire);
  }

  /// Takes the series over.
  void insert(std::unique_ptr<Series> series);
  /// Gives the series back; readers that found it before may still use it.
  std::unique_ptr<Series> remove(SeriesRef ref);

  /// Calls `visit(Series&)` for each; also while others insert.
  template <typename Visit>
  void each(Visit visit) const {
    const size_t leaves = used_leaves_.load(std::memory_order_acquire);
    for (size_t i = 0; i < leaves; ++i) {
      const Leaf* leaf = leaves_[i].load(std::memory_order_acquire);
      if (leaf == nullptr) continue;
      for (const auto& place : leaf->series) {
        if (Series* series = place.load(std::memory_order_acquire)) visit(*series);
      }
    }
  }

  ~RefTable();
  RefTable(const RefTable&) = delete;
  RefTable& operator=(const RefTable&) = delete;

 private:
  static constexpr size_t kLeaf = 4096;
  struct Leaf {
    std::atomic<Series*> series[kLeaf] = {};
  };

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  /// 8 MB of zeros that the system gives memory for as they are used: hence calloc().
  const std::unique_ptr<std::atomic<Leaf*>[], Free> leaves_;
  std::atomic<size_t> used_leaves_ = 0;
};

/// Series by their labels: open addressing with linear probing, eight bytes a place. Not locked:
/// the owner is.
class LabelTable {
 public:
  /// Null when there is none.
  [[nodiscard]] Series* find(uint64_t hash, const Labels& labels, const RefTable& refs) const;
  /// A series that is not in it.
  void insert(uint64_t hash, SeriesRef ref);
  void remove(uint64_t hash, SeriesRef ref);

 private:
  struct Place {
    uint32_t tag = 0;  ///< the hash's low half
    uint32_t ref = 0;  ///< 0: free
  };

  [[nodiscard]] size_t next(size_t at) const { return (at + 1) & (places_.size() - 1); }
  [[nodiscard]] size_t home(uint32_t tag) const { return tag & (places_.size() - 1); }
  void put(Place place);

  std::vector<Place> places_;
  size_t used_ = 0;
};

}  // namespace prom5::tsdb
