#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::codec {

/// One snappy block (not the framing format), as remote write carries it.
/// BadData when malformed; LimitExceeded when it says it holds more than `max_bytes`.
Result<std::string> snappy_decompress(std::string_view block, size_t max_bytes);
std::string snappy_compress(std::string_view bytes);
/// The same, in memory that is used again and again: it is never made shorter.
std::string_view snappy_compress(std::string_view bytes, std::string& room);
/// The framing format; also a single block. BadData and LimitExceeded as above.
Result<std::string> snappy_decompress_frames(std::string_view bytes, size_t max_bytes);

/// RFC 1952. BadData when malformed or cut short; LimitExceeded as soon as the output passes
/// `max_bytes`, so that a bomb costs no more than the limit.
Result<std::string> gzip_decompress(std::string_view bytes, size_t max_bytes);
std::string gzip_compress(std::string_view bytes, int level = 1);
/// RFC 1950, which HTTP calls "deflate".
std::string zlib_compress(std::string_view bytes, int level = 1);

/// One zstd frame. Corruption when malformed or not of exactly `bytes` bytes when decoded.
Result<std::string> zstd_decompress(std::string_view frame, size_t bytes);
/// Into the memory of `out`.
Result<void> zstd_decompress(std::string_view frame, size_t bytes, std::string& out);
/// One zstd frame of unknown size. LimitExceeded when it is to hold more than `max_bytes`.
Result<std::string> zstd_decompress_frame(std::string_view frame, size_t max_bytes);
std::string zstd_compress(std::string_view bytes, int level = 1);

}  // namespace prom5::codec
