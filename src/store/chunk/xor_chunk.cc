#include "store/chunk/xor_chunk.h"

#include <array>
#include <bit>

namespace prom5::chunk {

namespace {

constexpr std::array<unsigned, 3> kDeltaBits = {14, 17, 20};

bool fits(int64_t value, unsigned bits) {
  const int64_t limit = int64_t{1} << (bits - 1);
  return -limit < value && value <= limit;
}

}  // namespace

void XorChunk::append(Sample sample) {
  if (count_ == 0) {
    first_time_ = sample.time;
    bits_.bits(static_cast<uint64_t>(sample.time.ms), 64);
    bits_.bits(std::bit_cast<uint64_t>(sample.value), 64);
  } else {
    append_time(sample.time);
    append_value(sample.value);
  }
  last_ = sample;
  ++count_;
}

void XorChunk::append_time(TimeMs time) {
  // Unsigned arithmetic: far apart times wrap and unwrap alike.
  const auto delta =
      static_cast<int64_t>(static_cast<uint64_t>(time.ms) - static_cast<uint64_t>(last_.time.ms));
  const auto change =
      static_cast<int64_t>(static_cast<uint64_t>(delta) - static_cast<uint64_t>(last_delta_));
  last_delta_ = delta;
  if (change == 0) {
    bits_.bit(false);
    return;
  }
  for (unsigned i = 0; i < kDeltaBits.size(); ++i) {
    if (fits(change, kDeltaBits[i])) {
      bits_.bits((uint64_t{1} << (i + 2)) - 2, i + 2);  // 10, 110, 1110
      bits_.bits(static_cast<uint64_t>(change), kDeltaBits[i]);
      return;
    }
  }
  bits_.bits(0b1111, 4);
  bits_.bits(static_cast<uint64_t>(change), 64);
}

void XorChunk::append_value(double value) {
  const uint64_t change = std::bit_cast<uint64_t>(value) ^ std::bit_cast<uint64_t>(last_.value);
  if (change == 0) {
    bits_.bit(false);
    return;
  }
  bits_.bit(true);
  auto leading = static_cast<uint8_t>(std::countl_zero(change));
  const auto trailing = static_cast<uint8_t>(std::countr_zero(change));
  if (leading > 31) leading = 31;  // five bits
  if (leading_ != 0xFF && leading >= leading_ && trailing >= trailing_) {
    bits_.bit(false);
    bits_.bits(change >> trailing_, 64U - leading_ - trailing_);
    return;
  }
  leading_ = leading;
  trailing_ = trailing;
  const unsigned length = 64U - leading - trailing;
  bits_.bit(true);
  bits_.bits(leading, 5);
  bits_.bits(length & 63, 6);
  bits_.bits(change >> trailing, length);
}

Result<void> decode_xor(std::string_view data, size_t count, std::vector<TimeMs>& times,
                        std::vector<double>& values) {
  codec::BitReader in(data);
  uint64_t time = 0;
  uint64_t delta = 0;
  uint64_t value = 0;
  unsigned trailing = 0;
  unsigned length = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i == 0) {
      time = in.bits(64);
      value = in.bits(64);
    } else {
      unsigned prefix = 0;
      while (prefix < 4 && in.bit()) ++prefix;
      if (prefix == 4) {
        delta += in.bits(64);
      } else if (prefix > 0) {
        const unsigned width = kDeltaBits[prefix - 1];
        uint64_t change = in.bits(width);
        // Two's complement with the range shifted by one: the top value is positive.
        if (change > (uint64_t{1} << (width - 1))) change -= uint64_t{1} << width;
        delta += change;
      }
      time += delta;
      if (in.bit()) {
        if (in.bit()) {
          const auto leading = static_cast<unsigned>(in.bits(5));
          length = static_cast<unsigned>(in.bits(6));
          if (length == 0) length = 64;
          if (leading + length > 64) {
            return fail(ErrorCode::Corruption, "sample {}: window of {} bits", i, leading + length);
          }
          trailing = 64 - leading - length;
        } else if (length == 0) {
          return fail(ErrorCode::Corruption, "sample {}: no window to repeat", i);
        }
        value ^= in.bits(length) << trailing;
      }
    }
    if (in.overrun()) return fail(ErrorCode::Corruption, "chunk ends at sample {} of {}", i, count);
    times.push_back({static_cast<int64_t>(time)});
    values.push_back(std::bit_cast<double>(value));
  }
  return {};
}

}  // namespace prom5::chunk
