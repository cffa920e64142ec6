#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "store/storage.h"
#include "store/tsdb/block.h"
#include "store/tsdb/head.h"

namespace prom5::tsdb {

/// What a querier looks at: blocks in the order of their time, then the head.
struct DbView {
  std::vector<std::shared_ptr<const Block>> blocks;
  const Head* head = nullptr;  ///< null while it is being filled from the log
  /// The head's part: samples before it are in blocks.
  TimeMs head_from;
  /// Held as long as the view is: the head lets go of nothing that it may still read.
  std::shared_ptr<const void> pin;
  struct TierView {
    DurationMs width;
    std::vector<std::shared_ptr<const Block>> blocks;
    TimeMs from = TimeMs::max();  ///< of the oldest
  };
  std::vector<TierView> tiers;  ///< finest first
  /// Up to here every sample is in the tiers too.
  TimeMs rolled_until = TimeMs::min();
  /// From here on there are samples.
  TimeMs samples_from = TimeMs::min();
  /// Told of a damaged chunk, which is left out.
  std::function<void(const Error&)> damaged;
  /// What is missing; `damaged` adds to them.
  std::shared_ptr<std::vector<std::string>> warnings;
};

/// Reads blocks and head as one; where they overlap, a time is taken from the first that has it.
std::unique_ptr<Querier> make_querier(DbView view, TimeRange range);

}  // namespace prom5::tsdb
