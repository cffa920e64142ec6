#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "io/codec/bytes.h"

namespace prom5::chunk {

// A column of integers, compressed for what series do: stand still, grow evenly, or wander.
// docs/formats/chunk.md has the layout and why it is this one.
//
//   differences of order 0, 1 or 2, whichever is smallest; less a centre (their middle or their
//   least); Rice coding (Rice & Plaunt, 1971) of what is left, its low bits and its unary part in
//   two separate runs as Elias-Fano keeps them, so that a decoder has no chain of dependent reads;
//   where most are zero, the gaps between the others are coded instead; values that stand out are
//   kept apart, so that one reset of a counter does not make the whole column wider.

/// The most numbers in one column.
inline constexpr size_t kMaxInts = 65'536;

/// Appends `values` (at most kMaxInts) to `out`. The count is not stored.
void encode_ints(std::span<const int64_t> values, std::string& out);

/// Fills `out`, as long as the column that was encoded, and leaves the reader behind it.
/// Corruption when the bytes are no such column.
Result<void> decode_ints(codec::ByteReader& in, std::span<int64_t> out);

}  // namespace prom5::chunk
