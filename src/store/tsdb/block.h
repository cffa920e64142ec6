#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "io/codec/bytes.h"
#include "io/file/file_system.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "store/storage.h"
#include "store/tsdb/sample_times.h"
#include "store/tsdb/start_times.h"
#include "store/tsdb/tombstones.h"

namespace prom5::tsdb {

// A block is one file that never changes: samples of many series over a range of time, and an
// index over their labels. docs/formats/block.md has the layout.

enum class ChunkKind : uint8_t { Floats = 0, Histograms = 1 };

/// A series of a block of samples has one column, two where start timestamps are known; of rollups
/// (store/tsdb/rollup.h) it has several.
enum class Column : uint8_t {
  Samples,
  First,
  Last,
  Min,
  Max,
  Sum,
  Count,
  Resets,
  HistogramCount,
  HistogramSum,
  Starts,  ///< of a series of samples: changes of start timestamps, at their times
};
inline constexpr size_t kColumns = 11;

/// Where a chunk lies and what it covers.
struct ChunkRef {
  uint64_t offset = 0;  ///< of the values; the times are a column of the block's
  uint32_t length = 0;  ///< checksum included
  uint32_t times = 0;   ///< number of the column of times
  uint32_t count = 0;
  ChunkKind kind = ChunkKind::Floats;
  Column column = Column::Samples;
  TimeRange range;
};

struct BlockInfo {
  TimeRange range = {};  ///< of the samples in it
  uint64_t series = 0;
  uint64_t samples = 0;
  /// Samples of the log before this segment that are older than `wal_until` are in the block.
  uint64_t wal_segment = 0;
  TimeMs wal_until = TimeMs::min();
  /// Numbers of the blocks whose samples this one took over: they are to be removed.
  std::vector<uint64_t> replaces = {};
};

/// An open block: mapped, its index verified, its chunks verified as they are read. Any thread.
class Block {
 public:
  /// Corruption when header, footer or index are damaged; Io when the file cannot be mapped.
  /// `number` is the block's name.
  static Result<std::shared_ptr<Block>> open(io::FileSystem& files, std::string path,
                                             uint64_t number);

  [[nodiscard]] uint64_t number() const { return number_; }

  /// Why the spare copy of the index is used, if it is.
  [[nodiscard]] const std::optional<Error>& index_damage() const { return index_damage_; }

  [[nodiscard]] const BlockInfo& info() const { return info_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] uint64_t size_bytes() const { return file_->bytes().size(); }

  /// Numbers of the series for which every matcher holds, ascending, which is the order of their
  /// labels; all when there is no matcher.
  [[nodiscard]] Result<std::vector<uint32_t>> select(std::span<const Matcher> matchers) const;

  struct Series {
    Labels labels;
    std::vector<ChunkRef> chunks;  ///< by column, ascending by time

    /// From the first to the last sample; start > end when there is none.
    [[nodiscard]] TimeRange range() const;
  };
  /// One of them; many in a row are a SeriesReader's work.
  [[nodiscard]] Result<Series> series(uint32_t number) const;

  /// Appends the chunk's samples, deleted ones too. Corruption names file and offset, and appends
  /// nothing.
  Result<void> read(const ChunkRef& chunk, TimesCache& times, SampleColumns& out) const;
  /// Replaces `out` by a column of the series in the range, without what is `deleted` of it (its
  /// tombstones). `damaged` is told of each chunk that is left out.
  void read(std::span<const TimeRange> deleted, const Series& series, Column column,
            TimeRange range, TimesCache& times, const std::function<void(const Error&)>& damaged,
            SampleColumns& out) const;

  /// The same behind what `out` has of the range already. False, and nothing done, where that is
  /// not all older, or something is deleted.
  bool append(std::span<const TimeRange> deleted, const Series& series, Column column,
              TimeRange range, TimesCache& times, const std::function<void(const Error&)>& damaged,
              SampleColumns& out) const;

  /// The start timestamps of its samples, of deleted ones too. `damaged` as for read().
  StartTimes starts(const Series& series, const std::function<void(const Error&)>& damaged) const;

  /// The ends of the windows (store/tsdb/rollup.h) that have samples, deleted ones too, ascending.
  [[nodiscard]] std::vector<TimeMs> window_ends(DurationMs width) const EXCLUDES(mutex_);

  /// Reads everything, or its checksums alone. Result: what cannot be read.
  enum class Depth : uint8_t { Checksums, Values };
  [[nodiscard]] std::vector<Error> verify(Depth depth = Depth::Values) const;

  [[nodiscard]] std::shared_ptr<const Tombstones> tombstones() const EXCLUDES(mutex_);
  void set_tombstones(Tombstones tombstones) EXCLUDES(mutex_);

  /// The stored bytes of a chunk or of a column of times, checksum included.
  [[nodiscard]] std::string_view stored(const ChunkRef& chunk) const;
  struct TimesColumn {
    uint64_t offset = 0;
    uint32_t length = 0;  ///< checksum included
    uint32_t count = 0;
    TimeRange range;
  };
  [[nodiscard]] Result<TimesColumn> times_column(uint32_t number) const;
  [[nodiscard]] std::string_view stored(const TimesColumn& column) const;

  /// Sorted; of the series that match when matchers are given.
  [[nodiscard]] Result<std::vector<std::string>> label_names(
      std::span<const Matcher> matchers) const;
  [[nodiscard]] Result<std::vector<std::string>> label_values(
      std::string_view name, std::span<const Matcher> matchers) const;

 private:
  friend class SeriesReader;

  struct LabelName {
    std::string_view name;
    uint32_t first_value = 0;  ///< in the table of values
    uint32_t values = 0;
  };
  struct Value {
    std::string_view text;
    uint32_t postings = 0;  ///< offset
  };

  Block(std::string path, uint64_t number, std::shared_ptr<const io::MappedFile> file)
      : path_(std::move(path)), number_(number), file_(std::move(file)) {}
  Result<void> load();
  Result<void> load_footer(std::string_view footer);
  Result<void> load_primary();
  Result<void> load_spare();
  [[nodiscard]] Result<void> verify_spare() const;
  [[nodiscard]] Result<void> verify_checksums(const ChunkRef& chunk) const;
  Result<void> load_index(std::string_view index);
  [[nodiscard]] std::string_view symbol(uint32_t number) const;
  [[nodiscard]] Value value_at(uint32_t at) const;
  [[nodiscard]] const LabelName* find_name(std::string_view name) const;
  template <typename Visit>
  Result<void> each_run(uint32_t offset, Visit visit) const;
  Result<void> add_postings(uint32_t offset, std::vector<uint32_t>& out) const;
  Result<bool> intersects(uint32_t offset, std::span<const uint32_t> numbers) const;
  Result<std::vector<uint32_t>> matching(const Matcher& matcher, bool wanted) const;
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view what) const;

  const std::string path_;
  const uint64_t number_;
  const std::shared_ptr<const io::MappedFile> file_;
  BlockInfo info_;
  uint64_t index_offset_ = 0;
  uint64_t index_size_ = 0;
  uint32_t index_crc_ = 0;
  uint64_t chunks_end_ = 0;
  std::string spare_index_;  ///< when it is used
  std::optional<Error> index_damage_;

  // Views into the file.
  uint32_t symbol_count_ = 0;
  std::string_view symbol_offsets_;
  std::string_view symbols_;
  uint32_t series_count_ = 0;
  std::string_view group_offsets_;
  std::string_view series_;
  uint32_t times_count_ = 0;
  std::string_view times_;
  std::vector<LabelName> names_;
  std::string_view values_;
  std::string_view postings_;

  mutable Mutex mutex_;
  std::shared_ptr<const Tombstones> tombstones_ GUARDED_BY(mutex_) =
      std::make_shared<const Tombstones>();
  mutable std::map<DurationMs, std::vector<TimeMs>> window_ends_ GUARDED_BY(mutex_);
};

/// Series are this many to a group: each group begins with a whole label set and an offset, the
/// others tell what is different from the one before.
inline constexpr uint32_t kSeriesPerGroup = 16;

/// Reads one series of a block after the other. Ascending numbers take one pass over the index.
/// One thread; the block must live longer.
class SeriesReader {
 public:
  explicit SeriesReader(const Block& block) : block_(block), in_({}) {}

  /// Replaces `out`. Corruption when the index is damaged there: the next call begins anew.
  Result<void> read(uint32_t number, Block::Series& out);

 private:
  Result<void> begin_group(uint32_t number);
  /// Reads the entry that comes next, its chunks into `chunks` unless that is null.
  Result<void> entry(std::vector<ChunkRef>* chunks);
  Result<void> labels(Labels& out);

  const Block& block_;
  codec::ByteReader in_;
  uint32_t next_ = UINT32_MAX;  ///< the number of the entry at in_; none when it is no series
  uint64_t offset_ = 0;         ///< of the next chunk
  std::vector<std::pair<uint32_t, uint32_t>> symbols_;  ///< of the labels' names and values
  std::vector<LabelView> views_;
};

/// Writes a block, series in ascending order of their labels. One thread.
class BlockWriter {
 public:
  /// Creates `path` anew. Positions in a part of the index have 32 bits: `max_part_bytes` is less
  /// in tests alone.
  static Result<std::unique_ptr<BlockWriter>> create(io::FileSystem& files, std::string path,
                                                     uint64_t max_part_bytes = UINT32_MAX);

  /// Adds a series with samples, and with what is known of their start timestamps.
  Result<void> add(const Labels& labels, const SampleColumns& samples, const StartTimes& starts);

  /// A series begins. Its columns follow in their order; without any it is left out.
  void begin_series(const Labels& labels);
  /// Samples, which are cut into chunks. Times ascend.
  void add_column(Column column, const SampleColumns& samples);
  /// Chunks of one column, ascending by time, that are copied from other blocks as they are.
  struct Copied {
    const Block* block = nullptr;
    ChunkRef chunk;
  };
  Result<void> copy_column(std::span<const Copied> chunks);
  Result<void> end_series();

  [[nodiscard]] uint64_t series() const { return series_.size(); }

  /// Writes the index; on return the file is durable, but for its name. Of `origin` the log's
  /// position and what is replaced are taken. LimitExceeded when labels, series or postings are
  /// more than positions can tell.
  Result<void> finish(const BlockInfo& origin);

 private:
  struct SeriesEntry {
    std::vector<std::pair<uint32_t, uint32_t>> labels;  ///< symbols in order of their first use
    std::vector<ChunkRef> chunks;
  };

  /// 128 bits of a hash of raw times, or block and number where they were copied from.
  struct TimesKey {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const TimesKey&, const TimesKey&) = default;
  };
  struct TimesKeyHash {
    size_t operator()(const TimesKey& key) const { return key.low ^ key.high; }
  };

  BlockWriter(std::unique_ptr<io::WritableFile> file, uint64_t max_part_bytes)
      : file_(std::move(file)), max_part_bytes_(max_part_bytes) {}
  /// Of a size, count or position in a part; notes what is too much for finish().
  uint32_t narrow(uint64_t value) {
    too_large_ = too_large_ || value > max_part_bytes_;
    return static_cast<uint32_t>(value);
  }
  void add_chunk(const SampleColumns& samples, size_t first, size_t last, ChunkKind kind,
                 Column column);
  uint32_t times_number(std::span<const TimeMs> times);
  Result<uint32_t> copied_times_number(const Block& block, uint32_t number);
  uint32_t intern(std::string_view text);
  Result<void> flush(size_t at_least);
  std::vector<uint32_t> write_symbols(std::string& out);
  void write_times(uint64_t offset, std::string& out) const;
  static void write_chunks(const SeriesEntry& entry, std::string& out);
  void write_series(std::span<const uint32_t> rank, std::string& out);
  void write_label_index(std::span<const uint32_t> rank, std::string& out);
  [[nodiscard]] std::string footer(const BlockInfo& origin, uint64_t index_offset,
                                   std::string_view index) const;

  std::unique_ptr<io::WritableFile> file_;
  const uint64_t max_part_bytes_;
  bool too_large_ = false;
  std::string buffer_;
  uint64_t written_ = 0;  ///< the buffer not counted
  SeriesEntry open_;      ///< the series that has begun
  std::vector<SeriesEntry> series_;
  std::unordered_map<std::string, uint32_t> symbol_numbers_;
  std::vector<std::string> symbols_;
  // Each column of times once, in the order of their first use; written behind the chunks.
  std::unordered_map<TimesKey, uint32_t, TimesKeyHash> times_numbers_;
  std::vector<Block::TimesColumn> times_;  ///< offsets from the first
  std::string times_bytes_;
  BlockInfo info_;
};

}  // namespace prom5::tsdb
