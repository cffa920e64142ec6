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

  /// What is left, without reading it.
  [[nodiscard]] std::string_view rest() const { return in_.rest(); }

  /// False when the message is malformed.
  bool next(ProtoField& field) {
    field = {};
    uint64_t tag = 0;
    if (!in_.try_varint(tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return false;
    field.number = static_cast<uint32_t>(tag >> 3);
    field.wire_type = static_cast<uint8_t>(tag & 7);
    switch (field.wire_type) {
      case 0: return in_.try_varint(field.bits);
      case 1: return in_.try_u64(field.bits);
      case 2: return in_.try_sized_bytes(field.bytes);
      case 5: {
        uint32_t bits = 0;
        const bool good = in_.try_u32(bits);
        field.bits = bits;
        return good;
      }
      default: return false;
    }
  }

 private:
  ByteReader in_;
};

/// Calls `visit(const ProtoField&) -> Result<void>` for each field of a message. BadData when the
/// message is malformed.
template <typename Visit>
Result<void> each_field(std::string_view message, Visit visit) {
  ProtoReader reader(message);
  ProtoField field;
  while (!reader.done()) {
    if (!reader.next(field)) return fail(ErrorCode::BadData, "protobuf: malformed message");
    if (Result<void> visited = visit(field); !visited) return visited;
  }
  return {};
}

/// Writes the fields of one message into a string. Numbers of 0 and empty strings are written like
/// any other: who wants them left out does not call.
class ProtoWriter {
 public:
  explicit ProtoWriter(std::string& out) : out_(out) {}

  void number(uint32_t field, uint64_t value) {
    out_.varint(uint64_t{field} << 3);
    out_.varint(value);
  }
  /// A signed number as int64 and enumerations have it.
  void integer(uint32_t field, int64_t value) { number(field, static_cast<uint64_t>(value)); }
  /// As sint32 and sint64 have it.
  void zigzag(uint32_t field, int64_t value) {
    number(field, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  void real(uint32_t field, double value) {
    out_.varint(uint64_t{field} << 3 | 1);
    out_.f64(value);
  }
  /// A string, or a message that was written before.
  void bytes(uint32_t field, std::string_view value) {
    out_.varint(uint64_t{field} << 3 | 2);
    out_.varint(value.size());
    out_.bytes(value);
  }

 private:
  ByteWriter out_;
};

}  // namespace prom5::codec
