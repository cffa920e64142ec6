#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "io/file/file_system.h"

namespace prom5::wal {

// A write-ahead log is a folder of segments named 00000001, 00000002, …; a segment is a sequence
// of records:
//
//   bytes  what
//   4      0x36574D50 ("PMW6"), where reading resumes after damage
//   4      length of the payload
//   4      CRC-32C of the place (segment, offset; 8 bytes each) and the payload
//   n      payload, at least one byte
//
// Numbers are little-endian. A segment needs nothing from the segments before it, so the oldest
// can be removed at any time (see docs/formats/wal.md).

/// Appends records. Any thread; appends of several threads share one sync.
class WalWriter {
 public:
  enum class Sync : uint8_t {
    EveryCommit,  ///< append() returns after the record survives a power cut
    Background,   ///< the owner calls sync() from time to time
  };
  struct Options {
    uint64_t segment_bytes = uint64_t{64} << 20;
    Sync sync = Sync::EveryCommit;
    uint64_t max_record_bytes = UINT32_MAX;  ///< as its length has 32 bits; less in tests alone
  };

  /// Starts a new segment after the newest one in `directory`, which must exist.
  static Result<std::unique_ptr<WalWriter>> open(io::FileSystem& files, std::string directory,
                                                 Options options);

  /// What one append() writes. Both functions are called with the log locked, so that no other
  /// batch comes between what a batch finds defined in a segment and its own records.
  struct Batch {
    /// What `payload` relies on and this segment does not hold yet; may be empty. Written twice.
    std::function<std::string(uint64_t segment)> definitions;
    std::string_view payload;
    /// Everything is in the segment.
    std::function<void(uint64_t segment)> written;
  };

  /// Appends a batch, in a new segment when the current one is full. With EveryCommit it waits
  /// until the batch is durable.
  /// LimitExceeded: it is too long for a record, and nothing is written.
  /// Io: the batch must be taken as not stored (after a failed sync it may still reappear).
  Result<void> append(const Batch& batch);

  /// Makes everything appended so far durable.
  Result<void> sync() EXCLUDES(mutex_);

  /// Begins a new segment; result: its number. What was appended before is in lower ones.
  Result<uint64_t> rotate() EXCLUDES(mutex_);

  /// Removes segments below `first_kept`; the current one always stays. Durable on return. A file
  /// that cannot be removed is emptied.
  Result<void> remove_before(uint64_t first_kept) EXCLUDES(mutex_);

  [[nodiscard]] uint64_t current_segment() const EXCLUDES(mutex_);
  [[nodiscard]] uint64_t total_bytes() const EXCLUDES(mutex_);

 private:
  struct Segment {
    uint64_t number = 0;
    uint64_t bytes = 0;
  };

  WalWriter(io::FileSystem& files, std::string directory, Options options)
      : files_(files), directory_(std::move(directory)), options_(options) {}
  Result<void> start_segment() REQUIRES(mutex_);
  Result<void> write(const Batch& batch) REQUIRES(mutex_);
  Result<void> empty(const std::string& path);
  void lose(uint64_t from) REQUIRES(mutex_);
  [[nodiscard]] bool is_lost(uint64_t position) const REQUIRES(mutex_);
  Result<void> sync_up_to(uint64_t position) NO_THREAD_SAFETY_ANALYSIS;

  io::FileSystem& files_;
  const std::string directory_;
  const Options options_;

  mutable Mutex mutex_;
  std::condition_variable_any synced_;
  std::shared_ptr<io::WritableFile> file_ GUARDED_BY(mutex_);  // a syncing thread keeps it alive
  std::vector<Segment> segments_ GUARDED_BY(mutex_);
  uint64_t written_ GUARDED_BY(mutex_) = 0;  // bytes ever appended
  uint64_t durable_ GUARDED_BY(mutex_) = 0;  // of these, synced or given up
  // What failed syncs were to cover: whoever waits for a position in (from, to] has failed.
  struct Lost {
    uint64_t from = 0;
    uint64_t to = 0;
  };
  std::vector<Lost> lost_ GUARDED_BY(mutex_);  // ascending, no two adjacent
  bool syncing_ GUARDED_BY(mutex_) = false;
  bool removed_ GUARDED_BY(mutex_) = false;  // segments, which a power cut may bring back
  bool broken_ GUARDED_BY(mutex_) = false;   // the segment's end is unknown: start another
};

struct WalReadStats {
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t damaged = 0;  ///< places where bytes had to be skipped
  uint64_t bytes_skipped = 0;
};

/// Calls `record(segment, payload)` for every intact record of every segment, oldest first.
/// Damage costs the damaged record: reading goes on at the next one that verifies. An error of
/// `record` ends the reading and is returned with segment and offset in front.
Result<WalReadStats> read_wal(
    io::FileSystem& files, const std::string& directory,
    const std::function<Result<void>(uint64_t segment, std::string_view payload)>& record);

}  // namespace prom5::wal
