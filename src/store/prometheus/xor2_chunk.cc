#include "store/prometheus/xor2_chunk.h"

#include <algorithm>
#include <array>
#include <bit>

#include "store/prometheus/bit_codec.h"

namespace prom5::prometheus {

namespace {

using codec::BitReader;
using codec::BitWriter;

/// Codes of a sample by their number of ones; kStaleSample has no zero behind it.
enum SampleCode : unsigned { kSame = 0, kValue = 1, kDistance = 2, kStaleSample = 5 };
/// Widths of the changes of the distance, from kDistance on.
constexpr std::array<unsigned, 3> kDistanceWidths = {13, 20, 64};

enum ValueCode : unsigned { kSameValue = 0, kInWindow = 1, kNewWindow = 2, kStaleValue = 3 };

void put_ones(BitWriter& out, unsigned ones, unsigned most) {
  const uint64_t code = (uint64_t{1} << ones) - 1;
  ones == most ? out.bits(code, ones) : out.bits(code << 1, ones + 1);
}

unsigned get_ones(BitReader& in, unsigned most) {
  unsigned ones = 0;
  while (ones < most && in.bit()) ++ones;
  return ones;
}

class ValueWriter {
 public:
  void first(BitWriter& out, double v) {
    out.bits(std::bit_cast<uint64_t>(v), 64);
    if (!is_stale(v)) last_ = std::bit_cast<uint64_t>(v);
  }

  [[nodiscard]] bool same(double v) const { return std::bit_cast<uint64_t>(v) == last_; }

  void next(BitWriter& out, double v) {
    if (is_stale(v)) return put_ones(out, kStaleValue, kStaleValue);
    if (same(v)) return put_ones(out, kSameValue, kStaleValue);
    const bool fits = move_window(v);
    put_ones(out, fits ? kInWindow : kNewWindow, kStaleValue);
    put_changed(out, v, fits);
  }

  /// A value that is not the same, and no staleness marker.
  void changed(BitWriter& out, double v) {
    const bool fits = move_window(v);
    out.bit(!fits);
    put_changed(out, v, fits);
  }

 private:
  /// Whether the changed bits are within the window; otherwise a new one is made of them.
  bool move_window(double v) {
    const uint64_t change = std::bit_cast<uint64_t>(v) ^ last_;
    constexpr unsigned kMaxLeading = 31;  // five bits
    const unsigned leading = std::min<unsigned>(std::countl_zero(change), kMaxLeading);
    const auto trailing = static_cast<unsigned>(std::countr_zero(change));
    if (window_ && leading >= leading_ && trailing >= trailing_) return true;
    window_ = true;
    leading_ = leading;
    trailing_ = trailing;
    return false;
  }

  void put_changed(BitWriter& out, double v, bool fits) {
    const unsigned width = 64 - leading_ - trailing_;
    if (!fits) {
      out.bits(leading_, 5);
      out.bits(width & 63, 6);
    }
    out.bits((std::bit_cast<uint64_t>(v) ^ last_) >> trailing_, width);
    last_ = std::bit_cast<uint64_t>(v);
  }

  uint64_t last_ = 0;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
  bool window_ = false;
};

class ValueReader {
 public:
  double first(BitReader& in) {
    const auto v = std::bit_cast<double>(in.bits(64));
    if (!is_stale(v)) last_ = std::bit_cast<uint64_t>(v);
    return v;
  }

  [[nodiscard]] double last() const { return std::bit_cast<double>(last_); }

  /// False when the bits are no value, as of changed().
  bool next(BitReader& in, double& v) {
    const unsigned code = get_ones(in, kStaleValue);
    if (code == kInWindow || code == kNewWindow) return get_changed(in, code == kNewWindow, v);
    v = code == kStaleValue ? kStale : last();
    return true;
  }

  bool changed(BitReader& in, double& v) { return get_changed(in, in.bit(), v); }

 private:
  bool get_changed(BitReader& in, bool new_window, double& v) {
    if (new_window) {
      leading_ = static_cast<unsigned>(in.bits(5));
      auto width = static_cast<unsigned>(in.bits(6));
      if (width == 0) width = 64;
      if (leading_ + width > 64) return false;
      trailing_ = 64 - leading_ - width;
    }
    last_ ^= in.bits(64 - leading_ - trailing_) << trailing_;
    v = last();
    return true;
  }

  uint64_t last_ = 0;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
};

unsigned distance_code(int64_t change) {
  unsigned row = 0;
  for (; kDistanceWidths[row] < 64; ++row) {
    const int64_t top = int64_t{1} << (kDistanceWidths[row] - 1);
    if (change >= -top && change < top) break;
  }
  return kDistance + row;
}

void put_sample(BitWriter& out, int64_t change, double v, ValueWriter& values) {
  if (change == 0) {
    if (is_stale(v)) return put_ones(out, kStaleSample, kStaleSample);
    if (values.same(v)) return put_ones(out, kSame, kStaleSample);
    put_ones(out, kValue, kStaleSample);
    return values.changed(out, v);
  }
  const unsigned code = distance_code(change);
  put_ones(out, code, kStaleSample);
  out.bits(static_cast<uint64_t>(change), kDistanceWidths[code - kDistance]);
  values.next(out, v);
}

/// False when the bits are no sample.
bool get_sample(BitReader& in, uint64_t& distance, double& v, ValueReader& values) {
  const unsigned code = get_ones(in, kStaleSample);
  if (code == kSame) {
    v = values.last();
    return true;
  }
  if (code == kValue) return values.changed(in, v);
  if (code == kStaleSample) {
    v = kStale;
    return true;
  }
  const unsigned width = kDistanceWidths[code - kDistance];
  const uint64_t top = uint64_t{1} << (width - 1);
  distance += (in.bits(width) ^ top) - top;
  return values.next(in, v);
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::Corruption, "Prometheus chunk: {}", what);
}

}  // namespace

Result<void> decode_xor2(BitReader& in, size_t count, StartReader& starts, SampleColumns& out) {
  starts.set_header(static_cast<uint8_t>(in.bits(8)));
  uint64_t time = 0;
  uint64_t distance = 0;
  ValueReader values;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t before = time;
    double value = 0;
    bool good = true;
    if (i == 0) {
      time = static_cast<uint64_t>(get_varint(in));
      value = values.first(in);
    } else if (i == 1) {
      distance = get_uvarint(in);
      good = values.next(in, value);
    } else {
      good = get_sample(in, distance, value, values);
    }
    if (!good) return corrupt("window of a value");
    if (i > 0) time += distance;
    starts.get(in, i, time, before);
    if (in.overrun()) return corrupt("ends early");
    out.times.push_back({static_cast<int64_t>(time)});
    out.values.push_back(value);
    if (!out.histograms.empty()) out.histograms.emplace_back();
  }
  return {};
}

std::string encode_xor2(std::span<const TimeMs> times, std::span<const double> values,
                        std::span<const TimeMs> starts) {
  BitWriter out;
  StartWriter start_writer(starts);
  out.bits(times.size(), 16);
  out.bits(start_writer.header(), 8);
  ValueWriter writer;
  uint64_t distance = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    if (i == 0) {
      put_varint(out, times[0].ms);
      writer.first(out, values[0]);
      start_writer.put(out, 0, times[0], {});
      continue;
    }
    const uint64_t next =
        static_cast<uint64_t>(times[i].ms) - static_cast<uint64_t>(times[i - 1].ms);
    if (i == 1) {
      put_uvarint(out, next);
      writer.next(out, values[1]);
    } else {
      put_sample(out, static_cast<int64_t>(next - distance), values[i], writer);
    }
    distance = next;
    start_writer.put(out, i, times[i], times[i - 1]);
  }
  return out.data();
}

}  // namespace prom5::prometheus
