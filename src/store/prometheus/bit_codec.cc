#include "store/prometheus/bit_codec.h"

#include <algorithm>
#include <array>

namespace prom5::prometheus {

namespace {

/// Payload widths of the prefix codes with 1, 2, … ones; eight ones are the last.
constexpr std::array<unsigned, 8> kWidths = {3, 6, 9, 12, 18, 25, 56, 64};

uint64_t low_mask(unsigned bits) { return bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

/// `ones` ones and a zero, which eight ones need not have.
void put_prefix(codec::BitWriter& out, unsigned ones) {
  if (ones == kWidths.size()) {
    out.bits(0xFF, 8);
  } else {
    out.bits(low_mask(ones) << 1, ones + 1);
  }
}

unsigned get_prefix(codec::BitReader& in) {
  unsigned ones = 0;
  while (ones < kWidths.size() && in.bit()) ++ones;
  return ones;
}

}  // namespace

void put_uvarint(codec::BitWriter& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.bits((v & 0x7F) | 0x80, 8);
  out.bits(v, 8);
}

void put_varint(codec::BitWriter& out, int64_t v) {
  put_uvarint(out, (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
}

uint64_t get_uvarint(codec::BitReader& in) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = in.bits(8);
    v |= (byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  return v;
}

int64_t get_varint(codec::BitReader& in) {
  const uint64_t raw = get_uvarint(in);
  return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
}

int64_t signed_of(uint64_t bits, unsigned width) {
  if (width < 64 && bits > (uint64_t{1} << (width - 1))) bits -= uint64_t{1} << width;
  return static_cast<int64_t>(bits);
}

void put_varbit_int(codec::BitWriter& out, int64_t v) {
  if (v == 0) return put_prefix(out, 0);
  unsigned row = 0;
  for (; kWidths[row] < 64; ++row) {
    const int64_t top = int64_t{1} << (kWidths[row] - 1);
    if (v > -top && v <= top) break;
  }
  put_prefix(out, row + 1);
  out.bits(static_cast<uint64_t>(v) & low_mask(kWidths[row]), kWidths[row]);
}

void put_varbit_uint(codec::BitWriter& out, uint64_t v) {
  if (v == 0) return put_prefix(out, 0);
  unsigned row = 0;
  while (v > low_mask(kWidths[row])) ++row;
  put_prefix(out, row + 1);
  out.bits(v, kWidths[row]);
}

int64_t get_varbit_int(codec::BitReader& in) {
  const unsigned ones = get_prefix(in);
  return ones == 0 ? 0 : signed_of(in.bits(kWidths[ones - 1]), kWidths[ones - 1]);
}

uint64_t get_varbit_uint(codec::BitReader& in) {
  const unsigned ones = get_prefix(in);
  return ones == 0 ? 0 : in.bits(kWidths[ones - 1]);
}

void XorWriter::first(codec::BitWriter& out, double v) {
  last_ = std::bit_cast<uint64_t>(v);
  out.bits(last_, 64);
}

void XorWriter::next(codec::BitWriter& out, double v) {
  const uint64_t change = std::bit_cast<uint64_t>(v) ^ last_;
  last_ = std::bit_cast<uint64_t>(v);
  out.bit(change != 0);
  if (change == 0) return;
  constexpr unsigned kMaxLeading = 31;  // five bits
  const unsigned leading = std::min<unsigned>(std::countl_zero(change), kMaxLeading);
  const auto trailing = static_cast<unsigned>(std::countr_zero(change));
  if (window_ && leading >= leading_ && trailing >= trailing_) {
    out.bit(false);
  } else {
    window_ = true;
    leading_ = leading;
    trailing_ = trailing;
    out.bit(true);
    out.bits(leading, 5);
    out.bits((64 - leading - trailing) & 63, 6);
  }
  out.bits(change >> trailing_, 64 - leading_ - trailing_);
}

double XorReader::first(codec::BitReader& in) {
  last_ = in.bits(64);
  return std::bit_cast<double>(last_);
}

bool XorReader::next(codec::BitReader& in, double& v) {
  if (in.bit()) {
    if (in.bit()) {
      leading_ = static_cast<unsigned>(in.bits(5));
      auto length = static_cast<unsigned>(in.bits(6));
      if (length == 0) length = 64;
      if (leading_ + length > 64) return false;
      trailing_ = 64 - leading_ - length;
    }
    last_ ^= in.bits(64 - leading_ - trailing_) << trailing_;
  }
  v = std::bit_cast<double>(last_);
  return true;
}

}  // namespace prom5::prometheus
