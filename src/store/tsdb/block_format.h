#pragma once

#include <cstddef>
#include <string_view>

namespace prom5::tsdb {

/// First and last bytes of a block; the digit is the format's version.
inline constexpr std::string_view kBlockMagic = "PROM5BK1";

/// Eight numbers of 8 bytes, two checksums of 4, the magic.
inline constexpr size_t kFooterBytes = 8 * 8 + 2 * 4 + kBlockMagic.size();

}  // namespace prom5::tsdb
