#include "model/exposition/protobuf_writer.h"

#include <array>

#include "io/codec/protobuf.h"
#include "model/exposition/classic_buckets.h"
#include "model/histogram_protobuf.h"

namespace prom5::exposition {

namespace {

using codec::ProtoWriter;

std::string classic(const Histogram& h) {
  std::string message;
  ProtoWriter out(message);
  out.real(4, h.count);
  out.real(2, h.sum);
  for (const auto& [bound, count] : classic_buckets(h)) {
    std::string bucket;
    ProtoWriter writer(bucket);
    writer.real(2, bound);
    writer.real(4, count);
    out.bytes(3, bucket);
  }
  return message;
}

std::string native(const Histogram& h) {
  std::string message;
  ProtoWriter out(message);
  out.real(4, h.count);
  out.real(2, h.sum);
  out.zigzag(5, h.schema);
  out.real(6, h.zero_threshold);
  out.real(8, h.zero_count);
  write_spans(9, h.negative_spans, out);
  write_doubles(11, h.negative_counts, out);
  write_spans(12, h.positive_spans, out);
  write_doubles(14, h.positive_counts, out);
  // Without any bucket and threshold this is what tells it from a classic one.
  if (h.zero_threshold == 0 && h.positive_spans.empty() && h.negative_spans.empty()) {
    write_spans(12, std::array{HistogramSpan{}}, out);
  }
  return message;
}

}  // namespace

void ProtobufWriter::family(std::string_view name, Kind kind) {
  finish();
  ProtoWriter out(family_);
  out.bytes(1, name);
  out.number(3, static_cast<uint64_t>(kind));
}

void ProtobufWriter::sample(const Labels& labels, double value, TimeMs time) {
  std::string message;
  ProtoWriter(message).real(1, value);
  metric(labels, 5, message, time);
}

void ProtobufWriter::histogram(const Labels& labels, const Histogram& histogram, TimeMs time) {
  metric(labels, 7, histogram.custom() ? classic(histogram) : native(histogram), time);
}

void ProtobufWriter::finish() {
  if (!family_.empty()) codec::ByteWriter(out_).sized_bytes(family_);
  family_.clear();
}

void ProtobufWriter::metric(const Labels& labels, uint32_t field, std::string_view value,
                            TimeMs time) {
  std::string message;
  ProtoWriter out(message);
  for (const auto& [name, text] : labels) {
    std::string pair;
    ProtoWriter writer(pair);
    writer.bytes(1, name);
    writer.bytes(2, text);
    out.bytes(1, pair);
  }
  out.bytes(field, value);
  out.integer(6, time.ms);
  ProtoWriter(family_).bytes(4, message);
}

}  // namespace prom5::exposition
