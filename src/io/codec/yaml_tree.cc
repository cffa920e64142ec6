#include "io/codec/yaml_tree.h"

#include "io/codec/bytes.h"

namespace prom5::codec {

namespace {

using Kind = YamlNode::Kind;

constexpr int kMaxDepth = 100;  // as in a text
/// Kind, line, column, and nothing or a number.
constexpr size_t kLeastBytes = 3;

void write(const YamlNode& node, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(node.kind));
  out.varint(static_cast<uint64_t>(node.line));
  out.varint(static_cast<uint64_t>(node.column));
  switch (node.kind) {
    case Kind::Null: break;
    case Kind::Scalar:
      out.u8(node.quoted ? 1 : 0);
      out.sized_bytes(node.scalar);
      break;
    case Kind::Sequence:
      out.varint(node.items.size());
      for (const YamlNode& item : node.items) write(item, out);
      break;
    case Kind::Mapping:
      out.varint(node.entries.size());
      for (const auto& [key, value] : node.entries) {
        write(key, out);
        write(value, out);
      }
      break;
  }
}

Result<size_t> read_count(ByteReader& in, size_t bytes_each) {
  const uint64_t count = TRY(in.varint());
  if (count > in.remaining() / bytes_each) {
    return fail(ErrorCode::Corruption, "tree: {} nodes in {} bytes", count, in.remaining());
  }
  return static_cast<size_t>(count);
}

Result<void> read(ByteReader& in, int depth, YamlNode& out) {
  if (depth > kMaxDepth) return fail(ErrorCode::Corruption, "tree: nests too deep");
  const uint8_t kind = TRY(in.u8());
  if (kind > static_cast<uint8_t>(Kind::Mapping)) {
    return fail(ErrorCode::Corruption, "tree: kind {}", kind);
  }
  out.kind = static_cast<Kind>(kind);
  out.line = static_cast<int>(TRY(in.varint()));
  out.column = static_cast<int>(TRY(in.varint()));
  switch (out.kind) {
    case Kind::Null: break;
    case Kind::Scalar:
      out.quoted = TRY(in.u8()) != 0;
      out.scalar = TRY(in.sized_bytes());
      break;
    case Kind::Sequence:
      out.items.resize(TRY(read_count(in, kLeastBytes)));
      for (YamlNode& item : out.items) TRY(read(in, depth + 1, item));
      break;
    case Kind::Mapping:
      out.entries.resize(TRY(read_count(in, 2 * kLeastBytes)));
      for (auto& [key, value] : out.entries) {
        TRY(read(in, depth + 1, key));
        TRY(read(in, depth + 1, value));
      }
      break;
  }
  return {};
}

}  // namespace

std::string flatten(const YamlNode& tree) {
  std::string out;
  ByteWriter writer(out);
  write(tree, writer);
  return out;
}

Result<YamlNode> unflatten(std::string_view bytes) {
  ByteReader in(bytes);
  YamlNode out;
  TRY(read(in, 0, out));
  if (in.remaining() > 0) return fail(ErrorCode::Corruption, "tree: bytes behind its end");
  return out;
}

}  // namespace prom5::codec
