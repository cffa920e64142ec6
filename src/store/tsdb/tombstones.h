#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace prom5::tsdb {

/// Adds a range to ranges that ascend and neither overlap nor touch.
void add_range(std::vector<TimeRange>& ranges, TimeRange range);

/// What is deleted of a block's series: read as if it were not there, until the block is rewritten.
/// Kept in a file beside the block (docs/formats/block.md).
class Tombstones {
 public:
  void add(uint32_t series, TimeRange range) { add_range(ranges_[series], range); }
  /// Ascending; empty for most series.
  [[nodiscard]] std::span<const TimeRange> of(uint32_t series) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] size_t series() const { return ranges_.size(); }

  /// A file of two copies, as what is deleted is written nowhere else.
  [[nodiscard]] std::string encode() const;
  /// Of the first copy that is intact. Corruption when none is.
  static Result<Tombstones> decode(std::string_view bytes);

  friend bool operator==(const Tombstones&, const Tombstones&) = default;

 private:
  std::map<uint32_t, std::vector<TimeRange>> ranges_;
};

}  // namespace prom5::tsdb
