#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/codec/bytes.h"

namespace prom5::codec {

/// One field of a protobuf message as it lies on the wire.
struct ProtoField {
  uint32_t number = 0;
  uint8_t wire_type = 0;   ///< 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32
  uint64_t bits = 0;       ///< the number, for wire types 0, 1 and 5
  std::string_view bytes;  ///< for wire type 2; points into the input

  [[nodiscard]] double as_double() const { return std::bit_cast<double>(bits); }
  [[nodiscard]] int64_t as_int64() const { return static_cast<int64_t>(bits); }
  [[nodiscard]] int64_t as_sint() const {
    return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
  }
};

/// Walks the fields of one message without copying. Groups are refused, unknown fields come out
/// like any other. Source: protobuf.dev, "Encoding".
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : in_(message) {}

  [[nodiscard]] bool done() const { return in_.empty(); }

  /// BadData when the message is malformed.
  Result<ProtoField> next() {
    ProtoField field;
    const auto malformed = [] { return fail(ErrorCode::BadData, "protobuf: malformed message"); };
    const auto tag = in_.varint();
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1FFFFFFF) return malformed();
    field.number = static_cast<uint32_t>(*tag >> 3);
    field.wire_type = static_cast<uint8_t>(*tag & 7);
    switch (field.wire_type) {
      case 0: {
        const auto v = in_.varint();
        if (!v) return malformed();
        field.bits = *v;
        break;
      }
      case 1: {
        const auto v = in_.u64();
        if (!v) return malformed();
        field.bits = *v;
        break;
      }
      case 2: {
        const auto v = in_.sized_bytes();
        if (!v) return malformed();
        field.bytes = *v;
        break;
      }
      case 5: {
        const auto v = in_.u32();
        if (!v) return malformed();
        field.bits = *v;
        break;
      }
      default: return malformed();
    }
    return field;
  }

 private:
  ByteReader in_;
};

}  // namespace prom5::codec
