#pragma once

#include <cstddef>
#include <string_view>

namespace prom5::tsdb {

/// First and last bytes of a block; the digit is the format's version.
inline constexpr std::string_view kBlockMagic = "PROM5BK2";

/// Eight numbers of 8 bytes, two checksums of 4, the magic.
inline constexpr size_t kFooterBytes = 8 * 8 + 2 * 4 + kBlockMagic.size();

/// Begins the spare copy of the index, between times and index: length of the zstd frame, the
/// footer without its checksum, the frame, a checksum over all of it.
inline constexpr std::string_view kSpareMagic = "PROM5SPR";
inline constexpr size_t kSpareFooterBytes = 8 * 8 + 4;

/// An entry of the table of columns of times: offset, first and last time, length, count.
inline constexpr size_t kTimesEntryBytes = 3 * 8 + 2 * 4;

}  // namespace prom5::tsdb
