#pragma once

#include <span>
#include <string>

#include "io/codec/bits.h"
#include "store/prometheus/start_codec.h"
#include "store/storage.h"

namespace prom5::prometheus {

// Prometheus' chunks of floats with start timestamps (encoding 4, XOR2; tsdb/docs/format/chunks.md,
// tsdb/chunkenc/xor2.go). Bits, the most significant first:
//
//   16 bits    number of samples
//   8 bits     header of the start timestamps, see start_codec.h
//   sample 0   its time (varint), its value (64 bits)
//   sample 1   time since sample 0 (uvarint), a value code
//   others     a code of how the distance to the sample before changed, which may hold the value:
//     0                    distance and value are the same
//     10                   the distance is the same; 1 and a new window, or 0: value in the window
//     110, 13 bits         change of the distance, two's complement; then a value code
//     1110, 20 bits        the same
//     11110, 64 bits       the same
//     11111                the distance is the same, the value is a staleness marker
//
// Behind each sample stands its start timestamp where it has one. Value codes: 0 the same value, 10
// and the changed bits in the last window, 110 and a new window, 111 a staleness marker. A new
// window is 5 bits of its leading zeros, 6 bits of its width (0: 64), and the changed bits in it.
// Values are compared with the last one that is no staleness marker; zero when there is none.

/// Appends what stands behind the number of samples. Corruption when it is no such chunk: `out` may
/// have a part of it then.
Result<void> decode_xor2(codec::BitReader& in, size_t count, StartReader& starts,
                         SampleColumns& out);

/// Floats as such a chunk; fewer than 65,536. `starts`: of each.
std::string encode_xor2(std::span<const TimeMs> times, std::span<const double> values,
                        std::span<const TimeMs> starts);

}  // namespace prom5::prometheus
