#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/codec/bits.h"
#include "model/sample.h"

namespace prom5::chunk {

/// Float samples of one series, compressed as in Gorilla (Pelkonen et al., VLDB 2015, §4.1) with
/// Prometheus' bucket widths, which suit milliseconds.
///
///   first sample   64 bits time, 64 bits value
///   time           delta of deltas d: 0 | 10 + 14 bits | 110 + 17 | 1110 + 20 | 1111 + 64
///   value          xor with the one before: 0 | 10 + bits in the same window
///                  | 11 + 5 bits leading zeros + 6 bits length (0 is 64) + bits
///
/// Times are appended strictly ascending. One thread.
class XorChunk {
 public:
  void append(Sample sample);

  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] TimeMs first_time() const { return first_time_; }
  [[nodiscard]] TimeMs last_time() const { return last_.time; }
  [[nodiscard]] double last_value() const { return last_.value; }
  [[nodiscard]] std::string_view data() const { return bits_.data(); }
  void shrink_to_fit() { bits_.shrink_to_fit(); }

 private:
  void append_time(TimeMs time);
  void append_value(double value);

  codec::BitWriter bits_;
  uint32_t count_ = 0;
  TimeMs first_time_;
  Sample last_;
  int64_t last_delta_ = 0;
  uint8_t leading_ = 0xFF;  // 0xFF: no window yet
  uint8_t trailing_ = 0;
};

/// Appends the `count` samples encoded in `data` to the two columns. Corruption when the bytes end
/// early.
Result<void> decode_xor(std::string_view data, size_t count, std::vector<TimeMs>& times,
                        std::vector<double>& values);

}  // namespace prom5::chunk
