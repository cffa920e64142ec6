#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace prom5::chunk {

// The inner loops of decoding, compiled for each instruction set and chosen when the program runs
// (Highway's dynamic dispatch): the build itself is for the least of machines.

/// Numbers of k bits, LSB first, 0 < k <= 15: as many as have eight readable bytes from where they
/// begin, in eights. Result: how many were written.
size_t unpack_eights(std::string_view packed, unsigned k, uint64_t* out, size_t count);

/// Where the set bits of `bits` are, from bit `from` on, until there are at least `wanted` of them
/// or the bits end. Up to 15 places more than are wanted are written. Result: how many were found.
size_t find_set_bits(std::string_view bits, size_t from, size_t wanted, uint32_t* places);

/// Adds to each number the distance between places[i] and places[i + 1], less one, shifted by k.
void add_quotients(const uint32_t* places, unsigned k, uint64_t* out, size_t count);

/// Residuals from distances to the centre; `zigzag`: with the sign in the lowest bit.
void add_centre(uint64_t centre, bool zigzag, uint64_t* values, size_t count);

/// Each becomes the sum of all up to it.
void prefix_sums(uint64_t* values, size_t count);

/// As doubles, divided: not multiplied by the inverse, which is not exact.
void to_doubles(const int64_t* values, double divisor, double* out, size_t count);

}  // namespace prom5::chunk
