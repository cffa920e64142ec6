#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "io/codec/json.h"
#include "store/prometheus/big_endian.h"
#include "store/prometheus/block.h"
#include "store/prometheus/windows.h"
#include "store/tsdb/columns.h"
#include "store/tsdb/tombstones.h"

namespace prom5::prometheus {

namespace {

using codec::ByteReader;

constexpr uint64_t kIndexMagic = 0xBAAAD700;
constexpr uint64_t kChunksMagic = 0x85BD40DD;
constexpr uint64_t kTombstonesMagic = 0x0130BA30;
constexpr size_t kTocBytes = 6 * 8 + 4;

/// What stands before four bytes of checksum, when that holds.
Result<std::string_view> without_crc(std::string_view bytes) {
  if (bytes.size() < 4) return fail(ErrorCode::Corruption, "cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (get_be(bytes.substr(body.size()), 4) != codec::crc32c(body)) {
    return fail(ErrorCode::Corruption, "checksum");
  }
  return body;
}

bool is_ulid(std::string_view name) {
  constexpr size_t kUlidLength = 26;
  return name.size() == kUlidLength && std::ranges::all_of(name, is_alnum);
}

Result<Json> parse_meta(io::FileSystem& files, const std::string& directory) {
  const std::string text = TRY(files.read(directory + "/meta.json"));
  auto meta = codec::parse_json(text);
  if (!meta || !meta->is_object()) {
    return fail(ErrorCode::Corruption, "{}/meta.json: no JSON object", directory);
  }
  const auto version = meta->find("version");
  if (version == meta->end() || *version != 1) {
    return fail(ErrorCode::Corruption, "{}/meta.json: version is not 1", directory);
  }
  return *std::move(meta);
}

}  // namespace

Result<std::vector<std::string>> list_blocks(io::FileSystem& files, const std::string& directory) {
  std::vector<std::string> out;
  std::set<std::string> replaced;
  for (const std::string& name : TRY(files.list(directory))) {
    if (!is_ulid(name)) continue;
    const auto meta = parse_meta(files, directory + "/" + name);
    if (!meta) continue;  // as Prometheus does: half written
    out.push_back(name);
    const auto compaction = meta->find("compaction");
    if (compaction == meta->end() || !compaction->is_object()) continue;
    const auto parents = compaction->find("parents");
    if (parents == compaction->end() || !parents->is_array()) continue;
    for (const auto& parent : *parents) {
      const auto ulid = parent.find("ulid");  // of what is no object: none
      if (ulid != parent.end() && ulid->is_string()) replaced.insert(ulid->get<std::string>());
    }
  }
  std::erase_if(out, [&](const std::string& name) { return replaced.contains(name); });
  return out;
}

std::unexpected<Error> BlockReader::damaged(std::string_view file, std::string_view what) const {
  return fail(ErrorCode::Corruption, "{}/{}: {}", directory_, file, what);
}

Result<std::unique_ptr<BlockReader>> BlockReader::open(io::FileSystem& files,
                                                       std::string directory) {
  std::unique_ptr<BlockReader> out(new BlockReader(std::move(directory)));
  TRY(out->read_meta(files));
  if (auto read = out->read_index(files); !read) return out->damaged("index", read.error().message);
  TRY(out->map_segments(files));
  if (auto read = out->read_tombstones(files); !read) {
    return out->damaged("tombstones", read.error().message);
  }
  return out;
}

Result<void> BlockReader::read_meta(io::FileSystem& files) {
  const Json meta = TRY(parse_meta(files, directory_));
  try {
    meta_.ulid = meta.value("ulid", std::string());
    meta_.range.start = {meta.value("minTime", int64_t{0})};
    meta_.range.end = {meta.value("maxTime", int64_t{0}) - 1};
    const Json stats = meta.value("stats", Json::object());
    meta_.samples = stats.value("numSamples", uint64_t{0});
    meta_.series = stats.value("numSeries", uint64_t{0});
    meta_.chunks = stats.value("numChunks", uint64_t{0});
  } catch (const Json::exception&) {
    return damaged("meta.json", "a key has a value of the wrong kind");
  }
  return {};
}

/// The body of a section: length, body, checksum.
Result<std::string_view> BlockReader::section(uint64_t offset) const {
  const std::string_view file = index_->bytes();
  if (offset > file.size() || file.size() - offset < 8) {
    return fail(ErrorCode::Corruption, "section at {}: beyond the end", offset);
  }
  const uint64_t length = get_be(file.substr(offset), 4);
  if (length > file.size() - offset - 8) {
    return fail(ErrorCode::Corruption, "section at {}: longer than the file", offset);
  }
  return without_crc(file.substr(offset + 4, length + 4));
}

Result<void> BlockReader::read_index(io::FileSystem& files) {
  index_ = TRY(files.map(directory_ + "/index"));
  const std::string_view file = index_->bytes();
  if (file.size() < 5 + kTocBytes || get_be(file, 4) != kIndexMagic) {
    return fail(ErrorCode::Corruption, "not an index, or cut short");
  }
  version_ = static_cast<uint8_t>(file[4]);
  if (version_ < 1 || version_ > 3) {
    return fail(ErrorCode::Corruption, "version {} is not known", version_);
  }
  std::string_view toc = TRY(without_crc(file.substr(file.size() - kTocBytes)));
  const uint64_t symbols = TRY(take_be(toc, 8));
  constexpr size_t kSkipped = 4 * 8;  // series, label indices and their table, postings
  const uint64_t postings_table = get_be(toc.substr(kSkipped), 8);
  TRY(read_symbols(symbols));
  return read_all_postings(postings_table);
}

Result<void> BlockReader::read_symbols(uint64_t offset) {
  const std::string_view body = TRY(section(offset));
  std::string_view rest = body;
  const uint64_t count = TRY(take_be(rest, 4));
  ByteReader in(rest);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = offset + 4 + (body.size() - in.remaining());
    const std::string_view text = TRY(in.sized_bytes());
    if (version_ == 1) {
      symbols_by_offset_[at] = text;
    } else {
      symbols_.push_back(text);
    }
  }
  return {};
}

Result<std::string_view> BlockReader::symbol(uint64_t ref) const {
  if (version_ == 1) {
    const auto found = symbols_by_offset_.find(ref);
    if (found != symbols_by_offset_.end()) return found->second;
  } else if (ref < symbols_.size()) {
    return symbols_[ref];
  }
  return fail(ErrorCode::Corruption, "symbol {}", ref);
}

/// The list of all series, which stands under the empty name and value.
Result<void> BlockReader::read_all_postings(uint64_t table_offset) {
  std::string_view body = TRY(section(table_offset));
  const uint64_t count = TRY(take_be(body, 4));
  ByteReader in(body);
  for (uint64_t i = 0; i < count; ++i) {
    if (TRY(in.varint()) != 2) return fail(ErrorCode::Corruption, "table of postings");
    const std::string_view name = TRY(in.sized_bytes());
    const std::string_view value = TRY(in.sized_bytes());
    const uint64_t offset = TRY(in.varint());
    if (!name.empty() || !value.empty()) continue;
    std::string_view list = TRY(section(offset));
    const uint64_t ids = TRY(take_be(list, 4));
    if (list.size() != ids * 4) return fail(ErrorCode::Corruption, "list of all series");
    while (!list.empty()) ids_.push_back(static_cast<uint32_t>(TRY(take_be(list, 4))));
    return {};
  }
  return fail(ErrorCode::Corruption, "there is no list of all series");
}

Result<BlockReader::Entry> BlockReader::entry(uint32_t id) const {
  constexpr uint64_t kAlignment = 16;
  const uint64_t offset = version_ == 1 ? id : id * kAlignment;
  const std::string_view file = index_->bytes();
  if (offset > file.size()) return fail(ErrorCode::Corruption, "series {}: beyond the end", id);
  ByteReader head(file.substr(offset));
  const uint64_t length = TRY(head.varint());
  if (length > head.remaining() || head.remaining() - length < 4) {
    return fail(ErrorCode::Corruption, "series {}: beyond the end", id);
  }
  ByteReader in(TRY(without_crc(head.rest().substr(0, length + 4))));
  Entry out;
  LabelsBuilder labels;
  for (uint64_t n = TRY(in.varint()); n > 0; --n) {
    const std::string_view name = TRY(symbol(TRY(in.varint())));
    labels.set(name, TRY(symbol(TRY(in.varint()))));
  }
  out.labels = labels.build();
  const uint64_t chunks = TRY(in.varint());
  uint64_t end = 0;
  uint64_t ref = 0;
  for (uint64_t i = 0; i < chunks; ++i) {
    // Overlapping chunks make differences that wrap.
    const uint64_t start =
        i == 0 ? static_cast<uint64_t>(TRY(in.svarint())) : end + TRY(in.varint());
    end = start + TRY(in.varint());
    ref = i == 0 ? TRY(in.varint()) : ref + static_cast<uint64_t>(TRY(in.svarint()));
    out.chunks.push_back({{{static_cast<int64_t>(start)}, {static_cast<int64_t>(end)}}, ref});
  }
  return out;
}

Result<void> BlockReader::map_segments(io::FileSystem& files) {
  const std::string folder = directory_ + "/chunks";
  std::vector<std::string> names = TRY(files.list(folder));
  std::erase_if(names, [](const std::string& name) {
    return !std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  });
  for (const std::string& name : names) {
    auto file = TRY(files.map(folder + "/" + name));
    const std::string_view bytes = file->bytes();
    if (bytes.size() < 8 || get_be(bytes, 4) != kChunksMagic || bytes[4] != 1) {
      return damaged("chunks/" + name, "not a file of chunks, or of an unknown version");
    }
    segments_.push_back(std::move(file));
  }
  return {};
}

Result<void> BlockReader::read_tombstones(io::FileSystem& files) {
  const auto bytes = files.read(directory_ + "/tombstones");
  if (!bytes && bytes.error().code == ErrorCode::NotFound) return {};
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < 9 || get_be(*bytes, 4) != kTombstonesMagic || (*bytes)[4] != 1) {
    return fail(ErrorCode::Corruption, "not such a file, or of an unknown version");
  }
  ByteReader in(TRY(without_crc(std::string_view(*bytes).substr(5))));
  while (!in.empty()) {
    const uint64_t id = TRY(in.varint());
    const TimeMs start{TRY(in.svarint())};
    tsdb::add_range(tombstones_[id], {start, {TRY(in.svarint())}});
  }
  return {};
}

Result<void> BlockReader::read_chunk(uint64_t ref, SampleColumns& out,
                                     std::vector<TimeMs>& starts) const {
  const uint64_t segment = ref >> 32;
  const uint64_t offset = ref & UINT32_MAX;
  if (segment >= segments_.size()) return fail(ErrorCode::Corruption, "no segment {}", segment);
  const std::string_view file = segments_[segment]->bytes();
  if (offset > file.size()) return fail(ErrorCode::Corruption, "chunk beyond the end");
  ByteReader in(file.substr(offset));
  const uint64_t length = TRY(in.varint());
  // The encoding and the checksum stand around the data.
  if (in.remaining() < 5 || length > in.remaining() - 5) {
    return fail(ErrorCode::Corruption, "chunk beyond the end");
  }
  const std::string_view record = TRY(without_crc(in.rest().substr(0, length + 5)));
  return decode_chunk(static_cast<uint8_t>(record[0]), record.substr(1), out, &starts);
}

/// `starts`: of the samples, at their times, as StartTimes keeps them; nothing when none is known.
Result<void> BlockReader::read_samples(const Entry& entry, SampleColumns& out,
                                       SampleColumns& starts) const {
  out.clear();
  starts.clear();
  SampleColumns of_chunk;
  std::vector<TimeMs> chunk_starts;
  for (const ChunkMeta& chunk : entry.chunks) {
    of_chunk.clear();
    if (auto read = read_chunk(chunk.ref, of_chunk, chunk_starts); !read) {
      return damaged("chunks", fmt::format("{} at {:#x}: {}", entry.labels.to_string(), chunk.ref,
                                           read.error().message));
    }
    tsdb::merge(out, of_chunk, {});
    if (chunk_starts.empty() && starts.size() == 0) continue;
    for (size_t i = 0; i < of_chunk.size(); ++i) {
      const TimeMs start =
          chunk_starts.empty() ? tsdb::StartTimes::kUnsaid : sane_start(chunk_starts[i]);
      of_chunk.values[i] = static_cast<double>(start.ms);
    }
    of_chunk.histograms.clear();
    // As the samples are joined, so that of one time both come from the same chunk.
    tsdb::merge(starts, of_chunk, {});
  }
  return {};
}

Result<void> BlockReader::each_series(const Visit& visit) const {
  SampleColumns samples;
  SampleColumns starts;
  for (const uint32_t id : ids_) {
    const auto series = entry(id);
    if (!series) return damaged("index", series.error().message);
    TRY(read_samples(*series, samples, starts));
    if (const auto deleted = tombstones_.find(id); deleted != tombstones_.end()) {
      tsdb::erase(samples, deleted->second);
    }
    if (samples.size() > 0) TRY(visit(series->labels, samples, tsdb::StartTimes(starts)));
  }
  return {};
}

}  // namespace prom5::prometheus
