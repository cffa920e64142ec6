#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/file/file_system.h"
#include "store/tsdb/block_set.h"

namespace prom5::prometheus {

struct TransferStats {
  uint64_t blocks = 0;  ///< read or written in Prometheus' format; of a page, ours
  uint64_t series = 0;  ///< counted once for each block of Prometheus
  uint64_t samples = 0;
  TimeRange range = {TimeMs::max(), TimeMs::min()};  ///< of what was imported
  std::vector<std::string> damage;                   ///< places that could not be read
};

/// Called with a line about each step of long work.
using Progress = std::function<void(const std::string&)>;

/// Puts everything in a Prometheus data directory (blocks, write-ahead log, log of late samples)
/// into blocks of ours. A block that cannot be read is named in `damage`, the rest is taken.
/// Late samples of the log that repeat a time stay out, as they do in Prometheus. `record` is a
/// file with the names of the blocks that were taken, a line each: they are not taken again.
Result<TransferStats> import_directory(io::FileSystem& files, const std::string& directory,
                                       tsdb::BlockSet& into, const std::string& record,
                                       const Progress& progress);

/// Writes the samples of a storage in the range, of series that one of the selectors matches, as
/// Prometheus blocks of at most two hours, aligned as Prometheus' own. `random` makes the blocks'
/// names differ.
Result<TransferStats> export_blocks(io::FileSystem& files, Storage& storage,
                                    std::span<const std::vector<Matcher>> selectors,
                                    TimeRange range, const std::string& directory, TimeMs now,
                                    uint64_t random, const Progress& progress);

}  // namespace prom5::prometheus
