#include "store/chunk/int_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "store/chunk/int_kernels.h"

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

/// What the number costs apart from the others, in bits.
uint64_t bits_apart(uint64_t v) { return 8 * (1 + varint_bytes(v)) + 1; }

/// What Rice codes with parameter k cost, in bits, but for their header.
uint64_t rice_bits(std::span<const uint64_t> values, unsigned k) {
  uint64_t bits = values.size() * k;
  for (const uint64_t v : values) {
    const uint64_t quotient = v >> k;
    bits += quotient > kMaxQuotient ? bits_apart(v) : quotient + 1;
  }
  return bits;
}

struct RiceChoice {
  unsigned k = 0;
  uint64_t bits = 0;
};

/// The parameter that costs least. It lies near the logarithm of the mean (Kiely, 2004), of which
/// numbers that will stand apart must be no part: so the search begins at the median's width and
/// walks downhill.
RiceChoice best_rice(std::span<const uint64_t> values) {
  std::array<uint32_t, 65> widths{};
  for (const uint64_t v : values) ++widths[std::bit_width(v)];
  unsigned median = 0;
  for (size_t seen = widths[0]; seen * 2 < values.size(); seen += widths[median]) ++median;
  constexpr unsigned kMaxK = 62;
  const unsigned start = std::min(median > 0 ? median - 1 : 0, kMaxK);
  RiceChoice best{start, rice_bits(values, start)};
  const auto try_k = [&](unsigned k) {
    const uint64_t bits = rice_bits(values, k);
    if (bits >= best.bits) return false;
    best = {k, bits};
    return true;
  };
  while (best.k < kMaxK && try_k(best.k + 1)) {
  }
  if (best.k == start) {
    while (best.k > 0 && try_k(best.k - 1)) {
    }
  }
  return best;
}

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
  size_t unary_bits = values.size();
  uint64_t word = 0;
  unsigned filled = 0;
  const uint64_t mask = low_mask(k);
  for (const uint64_t v : values) {
    const bool stands_apart = is_apart(v);
    if (!stands_apart) unary_bits += v >> k;
    const uint64_t low = stands_apart ? 0 : v & mask;
    word |= low << filled;
    filled += k;
    if (filled < 64) continue;
    writer.u64(word);
    filled -= 64;
    word = filled == 0 ? 0 : low >> (k - filled);
  }
  for (; filled > 0; filled -= std::min(filled, 8U), word >>= 8) {
    writer.u8(static_cast<uint8_t>(word));
  }
  const size_t unary_begin = out.size();
  out.resize(unary_begin + (unary_bits + 7) / 8, '\0');
  char* const unary = out.data() + unary_begin;
  size_t at = 0;
  for (const uint64_t v : values) {
    if (!is_apart(v)) at += v >> k;
    unary[at / 8] |= static_cast<char>(1 << (at % 8));
    ++at;
  }
}

uint64_t load64(const char* from, size_t available) {
  uint64_t word = 0;
  if (available >= 8) {
    std::memcpy(&word, from, 8);
  } else {
    std::memcpy(&word, from, available);
  }
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
  // Whole words are read: behind the numbers come the unary codes.
  const std::string_view from_here = in.rest();
  TRY(in.take((out.size() * k + 7) / 8));
  if (k == 0) {
    std::fill(out.begin(), out.end(), 0);
    return {};
  }
  size_t i = 0;
  if (k <= 15) {
    i = unpack_eights(from_here, k, out.data(), out.size());
  } else if (k <= 56) {
    // As long as eight bytes are left behind each start.
    const size_t safe = from_here.size() < 8 ? 0 : (from_here.size() - 8) * 8 / k;
    const uint64_t mask = low_mask(k);
    for (const size_t end = std::min(safe, out.size()); i < end; ++i) {
      out[i] = (load64(from_here.data() + i * k / 8, 8) >> (i * k % 8)) & mask;
    }
  }
  for (; i < out.size(); ++i) out[i] = low_bits(from_here, i, k);
  return {};
}

/// Adds the quotients: a code ends at each set bit.
Result<void> add_unary(codec::ByteReader& in, unsigned k, std::span<uint64_t> out) {
  constexpr size_t kAtOnce = 512;
  const std::string_view bits = in.rest();
  std::array<uint32_t, kAtOnce + 16> ends;
  uint32_t begin = 0;  // of the next code
  for (size_t i = 0; i < out.size();) {
    const size_t wanted = std::min(kAtOnce, out.size() - i);
    // The place before the first is where the code before ended.
    ends[0] = begin - 1;
    if (find_set_bits(bits, begin, wanted, &ends[1]) < wanted) return corrupt("ends early");
    add_quotients(ends.data(), k, &out[i], wanted);
    begin = ends[wanted] + 1;
    i += wanted;
  }
  TRY(in.take((begin + 7) / 8));
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
    uint64_t gap = 0;
    uint64_t value = 0;
    if (!in.try_varint(gap) || !in.try_varint(value)) return corrupt("exceptions end early");
    if (gap >= out.size() - next) return corrupt("exception beyond the end");
    exceptions.emplace_back(next + gap, value);
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
  unsigned k = 0;  ///< of dense residuals
  uint64_t bits = UINT64_MAX;
};

void subtract(std::span<const uint64_t> residuals, const Plan& plan, std::vector<uint64_t>& out) {
  out.resize(residuals.size());
  const bool one_sided = (plan.flags & kOneSided) != 0;
  for (size_t i = 0; i < residuals.size(); ++i) {
    const uint64_t d = residuals[i] - plan.centre;
    out[i] = one_sided ? d : zigzag(d);
  }
}

/// The middle of a few residuals, spread over all of them.
uint64_t middle(std::span<const uint64_t> residuals, size_t samples) {
  std::array<int64_t, kCentreSamples> some{};
  const size_t n = std::min(residuals.size(), samples);
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

  void fill(std::span<const uint64_t> values) {
    gaps.clear();
    others.clear();
    uint64_t run = 0;
    for (const uint64_t v : values) {
      if (v == 0) {
        ++run;
        continue;
      }
      gaps.push_back(run);
      others.push_back(v - 1);
      run = 0;
    }
  }
};

/// Finds the cheapest plan for one column. Its memory is used again for the next.
class Encoder {
 public:
  void encode(std::span<const int64_t> values, std::string& out) {
    orders_[0].assign(values.begin(), values.end());
    const size_t highest = std::min(kMaxOrder, values.size() - 1);
    std::array<uint64_t, kMaxOrder + 1> about{};
    for (size_t order = 0; order <= highest; ++order) {
      if (order > 0) take_differences(order);
      about[order] = estimate(order);
    }
    const uint64_t least_bits = *std::min_element(about.begin(), about.begin() + highest + 1);
    Plan best;
    for (size_t order = 0; order <= highest; ++order) {
      // Only what comes near is worth pricing to the bit.
      if (about[order] > least_bits + least_bits / 8) continue;
      const Plan plan = best_of_order(order);
      if (plan.bits < best.bits) best = plan;
    }
    write(best, out);
  }

 private:
  [[nodiscard]] std::span<const uint64_t> residuals(size_t order) const {
    return std::span(orders_[order]).subspan(order);
  }

  void take_differences(size_t order) {
    const std::vector<uint64_t>& from = orders_[order - 1];
    std::vector<uint64_t>& to = orders_[order];
    to.assign(from.begin(), from.end());
    for (size_t i = order; i < to.size(); ++i) to[i] = from[i] - from[i - 1];
  }

  /// The bits of the values before the first residual.
  [[nodiscard]] uint64_t first_values(size_t order) const {
    uint64_t bits = 0;
    for (size_t i = 0; i < order; ++i) bits += 8 * varint_bytes(zigzag(orders_[order][i]));
    return bits;
  }

  /// Widths of the residuals about their middle, and a bit for each that is not 0.
  [[nodiscard]] uint64_t estimate(size_t order) const {
    constexpr size_t kFew = 15;
    const std::span<const uint64_t> from = residuals(order);
    const uint64_t centre = middle(from, kFew);
    uint64_t bits = first_values(order);
    for (const uint64_t r : from) {
      const auto width = static_cast<unsigned>(std::bit_width(zigzag(r - centre)));
      bits += width + (width > 0 ? 1 : 0);
    }
    return bits;
  }

  /// Prices the residuals about one centre, dense and sparse.
  Plan price(Plan plan) {
    subtract(residuals(plan.order), plan, scratch_);
    const auto zeros = static_cast<size_t>(std::count(scratch_.begin(), scratch_.end(), 0));
    const uint64_t header = first_values(plan.order) + 8 * varint_bytes(zigzag(plan.centre));
    if (zeros == scratch_.size()) {
      plan.flags |= kConstant;
      plan.bits = header;
      return plan;
    }
    const RiceChoice dense = best_rice(scratch_);
    plan.k = dense.k;
    plan.bits = header + 16 + dense.bits;
    if (zeros * 2 < scratch_.size()) return plan;
    sparse_.fill(scratch_);
    const uint64_t bits = header + 8 * varint_bytes(sparse_.gaps.size()) + 32 +
                          best_rice(sparse_.gaps).bits + best_rice(sparse_.others).bits;
    if (bits < plan.bits) {
      plan.flags |= kSparse;
      plan.bits = bits;
    }
    return plan;
  }

  Plan best_of_order(size_t order) {
    const std::span<const uint64_t> from = residuals(order);
    const Plan about_middle = price({order, 0, middle(from, kCentreSamples)});
    if ((about_middle.flags & kConstant) != 0) return about_middle;
    // Signs cost nothing where the least is the middle already.
    const Plan from_least = price({order, kOneSided, least(from)});
    return from_least.bits < about_middle.bits ? from_least : about_middle;
  }

  void write(const Plan& plan, std::string& out) {
    codec::ByteWriter writer(out);
    writer.u8(static_cast<uint8_t>(plan.order | plan.flags));
    for (size_t i = 0; i < plan.order; ++i) writer.varint(zigzag(orders_[plan.order][i]));
    writer.varint(zigzag(plan.centre));
    if ((plan.flags & kConstant) != 0) return;
    subtract(residuals(plan.order), plan, scratch_);
    if ((plan.flags & kSparse) == 0) {
      write_rice(scratch_, plan.k, out);
      return;
    }
    sparse_.fill(scratch_);
    writer.varint(sparse_.gaps.size());
    write_rice(sparse_.gaps, best_rice(sparse_.gaps).k, out);
    write_rice(sparse_.others, best_rice(sparse_.others).k, out);
  }

  std::array<std::vector<uint64_t>, kMaxOrder + 1> orders_;
  std::vector<uint64_t> scratch_;
  Gaps sparse_;
};

}  // namespace

void encode_ints(std::span<const int64_t> values, std::string& out) {
  CHECK(values.size() <= kMaxInts);
  if (values.empty()) return;
  thread_local Encoder encoder;
  encoder.encode(values, out);
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
    add_centre(centre, (first & kOneSided) == 0, residuals.data(), residuals.size());
  }
  for (size_t n = order; n > 0; --n) prefix_sums(&column[n - 1], column.size() - n + 1);
  return {};
}

}  // namespace prom5::chunk
