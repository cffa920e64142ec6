#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/file/file_system.h"
#include "store/storage.h"

namespace prom5::prometheus {

/// What one record of Prometheus' log says.
struct WalRecord {
  struct Definition {
    uint64_t ref = 0;
    Labels labels;
  };
  struct HistogramSample {
    uint64_t ref = 0;
    TimeMs time;
    TimeMs start = kNoStart;
    std::shared_ptr<const Histogram> histogram;
  };
  struct Deletion {
    uint64_t ref = 0;
    TimeRange range;
  };
  std::vector<Definition> series;
  std::vector<RefSample> samples;
  std::vector<TimeMs> starts;  ///< of each of the samples, or none at all
  std::vector<HistogramSample> histograms;
  std::vector<Deletion> deletions;
};

struct WalReadStats {
  uint64_t records = 0;
  /// Places where reading stopped for the rest of a segment, and what it found there.
  std::vector<std::string> damage;
};

/// Reads `directory`/wal, the newest checkpoint first, then `directory`/wbl, the log of late
/// samples. Damage ends a segment, as a torn end does; what is intact before and in other segments
/// is read. Records of types that hold no samples are passed over. `late` is true for the log of
/// late samples.
Result<WalReadStats> read_wal(io::FileSystem& files, const std::string& directory,
                              const std::function<void(const WalRecord&, bool late)>& visit);

/// One record, uncompressed. Corruption when it does not follow the format.
Result<WalRecord> decode_wal_record(std::string_view bytes);

}  // namespace prom5::prometheus
