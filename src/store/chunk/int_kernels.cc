#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "store/chunk/int_kernels.cc"
#include <hwy/foreach_target.h>
// After it, as Highway asks: this file is compiled once for each target.
#include <hwy/highway.h>

#include <array>
#include <bit>
#include <cstring>

#include "store/chunk/int_kernels.h"

#ifndef PROM5_SET_BITS
#define PROM5_SET_BITS
namespace prom5::chunk {

/// For each byte where its set bits are, lowest first, and how many there are.
struct SetBits {
  std::array<std::array<uint8_t, 8>, 256> at{};
  std::array<uint8_t, 256> count{};

  consteval SetBits() {
    for (size_t byte = 0; byte < at.size(); ++byte) {
      for (uint8_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) at[byte][count[byte]++] = bit;
      }
    }
  }
};
inline constexpr SetBits kSetBits;

}  // namespace prom5::chunk
#endif

HWY_BEFORE_NAMESPACE();
namespace prom5::chunk::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

uint64_t word_at(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

size_t unpack_eights(std::string_view packed, unsigned k, uint64_t* HWY_RESTRICT out,
                     size_t count) {
  // Eight numbers are k bytes: two words have four each.
  const size_t second = k * 4 / 8;
  const unsigned shift = k * 4 % 8;
  const uint64_t mask = (uint64_t{1} << k) - 1;
  size_t i = 0;
  for (size_t at = 0; i + 8 <= count && at + second + 8 <= packed.size(); i += 8, at += k) {
    const uint64_t low = word_at(packed.data() + at);
    const uint64_t high = word_at(packed.data() + at + second) >> shift;
    for (unsigned j = 0; j < 4; ++j) out[i + j] = (low >> (j * k)) & mask;
    for (unsigned j = 0; j < 4; ++j) out[i + 4 + j] = (high >> (j * k)) & mask;
  }
  return i;
}

/// Lemire's decoding of bitmaps: eight places are written for each byte, as many as it has bits are
/// kept.
size_t find_set_bits(std::string_view bits, size_t from, size_t wanted,
                     uint32_t* HWY_RESTRICT places) {
  size_t found = 0;
  auto mask = static_cast<uint8_t>(0xFF << (from % 8));
  for (size_t byte = from / 8; byte < bits.size() && found < wanted; ++byte, mask = 0xFF) {
    const auto value = static_cast<uint8_t>(bits[byte] & mask);
    const auto base = static_cast<uint32_t>(byte * 8);
    const auto& at = kSetBits.at[value];
    for (size_t j = 0; j < 8; ++j) places[found + j] = base + at[j];
    found += kSetBits.count[value];
  }
  return found;
}

void add_quotients(const uint32_t* HWY_RESTRICT places, unsigned k, uint64_t* HWY_RESTRICT out,
                   size_t count) {
  for (size_t i = 0; i < count; ++i) {
    out[i] += static_cast<uint64_t>(places[i + 1] - places[i] - 1) << k;
  }
}

void add_centre(uint64_t centre, bool zigzag, uint64_t* HWY_RESTRICT values, size_t count) {
  if (!zigzag) {
    for (size_t i = 0; i < count; ++i) values[i] += centre;
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    values[i] = ((values[i] >> 1) ^ (0 - (values[i] & 1))) + centre;
  }
}

void prefix_sums(uint64_t* HWY_RESTRICT values, size_t count) {
  size_t i = 0;
  uint64_t sum = 0;
#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
  // Sums within a vector, then what came before it on top: one addition from vector to vector.
  const hn::CappedTag<uint64_t, 4> d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  std::array<int64_t, kLanes> last;
  last.fill(kLanes - 1);
  const auto last_lane = hn::SetTableIndices(d, last.data());
  auto before = hn::Zero(d);
  for (; i + kLanes <= count; i += kLanes) {
    auto v = hn::LoadU(d, values + i);
    v = hn::Add(v, hn::ShiftLeftLanes<1>(d, v));
    if constexpr (kLanes == 4) {
      v = hn::Add(v, hn::ConcatLowerLower(d, hn::DupOdd(v), hn::Zero(d)));
    }
    hn::StoreU(hn::Add(v, before), d, values + i);
    before = hn::Add(before, hn::TableLookupLanes(v, last_lane));
  }
  if (i > 0) sum = values[i - 1];
#endif
  for (; i < count; ++i) {
    sum += values[i];
    values[i] = sum;
  }
}

void to_doubles(const int64_t* HWY_RESTRICT values, double divisor, double* HWY_RESTRICT out,
                size_t count) {
  const hn::ScalableTag<double> d;
  const hn::RebindToSigned<decltype(d)> di;
  const size_t lanes = hn::Lanes(d);
  const auto by = hn::Set(d, divisor);
  size_t i = 0;
  if (divisor == 1) {
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(hn::ConvertTo(d, hn::LoadU(di, values + i)), d, out + i);
    }
  }
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Div(hn::ConvertTo(d, hn::LoadU(di, values + i)), by), d, out + i);
  }
  for (; i < count; ++i) out[i] = static_cast<double>(values[i]) / divisor;
}

}  // namespace prom5::chunk::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace prom5::chunk {

HWY_EXPORT(unpack_eights);
HWY_EXPORT(find_set_bits);
HWY_EXPORT(add_quotients);
HWY_EXPORT(add_centre);
HWY_EXPORT(prefix_sums);
HWY_EXPORT(to_doubles);

size_t unpack_eights(std::string_view packed, unsigned k, uint64_t* out, size_t count) {
  return HWY_DYNAMIC_DISPATCH(unpack_eights)(packed, k, out, count);
}

size_t find_set_bits(std::string_view bits, size_t from, size_t wanted, uint32_t* places) {
  return HWY_DYNAMIC_DISPATCH(find_set_bits)(bits, from, wanted, places);
}

void add_quotients(const uint32_t* places, unsigned k, uint64_t* out, size_t count) {
  HWY_DYNAMIC_DISPATCH(add_quotients)(places, k, out, count);
}

void add_centre(uint64_t centre, bool zigzag, uint64_t* values, size_t count) {
  HWY_DYNAMIC_DISPATCH(add_centre)(centre, zigzag, values, count);
}

void prefix_sums(uint64_t* values, size_t count) {
  HWY_DYNAMIC_DISPATCH(prefix_sums)(values, count);
}

void to_doubles(const int64_t* values, double divisor, double* out, size_t count) {
  HWY_DYNAMIC_DISPATCH(to_doubles)(values, divisor, out, count);
}

}  // namespace prom5::chunk
#endif
