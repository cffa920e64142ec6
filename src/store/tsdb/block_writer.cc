#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <numeric>

#include "io/codec/bytes.h"
#include "io/codec/compress.h"
#include "io/codec/crc32c.h"
#include "store/chunk/column_chunk.h"
#include "store/tsdb/block.h"
#include "store/tsdb/block_format.h"
#include "store/tsdb/record.h"

namespace prom5::tsdb {

namespace {

using codec::ByteWriter;

constexpr size_t kBlockChunkSamples = 480;  // two hours at 15 s
constexpr size_t kBufferBytes = size_t{1} << 20;

/// The checksum of what `out` has from `begin` on.
void append_crc(size_t begin, std::string& out) {
  const uint32_t crc = codec::crc32c(std::string_view(out).substr(begin));
  ByteWriter(out).u32(crc);
}

/// The shortest of: differences, runs.
void write_postings(std::span<const uint32_t> ids, std::string& out) {
  std::string differences;
  std::string runs;
  ByteWriter by_one(differences);
  ByteWriter by_run(runs);
  uint32_t next = 0;
  for (const uint32_t id : ids) {
    by_one.varint(id - next);
    next = id + 1;
  }
  size_t run_count = 0;
  next = 0;
  for (size_t i = 0; i < ids.size(); ++run_count) {
    size_t end = i + 1;
    while (end < ids.size() && ids[end] == ids[end - 1] + 1) ++end;
    by_run.varint(ids[i] - next);
    by_run.varint(end - i - 1);
    next = ids[end - 1] + 1;
    i = end;
  }
  ByteWriter writer(out);
  const bool in_runs = runs.size() < differences.size();
  writer.varint((in_runs ? run_count : ids.size()) << 1 | (in_runs ? 1 : 0));
  writer.bytes(in_runs ? runs : differences);
}

}  // namespace

Result<std::unique_ptr<BlockWriter>> BlockWriter::create(io::FileSystem& files, std::string path,
                                                         uint64_t max_part_bytes) {
  auto file = TRY(files.open_append(path));
  TRY(file->truncate(0));
  std::unique_ptr<BlockWriter> out(new BlockWriter(std::move(file), max_part_bytes));
  out->buffer_ = kBlockMagic;
  out->info_.range = {TimeMs::max(), TimeMs::min()};
  return out;
}

uint32_t BlockWriter::intern(std::string_view text) {
  const auto [found, added] =
      symbol_numbers_.try_emplace(std::string(text), static_cast<uint32_t>(symbols_.size()));
  if (added) symbols_.emplace_back(text);
  return found->second;
}

Result<void> BlockWriter::flush(size_t at_least) {
  if (buffer_.size() < at_least) return {};
  TRY(file_->append(buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> BlockWriter::add(const Labels& labels, const SampleColumns& samples,
                              const StartTimes& starts) {
  begin_series(labels);
  add_column(Column::Samples, samples);
  if (!starts.empty() && samples.size() > 0) {
    add_column(Column::Starts,
               starts.within({samples.times.front(), samples.times.back()}).columns());
  }
  return end_series();
}

void BlockWriter::begin_series(const Labels& labels) {
  open_.labels.clear();
  open_.chunks.clear();
  for (const LabelView label : labels) {
    open_.labels.emplace_back(intern(label.name), intern(label.value));
  }
}

void BlockWriter::add_column(Column column, const SampleColumns& samples) {
  const auto kind_of = [&](size_t i) {
    const bool histogram = !samples.histograms.empty() && samples.histograms[i] != nullptr;
    return histogram ? ChunkKind::Histograms : ChunkKind::Floats;
  };
  for (size_t first = 0; first < samples.size();) {
    const ChunkKind kind = kind_of(first);
    size_t last = first + 1;
    while (last < samples.size() && last - first < kBlockChunkSamples && kind_of(last) == kind) {
      ++last;
    }
    add_chunk(samples, first, last, kind, column);
    first = last;
  }
}

Result<void> BlockWriter::copy_column(std::span<const Copied> chunks) {
  for (const Copied& copied : chunks) {
    ChunkRef chunk = copied.chunk;
    chunk.times = TRY(copied_times_number(*copied.block, copied.chunk.times));
    chunk.offset = written_ + buffer_.size();
    buffer_ += copied.block->stored(copied.chunk);
    open_.chunks.push_back(chunk);
  }
  return {};
}

Result<void> BlockWriter::end_series() {
  // Start timestamps without samples are of nothing.
  const bool any = std::ranges::any_of(
      open_.chunks, [](const ChunkRef& chunk) { return chunk.column != Column::Starts; });
  if (!any) return {};
  for (const ChunkRef& chunk : open_.chunks) {
    if (chunk.column == Column::Starts) continue;
    info_.range.start = std::min(info_.range.start, chunk.range.start);
    info_.range.end = std::max(info_.range.end, chunk.range.end);
    info_.samples += chunk.count;
  }
  series_.push_back(std::move(open_));
  return flush(kBufferBytes);
}

uint32_t BlockWriter::times_number(std::span<const TimeMs> times) {
  const XXH128_hash_t hash = XXH3_128bits(times.data(), times.size_bytes());
  const auto [found, added] =
      times_numbers_.try_emplace({hash.low64, hash.high64}, static_cast<uint32_t>(times_.size()));
  if (!added) return found->second;
  const size_t begin = times_bytes_.size();
  chunk::encode_times(times, times_bytes_);
  append_crc(begin, times_bytes_);
  times_.push_back({begin,
                    narrow(times_bytes_.size() - begin),
                    static_cast<uint32_t>(times.size()),
                    {times.front(), times.back()}});
  return found->second;
}

/// A column is copied once from each place it comes from.
Result<uint32_t> BlockWriter::copied_times_number(const Block& block, uint32_t number) {
  const auto [found, added] = times_numbers_.try_emplace(
      {reinterpret_cast<uintptr_t>(&block), number}, static_cast<uint32_t>(times_.size()));
  if (!added) return found->second;
  Block::TimesColumn column = TRY(block.times_column(number));
  const size_t begin = times_bytes_.size();
  times_bytes_ += block.stored(column);
  column.offset = begin;
  times_.push_back(column);
  return found->second;
}

void BlockWriter::add_chunk(const SampleColumns& samples, size_t first, size_t last, ChunkKind kind,
                            Column column) {
  ChunkRef chunk;
  chunk.times = times_number({samples.times.data() + first, last - first});
  const size_t begin = buffer_.size();
  if (kind == ChunkKind::Floats) {
    chunk::encode_floats({samples.values.data() + first, last - first}, buffer_);
  } else {
    for (size_t i = first; i < last; ++i) encode_histogram(*samples.histograms[i], buffer_);
  }
  append_crc(begin, buffer_);
  chunk.offset = written_ + begin;
  chunk.length = narrow(buffer_.size() - begin);
  chunk.count = static_cast<uint32_t>(last - first);
  chunk.kind = kind;
  chunk.column = column;
  chunk.range = {samples.times[first], samples.times[last - 1]};
  open_.chunks.push_back(chunk);
}

/// The symbols in the order of their text; result: the place in it of each.
std::vector<uint32_t> BlockWriter::write_symbols(std::string& out) {
  std::vector<uint32_t> order(symbols_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return symbols_[a] < symbols_[b]; });
  ByteWriter writer(out);
  writer.u32(narrow(symbols_.size()));
  uint64_t end = 0;
  writer.u32(0);
  for (const uint32_t number : order) {
    end += symbols_[number].size();
    writer.u32(narrow(end));
  }
  for (const uint32_t number : order) writer.bytes(symbols_[number]);
  std::vector<uint32_t> rank(symbols_.size());
  for (uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  return rank;
}

void BlockWriter::write_times(uint64_t offset, std::string& out) const {
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(times_.size()));
  for (const Block::TimesColumn& column : times_) {
    writer.u64(offset + column.offset);
    writer.u64(static_cast<uint64_t>(column.range.start.ms));
    writer.u64(static_cast<uint64_t>(column.range.end.ms));
    writer.u32(column.length);
    writer.u32(column.count);
  }
}

void BlockWriter::write_chunks(const SeriesEntry& entry, std::string& out) {
  ByteWriter writer(out);
  size_t entries = entry.chunks.size();
  Column column = Column::Samples;
  for (const ChunkRef& chunk : entry.chunks) {
    if (std::exchange(column, chunk.column) != chunk.column) ++entries;
  }
  writer.varint(entries);
  column = Column::Samples;
  for (const ChunkRef& chunk : entry.chunks) {
    if (std::exchange(column, chunk.column) != chunk.column) {
      writer.varint(0);  // no chunk is that short: the column that follows
      writer.varint(static_cast<uint64_t>(chunk.column));
    }
    const bool histograms = chunk.kind == ChunkKind::Histograms;
    writer.varint(uint64_t{chunk.length} << 1 | (histograms ? 1 : 0));
    writer.varint(chunk.times);
  }
}

void BlockWriter::write_series(std::span<const uint32_t> rank, std::string& out) {
  std::string series;
  ByteWriter writer(series);
  std::vector<uint32_t> groups;
  for (size_t number = 0; number < series_.size(); ++number) {
    const SeriesEntry& entry = series_[number];
    size_t shared = 0;
    if (number % kSeriesPerGroup == 0) {
      groups.push_back(narrow(series.size()));
      writer.varint(entry.chunks.front().offset);
    } else {
      const auto& before = series_[number - 1].labels;
      const auto differs =
          std::mismatch(before.begin(), before.end(), entry.labels.begin(), entry.labels.end());
      shared = static_cast<size_t>(differs.first - before.begin());
    }
    writer.varint(shared);
    writer.varint(entry.labels.size() - shared);
    for (size_t i = shared; i < entry.labels.size(); ++i) {
      writer.varint(rank[entry.labels[i].first]);
      writer.varint(rank[entry.labels[i].second]);
    }
    write_chunks(entry, series);
  }
  ByteWriter head(out);
  head.u32(narrow(series_.size()));
  head.u32(narrow(series.size()));
  for (const uint32_t group : groups) head.u32(group);
  head.bytes(series);
}

void BlockWriter::write_label_index(std::span<const uint32_t> rank, std::string& out) {
  struct Pair {
    uint32_t name;
    uint32_t value;
    uint32_t series;
    auto operator<=>(const Pair&) const = default;
  };
  std::vector<Pair> pairs;
  for (uint32_t number = 0; number < series_.size(); ++number) {
    for (const auto& [name, value] : series_[number].labels) {
      pairs.push_back({rank[name], rank[value], number});
    }
  }
  std::sort(pairs.begin(), pairs.end());
  std::string names;
  std::string values;
  std::string postings;
  uint32_t name_count = 0;
  uint32_t value_count = 0;
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < pairs.size(); ++name_count) {
    const uint32_t name = pairs[i].name;
    const uint32_t first_value = value_count;
    for (; i < pairs.size() && pairs[i].name == name; ++value_count) {
      const uint32_t value = pairs[i].value;
      ByteWriter(values).u32(value);
      ByteWriter(values).u32(narrow(postings.size()));
      ids.clear();
      for (; i < pairs.size() && pairs[i].name == name && pairs[i].value == value; ++i) {
        ids.push_back(pairs[i].series);
      }
      write_postings(ids, postings);
    }
    ByteWriter(names).u32(name);
    ByteWriter(names).u32(first_value);
    ByteWriter(names).u32(value_count - first_value);
  }
  ByteWriter writer(out);
  writer.u32(name_count);
  writer.u32(value_count);
  writer.bytes(names);
  writer.bytes(values);
  writer.bytes(postings);
}

/// What the end of the file says of the index, without its checksum.
std::string BlockWriter::footer(const BlockInfo& origin, uint64_t index_offset,
                                std::string_view index) const {
  std::string out;
  ByteWriter writer(out);
  writer.u64(index_offset);
  writer.u64(index.size());
  writer.u64(static_cast<uint64_t>(info_.range.start.ms));
  writer.u64(static_cast<uint64_t>(info_.range.end.ms));
  writer.u64(series_.size());
  writer.u64(info_.samples);
  writer.u64(origin.wal_segment);
  writer.u64(static_cast<uint64_t>(origin.wal_until.ms));
  writer.u32(codec::crc32c(index));
  return out;
}

Result<void> BlockWriter::finish(const BlockInfo& origin) {
  TRY(flush(0));
  const uint64_t times_offset = written_;
  buffer_.swap(times_bytes_);
  TRY(flush(0));
  std::string index;
  const std::vector<uint32_t> rank = write_symbols(index);
  write_times(times_offset, index);
  ByteWriter replaced(index);
  replaced.u32(static_cast<uint32_t>(origin.replaces.size()));
  for (const uint64_t number : origin.replaces) replaced.u64(number);
  write_series(rank, index);
  write_label_index(rank, index);
  if (too_large_) {
    return fail(ErrorCode::LimitExceeded, "block: {} series have more labels than one can hold",
                series_.size());
  }
  // The spare copy, should a byte of the index or of the footer be damaged.
  const std::string packed = codec::zstd_compress(index);
  const std::string spare_footer = footer(origin, written_, index);
  buffer_ = kSpareMagic;
  ByteWriter spare(buffer_);
  spare.u32(static_cast<uint32_t>(packed.size()));
  spare.bytes(spare_footer);
  spare.bytes(packed);
  spare.u32(codec::crc32c(buffer_));
  TRY(flush(0));
  std::string end = footer(origin, written_, index);
  ByteWriter writer(end);
  writer.u32(codec::crc32c(end));
  writer.bytes(kBlockMagic);
  CHECK(end.size() == kFooterBytes);
  buffer_ = std::move(index);
  buffer_ += end;
  TRY(flush(0));
  return file_->sync();
}

}  // namespace prom5::tsdb
