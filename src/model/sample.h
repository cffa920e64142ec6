#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "base/time.h"

namespace prom5 {

/// The NaN that ends a series; told from other NaNs by its bits alone (prometheus
/// model/value/value.go).
inline constexpr uint64_t kStaleBits = 0x7FF0000000000002;
inline constexpr double kStale = std::bit_cast<double>(kStaleBits);

/// What "the same value" means for samples: NaN equals a NaN of the same bits only.
constexpr bool same_bits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

constexpr bool is_stale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

/// Whether there is a staleness marker among them, at the speed of memory.
bool any_stale(std::span<const double> values);

/// The start timestamp of a sample of which nobody knows since when it counts.
inline constexpr TimeMs kNoStart{0};

struct Sample {
  TimeMs time;
  double value = 0;
};

}  // namespace prom5
