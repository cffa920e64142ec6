#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/file/file_system.h"
#include "store/wal/segment.h"

namespace prom5::wal {

/// Reads a log while it is being written, from any place on. Damage costs the damaged record, and a
/// segment that is gone is passed over. One thread.
class Follower {
 public:
  /// `directory` is the log's.
  Follower(io::FileSystem& files, std::string directory, Position from)
      : files_(files), directory_(std::move(directory)), position_(from) {}

  struct Record {
    Position begin;
    Position end;
    std::string_view payload;  ///< until the next call
  };
  /// The next record; nothing as long as none is whole. Io.
  Result<std::optional<Record>> next();

  /// Before the next record.
  [[nodiscard]] Position position() const { return position_; }
  /// Segments that were removed before they were read.
  [[nodiscard]] uint64_t missed_segments() const { return missed_segments_; }

 private:
  /// Fills the buffer with what stands at the position. Whether there is more than before.
  Result<bool> fill();
  Result<bool> next_segment();

  io::FileSystem& files_;
  const std::string directory_;
  Position position_;
  std::string buffer_;  ///< of the segment, from buffer_offset_ on
  uint64_t buffer_offset_ = 0;
  uint64_t buffer_segment_ = 0;
  uint64_t missed_segments_ = 0;
};

/// The place behind everything that is in the log now.
Result<Position> end_of_log(io::FileSystem& files, const std::string& directory);

}  // namespace prom5::wal
