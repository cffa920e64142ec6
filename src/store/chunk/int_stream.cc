#include "store/chunk/int_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

namespace prom5::chunk {

namespace {

// The first byte.
constexpr uint8_t kOrderMask = 0x03;
constexpr uint8_t kConstant = 0x04;  // all residuals are the centre
constexpr uint8_t kSparse = 0x08;    // gaps between residuals other than the centre
constexpr uint8_t kOneSided = 0x10;  // the centre is the least residual: no signs

constexpr size_t kMaxOrder = 2;
/// A value whose unary part would be longer than this is kept apart.
constexpr unsigned kMaxQuotient = 24;
constexpr size_t kCentreSamples = 63;

uint64_t zigzag(uint64_t v) { return (v << 1) ^ -(v >> 63); }
uint64_t unzigzag(uint64_t v) { return (v >> 1) ^ -(v & 1); }
uint64_t low_mask(unsigned bits) { return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

unsigned varint_bytes(uint64_t v) { return (std::bit_width(v | 1) + 6) / 7; }

/// How many numbers have each width, and their sums: enough to price every Rice parameter.
class WidthCensus {
 public:
  explicit WidthCensus(std::span<const uint64_t> values) {
    for (const uint64_t v : values) {
      const auto width = static_cast<unsigned>(std::bit_width(v));
      ++count_[width];
      sum_[width] += static_cast<double>(v);
    }
  }

  struct Choice {
    unsigned k = 0;
    double bits = 0;
  };
  /// The Rice parameter that costs least, about.
  [[nodiscard]] Choice best() const {
    Choice best{0, price(0)};
    for (unsigned k = 1; k < 63; ++k) {
      const double bits = price(k);
      if (bits < best.bits) best = {k, bits};
    }
    return best;
  }

 private:
  [[nodiscard]] double price(unsigned k) const {
    double bits = 0;
    const double scale = 1.0 / static_cast<double>(uint64_t{1} << k);
    for (unsigned width = 0; width <= 64; ++width) {
      if (count_[width] == 0) continue;
      const double n = count_[width];
      double unary = n;
      if (width > k) unary += std::max(0.0, sum_[width] * scale - n / 2);
      const double apart = n * (1 + 8.0 * (1 + (width + 6) / 7));
      bits += n * k + std::min(unary, apart);
    }
    return bits;
  }

  std::array<uint32_t, 65> count_{};
  std::array<double, 65> sum_{};
};

/// Rice codes with parameter k: exceptions, packed low bits, unary quotients.
void write_rice(std::span<const uint64_t> values, unsigned k, std::string& out) {
  codec::ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(k));
  const auto is_apart = [k](uint64_t v) { return (v >> k) > kMaxQuotient; };
  const auto apart = static_cast<size_t>(std::count_if(values.begin(), values.end(), is_apart));
  writer.varint(apart);
  for (size_t i = 0, next = 0; i < values.size(); ++i) {
    if (!is_apart(values[i])) continue;
    writer.varint(i - next);
    writer.varint(values[i]);
    next = i + 1;
  }
  const size_t low_begin = out.size();
  out.resize(low_begin + (values.size() * k + 7) / 8, '\0');
  size_t unary_bits = 0;
  size_t bit = 0;
  for (const uint64_t v : values) {
    if (!is_apart(v)) {
      unary_bits += v >> k;
      uint64_t low = v & low_mask(k);
      for (unsigned left = k, at = 0; left > 0;) {
        const unsigned shift = (bit + at) % 8;
        const unsigned taken = std::min(8 - shift, left);
        out[low_begin + (bit + at) / 8] |= static_cast<char>((low & low_mask(taken)) << shift);
        low >>= taken;
        left -= taken;
        at += taken;
      }
    }
    ++unary_bits;
    bit += k;
  }
  const size_t unary_begin = out.size();
  out.resize(unary_begin + (unary_bits + 7) / 8, '\0');
  size_t at = 0;
  for (const uint64_t v : values) {
    if (!is_apart(v)) at += v >> k;
    out[unary_begin + at / 8] |= static_cast<char>(1 << (at % 8));
    ++at;
  }
}

uint64_t load64(const char* from, size_t available) {
  uint64_t word = 0;
  std::memcpy(&word, from, std::min<size_t>(available, 8));
  return word;
}

/// The i-th number of k bits, LSB first.
uint64_t low_bits(std::string_view packed, size_t i, unsigned k) {
  const size_t bit = i * k;
  const size_t byte = bit / 8;
  const unsigned shift = bit % 8;
  uint64_t v = load64(packed.data() + byte, packed.size() - byte) >> shift;
  if (shift + k > 64) {
    v |= static_cast<uint64_t>(static_cast<uint8_t>(packed[byte + 8])) << (64 - shift);
  }
  return v & low_mask(k);
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::Corruption, "integer column: {}", what);
}

Result<void> unpack_low(codec::ByteReader& in, unsigned k, std::span<uint64_t> out) {
  const std::string_view packed = TRY(in.take((out.size() * k + 7) / 8));
  if (k == 0) {
    std::fill(out.begin(), out.end(), 0);
    return {};
  }
  size_t i = 0;
  if (k <= 56) {
    // Whole words as long as eight bytes are left behind each start.
    const size_t safe = packed.size() < 8 ? 0 : (packed.size() - 8) * 8 / k;
    const uint64_t mask = low_mask(k);
    for (const size_t end = std::min(safe, out.size()); i < end; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, packed.data() + i * k / 8, 8);
      out[i] = (word >> (i * k % 8)) & mask;
    }
  }
  for (; i < out.size(); ++i) out[i] = low_bits(packed, i, k);
  return {};
}

/// Adds the quotients, which end at each set bit.
Result<void> add_unary(codec::ByteReader& in, unsigned k, std::span<uint64_t> out) {
  const std::string_view bits = in.rest();
  size_t i = 0;
  size_t previous = 0;  // where the code of the i-th number begins
  size_t byte = 0;
  for (; i < out.size(); byte += 8) {
    if (byte >= bits.size()) return corrupt("ends early");
    uint64_t word = load64(bits.data() + byte, bits.size() - byte);
    for (; word != 0 && i < out.size(); word &= word - 1, ++i) {
      const size_t at = byte * 8 + static_cast<size_t>(std::countr_zero(word));
      out[i] |= (at - previous) << k;
      previous = at + 1;
    }
  }
  TRY(in.take((previous + 7) / 8));
  return {};
}

Result<void> read_rice(codec::ByteReader& in, std::span<uint64_t> out) {
  const unsigned k = TRY(in.u8());
  if (k > 62) return corrupt("Rice parameter");
  const uint64_t apart = TRY(in.varint());
  if (apart > out.size()) return corrupt("more exceptions than numbers");
  std::vector<std::pair<size_t, uint64_t>> exceptions;
  exceptions.reserve(apart);
  for (uint64_t n = 0, next = 0; n < apart; ++n) {
    const uint64_t gap = TRY(in.varint());
    if (gap >= out.size() - next) return corrupt("exception beyond the end");
    exceptions.emplace_back(next + gap, TRY(in.varint()));
    next += gap + 1;
    if (next >= out.size() && n + 1 < apart) return corrupt("exception beyond the end");
  }
  TRY(unpack_low(in, k, out));
  TRY(add_unary(in, k, out));
  for (const auto& [at, value] : exceptions) out[at] = value;
  return {};
}

/// One way to write a column.
struct Plan {
  size_t order = 0;
  uint8_t flags = 0;
  uint64_t centre = 0;
  unsigned k = 0;
  double bits = 0;
};

void take_differences(std::span<uint64_t> column, size_t first) {
  for (size_t i = column.size(); i-- > first;) column[i] -= column[i - 1];
}

void subtract(std::span<const uint64_t> residuals, const Plan& plan, std::vector<uint64_t>& out) {
  out.resize(residuals.size());
  const bool one_sided = (plan.flags & kOneSided) != 0;
  for (size_t i = 0; i < residuals.size(); ++i) {
    const uint64_t d = residuals[i] - plan.centre;
    out[i] = one_sided ? d : zigzag(d);
  }
}

/// The middle of a few residuals, spread over all of them.
uint64_t middle(std::span<const uint64_t> residuals) {
  std::array<int64_t, kCentreSamples> some{};
  const size_t n = std::min(residuals.size(), kCentreSamples);
  for (size_t i = 0; i < n; ++i)
    some[i] = static_cast<int64_t>(residuals[i * residuals.size() / n]);
  const auto half = some.begin() + static_cast<ptrdiff_t>(n / 2);
  std::nth_element(some.begin(), half, some.begin() + static_cast<ptrdiff_t>(n));
  return static_cast<uint64_t>(*half);
}

uint64_t least(std::span<const uint64_t> residuals) {
  int64_t out = INT64_MAX;
  for (const uint64_t r : residuals) out = std::min(out, static_cast<int64_t>(r));
  return static_cast<uint64_t>(out);
}

/// What stands between the numbers other than 0, and these numbers less 1.
struct Gaps {
  std::vector<uint64_t> gaps;
  std::vector<uint64_t> others;
};

Gaps gaps_of(std::span<const uint64_t> values) {
  Gaps out;
  uint64_t run = 0;
  for (const uint64_t v : values) {
    if (v == 0) {
      ++run;
      continue;
    }
    out.gaps.push_back(run);
    out.others.push_back(v - 1);
    run = 0;
  }
  return out;
}

/// Prices the residuals about one centre, dense and sparse.
Plan price(std::span<const uint64_t> residuals, Plan plan, std::vector<uint64_t>& scratch) {
  subtract(residuals, plan, scratch);
  const auto zeros = static_cast<size_t>(std::count(scratch.begin(), scratch.end(), 0));
  const double header = 8.0 * varint_bytes(zigzag(plan.centre));
  if (zeros == scratch.size()) {
    plan.flags |= kConstant;
    plan.bits = header;
    return plan;
  }
  const WidthCensus::Choice dense = WidthCensus(scratch).best();
  plan.k = dense.k;
  plan.bits = header + 16 + dense.bits;
  if (zeros * 2 < scratch.size()) return plan;
  const Gaps sparse = gaps_of(scratch);
  const double bits = header + 8.0 * varint_bytes(sparse.gaps.size()) + 32 +
                      WidthCensus(sparse.gaps).best().bits + WidthCensus(sparse.others).best().bits;
  if (bits < plan.bits) {
    plan.flags |= kSparse;
    plan.bits = bits;
  }
  return plan;
}

/// The cheapest plan for residuals of one order; without the bits of the first values.
Plan best_of_order(std::span<const uint64_t> residuals, size_t order,
                   std::vector<uint64_t>& scratch) {
  Plan about_middle{order, 0, middle(residuals)};
  about_middle = price(residuals, about_middle, scratch);
  Plan from_least{order, kOneSided, least(residuals)};
  // Signs cost nothing where the least is the middle already.
  from_least = price(residuals, from_least, scratch);
  return from_least.bits < about_middle.bits ? from_least : about_middle;
}

}  // namespace

void encode_ints(std::span<const int64_t> values, std::string& out) {
  CHECK(values.size() <= kMaxInts);
  if (values.empty()) return;
  std::vector<uint64_t> column(values.begin(), values.end());
  std::vector<uint64_t> scratch;
  std::optional<Plan> best;
  std::vector<uint64_t> best_column;
  const size_t orders = std::min(kMaxOrder, values.size() - 1);
  double first_values = 0;
  for (size_t order = 0; order <= orders; ++order) {
    if (order > 0) {
      first_values += 8.0 * varint_bytes(zigzag(column[order - 1]));
      take_differences(column, order);
    }
    Plan plan = best_of_order(std::span(column).subspan(order), order, scratch);
    plan.bits += first_values;
    if (!best || plan.bits < best->bits) {
      best = plan;
      best_column = column;
    }
  }
  codec::ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(best->order | best->flags));
  for (size_t i = 0; i < best->order; ++i) writer.varint(zigzag(best_column[i]));
  writer.varint(zigzag(best->centre));
  if ((best->flags & kConstant) != 0) return;
  subtract(std::span(best_column).subspan(best->order), *best, scratch);
  if ((best->flags & kSparse) == 0) {
    write_rice(scratch, best->k, out);
    return;
  }
  const Gaps sparse = gaps_of(scratch);
  writer.varint(sparse.gaps.size());
  write_rice(sparse.gaps, WidthCensus(sparse.gaps).best().k, out);
  write_rice(sparse.others, WidthCensus(sparse.others).best().k, out);
}

namespace {

Result<void> read_sparse(codec::ByteReader& in, std::span<uint64_t> out) {
  const uint64_t count = TRY(in.varint());
  if (count > out.size()) return corrupt("more numbers than there is room for");
  std::vector<uint64_t> gaps(count);
  std::vector<uint64_t> others(count);
  TRY(read_rice(in, gaps));
  TRY(read_rice(in, others));
  std::fill(out.begin(), out.end(), 0);
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    if (gaps[i] >= out.size() - at) return corrupt("gap beyond the end");
    at += gaps[i];
    out[at] = others[i] + 1;
    if (++at == out.size() && i + 1 < count) return corrupt("gap beyond the end");
  }
  return {};
}

}  // namespace

Result<void> decode_ints(codec::ByteReader& in, std::span<int64_t> out) {
  if (out.empty()) return {};
  const uint8_t first = TRY(in.u8());
  const size_t order = first & kOrderMask;
  if (order > kMaxOrder || order >= out.size()) return corrupt("order of differences");
  // The same bytes as unsigned numbers, whose arithmetic wraps.
  const std::span<uint64_t> column(reinterpret_cast<uint64_t*>(out.data()), out.size());
  for (size_t i = 0; i < order; ++i) column[i] = unzigzag(TRY(in.varint()));
  const uint64_t centre = unzigzag(TRY(in.varint()));
  const std::span<uint64_t> residuals = column.subspan(order);
  if ((first & kConstant) != 0) {
    std::fill(residuals.begin(), residuals.end(), centre);
  } else {
    if ((first & kSparse) != 0) {
      TRY(read_sparse(in, residuals));
    } else {
      TRY(read_rice(in, residuals));
    }
    if ((first & kOneSided) != 0) {
      for (uint64_t& r : residuals) r += centre;
    } else {
      for (uint64_t& r : residuals) r = unzigzag(r) + centre;
    }
  }
  for (size_t n = order; n > 0; --n) {
    for (size_t i = n; i < column.size(); ++i) column[i] += column[i - 1];
  }
  return {};
}

}  // namespace prom5::chunk
