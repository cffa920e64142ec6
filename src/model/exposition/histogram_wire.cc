#include "model/exposition/histogram_wire.h"

namespace prom5::exposition {

using codec::ProtoField;

namespace {

template <typename Take>
Result<void> each_varint(const ProtoField& field, Take take) {
  if (field.wire_type != 2) {
    take(field.bits);
    return {};
  }
  codec::ByteReader in(field.bytes);
  while (!in.empty()) {
    const auto bits = in.varint();
    if (!bits) return fail(ErrorCode::BadData, "protobuf: malformed packed field");
    take(*bits);
  }
  return {};
}

}  // namespace

Result<HistogramSpan> read_span(std::string_view message) {
  HistogramSpan out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.offset = static_cast<int32_t>(f.as_sint());
    if (f.number == 2) out.length = static_cast<uint32_t>(f.bits);
    return {};
  }));
  return out;
}

Result<void> read_deltas(const ProtoField& field, std::vector<double>& counts, uint64_t& running) {
  return each_varint(field, [&](uint64_t bits) {
    running += (bits >> 1) ^ -(bits & 1);  // wraps where the sender writes nonsense
    counts.push_back(static_cast<double>(static_cast<int64_t>(running)));
  });
}

Result<void> read_doubles(const ProtoField& field, std::vector<double>& out) {
  if (field.wire_type == 1) {
    out.push_back(field.as_double());
    return {};
  }
  if (field.bytes.size() % 8 != 0) {
    return fail(ErrorCode::BadData, "protobuf: malformed packed field");
  }
  codec::ByteReader in(field.bytes);
  while (!in.empty()) out.push_back(TRY(in.f64()));
  return {};
}

Result<void> read_varints(const ProtoField& field, std::vector<uint64_t>& out) {
  return each_varint(field, [&](uint64_t bits) { out.push_back(bits); });
}

}  // namespace prom5::exposition
