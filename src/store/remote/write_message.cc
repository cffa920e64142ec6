#include "store/remote/write_message.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "io/codec/compress.h"
#include "io/codec/protobuf.h"
#include "model/histogram_protobuf.h"

namespace prom5::remote {

namespace {

using codec::ProtoWriter;

bool is_whole(double v) {
  constexpr double kExact = 9007199254740992.0;
  return v >= 0 && v < kExact && v == std::floor(v);
}

/// Whether all counts are whole, as those of a client library are.
bool has_whole_counts(const Histogram& h) {
  return is_whole(h.count) && is_whole(h.zero_count) &&
         std::all_of(h.positive_counts.begin(), h.positive_counts.end(), is_whole) &&
         std::all_of(h.negative_counts.begin(), h.negative_counts.end(), is_whole);
}

/// Each count as the difference to the one before.
void write_deltas(uint32_t field, const std::vector<double>& counts, ProtoWriter& out) {
  if (counts.empty()) return;
  std::string packed;
  codec::ByteWriter writer(packed);
  int64_t before = 0;
  for (const double count : counts) {
    const int64_t delta = static_cast<int64_t>(count) - before;
    before = static_cast<int64_t>(count);
    writer.varint((static_cast<uint64_t>(delta) << 1) ^ static_cast<uint64_t>(delta >> 63));
  }
  out.bytes(field, packed);
}

/// Texts of a version 2 message, each once. The first is empty.
class Symbols {
 public:
  /// `text` stays where it is until write().
  uint32_t ref(std::string_view text) {
    const auto [found, fresh] = refs_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
    if (fresh) texts_.push_back(text);
    return found->second;
  }
  void write(ProtoWriter& out) const {
    for (const std::string_view text : texts_) out.bytes(4, text);
  }
  std::string label_refs(const Labels& labels) {
    std::string packed;
    codec::ByteWriter writer(packed);
    for (const LabelView label : labels) {
      writer.varint(ref(label.name));
      writer.varint(ref(label.value));
    }
    return packed;
  }

 private:
  std::unordered_map<std::string_view, uint32_t> refs_ = {{"", 0}};
  std::vector<std::string_view> texts_ = {""};
};

std::string encode_exemplar(const Exemplar& exemplar, Symbols* symbols) {
  std::string message;
  ProtoWriter out(message);
  if (symbols != nullptr) {
    out.bytes(1, symbols->label_refs(exemplar.labels));
  } else {
    message = encode_labels_v1(exemplar.labels);
  }
  out.real(2, exemplar.value);
  out.integer(3, exemplar.time.ms);
  return message;
}

/// The fields of a prometheus.Sample that are there: Proto3 leaves a plain zero out, but not the
/// negative one.
size_t sample_size(const Sample& sample) {
  constexpr size_t kTag = 1;
  return (std::bit_cast<uint64_t>(sample.value) == 0 ? 0 : kTag + sizeof sample.value) +
         (sample.time.ms == 0 ? 0
                              : kTag + codec::varint_size(static_cast<uint64_t>(sample.time.ms)));
}

void write_sample(const Sample& sample, ProtoWriter& out) {
  if (std::bit_cast<uint64_t>(sample.value) != 0) out.real(1, sample.value);
  if (sample.time.ms != 0) out.integer(2, sample.time.ms);
}

using Items = std::span<const OutItem* const>;

/// The items of one series that follow each other, as a TimeSeries of either version.
std::string encode_series(Items items, Symbols* symbols) {
  const OutSeries& series = *items[0]->series;
  std::string message;
  ProtoWriter out(message);
  if (symbols != nullptr) {
    out.bytes(1, symbols->label_refs(series.labels));
  } else {
    message = series.v1;
  }
  const uint32_t histogram_field = symbols != nullptr ? 3 : 4;
  const uint32_t exemplar_field = symbols != nullptr ? 4 : 3;
  for (const OutItem* item : items) {
    if (item->is_exemplar()) {
      out.bytes(exemplar_field, encode_exemplar(*item->extra->exemplar, symbols));
    } else if (item->is_histogram()) {
      out.bytes(histogram_field,
                encode_histogram(*item->extra->histogram, item->sample.time, item->start));
    } else {
      out.bytes(2, encode_sample(item->sample, item->start));
    }
  }
  if (symbols != nullptr) {
    std::string metadata;
    ProtoWriter writer(metadata);
    writer.number(1, static_cast<uint64_t>(series.metadata.type));
    writer.number(3, symbols->ref(series.metadata.help));
    writer.number(4, symbols->ref(series.metadata.unit));
    out.bytes(5, metadata);
  }
  return message;
}

}  // namespace

std::string encode_histogram(const Histogram& h, TimeMs time, TimeMs start) {
  std::string message;
  ProtoWriter out(message);
  const bool whole = has_whole_counts(h);
  whole ? out.number(1, static_cast<uint64_t>(h.count)) : out.real(2, h.count);
  out.real(3, h.sum);
  out.zigzag(4, h.schema);
  out.real(5, h.zero_threshold);
  whole ? out.number(6, static_cast<uint64_t>(h.zero_count)) : out.real(7, h.zero_count);
  write_spans(8, h.negative_spans, out);
  whole ? write_deltas(9, h.negative_counts, out) : write_doubles(10, h.negative_counts, out);
  write_spans(11, h.positive_spans, out);
  whole ? write_deltas(12, h.positive_counts, out) : write_doubles(13, h.positive_counts, out);
  if (h.reset_hint != CounterResetHint::Unknown) {
    out.number(14, static_cast<uint64_t>(h.reset_hint));
  }
  out.integer(15, time.ms);
  write_doubles(16, h.custom_bounds, out);
  if (start != kNoStart) out.integer(17, start.ms);
  return message;
}

std::string encode_sample(const Sample& sample, TimeMs start) {
  std::string message;
  ProtoWriter out(message);
  write_sample(sample, out);
  if (start != kNoStart) out.integer(3, start.ms);
  return message;
}

std::string encode_labels_v1(const Labels& labels) {
  std::string out;
  ProtoWriter fields(out);
  std::string message;
  for (const LabelView label : labels) {
    message.clear();
    ProtoWriter writer(message);
    writer.bytes(1, label.name);
    writer.bytes(2, label.value);
    fields.bytes(1, message);
  }
  return out;
}

std::string_view RequestEncoder::encode(Items items) {
  const bool plain = message_ == WriteMessage::V1 &&
                     std::none_of(items.begin(), items.end(),
                                  [](const OutItem* item) { return item->extra != nullptr; });
  body_.clear();
  plain ? encode_plain(items) : encode_any(items);
  return codec::snappy_compress(body_, packed_);
}

namespace {

/// How many of the items are of the first one's series.
size_t same_series(Items items) {
  size_t n = 1;
  while (n < items.size() && items[n]->series == items[0]->series) ++n;
  return n;
}

}  // namespace

/// Float samples for version 1, which nearly all requests are, with all sizes told before.
void RequestEncoder::encode_plain(Items items) {
  constexpr size_t kAhead = 8;
  constexpr size_t kSampleHeader = 2;  // tag and size of a sample, which is shorter than 128 bytes
  codec::ByteWriter raw(body_);
  ProtoWriter fields(body_);
  for (size_t i = 0; i < items.size();) {
    // Series lie anywhere in memory: they are on their way here when it is their turn.
    if (i + 2 * kAhead < items.size()) __builtin_prefetch(items[i + 2 * kAhead]->series);
    if (i + kAhead < items.size()) __builtin_prefetch(items[i + kAhead]->series->v1.data());
    const Items of_series = items.subspan(i, same_series(items.subspan(i)));
    const std::string& labels = items[i]->series->v1;
    size_t size = labels.size();
    for (const OutItem* item : of_series) size += kSampleHeader + sample_size(item->sample);
    raw.u8(1 << 3 | 2);
    raw.varint(size);
    body_ += labels;
    for (const OutItem* item : of_series) {
      raw.u8(2 << 3 | 2);
      raw.u8(static_cast<uint8_t>(sample_size(item->sample)));
      write_sample(item->sample, fields);
    }
    i += of_series.size();
  }
}

void RequestEncoder::encode_any(Items items) {
  Symbols symbols;
  const bool v2 = message_ == WriteMessage::V2;
  std::string behind_symbols;
  ProtoWriter out(v2 ? behind_symbols : body_);
  for (size_t i = 0; i < items.size();) {
    const size_t n = same_series(items.subspan(i));
    out.bytes(v2 ? 5 : 1, encode_series(items.subspan(i, n), v2 ? &symbols : nullptr));
    i += n;
  }
  if (v2) {
    ProtoWriter whole(body_);
    symbols.write(whole);
    body_ += behind_symbols;
  }
}

std::string encode_metadata_request(const Storage::MetadataMap& metadata) {
  std::string body;
  ProtoWriter out(body);
  for (const auto& [family, entries] : metadata) {
    if (entries.empty()) continue;
    std::string message;
    ProtoWriter writer(message);
    writer.number(1, static_cast<uint64_t>(entries[0].type));
    writer.bytes(2, family);
    writer.bytes(4, entries[0].help);
    writer.bytes(5, entries[0].unit);
    out.bytes(3, message);
  }
  return body;
}

}  // namespace prom5::remote
