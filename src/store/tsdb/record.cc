#include "store/tsdb/record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/codec/bytes.h"
#include "io/codec/compress.h"
#include "store/chunk/column_chunk.h"

namespace prom5::tsdb {

namespace {

using codec::ByteReader;
using codec::ByteWriter;

enum Section : uint8_t {
  kSeries = 1,
  kSamples = 2,
  kHistograms = 3,
  kMetadata = 4,
  kExemplars = 6,
  kStarts = 7,
  kGone = 8,
  kSelections = 9  // 5 was what an earlier development version deleted
};

/// Wrapping differences, so that refs and times of any distance survive.
int64_t difference(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

struct Position {
  uint64_t ref = 0;
  uint64_t time = 0;

  void write(ByteWriter& out, SeriesRef new_ref, TimeMs new_time) {
    const auto t = static_cast<uint64_t>(new_time.ms);
    out.svarint(difference(new_ref, ref));
    out.svarint(difference(t, time));
    ref = new_ref;
    time = t;
  }
  Result<void> read(ByteReader& in) {
    ref += static_cast<uint64_t>(TRY(in.svarint()));
    time += static_cast<uint64_t>(TRY(in.svarint()));
    return {};
  }
  [[nodiscard]] TimeMs time_ms() const { return {static_cast<int64_t>(time)}; }
};

void write_spans(ByteWriter& out, const std::vector<HistogramSpan>& spans) {
  out.varint(spans.size());
  for (const HistogramSpan& span : spans) {
    out.svarint(span.offset);
    out.varint(span.length);
  }
}

void write_doubles(ByteWriter& out, const std::vector<double>& values) {
  out.varint(values.size());
  for (const double v : values) out.f64(v);
}

void write_histogram(ByteWriter& out, const Histogram& h) {
  out.u8(static_cast<uint8_t>(h.reset_hint));
  out.svarint(h.schema);
  for (const double v : {h.zero_threshold, h.zero_count, h.count, h.sum}) out.f64(v);
  write_spans(out, h.positive_spans);
  write_spans(out, h.negative_spans);
  write_doubles(out, h.positive_counts);
  write_doubles(out, h.negative_counts);
  write_doubles(out, h.custom_bounds);
}

/// A count of things that each take at least `bytes_each`: never more than the input can hold.
Result<size_t> read_count(ByteReader& in, size_t bytes_each) {
  const uint64_t n = TRY(in.varint());
  if (n > in.remaining() / bytes_each) {
    return fail(ErrorCode::Corruption, "record: {} entries in {} bytes", n, in.remaining());
  }
  return static_cast<size_t>(n);
}

Result<std::vector<HistogramSpan>> read_spans(ByteReader& in) {
  std::vector<HistogramSpan> spans(TRY(read_count(in, 2)));
  for (HistogramSpan& span : spans) {
    span.offset = static_cast<int32_t>(TRY(in.svarint()));
    span.length = static_cast<uint32_t>(TRY(in.varint()));
  }
  return spans;
}

Result<std::vector<double>> read_doubles(ByteReader& in) {
  std::vector<double> values(TRY(read_count(in, 8)));
  for (double& v : values) v = TRY(in.f64());
  return values;
}

Result<Histogram> read_histogram(ByteReader& in) {
  Histogram h;
  const uint8_t hint = TRY(in.u8());
  if (hint > 3) return fail(ErrorCode::Corruption, "record: counter reset hint {}", hint);
  h.reset_hint = static_cast<CounterResetHint>(hint);
  h.schema = static_cast<int32_t>(TRY(in.svarint()));
  for (double* v : {&h.zero_threshold, &h.zero_count, &h.count, &h.sum}) *v = TRY(in.f64());
  h.positive_spans = TRY(read_spans(in));
  h.negative_spans = TRY(read_spans(in));
  h.positive_counts = TRY(read_doubles(in));
  h.negative_counts = TRY(read_doubles(in));
  h.custom_bounds = TRY(read_doubles(in));
  return h;
}

void write_labels(ByteWriter& out, const Labels& labels) {
  out.varint(labels.size());
  for (const LabelView label : labels) {
    out.sized_bytes(label.name);
    out.sized_bytes(label.value);
  }
}

Result<Labels> read_labels(ByteReader& in) {
  const size_t labels = TRY(read_count(in, 2));
  LabelsBuilder builder;
  for (size_t k = 0; k < labels; ++k) {
    const std::string_view name = TRY(in.sized_bytes());
    const std::string_view value = TRY(in.sized_bytes());
    if (name.size() > Labels::kMaxStringBytes || value.size() > Labels::kMaxStringBytes) {
      return fail(ErrorCode::Corruption, "record: label of {} bytes", value.size());
    }
    builder.set(name, value);
  }
  return builder.build();
}

Result<void> read_definitions(ByteReader& in, std::vector<SeriesDefinition>& out) {
  const size_t n = TRY(read_count(in, 2));
  uint64_t ref = 0;
  for (size_t i = 0; i < n; ++i) {
    ref += static_cast<uint64_t>(TRY(in.svarint()));
    out.push_back({ref, TRY(read_labels(in))});
  }
  return {};
}

Result<void> read_exemplars(ByteReader& in, std::vector<NamedExemplar>& out) {
  for (size_t n = TRY(read_count(in, 11)); n > 0; --n) {
    NamedExemplar& e = out.emplace_back();
    e.series = TRY(read_labels(in));
    e.exemplar.labels = TRY(read_labels(in));
    e.exemplar.value = TRY(in.f64());
    e.exemplar.time = {TRY(in.svarint())};
  }
  return {};
}

Result<void> read_selections(ByteReader& in, std::vector<SelectedRange>& out) {
  for (size_t n = TRY(read_count(in, 3)); n > 0; --n) {
    SelectedRange& selected = out.emplace_back();
    selected.range.start = {TRY(in.svarint())};
    selected.range.end = {TRY(in.svarint())};
    for (size_t matchers = TRY(read_count(in, 3)); matchers > 0; --matchers) {
      const uint8_t type = TRY(in.u8());
      const std::string_view name = TRY(in.sized_bytes());
      const std::string_view value = TRY(in.sized_bytes());
      if (type > static_cast<uint8_t>(MatchType::NotRegex)) {
        return fail(ErrorCode::Corruption, "record: matcher of type {}", type);
      }
      auto matcher = Matcher::make(static_cast<MatchType>(type), name, value);
      if (!matcher) {
        return fail(ErrorCode::Corruption, "record: matcher: {}", matcher.error().message);
      }
      selected.matchers.push_back(*std::move(matcher));
    }
  }
  return {};
}

Result<void> read_starts(ByteReader& in, std::vector<RefStart>& out) {
  Position position;
  for (size_t n = TRY(read_count(in, 4)); n > 0; --n) {
    TRY(position.read(in));
    const TimeMs start{TRY(in.svarint())};
    out.push_back({position.ref, position.time_ms(), start, TRY(in.u8()) != 0});
  }
  return {};
}

Result<void> read_metadata(ByteReader& in, std::vector<FamilyMetadata>& out) {
  const size_t n = TRY(read_count(in, 4));
  for (size_t i = 0; i < n; ++i) {
    FamilyMetadata entry;
    entry.family = TRY(in.sized_bytes());
    const uint8_t type = TRY(in.u8());
    if (type > static_cast<uint8_t>(MetricType::StateSet)) {
      return fail(ErrorCode::Corruption, "record: metric type {}", type);
    }
    entry.metadata.type = static_cast<MetricType>(type);
    entry.metadata.help = TRY(in.sized_bytes());
    entry.metadata.unit = TRY(in.sized_bytes());
    out.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

namespace {

/// No batch defines more than that; a length beyond it is damage.
constexpr uint64_t kMaxDefinitionBytes = uint64_t{1} << 31;
/// Below it compression costs more than it saves.
constexpr size_t kCompressFrom = 128;

/// Bytes, compressed where that makes them fewer.
void write_packed(std::string_view bytes, ByteWriter& out) {
  out.varint(bytes.size());
  const std::string frame =
      bytes.size() < kCompressFrom ? std::string() : codec::zstd_compress(bytes);
  const bool smaller = !frame.empty() && frame.size() < bytes.size();
  out.sized_bytes(smaller ? std::string_view(frame) : std::string_view());
  if (!smaller) out.bytes(bytes);
}

/// `unpacked` keeps what is compressed; at most `limit` bytes.
Result<std::string_view> read_packed(ByteReader& in, uint64_t limit, std::string& unpacked) {
  const uint64_t size = TRY(in.varint());
  if (size > limit) return fail(ErrorCode::Corruption, "record: {} bytes, more than can be", size);
  const std::string_view frame = TRY(in.sized_bytes());
  if (frame.empty()) return in.take(size);
  TRY(codec::zstd_decompress(frame, size, unpacked));
  return unpacked;
}

}  // namespace

void encode_series(const std::vector<SeriesDefinition>& series, std::string& out) {
  std::string body;
  ByteWriter writer(body);
  writer.varint(series.size());
  uint64_t ref = 0;
  for (const SeriesDefinition& s : series) {
    writer.svarint(difference(s.ref, ref));
    ref = s.ref;
    write_labels(writer, s.labels);
  }
  ByteWriter packed(out);
  packed.u8(kSeries);
  write_packed(body, packed);
}

namespace {

// How a value is packed: a tag of its decimals and its bytes, which follow behind all tags.
constexpr unsigned kMaxPackedDecimals = 6;
constexpr uint8_t kRawBits = 0xF8;
uint64_t zigzag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
int64_t unzigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

void pack_value(double value, std::string& tags, std::string& bytes) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint8_t tag = kRawBits;
  for (unsigned decimals = 0; decimals <= kMaxPackedDecimals; ++decimals) {
    const auto integer = chunk::as_decimal(value, decimals);
    if (!integer) continue;
    bits = zigzag(*integer);
    tag = static_cast<uint8_t>(decimals << 4 | (std::bit_width(bits) + 7) / 8);
    break;
  }
  tags += static_cast<char>(tag);
  char raw[8];
  std::memcpy(raw, &bits, 8);
  bytes.append(raw, tag & 0x0F);
}

/// The values of `tags`, whose bytes stand one after the other.
Result<void> unpack_values(std::string_view tags, std::string_view bytes,
                           std::span<RefSample> out) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (size_t i = 0; i < tags.size(); ++i) {
    const auto tag = static_cast<uint8_t>(tags[i]);
    const unsigned length = tag & 0x0F;
    const unsigned decimals = tag >> 4;
    if (length > 8 || (tag != kRawBits && decimals > kMaxPackedDecimals)) {
      return fail(ErrorCode::Corruption, "record: tag {:#x} of a value", tag);
    }
    const auto left = static_cast<size_t>(end - at);
    if (length > left) return fail(ErrorCode::Corruption, "record: values end early");
    uint64_t bits = 0;
    if (left >= 8) {
      // Eight bytes at once, of which those that belong to others are cut off.
      std::memcpy(&bits, at, 8);
      bits = length == 0 ? 0 : bits & (~uint64_t{0} >> (64 - 8 * length));
    } else {
      std::memcpy(&bits, at, length);
    }
    at += length;
    out[i].sample.value = tag == kRawBits ? std::bit_cast<double>(bits)
                                          : chunk::from_decimal(unzigzag(bits), decimals);
  }
  return {};
}

/// Samples of one section.
constexpr size_t kMaxSamples = 65'536;

/// Differences of refs and times, tags, bytes: each a run of its own, so that like stands by like
/// when they are compressed.
void write_samples(std::span<const RefSample> samples, std::string& out) {
  thread_local std::string body;
  thread_local std::string times;
  thread_local std::string tags;
  thread_local std::string bytes;
  for (std::string* part : {&body, &times, &tags, &bytes}) part->clear();
  ByteWriter ref_writer(body);
  ByteWriter time_writer(times);
  uint64_t ref = 0;
  uint64_t time = 0;
  for (const RefSample& s : samples) {
    const auto t = static_cast<uint64_t>(s.sample.time.ms);
    ref_writer.svarint(difference(s.ref, ref));
    time_writer.svarint(difference(t, time));
    ref = s.ref;
    time = t;
    pack_value(s.sample.value, tags, bytes);
  }
  for (const std::string* part : {&times, &tags, &bytes}) body += *part;
  ByteWriter writer(out);
  writer.u8(kSamples);
  writer.varint(samples.size());
  write_packed(body, writer);
}

/// Calls `take` with each sample and its zigzag varint. Nearly all are one byte.
template <typename Take>
Result<void> read_differences(ByteReader& in, std::span<RefSample> samples, Take take) {
  for (size_t i = 0; i < samples.size();) {
    const std::string_view bytes = in.rest();
    size_t used = 0;
    for (; i < samples.size() && used < bytes.size(); ++i, ++used) {
      const auto byte = static_cast<uint8_t>(bytes[used]);
      if (byte >= 0x80) break;
      take(samples[i], (byte >> 1) ^ -static_cast<uint64_t>(byte & 1));
    }
    TRY(in.take(used));
    if (i == samples.size()) break;
    take(samples[i++], static_cast<uint64_t>(TRY(in.svarint())));
  }
  return {};
}

Result<void> read_samples(ByteReader& in, std::vector<RefSample>& out) {
  const uint64_t n = TRY(in.varint());
  if (n > kMaxSamples) return fail(ErrorCode::Corruption, "record: {} samples", n);
  thread_local std::string unpacked;  // allocating it costs as much as unpacking
  ByteReader body(TRY(read_packed(in, n * (10 + 10 + 9), unpacked)));
  const size_t before = out.size();
  out.resize(before + n);
  const std::span<RefSample> samples = std::span(out).subspan(before);
  uint64_t ref = 0;
  TRY(read_differences(body, samples, [&](RefSample& s, uint64_t d) { s.ref = ref += d; }));
  uint64_t time = 0;
  TRY(read_differences(body, samples, [&](RefSample& s, uint64_t d) {
    time += d;
    s.sample.time = {static_cast<int64_t>(time)};
  }));
  const std::string_view tags = TRY(body.take(n));
  return unpack_values(tags, body.rest(), samples);
}

}  // namespace

void encode_samples(std::span<const RefSample> samples, std::string& out) {
  for (; !samples.empty(); samples = samples.subspan(std::min(samples.size(), kMaxSamples))) {
    write_samples(samples.first(std::min(samples.size(), kMaxSamples)), out);
  }
}

void encode_histograms(const std::vector<RefHistogram>& histograms, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kHistograms);
  writer.varint(histograms.size());
  Position position;
  for (const RefHistogram& h : histograms) {
    position.write(writer, h.ref, h.time);
    write_histogram(writer, *h.histogram);
  }
}

void encode_selections(std::span<const SelectedRange> selections, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kSelections);
  writer.varint(selections.size());
  for (const SelectedRange& selected : selections) {
    writer.svarint(selected.range.start.ms);
    writer.svarint(selected.range.end.ms);
    writer.varint(selected.matchers.size());
    for (const Matcher& matcher : selected.matchers) {
      writer.u8(static_cast<uint8_t>(matcher.type()));
      writer.sized_bytes(matcher.name());
      writer.sized_bytes(matcher.value());
    }
  }
}

void encode_metadata(const std::vector<FamilyMetadata>& metadata, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kMetadata);
  writer.varint(metadata.size());
  for (const FamilyMetadata& entry : metadata) {
    writer.sized_bytes(entry.family);
    writer.u8(static_cast<uint8_t>(entry.metadata.type));
    writer.sized_bytes(entry.metadata.help);
    writer.sized_bytes(entry.metadata.unit);
  }
}

void encode_exemplars(const std::vector<NamedExemplar>& exemplars, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kExemplars);
  writer.varint(exemplars.size());
  for (const NamedExemplar& e : exemplars) {
    write_labels(writer, e.series);
    write_labels(writer, e.exemplar.labels);
    writer.f64(e.exemplar.value);
    writer.svarint(e.exemplar.time.ms);
  }
}

void encode_starts(const std::vector<RefStart>& starts, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kStarts);
  writer.varint(starts.size());
  Position position;
  for (const RefStart& s : starts) {
    position.write(writer, s.ref, s.time);
    writer.svarint(s.start.ms);
    writer.u8(s.alone ? 1 : 0);
  }
}

void encode_gone(TimeMs before, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kGone);
  writer.svarint(before.ms);
}

void encode_histogram(const Histogram& histogram, std::string& out) {
  ByteWriter writer(out);
  write_histogram(writer, histogram);
}

Result<Histogram> decode_histogram(ByteReader& in) { return read_histogram(in); }

Result<Record> decode_record(std::string_view payload, std::vector<RefSample> spare) {
  Record out;
  out.samples = std::move(spare);
  ByteReader in(payload);
  while (!in.empty()) {
    const uint8_t section = TRY(in.u8());
    switch (section) {
      case kSeries: {
        std::string unpacked;
        ByteReader definitions(TRY(read_packed(in, kMaxDefinitionBytes, unpacked)));
        TRY(read_definitions(definitions, out.series));
        break;
      }
      case kSelections: TRY(read_selections(in, out.selections)); break;
      case kMetadata: TRY(read_metadata(in, out.metadata)); break;
      case kExemplars: TRY(read_exemplars(in, out.exemplars)); break;
      case kStarts: TRY(read_starts(in, out.starts)); break;
      case kGone: out.gone_before = std::max(out.gone_before, TimeMs{TRY(in.svarint())}); break;
      case kSamples: TRY(read_samples(in, out.samples)); break;
      case kHistograms: {
        const size_t n = TRY(read_count(in, 36));
        Position position;
        for (size_t i = 0; i < n; ++i) {
          TRY(position.read(in));
          out.histograms.push_back({position.ref, position.time_ms(),
                                    std::make_shared<Histogram>(TRY(read_histogram(in)))});
        }
        break;
      }
      default: return fail(ErrorCode::Corruption, "record: section of type {}", section);
    }
  }
  return out;
}

TimeRange Record::range() const {
  TimeRange out{TimeMs::max(), TimeMs::min()};
  const auto add = [&](TimeMs time) { out = {std::min(out.start, time), std::max(out.end, time)}; };
  for (const RefSample& s : samples) add(s.sample.time);
  for (const RefHistogram& h : histograms) add(h.time);
  for (const NamedExemplar& e : exemplars) add(e.exemplar.time);
  return out;
}

}  // namespace prom5::tsdb
