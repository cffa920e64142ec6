#include "store/wal/segment.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"

namespace prom5::wal {

namespace {

constexpr uint32_t kMagic = 0x36574D50;

std::optional<uint64_t> parse_segment_name(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (name.size() < 8 || error != std::errc{} || end != name.data() + name.size()) {
    return std::nullopt;
  }
  return number;
}

uint32_t load32(const char* at) {
  uint32_t v = 0;
  std::memcpy(&v, at, sizeof(v));
  return v;
}

/// Of the place too: what only looks like a record (a pushed label value, blocks of an old file
/// that a power cut brings up) is none where it stands.
uint32_t checksum(std::string_view payload, Position place) {
  char where[16];
  std::memcpy(where, &place.segment, 8);
  std::memcpy(where + 8, &place.offset, 8);
  return codec::crc32c(payload, codec::crc32c({where, sizeof(where)}));
}

}  // namespace

std::string segment_name(uint64_t number) { return fmt::format("{:08}", number); }

Result<std::vector<uint64_t>> list_segments(io::FileSystem& files, const std::string& directory) {
  std::vector<uint64_t> out;
  for (const std::string& name : TRY(files.list(directory))) {
    if (const auto number = parse_segment_name(name)) out.push_back(*number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

void encode(std::string_view payload, Position place, std::string& out) {
  codec::ByteWriter writer(out);
  writer.u32(kMagic);
  writer.u32(static_cast<uint32_t>(payload.size()));
  writer.u32(checksum(payload, place));
  writer.bytes(payload);
}

std::optional<std::string_view> intact_record(std::string_view bytes, Position place) {
  if (bytes.size() < kHeaderBytes || load32(bytes.data()) != kMagic) return std::nullopt;
  const uint32_t length = load32(bytes.data() + 4);
  if (length == 0 || length > bytes.size() - kHeaderBytes) return std::nullopt;
  const std::string_view payload = bytes.substr(kHeaderBytes, length);
  if (checksum(payload, place) != load32(bytes.data() + 8)) return std::nullopt;
  return payload;
}

size_t find_record(std::string_view bytes, size_t from, Position place) {
  char magic[4];
  std::memcpy(magic, &kMagic, sizeof(magic));
  for (size_t at = bytes.find({magic, 4}, from); at != std::string_view::npos;
       at = bytes.find({magic, 4}, at + 1)) {
    if (intact_record(bytes.substr(at), {place.segment, place.offset + at})) return at;
  }
  return bytes.size();
}

std::optional<size_t> record_bytes(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || load32(bytes.data()) != kMagic) return std::nullopt;
  return kHeaderBytes + load32(bytes.data() + 4);
}

}  // namespace prom5::wal
