#include "store/tsdb/series_table.h"

namespace prom5::tsdb {

RefTable::RefTable()
    : leaves_(static_cast<std::atomic<Leaf*>*>(
          std::calloc(kMaxRef / kLeaf + 1, sizeof(std::atomic<Leaf*>)))) {
  CHECK(leaves_ != nullptr);
}

RefTable::~RefTable() {
  for (size_t i = 0; i < used_leaves_.load(); ++i) {
    const std::unique_ptr<Leaf> leaf(leaves_[i].load());
    if (!leaf) continue;
    for (auto& place : leaf->series) delete place.load();
  }
}

void RefTable::insert(std::unique_ptr<Series> series) {
  const SeriesRef ref = series->ref();
  CHECK(ref <= kMaxRef);
  std::atomic<Leaf*>& leaf = leaves_[ref / kLeaf];
  if (leaf.load() == nullptr) {
    leaf.store(std::make_unique<Leaf>().release(), std::memory_order_release);
  }
  leaf.load()->series[ref % kLeaf].store(series.release(), std::memory_order_release);
  const size_t used = ref / kLeaf + 1;
  if (used_leaves_.load() < used) used_leaves_.store(used, std::memory_order_release);
}

std::unique_ptr<Series> RefTable::remove(SeriesRef ref) {
  Leaf* leaf = leaves_[ref / kLeaf].load();
  return std::unique_ptr<Series>(leaf->series[ref % kLeaf].exchange(nullptr));
}

Series* LabelTable::find(uint64_t hash, const Labels& labels, const RefTable& refs) const {
  if (places_.empty()) return nullptr;
  const auto tag = static_cast<uint32_t>(hash);
  for (size_t at = home(tag); places_[at].ref != 0; at = next(at)) {
    if (places_[at].tag != tag) continue;
    Series* series = refs.find(places_[at].ref);
    if (series != nullptr && series->labels() == labels) return series;
  }
  return nullptr;
}

void LabelTable::put(Place place) {
  size_t at = home(place.tag);
  while (places_[at].ref != 0) at = next(at);
  places_[at] = place;
}

void LabelTable::insert(uint64_t hash, SeriesRef ref) {
  // At most three quarters full.
  if (places_.size() * 3 <= (used_ + 1) * 4) {
    std::vector<Place> before(std::max<size_t>(16, places_.size() * 2));
    before.swap(places_);
    for (const Place& place : before) {
      if (place.ref != 0) put(place);
    }
  }
  put({static_cast<uint32_t>(hash), static_cast<uint32_t>(ref)});
  ++used_;
}

/// Moves up what probing would no longer find (Knuth, TAOCP 3, 6.4, algorithm R).
void LabelTable::remove(uint64_t hash, SeriesRef ref) {
  if (places_.empty()) return;
  size_t hole = home(static_cast<uint32_t>(hash));
  for (; places_[hole].ref != ref; hole = next(hole)) {
    if (places_[hole].ref == 0) return;
  }
  --used_;
  for (size_t at = next(hole); places_[at].ref != 0; at = next(at)) {
    const size_t wish = home(places_[at].tag);
    const bool stays = hole < at ? (hole < wish && wish <= at) : (hole < wish || wish <= at);
    if (stays) continue;
    places_[hole] = places_[at];
    hole = at;
  }
  places_[hole] = {};
}

}  // namespace prom5::tsdb
