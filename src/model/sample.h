#pragma once

#include <bit>
#include <cstdint>

#include "base/time.h"

namespace prom5 {

/// The NaN that ends a series; told from other NaNs by its bits alone (prometheus
/// model/value/value.go).
inline constexpr uint64_t kStaleBits = 0x7FF0000000000002;
inline constexpr double kStale = std::bit_cast<double>(kStaleBits);

constexpr bool is_stale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

struct Sample {
  TimeMs time;
  double value = 0;
};

}  // namespace prom5
