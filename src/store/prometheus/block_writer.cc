#include <algorithm>
#include <map>
#include <set>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "io/codec/json_writer.h"
#include "store/prometheus/big_endian.h"
#include "store/prometheus/block.h"

namespace prom5::prometheus {

namespace {

using codec::ByteWriter;

constexpr uint64_t kSegmentBytes = uint64_t{512} << 20;
constexpr size_t kBufferBytes = size_t{1} << 20;

void put_crc(size_t begin, std::string& out) {
  put_be(out, codec::crc32c(std::string_view(out).substr(begin)), 4);
}

/// Length, body, checksum.
void put_section(std::string_view body, std::string& out) {
  put_be(out, body.size(), 4);
  out += body;
  put_be(out, codec::crc32c(body), 4);
}

void pad(size_t alignment, std::string& out) {
  out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
}

/// 48 bits of time and 80 of chance in Crockford's base 32 (github.com/ulid/spec).
std::string ulid(TimeMs now, uint64_t random) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string out(26, '0');
  uint64_t time = static_cast<uint64_t>(now.ms);
  for (size_t i = 10; i-- > 0; time >>= 5) out[i] = kDigits[time & 31];
  for (size_t i = 26; i-- > 10;) {
    out[i] = kDigits[random & 31];
    random = random >> 5 | (random * 0x9E3779B97F4A7C15) << 59;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<BlockWriter>> BlockWriter::create(io::FileSystem& files,
                                                         std::string directory, TimeMs now,
                                                         uint64_t random) {
  const std::string name = ulid(now, random);
  std::unique_ptr<BlockWriter> out(new BlockWriter(files, directory + "/" + name));
  out->meta_.ulid = name;
  out->meta_.range = {TimeMs::max(), TimeMs::min()};
  TRY(files.make_directories(out->directory_ + "/chunks"));
  return out;
}

Result<void> BlockWriter::begin_segment() {
  if (segment_) {
    TRY(flush_segment());
    TRY(segment_->sync());
    ++segment_number_;
  }
  segment_ =
      TRY(files_.open_append(fmt::format("{}/chunks/{:06}", directory_, segment_number_ + 1)));
  buffer_.clear();
  put_be(buffer_, 0x85BD40DD, 4);
  put_be(buffer_, 0x01000000, 4);
  segment_bytes_ = buffer_.size();
  return {};
}

Result<void> BlockWriter::flush_segment() {
  TRY(segment_->append(buffer_));
  buffer_.clear();
  return {};
}

Result<void> BlockWriter::add(const Labels& labels, const SampleColumns& samples,
                              std::span<const TimeMs> starts) {
  Entry entry;
  for (const LabelView label : labels) {
    entry.labels.emplace_back(std::string(label.name), std::string(label.value));
  }
  for (const EncodedChunk& chunk : encode_chunks(samples, starts)) {
    if (!segment_ || segment_bytes_ + chunk.data.size() + 14 > kSegmentBytes) TRY(begin_segment());
    const size_t before = buffer_.size();
    entry.chunks.push_back({chunk.range, segment_number_ << 32 | segment_bytes_});
    ByteWriter(buffer_).varint(chunk.data.size());
    const size_t begin = buffer_.size();
    buffer_.push_back(static_cast<char>(chunk.encoding));
    buffer_ += chunk.data;
    put_crc(begin, buffer_);
    segment_bytes_ += buffer_.size() - before;
    if (chunk.encoding == Encoding::Xor || chunk.encoding == Encoding::Xor2) {
      float_samples_ += chunk.count;
    }
    if (buffer_.size() >= kBufferBytes) TRY(flush_segment());
  }
  meta_.chunks += entry.chunks.size();
  meta_.samples += samples.size();
  meta_.series += 1;
  meta_.range.start = std::min(meta_.range.start, samples.times.front());
  meta_.range.end = std::max(meta_.range.end, samples.times.back());
  series_.push_back(std::move(entry));
  return {};
}

/// Numbers the texts in their order.
void BlockWriter::put_symbols(Symbols& symbols, std::string& out) const {
  for (const Entry& entry : series_) {
    for (const auto& [name, value] : entry.labels) {
      symbols[name];
      symbols[value];
    }
  }
  std::string body;
  put_be(body, symbols.size(), 4);
  uint64_t number = 0;
  for (auto& [text, symbol] : symbols) {
    symbol = number++;
    ByteWriter(body).sized_bytes(text);
  }
  put_section(body, out);
}

std::string BlockWriter::series_body(const Entry& entry, const Symbols& symbols) {
  std::string body;
  ByteWriter writer(body);
  writer.varint(entry.labels.size());
  for (const auto& [name, value] : entry.labels) {
    writer.varint(symbols.at(name));
    writer.varint(symbols.at(value));
  }
  writer.varint(entry.chunks.size());
  const Entry::Chunk* before = nullptr;
  for (const Entry::Chunk& chunk : entry.chunks) {
    const auto length = static_cast<uint64_t>((chunk.range.end - chunk.range.start).ms);
    if (before == nullptr) {
      writer.svarint(chunk.range.start.ms);
      writer.varint(length);
      writer.varint(chunk.ref);
    } else {
      writer.varint(static_cast<uint64_t>((chunk.range.start - before->range.end).ms));
      writer.varint(length);
      writer.svarint(static_cast<int64_t>(chunk.ref - before->ref));
    }
    before = &chunk;
  }
  return body;
}

std::string BlockWriter::index() const {
  std::string out;
  put_be(out, 0xBAAAD700, 4);
  out.push_back(2);
  const uint64_t symbols_at = out.size();
  Symbols symbols;
  put_symbols(symbols, out);
  // Series, and which of them have each label; the empty one stands for all.
  const uint64_t series_at = out.size();
  Postings postings;
  for (const Entry& entry : series_) {
    constexpr size_t kAlignment = 16;
    pad(kAlignment, out);
    const auto id = static_cast<uint32_t>(out.size() / kAlignment);
    postings[{}].push_back(id);
    for (const auto& [name, value] : entry.labels) postings[{name, value}].push_back(id);
    const std::string body = series_body(entry, symbols);
    ByteWriter(out).varint(body.size());
    out += body;
    put_be(out, codec::crc32c(body), 4);
  }
  const uint64_t postings_at = out.size();
  std::string table;
  put_be(table, postings.size(), 4);
  for (const auto& [label, ids] : postings) {
    pad(4, out);
    ByteWriter entry(table);
    entry.varint(2);
    entry.sized_bytes(label.first);
    entry.sized_bytes(label.second);
    entry.varint(out.size());
    std::string body;
    put_be(body, ids.size(), 4);
    for (const uint32_t id : ids) put_be(body, id, 4);
    put_section(body, out);
  }
  const uint64_t table_at = out.size();
  put_section(table, out);
  // Label indices, which nobody reads any more, are not written.
  const size_t toc = out.size();
  for (const uint64_t offset :
       {symbols_at, series_at, postings_at, table_at, postings_at, table_at}) {
    put_be(out, offset, 8);
  }
  put_crc(toc, out);
  return out;
}

std::string BlockWriter::meta_json() const {
  std::string out;
  codec::JsonWriter json(out);
  json.begin_object().field("ulid", meta_.ulid);
  json.key("minTime").integer(meta_.range.start.ms);
  json.key("maxTime").integer(meta_.range.end.ms + 1);
  json.key("stats").begin_object();
  const auto count = [&](std::string_view key, uint64_t n) {
    if (n > 0) json.key(key).integer(static_cast<int64_t>(n));
  };
  count("numSamples", meta_.samples);
  count("numFloatSamples", float_samples_);
  count("numHistogramSamples", meta_.samples - float_samples_);
  count("numSeries", meta_.series);
  count("numChunks", meta_.chunks);
  json.end_object();
  json.key("compaction").begin_object();
  json.key("level").integer(1);
  json.key("sources").begin_array().string(meta_.ulid).end_array().end_object();
  json.key("version").integer(1).end_object();
  return out;
}

Result<BlockMeta> BlockWriter::finish() {
  CHECK(!series_.empty());
  TRY(flush_segment());
  TRY(segment_->sync());
  TRY(files_.sync_directory(directory_ + "/chunks"));
  TRY(files_.write_atomically(directory_ + "/index", index()));
  std::string tombstones;
  put_be(tombstones, 0x0130BA30, 4);
  tombstones.push_back(1);
  put_be(tombstones, 0, 4);
  TRY(files_.write_atomically(directory_ + "/tombstones", tombstones));
  // Last: what has no meta.json is no block yet.
  TRY(files_.write_atomically(directory_ + "/meta.json", meta_json()));
  return meta_;
}

}  // namespace prom5::prometheus
