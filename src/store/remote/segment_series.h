#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "store/remote/write_message.h"
#include "store/storage.h"
#include "store/tsdb/record.h"

namespace prom5::remote {

/// The series that a segment of the log names, by their references. These ascend from 1 and are
/// never used again, so the places of those that were made one after the other are neighbours, as
/// are their samples in the log. One thread.
class SegmentSeries {
 public:
  /// What is needed of a series to put a sample into a queue, without looking at the series.
  struct Known {
    OutSeries* series = nullptr;  ///< null: the segment does not name it
    uint64_t hash = 0;
    bool dropped = false;  ///< by relabelling
  };

  explicit SegmentSeries(uint64_t segment) : segment_(segment) {}

  [[nodiscard]] uint64_t segment() const { return segment_; }

  [[nodiscard]] Known find(SeriesRef ref) const {
    const size_t leaf = ref / kLeaf;
    return leaf < leaves_.size() && leaves_[leaf] ? (*leaves_[leaf])[ref % kLeaf] : Known{};
  }

  /// Keeps the series under a reference that has none, unless it is a number that is never given
  /// out.
  void insert(SeriesRef ref, OutSeries series) {
    if (ref > UINT32_MAX) return;
    const size_t leaf = ref / kLeaf;
    if (leaf >= leaves_.size()) leaves_.resize(leaf + 1);
    if (!leaves_[leaf]) leaves_[leaf] = std::make_unique<Leaf>();
    OutSeries& kept = series_.emplace_back(std::move(series));
    (*leaves_[leaf])[ref % kLeaf] = {&kept, kept.hash, kept.labels.empty()};
  }

  /// What a record tells of start timestamps. Samples that wait have theirs, so that of what
  /// earlier records told only what still holds is kept.
  void take_starts(std::span<const tsdb::RefStart> told) {
    const auto each = [&](const auto& visit) {
      for (const tsdb::RefStart& one : told) {
        if (const Known known = find(one.ref); known.series != nullptr) {
          visit(known.series->starts, one);
        }
      }
    };
    each([](tsdb::StartTimes& starts, const tsdb::RefStart& one) {
      if (!one.alone) starts.drop_before(one.time);
    });
    each([](tsdb::StartTimes& starts, const tsdb::RefStart& one) {
      one.alone ? starts.set_at(one.time, one.start) : starts.set_from(one.time, one.start);
    });
  }

 private:
  static constexpr size_t kLeaf = 64;  // few enough that a lone series costs little
  using Leaf = std::array<Known, kLeaf>;

  uint64_t segment_;
  std::deque<OutSeries> series_;
  std::vector<std::unique_ptr<Leaf>> leaves_;
};

}  // namespace prom5::remote
