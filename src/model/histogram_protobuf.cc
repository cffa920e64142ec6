#include "model/histogram_protobuf.h"

#include <string>

#include "io/codec/bytes.h"

namespace prom5 {

void write_spans(uint32_t field, std::span<const HistogramSpan> spans, codec::ProtoWriter& out) {
  for (const HistogramSpan& span : spans) {
    std::string message;
    codec::ProtoWriter writer(message);
    writer.zigzag(1, span.offset);
    writer.number(2, span.length);
    out.bytes(field, message);
  }
}

void write_doubles(uint32_t field, std::span<const double> values, codec::ProtoWriter& out) {
  if (values.empty()) return;
  std::string packed;
  codec::ByteWriter writer(packed);
  for (const double v : values) writer.f64(v);
  out.bytes(field, packed);
}

}  // namespace prom5
