#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::codec {

static_assert(std::endian::native == std::endian::little, "formats are read and written in place");

/// Appends fixed-width little-endian numbers and varints (LEB128, as protobuf has them).
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u32(uint32_t v) { fixed(v); }
  void u64(uint64_t v) { fixed(v); }
  void f64(double v) { fixed(std::bit_cast<uint64_t>(v)); }
  void varint(uint64_t v) {
    while (v >= 0x80) {
      u8(static_cast<uint8_t>(v | 0x80));
      v >>= 7;
    }
    u8(static_cast<uint8_t>(v));
  }
  /// Zigzag, so that small negative numbers stay short.
  void svarint(int64_t v) {
    varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
  }
  void bytes(std::string_view v) { out_.append(v); }
  void sized_bytes(std::string_view v) {
    varint(v.size());
    bytes(v);
  }

 private:
  template <typename T>
  void fixed(T v) {
    char raw[sizeof(T)];
    std::memcpy(raw, &v, sizeof(T));
    out_.append(raw, sizeof(T));
  }

  std::string& out_;
};

/// The bytes that ByteWriter::varint() writes.
constexpr size_t varint_size(uint64_t v) {
  constexpr size_t kBitsPerByte = 7;
  return (static_cast<size_t>(std::bit_width(v | 1)) + kBitsPerByte - 1) / kBitsPerByte;
}

/// Reads what ByteWriter wrote. Every read is checked: Corruption when the bytes end early or a
/// varint is longer than 64 bits.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  [[nodiscard]] size_t remaining() const { return in_.size(); }
  [[nodiscard]] bool empty() const { return in_.empty(); }

  Result<uint8_t> u8() {
    if (in_.empty()) return cut_short();
    const auto v = static_cast<uint8_t>(in_[0]);
    in_.remove_prefix(1);
    return v;
  }
  Result<uint32_t> u32() { return fixed<uint32_t>(); }
  Result<uint64_t> u64() { return fixed<uint64_t>(); }
  Result<double> f64() { return std::bit_cast<double>(TRY(fixed<uint64_t>())); }
  Result<uint64_t> varint() {
    uint64_t value = 0;
    if (try_varint(value)) return value;
    if (in_.size() < 10) return cut_short();
    return fail(ErrorCode::Corruption, "varint longer than 64 bits");
  }
  /// The same for inner loops; false, and nothing read, where varint() has an error.
  bool try_varint(uint64_t& value) {
    if (!in_.empty() && static_cast<uint8_t>(in_[0]) < 0x80) {
      value = static_cast<uint8_t>(in_[0]);
      in_.remove_prefix(1);
      return true;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < std::min<size_t>(in_.size(), 10); ++i) {
      const auto byte = static_cast<uint8_t>(in_[i]);
      if (i == 9 && byte > 1) return false;
      sum |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte >= 0x80) continue;
      value = sum;
      in_.remove_prefix(i + 1);
      return true;
    }
    return false;
  }
  bool try_u64(uint64_t& value) { return try_fixed(value); }
  bool try_u32(uint32_t& value) { return try_fixed(value); }
  bool try_sized_bytes(std::string_view& value) {
    uint64_t size = 0;
    const std::string_view before = in_;
    if (!try_varint(size) || size > in_.size()) {
      in_ = before;
      return false;
    }
    value = in_.substr(0, size);
    in_.remove_prefix(size);
    return true;
  }
  Result<int64_t> svarint() {
    const uint64_t raw = TRY(varint());
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }
  Result<std::string_view> take(uint64_t n) {
    if (n > in_.size()) return cut_short();
    const std::string_view out = in_.substr(0, n);
    in_.remove_prefix(n);
    return out;
  }
  /// What is left, without reading it.
  [[nodiscard]] std::string_view rest() const { return in_; }
  Result<std::string_view> sized_bytes() { return take(TRY(varint())); }

 private:
  static std::unexpected<Error> cut_short() {
    return fail(ErrorCode::Corruption, "bytes end early");
  }
  template <typename T>
  bool try_fixed(T& v) {
    if (in_.size() < sizeof(T)) return false;
    std::memcpy(&v, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return true;
  }
  template <typename T>
  Result<T> fixed() {
    T v;
    if (!try_fixed(v)) return cut_short();
    return v;
  }

  std::string_view in_;
};

}  // namespace prom5::codec
