#include "store/chunk/open_chunk.h"

#include <cmath>

#include "io/codec/bytes.h"
#include "store/chunk/column_chunk.h"

namespace prom5::chunk {

namespace {

/// Stands before eight bytes of what is no decimal: NaN, staleness markers, infinities, -0. The
/// difference 0 is a 1, and so on.
constexpr uint64_t kSpecial = 0;

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

void OpenChunk::append(double value) {
  codec::ByteWriter writer(bytes_);
  if (decimals_ == kRaw) {
    writer.f64(value);
  } else if (const auto integer = as_decimal(value, decimals_)) {
    append_integer(*integer);
  } else if (!is_plain(value)) {
    writer.varint(kSpecial);
    writer.f64(value);
  } else {
    change_decimals(value);
    append(value);
    return;
  }
  ++count_;
}

/// Decimals are below 2^53, so their difference has room for one more.
void OpenChunk::append_integer(int64_t integer) {
  codec::ByteWriter(bytes_).varint(
      zigzag(static_cast<uint64_t>(integer) - static_cast<uint64_t>(last_)) + 1);
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
  bytes_.clear();
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
  decode_values(bytes_.data(), count_, decimals_ == kRaw, decimals_, out);
}

std::string OpenChunk::take_bytes() {
  std::string out = std::move(bytes_);
  out.push_back(static_cast<char>(decimals_));
  *this = {};
  return out;
}

void decode_open(std::string_view bytes, size_t count, std::vector<double>& out) {
  const auto decimals = static_cast<uint8_t>(bytes.back());
  decode_values(bytes.data(), count, decimals == OpenChunk::kRaw, decimals, out);
}

}  // namespace prom5::chunk
