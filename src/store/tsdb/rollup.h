#pragma once

#include <functional>

#include "store/storage.h"
#include "store/tsdb/block.h"

namespace prom5::tsdb {

// Downsampling: what windows of a fixed width keep of a series' samples, and how that is stored in
// the columns of a block. Windows are open at their start as PromQL's ranges are, so that ranges
// whose borders fall on windows' borders are answered as from the samples.

/// The end of the window that a time lies in.
TimeMs window_end(TimeMs time, DurationMs width);

/// A series, summed up.
struct RolledUp {
  /// Its `histogram_sums` are null where they cannot be added, having exponential and custom
  /// buckets: wider windows need to know.
  Rollups windows;
  /// Samples that are kept as they are: of each window the first and the last native histogram and
  /// those around a counter reset, for rates; and a staleness marker with which the window ends.
  SampleColumns kept;

  void clear() {
    windows.clear();
    kept.clear();
  }
};

/// Replaces `out`. Samples ascend.
void roll_up(const SampleColumns& samples, DurationMs width, RolledUp& out);
/// The same from narrower windows, of whose width `width` is a multiple.
void roll_up(const RolledUp& narrower, DurationMs width, RolledUp& out);

/// Adds a series. Left out are the columns that follow from others: minimum and maximum where they
/// are the first and the last sample of every window, resets where there are none.
Result<void> write_rollups(const Labels& labels, const RolledUp& series, BlockWriter& writer);

using DamageTold = std::function<void(const Error&)>;

/// Appends the windows of a series of a block that end in the range. A window of which a column
/// cannot be read is left out. Blocks may come in any order: finish_rollups() at the end.
void read_rollups(const Block& block, std::span<const TimeRange> deleted,
                  const Block::Series& series, DurationMs width, TimeRange range, TimesCache& times,
                  const DamageTold& damaged, Rollups& out);
/// Brings windows into order, each once.
void finish_rollups(Rollups& rollups);

}  // namespace prom5::tsdb
