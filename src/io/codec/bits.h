#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prom5::codec {

/// Appends bits, most significant first.
class BitWriter {
 public:
  void bit(bool b) { bits(b ? 1 : 0, 1); }

  /// The lowest `count` bits of `value`; count <= 64.
  void bits(uint64_t value, unsigned count) {
    while (count > 0) {
      if (free_ == 0) {
        out_.push_back('\0');
        free_ = 8;
      }
      const unsigned n = count < free_ ? count : free_;
      const uint64_t part = (value >> (count - n)) & ((uint64_t{1} << n) - 1);
      out_.back() = static_cast<char>(static_cast<uint8_t>(out_.back()) | (part << (free_ - n)));
      free_ -= n;
      count -= n;
    }
  }

  [[nodiscard]] const std::string& data() const { return out_; }
  [[nodiscard]] size_t size_bytes() const { return out_.size(); }
  void shrink_to_fit() { out_.shrink_to_fit(); }

 private:
  std::string out_;
  unsigned free_ = 0;  // unused low bits of the last byte
};

/// Reads what BitWriter wrote. Reading past the end gives zeros and sets overrun().
class BitReader {
 public:
  explicit BitReader(std::string_view in) : in_(in) {}

  bool bit() { return bits(1) != 0; }

  uint64_t bits(unsigned count) {
    uint64_t value = 0;
    while (count > 0) {
      if (left_ == 0) {
        if (in_.empty()) {
          overrun_ = true;
          return count < 64 ? value << count : 0;  // zeros stand in for what is missing
        }
        byte_ = static_cast<uint8_t>(in_[0]);
        in_.remove_prefix(1);
        left_ = 8;
      }
      const unsigned n = count < left_ ? count : left_;
      value = (value << n) | ((byte_ >> (left_ - n)) & ((1U << n) - 1));
      left_ -= n;
      count -= n;
    }
    return value;
  }

  [[nodiscard]] bool overrun() const { return overrun_; }

 private:
  std::string_view in_;
  unsigned byte_ = 0;
  unsigned left_ = 0;
  bool overrun_ = false;
};

}  // namespace prom5::codec
