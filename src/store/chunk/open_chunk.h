#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::chunk {

/// The values of a chunk that is still written to. Decimals, which most metrics are, are kept as
/// differences to the one before, in one to three bytes; what is no decimal costs eight. Appending
/// takes a few nanoseconds; encode_floats() makes the final form, smaller by a third. At most
/// kMaxValues. One thread.
class OpenChunk {
 public:
  static constexpr size_t kMaxValues = 4096;

  void append(double value);

  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] size_t size_bytes() const { return room_; }

  /// Appends all values, every bit of every one as it was given.
  void decode(std::vector<double>& out) const;

  OpenChunk() = default;
  OpenChunk(const OpenChunk& other) { *this = other; }
  OpenChunk& operator=(const OpenChunk& other);

  /// Begins anew and gives the memory back.
  void clear();

  /// The chunk as it is, to be kept: `count` values that decode_open() gives back.
  [[nodiscard]] std::string take_bytes();

  /// Instead of a number of decimals: eight bytes for each value.
  static constexpr uint8_t kRaw = 0xFF;

 private:
  void append_integer(int64_t integer);
  void change_decimals(double value);
  void begin_anew(uint8_t decimals);
  void put(std::string_view bytes);

  // A string would be twice as large and grow by doubling: there are millions.
  std::unique_ptr<char[]> bytes_;
  int64_t last_ = 0;  ///< the last decimal's integer
  uint16_t size_ = 0;
  uint16_t room_ = 0;
  uint16_t count_ = 0;
  uint8_t decimals_ = 0;
};

/// Appends the `count` values of take_bytes(). The bytes are trusted: they never left memory.
void decode_open(std::string_view bytes, size_t count, std::vector<double>& out);

}  // namespace prom5::chunk
