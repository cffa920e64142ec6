#include "store/tsdb/tombstones.h"

#include <algorithm>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"

namespace prom5::tsdb {

namespace {

constexpr std::string_view kMagic = "PROM5TS2";

Result<Tombstones> decode_copy(std::string_view bytes) {
  constexpr size_t kCrcBytes = 4;
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + kCrcBytes) {
    return fail(ErrorCode::Corruption, "tombstones: not such a file, or cut short");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcBytes);
  codec::ByteReader crc(bytes.substr(body.size()));
  if (TRY(crc.u32()) != codec::crc32c(body)) {
    return fail(ErrorCode::Corruption, "tombstones: checksum");
  }
  codec::ByteReader in(body.substr(kMagic.size()));
  Tombstones out;
  for (uint64_t n = TRY(in.varint()); n > 0; --n) {
    const uint64_t series = TRY(in.varint());
    if (series > UINT32_MAX) return fail(ErrorCode::Corruption, "tombstones: series {}", series);
    for (uint64_t ranges = TRY(in.varint()); ranges > 0; --ranges) {
      const TimeMs start{TRY(in.svarint())};
      const TimeMs end{TRY(in.svarint())};
      if (end < start) return fail(ErrorCode::Corruption, "tombstones: a range that ends first");
      out.add(static_cast<uint32_t>(series), {start, end});
    }
  }
  return out;
}

}  // namespace

void add_range(std::vector<TimeRange>& ranges, TimeRange range) {
  // Those that end a moment before the range begins are one with it.
  const auto touches = [](const TimeRange& r, TimeMs start) {
    return r.end < start && start.ms - 1 > r.end.ms;
  };
  const auto first = std::lower_bound(ranges.begin(), ranges.end(), range.start, touches);
  auto last = first;
  const auto joins = [&](const TimeRange& r) {
    return r.start <= range.end || r.start.ms - 1 == range.end.ms;
  };
  for (; last != ranges.end() && joins(*last); ++last) {
    range.start = std::min(range.start, last->start);
    range.end = std::max(range.end, last->end);
  }
  ranges.insert(ranges.erase(first, last), range);
}

std::span<const TimeRange> Tombstones::of(uint32_t series) const {
  if (ranges_.empty()) return {};
  const auto found = ranges_.find(series);
  return found == ranges_.end() ? std::span<const TimeRange>() : found->second;
}

std::string Tombstones::encode() const {
  std::string out(kMagic);
  codec::ByteWriter writer(out);
  writer.varint(ranges_.size());
  for (const auto& [series, ranges] : ranges_) {
    writer.varint(series);
    writer.varint(ranges.size());
    for (const TimeRange& range : ranges) {
      writer.svarint(range.start.ms);
      writer.svarint(range.end.ms);
    }
  }
  writer.u32(codec::crc32c(out));
  return out + out;
}

Result<Tombstones> Tombstones::decode(std::string_view bytes) {
  const size_t half = bytes.size() / 2;
  auto first = decode_copy(bytes.substr(0, half));
  return first ? std::move(first) : decode_copy(bytes.substr(half));
}

}  // namespace prom5::tsdb
