#include "store/prometheus/chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "io/codec/bits.h"
#include "store/prometheus/bit_codec.h"
#include "store/prometheus/start_codec.h"
#include "store/prometheus/xor2_chunk.h"

namespace prom5::prometheus {

namespace {

using codec::BitReader;
using codec::BitWriter;

/// Prometheus' own measure: half an hour at 15 s.
constexpr size_t kSamplesPerChunk = 120;
/// More buckets than any histogram has: a count beyond it is damage.
constexpr uint64_t kMaxBuckets = 100'000;
/// Of all histograms of a chunk. Their layout is written once and stands in each of them, so that
/// without a bound some kilobytes could become any number of them.
constexpr uint64_t kMaxNumbers = 16'000'000;

/// Widths of the differences of time between two differences, by the ones before them.
constexpr std::array<unsigned, 3> kTimeWidths = {14, 17, 20};

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::Corruption, "Prometheus chunk: {}", what);
}

uint64_t bits_of(TimeMs time) { return static_cast<uint64_t>(time.ms); }
TimeMs time_of(uint64_t bits) { return {static_cast<int64_t>(bits)}; }

void put_time_change(BitWriter& out, int64_t change) {
  if (change == 0) return out.bit(false);
  for (unsigned row = 0; row < kTimeWidths.size(); ++row) {
    const int64_t top = int64_t{1} << (kTimeWidths[row] - 1);
    if (change <= -top || change > top) continue;
    const uint64_t ones = (uint64_t{1} << (row + 1)) - 1;
    out.bits(ones << 1, row + 2);
    out.bits(static_cast<uint64_t>(change) & ((uint64_t{1} << kTimeWidths[row]) - 1),
             kTimeWidths[row]);
    return;
  }
  out.bits(0xF, 4);
  out.bits(static_cast<uint64_t>(change), 64);
}

uint64_t get_time_change(BitReader& in) {
  unsigned ones = 0;
  while (ones <= kTimeWidths.size() && in.bit()) ++ones;
  if (ones == 0) return 0;
  if (ones > kTimeWidths.size()) return in.bits(64);
  const unsigned width = kTimeWidths[ones - 1];
  return static_cast<uint64_t>(signed_of(in.bits(width), width));
}

Result<void> decode_xor(BitReader& in, size_t count, SampleColumns& out) {
  uint64_t time = 0;
  uint64_t delta = 0;
  XorReader values;
  for (size_t i = 0; i < count; ++i) {
    double value = 0;
    if (i == 0) {
      time = static_cast<uint64_t>(get_varint(in));
      value = values.first(in);
    } else {
      delta = i == 1 ? get_uvarint(in) : delta + get_time_change(in);
      time += delta;
      if (!values.next(in, value)) return corrupt("window of a value");
    }
    if (in.overrun()) return corrupt("ends early");
    out.times.push_back(time_of(time));
    out.values.push_back(value);
    if (!out.histograms.empty()) out.histograms.emplace_back();
  }
  return {};
}

std::string encode_xor(const SampleColumns& samples, size_t first, size_t last) {
  BitWriter out;
  out.bits(last - first, 16);
  XorWriter values;
  uint64_t delta = 0;
  for (size_t i = first; i < last; ++i) {
    if (i == first) {
      put_varint(out, samples.times[i].ms);
      values.first(out, samples.values[i]);
      continue;
    }
    const uint64_t next = bits_of(samples.times[i]) - bits_of(samples.times[i - 1]);
    if (i == first + 1) {
      put_uvarint(out, next);
    } else {
      put_time_change(out, static_cast<int64_t>(next - delta));
    }
    delta = next;
    values.next(out, samples.values[i]);
  }
  return out.data();
}

// Histograms.

constexpr unsigned kRawThreshold = 255;
constexpr int kThresholdBias = 244;

void put_threshold(BitWriter& out, double threshold) {
  int exponent = 0;
  const bool power = threshold > 0 && std::frexp(threshold, &exponent) == 0.5 &&
                     exponent - 1 + kThresholdBias >= 1 &&
                     exponent - 1 + kThresholdBias < static_cast<int>(kRawThreshold);
  if (threshold == 0 && !std::signbit(threshold)) return out.bits(0, 8);
  if (power) return out.bits(static_cast<uint64_t>(exponent - 1 + kThresholdBias), 8);
  out.bits(kRawThreshold, 8);
  out.bits(std::bit_cast<uint64_t>(threshold), 64);
}

double get_threshold(BitReader& in) {
  const auto byte = static_cast<int>(in.bits(8));
  if (byte == 0) return 0;
  if (byte == static_cast<int>(kRawThreshold)) return std::bit_cast<double>(in.bits(64));
  return std::ldexp(1.0, byte - kThresholdBias);
}

void put_spans(BitWriter& out, const std::vector<HistogramSpan>& spans) {
  put_varbit_uint(out, spans.size());
  for (const HistogramSpan& span : spans) {
    put_varbit_uint(out, span.length);
    put_varbit_int(out, span.offset);
  }
}

Result<size_t> get_spans(BitReader& in, std::vector<HistogramSpan>& spans) {
  const uint64_t count = get_varbit_uint(in);
  if (count > kMaxBuckets) return corrupt("number of spans");
  uint64_t buckets = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t length = get_varbit_uint(in);
    const int64_t offset = get_varbit_int(in);
    if (in.overrun()) return corrupt("ends early");
    buckets += std::max<uint64_t>(length, 1);  // an empty span takes room as well
    if (length > kMaxBuckets || buckets > kMaxBuckets) return corrupt("number of buckets");
    spans.push_back({static_cast<int32_t>(offset), static_cast<uint32_t>(length)});
  }
  return static_cast<size_t>(buckets);
}

constexpr double kBoundScale = 1000;
constexpr double kMaxScaledBound = 33'554'430;

void put_bounds(BitWriter& out, const std::vector<double>& bounds) {
  put_varbit_uint(out, bounds.size());
  for (const double bound : bounds) {
    const double scaled = bound * kBoundScale;
    const double whole = std::round(scaled);
    if (scaled >= 0 && scaled <= kMaxScaledBound && whole / kBoundScale == bound) {
      put_varbit_uint(out, static_cast<uint64_t>(whole) + 1);
    } else {
      out.bit(false);
      out.bits(std::bit_cast<uint64_t>(bound), 64);
    }
  }
}

Result<void> get_bounds(BitReader& in, std::vector<double>& bounds) {
  const uint64_t count = get_varbit_uint(in);
  if (count > kMaxBuckets) return corrupt("number of bounds");
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t scaled = get_varbit_uint(in);
    bounds.push_back(scaled == 0 ? std::bit_cast<double>(in.bits(64))
                                 : static_cast<double>(scaled - 1) / kBoundScale);
    if (in.overrun()) return corrupt("ends early");
  }
  return {};
}

enum ResetHeader : uint8_t { kUnknown = 0, kNotReset = 1, kReset = 2, kGauge = 3 };

CounterResetHint hint_of(ResetHeader header, size_t sample) {
  if (header == kGauge) return CounterResetHint::Gauge;
  if (sample > 0) return CounterResetHint::NotReset;
  return header == kReset ? CounterResetHint::Reset : CounterResetHint::Unknown;
}

/// An integer of an integer histogram: the first as it is, then differences of differences.
struct IntField {
  uint64_t value = 0;
  uint64_t delta = 0;

  void put(BitWriter& out, uint64_t next) {
    const uint64_t d = next - value;
    put_varbit_int(out, static_cast<int64_t>(d - delta));
    delta = d;
    value = next;
  }
  void get(BitReader& in) {
    delta += static_cast<uint64_t>(get_varbit_int(in));
    value += delta;
  }
};

/// Counts of buckets as an integer histogram has them: each as the difference to the one before.
void append_differences(const std::vector<double>& counts, std::vector<uint64_t>& out) {
  uint64_t before = 0;
  for (const double count : counts) {
    const auto whole = static_cast<uint64_t>(count);
    out.push_back(whole - before);
    before = whole;
  }
}

struct HistogramReader {
  Histogram layout;
  size_t positive = 0;
  size_t negative = 0;
  IntField time;

  Result<void> read_layout(BitReader& in, size_t histograms) {
    layout.zero_threshold = get_threshold(in);
    layout.schema = static_cast<int32_t>(get_varbit_int(in));
    positive = TRY(get_spans(in, layout.positive_spans));
    negative = TRY(get_spans(in, layout.negative_spans));
    if (layout.custom()) TRY(get_bounds(in, layout.custom_bounds));
    const size_t numbers = positive + negative + layout.positive_spans.size() +
                           layout.negative_spans.size() + layout.custom_bounds.size();
    if (numbers * histograms > kMaxNumbers) return corrupt("too large");
    return {};
  }

  void read_time(BitReader& in, size_t sample) {
    if (sample == 0) {
      time.value = static_cast<uint64_t>(get_varbit_int(in));
    } else {
      time.get(in);
    }
  }

  /// A staleness marker has nothing but its sum.
  static Histogram stale() {
    Histogram h;
    h.sum = std::bit_cast<double>(kStaleBits);
    return h;
  }
};

Result<void> decode_histograms(BitReader& in, size_t count, ResetHeader header, StartReader& starts,
                               SampleColumns& out) {
  HistogramReader reader;
  TRY(reader.read_layout(in, count));
  IntField total;
  IntField zero;
  XorReader sums;
  std::vector<IntField> buckets(reader.positive + reader.negative);
  for (size_t i = 0; i < count; ++i) {
    Histogram h = reader.layout;
    const uint64_t before = reader.time.value;
    reader.read_time(in, i);
    if (i == 0) {
      total.value = get_varbit_uint(in);
      zero.value = get_varbit_uint(in);
      h.sum = sums.first(in);
      for (IntField& b : buckets) b.value = static_cast<uint64_t>(get_varbit_int(in));
    } else {
      total.get(in);
      zero.get(in);
      if (!sums.next(in, h.sum)) return corrupt("window of a sum");
      if (!is_stale(h.sum)) {
        for (IntField& b : buckets) b.get(in);
      }
    }
    starts.get(in, i, reader.time.value, before);
    if (in.overrun()) return corrupt("ends early");
    if (is_stale(h.sum)) {
      h = HistogramReader::stale();
    } else {
      h.count = static_cast<double>(total.value);
      h.zero_count = static_cast<double>(zero.value);
      h.reset_hint = hint_of(header, i);
      uint64_t running = 0;
      for (size_t b = 0; b < buckets.size(); ++b) {
        if (b == reader.positive) running = 0;
        running += buckets[b].value;
        auto& counts = b < reader.positive ? h.positive_counts : h.negative_counts;
        counts.push_back(static_cast<double>(static_cast<int64_t>(running)));
      }
      if (const auto valid = h.validate(); !valid) return corrupt(valid.error().message);
    }
    out.times.push_back(time_of(reader.time.value));
    out.values.push_back(h.sum);
    out.histograms.push_back(std::make_shared<Histogram>(std::move(h)));
  }
  return {};
}

Result<void> decode_float_histograms(BitReader& in, size_t count, ResetHeader header,
                                     StartReader& starts, SampleColumns& out) {
  HistogramReader reader;
  TRY(reader.read_layout(in, count));
  XorReader totals;
  XorReader zeros;
  XorReader sums;
  std::vector<XorReader> buckets(reader.positive + reader.negative);
  for (size_t i = 0; i < count; ++i) {
    Histogram h = reader.layout;
    const uint64_t before = reader.time.value;
    reader.read_time(in, i);
    bool good = true;
    const auto get = [&](XorReader& field, double& v) {
      if (i == 0) {
        v = field.first(in);
      } else {
        good = field.next(in, v) && good;
      }
    };
    get(totals, h.count);
    get(zeros, h.zero_count);
    get(sums, h.sum);
    if (i == 0 || !is_stale(h.sum)) {
      for (size_t b = 0; b < buckets.size(); ++b) {
        auto& counts = b < reader.positive ? h.positive_counts : h.negative_counts;
        get(buckets[b], counts.emplace_back());
      }
    }
    if (!good) return corrupt("window of a value");
    starts.get(in, i, reader.time.value, before);
    if (in.overrun()) return corrupt("ends early");
    h.reset_hint = hint_of(header, i);
    if (is_stale(h.sum)) {
      h = HistogramReader::stale();
    } else if (const auto valid = h.validate(); !valid) {
      return corrupt(valid.error().message);
    }
    out.times.push_back(time_of(reader.time.value));
    out.values.push_back(h.sum);
    out.histograms.push_back(std::make_shared<Histogram>(std::move(h)));
  }
  return {};
}

// Writing histograms.

bool whole(double v) { return v >= 0 && v < 9007199254740992.0 && v == std::floor(v); }

bool is_integer(const Histogram& h) {
  return whole(h.count) && whole(h.zero_count) && std::ranges::all_of(h.positive_counts, whole) &&
         std::ranges::all_of(h.negative_counts, whole);
}

bool decreased(const std::vector<double>& before, const std::vector<double>& now) {
  for (size_t i = 0; i < before.size(); ++i) {
    if (now[i] < before[i]) return true;
  }
  return false;
}

/// Whether `h` may stand behind `before` in one chunk: same buckets, same kind, and no counter
/// went back, since readers take it for granted.
bool continues(const Histogram& before, const Histogram& h) {
  const bool gauge = h.reset_hint == CounterResetHint::Gauge;
  if (is_stale(before.sum) || is_stale(h.sum) || h.reset_hint == CounterResetHint::Reset ||
      gauge != (before.reset_hint == CounterResetHint::Gauge) ||
      is_integer(h) != is_integer(before) || h.schema != before.schema ||
      h.zero_threshold != before.zero_threshold || h.positive_spans != before.positive_spans ||
      h.negative_spans != before.negative_spans || h.custom_bounds != before.custom_bounds) {
    return false;
  }
  return gauge || (h.count >= before.count && h.zero_count >= before.zero_count &&
                   !decreased(before.positive_counts, h.positive_counts) &&
                   !decreased(before.negative_counts, h.negative_counts));
}

/// `starts`: null when the encoding has none.
void put_header(BitWriter& out, const Histogram& h, size_t count, const StartWriter* starts) {
  ResetHeader header = kUnknown;
  if (h.reset_hint == CounterResetHint::Gauge) header = kGauge;
  if (h.reset_hint == CounterResetHint::Reset) header = kReset;
  if (starts != nullptr) {
    out.bits(header, 2);
    out.bits(count, 14);
    out.bits(starts->header(), 8);
  } else {
    out.bits(count, 16);
    out.bits(uint64_t{header} << 6, 8);
  }
  put_threshold(out, h.zero_threshold);
  put_varbit_int(out, h.schema);
  put_spans(out, h.positive_spans);
  put_spans(out, h.negative_spans);
  if (h.custom()) put_bounds(out, h.custom_bounds);
}

std::string encode_histograms(const SampleColumns& samples, size_t first, size_t last,
                              StartWriter* starts) {
  BitWriter out;
  put_header(out, *samples.histograms[first], last - first, starts);
  IntField time;
  IntField total;
  IntField zero;
  XorWriter sums;
  std::vector<IntField> buckets;
  std::vector<uint64_t> entries;
  for (size_t i = first; i < last; ++i) {
    const Histogram& h = *samples.histograms[i];
    entries.clear();
    append_differences(h.positive_counts, entries);
    append_differences(h.negative_counts, entries);
    const auto count = static_cast<uint64_t>(h.count);
    const auto in_zero = static_cast<uint64_t>(h.zero_count);
    if (i == first) {
      put_varbit_int(out, samples.times[i].ms);
      put_varbit_uint(out, count);
      put_varbit_uint(out, in_zero);
      sums.first(out, h.sum);
      for (const uint64_t entry : entries) {
        put_varbit_int(out, static_cast<int64_t>(entry));
        buckets.push_back({entry, 0});
      }
      time.value = bits_of(samples.times[i]);
      total.value = count;
      zero.value = in_zero;
      if (starts != nullptr) starts->put(out, 0, samples.times[i], {});
      continue;
    }
    time.put(out, bits_of(samples.times[i]));
    total.put(out, count);
    zero.put(out, in_zero);
    sums.next(out, h.sum);
    for (size_t b = 0; b < buckets.size(); ++b) buckets[b].put(out, entries[b]);
    if (starts != nullptr) starts->put(out, i - first, samples.times[i], samples.times[i - 1]);
  }
  return out.data();
}

std::string encode_float_histograms(const SampleColumns& samples, size_t first, size_t last,
                                    StartWriter* starts) {
  BitWriter out;
  put_header(out, *samples.histograms[first], last - first, starts);
  IntField time;
  const Histogram& layout = *samples.histograms[first];
  std::vector<XorWriter> fields(3 + layout.positive_counts.size() + layout.negative_counts.size());
  for (size_t i = first; i < last; ++i) {
    const Histogram& h = *samples.histograms[i];
    std::vector<double> values = {h.count, h.zero_count, h.sum};
    values.insert(values.end(), h.positive_counts.begin(), h.positive_counts.end());
    values.insert(values.end(), h.negative_counts.begin(), h.negative_counts.end());
    if (i == first) {
      put_varbit_int(out, samples.times[i].ms);
      time.value = bits_of(samples.times[i]);
    } else {
      time.put(out, bits_of(samples.times[i]));
    }
    for (size_t f = 0; f < fields.size(); ++f) {
      if (i == first) {
        fields[f].first(out, values[f]);
      } else {
        fields[f].next(out, values[f]);
      }
    }
    const TimeMs before = i == first ? TimeMs{} : samples.times[i - 1];
    if (starts != nullptr) starts->put(out, i - first, samples.times[i], before);
  }
  return out.data();
}

void encode_plain(const SampleColumns& samples, size_t first, size_t last, EncodedChunk& out) {
  if (samples.histograms.empty() || samples.histograms[first] == nullptr) {
    out.encoding = Encoding::Xor;
    out.data = encode_xor(samples, first, last);
  } else if (is_integer(*samples.histograms[first])) {
    out.encoding = Encoding::Histogram;
    out.data = encode_histograms(samples, first, last, nullptr);
  } else {
    out.encoding = Encoding::FloatHistogram;
    out.data = encode_float_histograms(samples, first, last, nullptr);
  }
}

void encode_with_starts(const SampleColumns& samples, size_t first, size_t last,
                        std::span<const TimeMs> starts, EncodedChunk& out) {
  StartWriter writer(starts);
  if (samples.histograms.empty() || samples.histograms[first] == nullptr) {
    out.encoding = Encoding::Xor2;
    out.data = encode_xor2(std::span(samples.times).subspan(first, last - first),
                           std::span(samples.values).subspan(first, last - first), starts);
  } else if (is_integer(*samples.histograms[first])) {
    out.encoding = Encoding::HistogramStarts;
    out.data = encode_histograms(samples, first, last, &writer);
  } else {
    out.encoding = Encoding::FloatHistogramStarts;
    out.data = encode_float_histograms(samples, first, last, &writer);
  }
}

Result<void> decode_any(uint8_t encoding, std::string_view data, SampleColumns& out,
                        std::vector<TimeMs>* starts) {
  constexpr size_t kHeaderBytes = 3;  // but for floats without start timestamps
  constexpr size_t kCountBytes = 2;
  if (data.size() < kCountBytes) return corrupt("no number of samples");
  BitReader in(data);
  StartReader start_reader(starts);
  const auto kind = static_cast<Encoding>(encoding);
  if (kind == Encoding::Xor) return decode_xor(in, in.bits(16), out);
  if (encoding == 0 || encoding > static_cast<uint8_t>(Encoding::FloatHistogramStarts)) {
    return corrupt(fmt::format("encoding {} is not known", encoding));
  }
  if (data.size() < kHeaderBytes) return corrupt("no header");
  if (kind == Encoding::Xor2) return decode_xor2(in, in.bits(16), start_reader, out);
  const bool with_starts =
      kind == Encoding::HistogramStarts || kind == Encoding::FloatHistogramStarts;
  const uint64_t word = in.bits(16);
  const uint64_t flags = in.bits(8);
  // Start timestamps have the byte of the flags, which then stand above the number of samples.
  const auto header = static_cast<ResetHeader>(with_starts ? word >> 14 : flags >> 6);
  if (with_starts) start_reader.set_header(static_cast<uint8_t>(flags));
  const size_t count = with_starts ? word & 0x3FFF : word;
  out.histograms.resize(out.size());
  return kind == Encoding::Histogram || kind == Encoding::HistogramStarts
             ? decode_histograms(in, count, header, start_reader, out)
             : decode_float_histograms(in, count, header, start_reader, out);
}

}  // namespace

Result<void> decode_chunk(uint8_t encoding, std::string_view data, SampleColumns& out,
                          std::vector<TimeMs>* starts) {
  if (starts != nullptr) starts->clear();
  const size_t size = out.size();
  auto decoded = decode_any(encoding, data, out, starts);
  if (decoded) return {};
  out.times.resize(size);
  out.values.resize(size);
  if (!out.histograms.empty()) out.histograms.resize(size);
  if (starts != nullptr) starts->clear();
  return decoded;
}

std::vector<EncodedChunk> encode_chunks(const SampleColumns& samples,
                                        std::span<const TimeMs> starts) {
  std::vector<EncodedChunk> out;
  const auto histogram = [&](size_t i) -> const Histogram* {
    return samples.histograms.empty() ? nullptr : samples.histograms[i].get();
  };
  for (size_t first = 0; first < samples.size();) {
    const Histogram* h = histogram(first);
    size_t last = first + 1;
    for (; last < samples.size() && last - first < kSamplesPerChunk; ++last) {
      const Histogram* next = histogram(last);
      if ((h == nullptr) != (next == nullptr)) break;
      if (h != nullptr && !continues(*histogram(last - 1), *next)) break;
    }
    EncodedChunk chunk;
    if (starts.empty()) {
      encode_plain(samples, first, last, chunk);
    } else {
      encode_with_starts(samples, first, last, starts.subspan(first, last - first), chunk);
    }
    chunk.range = {samples.times[first], samples.times[last - 1]};
    chunk.count = static_cast<uint32_t>(last - first);
    out.push_back(std::move(chunk));
    first = last;
  }
  return out;
}

}  // namespace prom5::prometheus
