#include "store/chunk/column_chunk.h"

#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include "store/chunk/int_kernels.h"
#include "store/chunk/int_stream.h"

namespace prom5::chunk {

namespace {

// The first byte of a column of floats.
constexpr uint8_t kExponentMask = 0x1F;
constexpr uint8_t kBitPatterns = 0x40;
constexpr uint8_t kHasSpecials = 0x80;

/// Decimals this long may be larger than their bit patterns: both are tried.
constexpr unsigned kLongDecimals = 6;
/// With more specials than one in this many, the column is taken as bit patterns.
constexpr size_t kSpecialsOneIn = 8;

struct Special {
  size_t at;
  double value;
};

/// A column of decimals as integers, with the fewest decimals that all plain values have.
struct Decimals {
  unsigned exponent = 0;
  std::vector<int64_t> integers;
  std::vector<Special> specials;

  /// False when a plain value has too many decimals. Begins anew with each decimal more, of which
  /// the first values need as many as the others.
  bool fill(std::span<const double> values) {
    integers.resize(values.size());
    exponent = 0;
    for (;;) {
      specials.clear();
      size_t i = 0;
      for (; i < values.size(); ++i) {
        if (const auto decimal = as_decimal(values[i], exponent)) {
          integers[i] = *decimal;
        } else if (is_plain(values[i])) {
          break;
        } else {
          specials.push_back({i, values[i]});
          integers[i] = i > 0 ? integers[i - 1] : 0;
        }
      }
      if (i == values.size()) return true;
      while (!as_decimal(values[i], exponent)) {
        if (++exponent > kMaxDecimals) return false;
      }
    }
  }
};

/// Bit patterns as integers that are in the order of the numbers. Its own inverse.
int64_t order_bits(int64_t bits) { return bits < 0 ? bits ^ INT64_MAX : bits; }

/// Empty when decimals do not suit the column.
std::string encode_decimals(std::span<const double> values) {
  thread_local Decimals decimals;
  if (!decimals.fill(values)) return {};
  const auto& [exponent, integers, specials] = decimals;
  if (specials.size() > values.size() / kSpecialsOneIn + 1) return {};
  std::string out;
  codec::ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(exponent | (specials.empty() ? 0 : kHasSpecials)));
  if (!specials.empty()) {
    writer.varint(specials.size());
    size_t next = 0;
    for (const Special& special : specials) {
      writer.varint(special.at - next);
      writer.f64(special.value);
      next = special.at + 1;
    }
  }
  encode_ints(integers, out);
  return out;
}

std::string encode_bit_patterns(std::span<const double> values) {
  std::vector<int64_t> integers(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    integers[i] = order_bits(std::bit_cast<int64_t>(values[i]));
  }
  std::string out(1, static_cast<char>(kBitPatterns));
  encode_ints(integers, out);
  return out;
}

}  // namespace

void encode_floats(std::span<const double> values, std::string& out) {
  std::string column = encode_decimals(values);
  const bool may_be_long =
      column.empty() || (static_cast<uint8_t>(column[0]) & kExponentMask) >= kLongDecimals;
  if (may_be_long) {
    std::string patterns = encode_bit_patterns(values);
    if (column.empty() || patterns.size() < column.size()) column = std::move(patterns);
  }
  out += column;
}

Result<void> decode_floats(codec::ByteReader& in, std::span<double> out) {
  const uint8_t first = TRY(in.u8());
  const unsigned exponent = first & kExponentMask;
  if (exponent > kMaxDecimals) return fail(ErrorCode::Corruption, "float column: exponent");
  std::vector<Special> specials;
  if ((first & kHasSpecials) != 0) {
    const uint64_t count = TRY(in.varint());
    if (count > out.size()) return fail(ErrorCode::Corruption, "float column: specials");
    for (size_t i = 0, next = 0; i < count; ++i) {
      const uint64_t gap = TRY(in.varint());
      if (next >= out.size() || gap >= out.size() - next) {
        return fail(ErrorCode::Corruption, "float column: special beyond the end");
      }
      specials.push_back({next + gap, TRY(in.f64())});
      next += gap + 1;
    }
  }
  thread_local std::vector<int64_t> scratch;
  if (scratch.size() < out.size()) scratch.resize(out.size());
  const std::span<int64_t> integers = std::span(scratch).first(out.size());
  TRY(decode_ints(in, integers));
  if ((first & kBitPatterns) != 0) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = std::bit_cast<double>(order_bits(integers[i]));
  } else {
    to_doubles(integers.data(), kPowersOfTen[exponent], out.data(), out.size());
  }
  for (const Special& special : specials) out[special.at] = special.value;
  return {};
}

void encode_times(std::span<const TimeMs> times, std::string& out) {
  CHECK(!times.empty() && times.size() <= kMaxInts);
  codec::ByteWriter(out).varint(times.size());
  static_assert(sizeof(TimeMs) == sizeof(int64_t));
  encode_ints({&times.data()->ms, times.size()}, out);
}

Result<void> decode_times(codec::ByteReader& in, std::vector<TimeMs>& times) {
  const uint64_t count = TRY(in.varint());
  if (count == 0 || count > kMaxInts) return fail(ErrorCode::Corruption, "chunk: sample count");
  const size_t before = times.size();
  times.resize(before + count);
  auto decoded = decode_ints(in, {&times[before].ms, count});
  if (!decoded) times.resize(before);
  return decoded;
}

void encode_chunk(std::span<const TimeMs> times, std::span<const double> values, std::string& out) {
  CHECK(times.size() == values.size());
  encode_times(times, out);
  encode_floats(values, out);
}

Result<void> decode_chunk(std::string_view bytes, std::vector<TimeMs>& times,
                          std::vector<double>& values) {
  codec::ByteReader in(bytes);
  const size_t before = times.size();
  TRY(decode_times(in, times));
  values.resize(times.size());
  auto decoded = decode_floats(in, std::span(values).subspan(before));
  if (!decoded) {
    times.resize(before);
    values.resize(before);
  }
  return decoded;
}

}  // namespace prom5::chunk
