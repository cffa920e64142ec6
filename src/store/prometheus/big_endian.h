#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::prometheus {

// Prometheus writes numbers of fixed width with the greatest byte first.

inline void put_be(std::string& out, uint64_t value, unsigned bytes) {
  while (bytes > 0) out.push_back(static_cast<char>(value >> (8 * --bytes)));
}

/// The first `bytes` bytes, which must be there.
inline uint64_t get_be(std::string_view in, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(in[i]);
  return value;
}

/// Takes them off the front.
inline Result<uint64_t> take_be(std::string_view& in, unsigned bytes) {
  if (in.size() < bytes) return fail(ErrorCode::Corruption, "bytes end early");
  const uint64_t value = get_be(in, bytes);
  in.remove_prefix(bytes);
  return value;
}

}  // namespace prom5::prometheus
