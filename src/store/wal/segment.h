#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/file/file_system.h"

namespace prom5::wal {

// The bytes of segments, as wal.h describes them.

inline constexpr size_t kHeaderBytes = 12;

std::string segment_name(uint64_t number);

/// The numbers of the segments in a folder, ascending. Io.
Result<std::vector<uint64_t>> list_segments(io::FileSystem& files, const std::string& directory);

/// A place in a log: before the record that begins there. Offsets are bytes from the segment's
/// begin.
struct Position {
  uint64_t segment = 0;
  uint64_t offset = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

/// Appends the record that is to stand at `place`.
void encode(std::string_view payload, Position place, std::string& out);

/// The payload of the record that `bytes` begins with, when there is an intact one that was written
/// to `place`.
std::optional<std::string_view> intact_record(std::string_view bytes, Position place);

/// How long the payload of the record that `bytes` begins with says it is, and so the record with
/// its header; nothing when too few bytes are there, or it is no record.
std::optional<size_t> record_bytes(std::string_view bytes);

/// Where in `bytes`, which begin at `place`, the next intact record begins; or their end.
size_t find_record(std::string_view bytes, size_t from, Position place);

}  // namespace prom5::wal
