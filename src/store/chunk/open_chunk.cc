#include "store/chunk/open_chunk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "store/chunk/column_chunk.h"

namespace prom5::chunk {

namespace {

/// Stands before eight bytes of what is no decimal: NaN, staleness markers, infinities, -0. The
/// difference 0 is a 1, and so on.
constexpr char kSpecial = 0;

uint64_t zigzag(uint64_t v) { return (v << 1) ^ -(v >> 63); }
uint64_t unzigzag(uint64_t v) { return (v >> 1) ^ -(v & 1); }

uint64_t read_varint(const char*& at) {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace

OpenChunk& OpenChunk::operator=(const OpenChunk& other) {
  if (this == &other) return *this;
  clear();
  put({other.bytes_.get(), other.size_});
  last_ = other.last_;
  count_ = other.count_;
  decimals_ = other.decimals_;
  return *this;
}

void OpenChunk::put(std::string_view bytes) {
  const size_t needed = size_ + bytes.size();
  if (needed > room_) {
    // malloc gives multiples of 16, less 8 of its own.
    const size_t room = (needed + 8 + 31) / 32 * 32 + 24;
    auto larger = std::make_unique_for_overwrite<char[]>(room);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
    room_ = static_cast<uint16_t>(room);
  }
  bytes.copy(bytes_.get() + size_, bytes.size());
  size_ = static_cast<uint16_t>(needed);
}

void OpenChunk::append(double value) {
  CHECK(count_ < kMaxValues);
  char eight[8];
  std::memcpy(eight, &value, 8);
  if (decimals_ == kRaw) {
    put({eight, 8});
  } else if (const auto integer = as_decimal(value, decimals_)) {
    append_integer(*integer);
  } else if (!is_plain(value)) {
    put({&kSpecial, 1});
    put({eight, 8});
  } else {
    change_decimals(value);
    append(value);
    return;
  }
  ++count_;
}

/// Decimals are below 2^53, so their difference has room for one more, and its code for one more
/// again: eight bytes of a varint at most.
void OpenChunk::append_integer(int64_t integer) {
  const uint64_t code = zigzag(static_cast<uint64_t>(integer) - static_cast<uint64_t>(last_)) + 1;
  const size_t size = (static_cast<size_t>(std::bit_width(code)) + 6) / 7;
  // Without a branch for each byte: how many there are cannot be foretold.
  uint64_t bytes = code & 0x7F;
  for (unsigned i = 1; i < 8; ++i) bytes |= (code << i) & (uint64_t{0x7F} << (8 * i));
  constexpr uint64_t kMore = 0x8080808080808080;
  bytes |= kMore & ((uint64_t{1} << (8 * (size - 1))) - 1);
  if (size_ + sizeof(bytes) <= room_) {
    // One store of a fixed length; what is behind the number is written over by the next.
    std::memcpy(bytes_.get() + size_, &bytes, sizeof(bytes));
    size_ = static_cast<uint16_t>(size_ + size);
  } else {
    put({reinterpret_cast<const char*>(&bytes), size});
  }
  last_ = integer;
}

/// Finds how many decimals `value` and those before it need; none suit all: raw.
void OpenChunk::change_decimals(double value) {
  uint8_t decimals = decimals_ + 1;
  while (decimals <= kMaxDecimals && !as_decimal(value, decimals)) ++decimals;
  begin_anew(decimals <= kMaxDecimals ? decimals : kRaw);
}

void OpenChunk::begin_anew(uint8_t decimals) {
  std::vector<double> values;
  decode(values);
  size_ = 0;
  last_ = 0;
  count_ = 0;
  decimals_ = decimals;
  for (const double v : values) append(v);
}

namespace {

void decode_values(const char* at, size_t count, bool raw, unsigned decimals,
                   std::vector<double>& out) {
  const size_t before = out.size();
  out.resize(before + count);
  double* const values = out.data() + before;
  if (raw) {
    std::memcpy(values, at, count * sizeof(double));
    return;
  }
  uint64_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t code = read_varint(at);
    if (code == kSpecial) {
      std::memcpy(&values[i], at, sizeof(double));
      at += sizeof(double);
      continue;
    }
    last += unzigzag(code - 1);
    values[i] = from_decimal(static_cast<int64_t>(last), decimals);
  }
}

}  // namespace

void OpenChunk::decode(std::vector<double>& out) const {
  decode_values(bytes_.get(), count_, decimals_ == kRaw, decimals_, out);
}

void OpenChunk::clear() {
  bytes_.reset();
  last_ = 0;
  size_ = room_ = count_ = 0;
  decimals_ = 0;
}

std::string OpenChunk::take_bytes() {
  std::string out(bytes_.get(), size_);
  out.push_back(static_cast<char>(decimals_));
  clear();
  return out;
}

void decode_open(std::string_view bytes, size_t count, std::vector<double>& out) {
  const auto decimals = static_cast<uint8_t>(bytes.back());
  decode_values(bytes.data(), count, decimals == OpenChunk::kRaw, decimals, out);
}

}  // namespace prom5::chunk
