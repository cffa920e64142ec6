#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/codec/bytes.h"

namespace prom5::chunk {

/// The most decimals a value may have and still be taken as an integer.
inline constexpr unsigned kMaxDecimals = 15;

/// Neither NaN nor infinite nor -0: what may be a decimal.
inline bool is_plain(double v) { return std::isfinite(v) && !(v == 0 && std::signbit(v)); }

inline constexpr std::array<double, kMaxDecimals + 1> kPowersOfTen = {
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// v as an integer over 10^decimals (at most kMaxDecimals), where dividing again gives v bit by
/// bit.
inline std::optional<int64_t> as_decimal(double v, unsigned decimals) {
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  const double scaled = v * kPowersOfTen[decimals];
  if (!(std::fabs(scaled) < kExactIntegers)) return std::nullopt;  // NaN, too
  const auto rounded = static_cast<int64_t>(scaled + std::copysign(0.5, scaled));
  double back = static_cast<double>(rounded);
  if (decimals > 0) back /= kPowersOfTen[decimals];
  // Bit by bit: -0 is no integer.
  if (std::bit_cast<uint64_t>(back) != std::bit_cast<uint64_t>(v)) return std::nullopt;
  return rounded;
}

inline double from_decimal(int64_t integer, unsigned decimals) {
  return static_cast<double>(integer) / kPowersOfTen[decimals];
}

/// Appends a column of floats to `out`, every bit of every one kept. Decimal numbers, which most
/// metrics are, become integers times a power of ten; the others' bit patterns are taken as
/// integers in the order of the numbers; then int_stream.h. NaN, infinities, -0 and staleness
/// markers among decimals stand apart.
void encode_floats(std::span<const double> values, std::string& out);

/// Fills `out`, as long as the column that was encoded. Corruption when the bytes are no such
/// column.
Result<void> decode_floats(codec::ByteReader& in, std::span<double> out);

/// A count and a column of times, ascending, 1 to kMaxInts.
void encode_times(std::span<const TimeMs> times, std::string& out);
/// Appends the times and leaves the reader behind them.
Result<void> decode_times(codec::ByteReader& in, std::vector<TimeMs>& times);

/// A chunk of float samples: their count, their times, their values. 1 to kMaxInts samples, times
/// ascending.
void encode_chunk(std::span<const TimeMs> times, std::span<const double> values, std::string& out);

/// Appends the samples of a chunk to the two columns. Corruption leaves them as they were.
Result<void> decode_chunk(std::string_view bytes, std::vector<TimeMs>& times,
                          std::vector<double>& values);

}  // namespace prom5::chunk
