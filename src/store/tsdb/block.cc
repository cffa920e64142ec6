#include "store/tsdb/block.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include "base/loop_turn.h"
#include "io/codec/bytes.h"
#include "io/codec/compress.h"
#include "io/codec/crc32c.h"
#include "store/chunk/column_chunk.h"
#include "store/tsdb/block_format.h"
#include "store/tsdb/columns.h"
#include "store/tsdb/record.h"
#include "store/tsdb/rollup.h"

namespace prom5::tsdb {

namespace {

using codec::ByteReader;

uint32_t u32_at(std::string_view table, size_t index) {
  uint32_t value = 0;
  std::memcpy(&value, table.data() + index * 4, 4);
  return value;
}

}  // namespace

std::unexpected<Error> Block::damaged(std::string_view what) const {
  return fail(ErrorCode::Corruption, "block {}: {}", path_, what);
}

Result<std::shared_ptr<Block>> Block::open(io::FileSystem& files, std::string path,
                                           uint64_t number) {
  auto file = TRY(files.map(path));
  std::shared_ptr<Block> block(
      new Block(std::move(path), number, std::move(file)));  // shared with queries
  TRY(block->load());
  return block;
}

Result<void> Block::load() {
  auto loaded = load_primary();
  if (loaded) return {};
  // A block of another kind has no spare either.
  if (!load_spare()) return loaded;
  index_damage_ = std::move(loaded).error();
  return {};
}

/// All but the checksum of the footer itself.
Result<void> Block::load_footer(std::string_view footer) {
  info_ = {};
  names_.clear();
  ByteReader in(footer);
  index_offset_ = TRY(in.u64());
  index_size_ = TRY(in.u64());
  info_.range.start = {static_cast<int64_t>(TRY(in.u64()))};
  info_.range.end = {static_cast<int64_t>(TRY(in.u64()))};
  info_.series = TRY(in.u64());
  info_.samples = TRY(in.u64());
  info_.wal_segment = TRY(in.u64());
  info_.wal_until = {static_cast<int64_t>(TRY(in.u64()))};
  index_crc_ = TRY(in.u32());
  chunks_end_ = index_offset_;
  return {};
}

Result<void> Block::load_primary() {
  const std::string_view bytes = file_->bytes();
  if (bytes.size() < kBlockMagic.size() + kFooterBytes || !bytes.starts_with(kBlockMagic) ||
      !bytes.ends_with(kBlockMagic)) {
    return damaged("not a block, or cut short");
  }
  const std::string_view footer = bytes.substr(bytes.size() - kFooterBytes);
  if (u32_at(footer.substr(kSpareFooterBytes), 0) !=
      codec::crc32c(footer.substr(0, kSpareFooterBytes))) {
    return damaged("footer checksum");
  }
  TRY(load_footer(footer));
  const uint64_t body = bytes.size() - kFooterBytes;
  if (index_offset_ > body || index_size_ != body - index_offset_) return damaged("index position");
  const std::string_view index = bytes.substr(index_offset_, index_size_);
  if (codec::crc32c(index) != index_crc_) return damaged("index checksum");
  auto loaded = load_index(index);
  if (!loaded) return damaged(loaded.error().message);
  return {};
}

namespace {

/// The spare copy that begins here: its footer and the packed index; Corruption when it is damaged.
struct Spare {
  std::string_view footer;
  std::string_view packed;
};

Result<Spare> spare_at(std::string_view bytes, size_t offset) {
  constexpr size_t kAround = kSpareMagic.size() + 4 + kSpareFooterBytes;
  const std::string_view from = bytes.substr(offset);
  if (from.size() < kAround + 4 || !from.starts_with(kSpareMagic)) {
    return fail(ErrorCode::Corruption, "spare index");
  }
  const uint32_t length = u32_at(from.substr(kSpareMagic.size()), 0);
  if (length > from.size() - kAround - 4) return fail(ErrorCode::Corruption, "spare index length");
  if (codec::crc32c(from.substr(0, kAround + length)) != u32_at(from.substr(kAround + length), 0)) {
    return fail(ErrorCode::Corruption, "spare index checksum");
  }
  return Spare{from.substr(kSpareMagic.size() + 4, kSpareFooterBytes),
               from.substr(kAround, length)};
}

}  // namespace

Result<void> Block::load_spare() {
  const std::string_view bytes = file_->bytes();
  // Samples may look like the magic: the checksum tells.
  for (size_t at = bytes.rfind(kSpareMagic); at != std::string_view::npos && at > 0;
       at = bytes.rfind(kSpareMagic, at - 1)) {
    const auto spare = spare_at(bytes, at);
    if (!spare) continue;
    TRY(load_footer(spare->footer));
    spare_index_ = TRY(codec::zstd_decompress(spare->packed, index_size_));
    return load_index(spare_index_);
  }
  return damaged("no spare index");
}

Result<void> Block::verify_spare() const {
  const std::string_view bytes = file_->bytes();
  // It lies between the last column of times and the index; blocks of old have none.
  uint64_t data_end = kBlockMagic.size();
  for (uint32_t number = 0; number < times_count_; ++number) {
    const TimesColumn column = TRY(times_column(number));
    data_end = std::max(data_end, column.offset + column.length);
  }
  if (data_end == chunks_end_) return {};
  if (const auto spare = spare_at(bytes, data_end); !spare) return damaged(spare.error().message);
  return {};
}

Result<void> Block::load_index(std::string_view index) {
  ByteReader in(index);
  symbol_count_ = TRY(in.u32());
  symbol_offsets_ = TRY(in.take((uint64_t{symbol_count_} + 1) * 4));
  symbols_ = TRY(in.take(u32_at(symbol_offsets_, symbol_count_)));
  times_count_ = TRY(in.u32());
  times_ = TRY(in.take(uint64_t{times_count_} * kTimesEntryBytes));
  for (uint32_t n = TRY(in.u32()); n > 0; --n) info_.replaces.push_back(TRY(in.u64()));
  series_count_ = TRY(in.u32());
  if (series_count_ != info_.series) return damaged("number of series");
  const uint32_t series_bytes = TRY(in.u32());
  const uint64_t groups = (uint64_t{series_count_} + kSeriesPerGroup - 1) / kSeriesPerGroup;
  group_offsets_ = TRY(in.take(groups * 4));
  series_ = TRY(in.take(series_bytes));
  const uint32_t names = TRY(in.u32());
  const uint32_t values = TRY(in.u32());
  for (uint32_t i = 0; i < names; ++i) {
    LabelName name;
    name.name = symbol(TRY(in.u32()));
    name.first_value = TRY(in.u32());
    name.values = TRY(in.u32());
    if (uint64_t{name.first_value} + name.values > values) return damaged("label names");
    names_.push_back(name);
  }
  values_ = TRY(in.take(uint64_t{values} * 8));
  postings_ = in.rest();
  return {};
}

std::string_view Block::symbol(uint32_t number) const {
  if (number >= symbol_count_) return {};
  const uint32_t begin = u32_at(symbol_offsets_, number);
  const uint32_t end = u32_at(symbol_offsets_, number + 1);
  if (begin > end || end > symbols_.size()) return {};
  return symbols_.substr(begin, end - begin);
}

Block::Value Block::value_at(uint32_t at) const {
  return {symbol(u32_at(values_, size_t{at} * 2)), u32_at(values_, size_t{at} * 2 + 1)};
}

const Block::LabelName* Block::find_name(std::string_view name) const {
  const auto found =
      std::lower_bound(names_.begin(), names_.end(), name,
                       [](const LabelName& n, std::string_view text) { return n.name < text; });
  return found != names_.end() && found->name == name ? &*found : nullptr;
}

/// Calls `visit(first, last) -> bool` for each run of series numbers, until it says false.
template <typename Visit>
Result<void> Block::each_run(uint32_t offset, Visit visit) const {
  if (offset > postings_.size()) return damaged("postings position");
  ByteReader in(postings_.substr(offset));
  const uint64_t header = TRY(in.varint());
  const bool in_runs = (header & 1) != 0;
  uint64_t next = 0;
  for (uint64_t n = header >> 1; n > 0; --n) {
    const uint64_t first = next + TRY(in.varint());
    const uint64_t last = first + (in_runs ? TRY(in.varint()) : 0);
    if (first > last || last >= series_count_) return damaged("postings");
    if (!visit(static_cast<uint32_t>(first), static_cast<uint32_t>(last))) return {};
    next = last + 1;
  }
  return {};
}

Result<void> Block::add_postings(uint32_t offset, std::vector<uint32_t>& out) const {
  return each_run(offset, [&](uint32_t first, uint32_t last) {
    constexpr uint32_t kLongRun = 16'384;
    if (last - first > kLongRun) leave_event_loop();
    leave_event_loop_when_long();
    for (uint32_t number = first; number <= last; ++number) out.push_back(number);
    return true;
  });
}

Result<bool> Block::intersects(uint32_t offset, std::span<const uint32_t> numbers) const {
  bool found = false;
  auto from = numbers.begin();
  TRY(each_run(offset, [&](uint32_t first, uint32_t last) {
    from = std::lower_bound(from, numbers.end(), first);
    found = from != numbers.end() && *from <= last;
    return !found && from != numbers.end();
  }));
  return found;
}

/// The series whose value of the matcher's label is there and is `wanted` by it or is not.
Result<std::vector<uint32_t>> Block::matching(const Matcher& matcher, bool wanted) const {
  std::vector<uint32_t> out;
  const LabelName* name = find_name(matcher.name());
  if (name == nullptr) return out;
  const uint32_t end = name->first_value + name->values;
  size_t lists = 0;
  const auto add = [&](const Value& value) -> Result<void> {
    ++lists;
    return add_postings(value.postings, out);
  };
  const std::span<const std::string> literals = matcher.literal_values();
  if (wanted && !literals.empty()) {
    std::vector<uint32_t> found;
    for (const std::string& literal : literals) {
      uint32_t low = name->first_value;
      for (uint32_t high = end; low < high;) {
        const uint32_t mid = low + (high - low) / 2;
        if (value_at(mid).text < literal) {
          low = mid + 1;
        } else {
          high = mid;
        }
      }
      if (low < end && value_at(low).text == literal) found.push_back(low);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    for (const uint32_t at : found) TRY(add(value_at(at)));
  } else {
    for (uint32_t at = name->first_value; at < end; ++at) {
      leave_event_loop_when_long();
      const Value value = value_at(at);
      if (matcher.matches(value.text) == wanted) TRY(add(value));
    }
  }
  if (lists > 1) std::sort(out.begin(), out.end());  // a series has one value for a name
  return out;
}

Result<std::vector<uint32_t>> Block::select(std::span<const Matcher> matchers) const {
  std::vector<uint32_t> result;
  bool first = true;
  std::vector<std::vector<uint32_t>> excluded;
  for (const Matcher& matcher : matchers) {
    if (matcher.matches_empty()) {
      // Series without the label stay, so what the matcher refuses is taken out at the end.
      excluded.push_back(TRY(matching(matcher, false)));
      continue;
    }
    std::vector<uint32_t> found = TRY(matching(matcher, true));
    if (first) {
      result = std::move(found);
    } else {
      std::vector<uint32_t> both;
      std::set_intersection(result.begin(), result.end(), found.begin(), found.end(),
                            std::back_inserter(both));
      result = std::move(both);
    }
    first = false;
    if (result.empty()) return result;
  }
  if (first) {
    result.resize(series_count_);
    for (uint32_t i = 0; i < series_count_; ++i) result[i] = i;
  }
  for (const std::vector<uint32_t>& list : excluded) {
    std::vector<uint32_t> rest;
    std::set_difference(result.begin(), result.end(), list.begin(), list.end(),
                        std::back_inserter(rest));
    result = std::move(rest);
  }
  return result;
}

Result<Block::Series> Block::series(uint32_t number) const {
  Series out;
  TRY(SeriesReader(*this).read(number, out));
  return out;
}

Result<void> SeriesReader::read(uint32_t number, Block::Series& out) {
  if (number >= block_.series_count_) return block_.damaged("series number");
  const auto read_entries = [&]() -> Result<void> {
    const bool ahead = next_ <= number && number / kSeriesPerGroup == next_ / kSeriesPerGroup;
    if (!ahead || next_ % kSeriesPerGroup == 0) TRY(begin_group(number));
    while (next_ < number) TRY(entry(nullptr));
    out.chunks.clear();
    TRY(entry(&out.chunks));
    return labels(out.labels);
  };
  auto done = read_entries();
  if (!done) next_ = UINT32_MAX;
  return done;
}

Result<void> SeriesReader::begin_group(uint32_t number) {
  const uint32_t group = u32_at(block_.group_offsets_, number / kSeriesPerGroup);
  if (group > block_.series_.size()) return block_.damaged("series position");
  in_ = ByteReader(block_.series_.substr(group));
  offset_ = TRY(in_.varint());
  symbols_.clear();
  next_ = number / kSeriesPerGroup * kSeriesPerGroup;
  return {};
}

Result<void> SeriesReader::entry(std::vector<ChunkRef>* chunks) {
  uint64_t shared = 0;
  uint64_t own = 0;
  if (!in_.try_varint(shared) || !in_.try_varint(own) || shared > symbols_.size() ||
      own > in_.remaining()) {
    return block_.damaged("series labels");
  }
  symbols_.resize(shared);
  for (uint64_t i = 0; i < own; ++i) {
    uint64_t name = 0;
    uint64_t value = 0;
    if (!in_.try_varint(name) || !in_.try_varint(value)) return block_.damaged("series labels");
    symbols_.emplace_back(static_cast<uint32_t>(name), static_cast<uint32_t>(value));
  }
  Column column = Column::Samples;
  uint64_t count = 0;
  if (!in_.try_varint(count)) return block_.damaged("chunk count");
  for (; count > 0; --count) {
    uint64_t length = 0;
    uint64_t next = 0;
    if (!in_.try_varint(length) || !in_.try_varint(next)) return block_.damaged("chunk entry");
    if (length == 0) {
      if (next >= kColumns) return block_.damaged("column");
      column = static_cast<Column>(next);
      continue;
    }
    ChunkRef chunk;
    chunk.column = column;
    chunk.offset = offset_;
    chunk.length = static_cast<uint32_t>(length >> 1);
    chunk.kind = (length & 1) != 0 ? ChunkKind::Histograms : ChunkKind::Floats;
    chunk.times = static_cast<uint32_t>(next);
    if (offset_ > block_.chunks_end_ || chunk.length > block_.chunks_end_ - offset_) {
      return block_.damaged("chunk position");
    }
    offset_ += chunk.length;
    if (chunks == nullptr) continue;
    const Block::TimesColumn times = TRY(block_.times_column(chunk.times));
    chunk.count = times.count;
    chunk.range = times.range;
    chunks->push_back(chunk);
  }
  ++next_;
  return {};
}

Result<void> SeriesReader::labels(Labels& out) {
  views_.clear();
  for (const auto& [name, value] : symbols_) {
    views_.push_back({block_.symbol(name), block_.symbol(value)});
  }
  if (!out.assign_ascending(views_)) return block_.damaged("order of labels");
  return {};
}

Result<Block::TimesColumn> Block::times_column(uint32_t number) const {
  if (number >= times_count_) return damaged("column of times");
  ByteReader in(times_.substr(size_t{number} * kTimesEntryBytes, kTimesEntryBytes));
  TimesColumn out;
  out.offset = TRY(in.u64());
  out.range.start = {static_cast<int64_t>(TRY(in.u64()))};
  out.range.end = {static_cast<int64_t>(TRY(in.u64()))};
  out.length = TRY(in.u32());
  out.count = TRY(in.u32());
  if (out.offset > chunks_end_ || out.length > chunks_end_ - out.offset) {
    return damaged("position of times");
  }
  return out;
}

std::string_view Block::stored(const ChunkRef& chunk) const {
  return file_->bytes().substr(chunk.offset, chunk.length);
}

std::string_view Block::stored(const TimesColumn& column) const {
  return file_->bytes().substr(column.offset, column.length);
}

namespace {

/// What stands before the checksum, when it holds.
Result<std::string_view> verified(std::string_view stored) {
  constexpr size_t kCrcBytes = 4;
  if (stored.size() < kCrcBytes) return fail(ErrorCode::Corruption, "cut short");
  const std::string_view bytes = stored.substr(0, stored.size() - kCrcBytes);
  if (codec::crc32c(bytes) != u32_at(stored.substr(bytes.size()), 0)) {
    return fail(ErrorCode::Corruption, "checksum");
  }
  return bytes;
}

}  // namespace

Result<void> Block::read(const ChunkRef& chunk, TimesCache& times, SampleColumns& out) const {
  const size_t before = out.times.size();
  // Many chunks have the same times, whose damage is one.
  const auto decode_times = [&](std::vector<TimeMs>& to) -> Result<void> {
    ByteReader in(TRY(verified(stored(TRY(times_column(chunk.times))))));
    return chunk::decode_times(in, to);
  };
  if (auto decoded = times.append(this, chunk.times, out.times, decode_times); !decoded) {
    return fail(ErrorCode::Corruption, "block {}: column of times {}: {}", path_, chunk.times,
                decoded.error().message);
  }
  const auto decode = [&]() -> Result<void> {
    const size_t count = out.times.size() - before;
    ByteReader in(TRY(verified(stored(chunk))));
    out.values.resize(out.times.size());
    if (chunk.kind == ChunkKind::Floats) {
      TRY(chunk::decode_floats(in, std::span(out.values).subspan(before)));
      if (!out.histograms.empty()) out.histograms.resize(out.times.size());
      return {};
    }
    out.histograms.resize(before);
    for (size_t i = 0; i < count; ++i) {
      out.histograms.push_back(std::make_shared<Histogram>(TRY(decode_histogram(in))));
      out.values[before + i] = out.histograms.back()->sum;
    }
    return {};
  };
  auto decoded = decode();
  if (decoded) return {};
  out.times.resize(before);
  out.values.resize(before);
  if (!out.histograms.empty()) out.histograms.resize(before);
  return fail(ErrorCode::Corruption, "block {}: chunk at {}: {}", path_, chunk.offset,
              decoded.error().message);
}

void Block::read(std::span<const TimeRange> deleted, const Series& series, Column column,
                 TimeRange range, TimesCache& times,
                 const std::function<void(const Error&)>& damaged, SampleColumns& out) const {
  out.clear();
  append(deleted, series, column, range, times, damaged, out);
}

bool Block::append(std::span<const TimeRange> deleted, const Series& series, Column column,
                   TimeRange range, TimesCache& times,
                   const std::function<void(const Error&)>& damaged, SampleColumns& out) const {
  const auto is_read = [&](const ChunkRef& chunk) {
    return chunk.column == column && chunk.range.overlaps(range);
  };
  if (!out.times.empty()) {
    const auto first = std::ranges::find_if(series.chunks, is_read);
    if (first == series.chunks.end()) return true;
    if (!deleted.empty() || first->range.start <= out.times.back()) return false;
  }
  const size_t before = out.times.size();
  for (const ChunkRef& chunk : series.chunks) {
    if (!is_read(chunk)) continue;
    if (auto read_chunk = read(chunk, times, out); !read_chunk) damaged(read_chunk.error());
  }
  clip(out, range, before);
  erase(out, deleted);
  return true;
}

TimeRange Block::Series::range() const {
  TimeRange out{TimeMs::max(), TimeMs::min()};
  for (const ChunkRef& chunk : chunks) {
    if (chunk.column == Column::Starts) continue;
    out = {std::min(out.start, chunk.range.start), std::max(out.end, chunk.range.end)};
  }
  return out;
}

StartTimes Block::starts(const Series& series,
                         const std::function<void(const Error&)>& damaged) const {
  TimesCache times;
  SampleColumns columns;
  for (const ChunkRef& chunk : series.chunks) {
    if (chunk.column != Column::Starts) continue;
    if (auto read_chunk = read(chunk, times, columns); !read_chunk) damaged(read_chunk.error());
  }
  return StartTimes(columns);
}

std::vector<TimeMs> Block::window_ends(DurationMs width) const {
  const MutexLock lock(mutex_);
  auto [known, fresh] = window_ends_.try_emplace(width);
  if (!fresh) return known->second;
  std::set<TimeMs> ends;
  std::vector<TimeMs> times;
  for (uint32_t number = 0; number < times_count_; ++number) {
    const auto column = times_column(number);
    if (!column) continue;
    ends.insert(window_end(column->range.start, width));
    ends.insert(window_end(column->range.end, width));
    // Few reach over more than two.
    const auto first = static_cast<uint64_t>(window_end(column->range.start, width).ms);
    const auto last = static_cast<uint64_t>(window_end(column->range.end, width).ms);
    if (last - first <= static_cast<uint64_t>(width.ms)) continue;
    times.clear();
    const auto bytes = verified(stored(*column));
    if (!bytes) continue;
    ByteReader in(*bytes);
    if (!chunk::decode_times(in, times)) continue;
    for (const TimeMs time : times) ends.insert(window_end(time, width));
  }
  known->second.assign(ends.begin(), ends.end());
  return known->second;
}

Result<void> Block::verify_checksums(const ChunkRef& chunk) const {
  const auto checked = [&](std::string_view bytes, std::string_view what) -> Result<void> {
    if (auto good = verified(bytes); !good) {
      return fail(ErrorCode::Corruption, "block {}: {} of the chunk at {}: {}", path_, what,
                  chunk.offset, good.error().message);
    }
    return {};
  };
  TRY(checked(stored(TRY(times_column(chunk.times))), "times"));
  return checked(stored(chunk), "values");
}

std::vector<Error> Block::verify(Depth depth) const {
  std::vector<Error> out;
  if (index_damage_) {
    out.push_back(*index_damage_);
  } else if (auto spare = verify_spare(); !spare) {
    out.push_back(std::move(spare).error());
  }
  TimesCache times;
  SampleColumns samples;
  for (uint32_t number = 0; number < series_count_; ++number) {
    const auto entry = series(number);
    if (!entry) {
      out.push_back(entry.error());
      continue;
    }
    for (const ChunkRef& chunk : entry->chunks) {
      samples.clear();
      auto good = depth == Depth::Values ? read(chunk, times, samples) : verify_checksums(chunk);
      if (good) continue;
      good.error().message +=
          fmt::format(", {} from {} to {}", entry->labels.to_string(),
                      format_rfc3339(chunk.range.start), format_rfc3339(chunk.range.end));
      out.push_back(std::move(good).error());
    }
  }
  return out;
}

std::shared_ptr<const Tombstones> Block::tombstones() const {
  const MutexLock lock(mutex_);
  return tombstones_;
}

void Block::set_tombstones(Tombstones tombstones) {
  auto fresh = std::make_shared<const Tombstones>(std::move(tombstones));
  const MutexLock lock(mutex_);
  tombstones_ = std::move(fresh);
}

Result<std::vector<std::string>> Block::label_names(std::span<const Matcher> matchers) const {
  std::vector<std::string> out;
  std::vector<uint32_t> numbers;
  if (!matchers.empty()) numbers = TRY(select(matchers));
  for (const LabelName& name : names_) {
    bool any = matchers.empty();
    for (uint32_t i = 0; i < name.values && !any; ++i) {
      leave_event_loop_when_long();
      any = TRY(intersects(value_at(name.first_value + i).postings, numbers));
    }
    if (any) out.emplace_back(name.name);
  }
  return out;
}

Result<std::vector<std::string>> Block::label_values(std::string_view name,
                                                     std::span<const Matcher> matchers) const {
  std::vector<std::string> out;
  const LabelName* found = find_name(name);
  if (found == nullptr) return out;
  std::vector<uint32_t> numbers;
  if (!matchers.empty()) numbers = TRY(select(matchers));
  for (uint32_t i = 0; i < found->values; ++i) {
    leave_event_loop_when_long();
    const Value value = value_at(found->first_value + i);
    const bool any = matchers.empty() || TRY(intersects(value.postings, numbers));
    if (any) out.emplace_back(value.text);
  }
  return out;
}

}  // namespace prom5::tsdb
