#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/file/file_system.h"
#include "store/prometheus/chunk.h"
#include "store/tsdb/start_times.h"

namespace prom5::prometheus {

/// meta.json of a block, as far as it matters here.
struct BlockMeta {
  std::string ulid;
  TimeRange range;  ///< both ends inclusive, unlike in the file
  uint64_t samples = 0;
  uint64_t series = 0;
  uint64_t chunks = 0;
};

/// Blocks of a Prometheus data directory: names of the folders that hold one, sorted. Those that
/// another one replaces are left out, as Prometheus removes them.
Result<std::vector<std::string>> list_blocks(io::FileSystem& files, const std::string& directory);

/// A block on disk, index version 1, 2 or 3. One thread.
class BlockReader {
 public:
  /// Corruption naming file and fault; NotFound when there is no block.
  static Result<std::unique_ptr<BlockReader>> open(io::FileSystem& files, std::string directory);

  [[nodiscard]] const BlockMeta& meta() const { return meta_; }

  /// Calls `visit` for each series that has samples, ascending by labels, deleted samples left out;
  /// start timestamps of these may be left in.
  using Visit =
      std::function<Result<void>(const Labels&, const SampleColumns&, const tsdb::StartTimes&)>;
  Result<void> each_series(const Visit& visit) const;

 private:
  struct ChunkMeta {
    TimeRange range;
    uint64_t ref = 0;
  };
  struct Entry {
    Labels labels;
    std::vector<ChunkMeta> chunks;
  };

  explicit BlockReader(std::string directory) : directory_(std::move(directory)) {}
  Result<void> read_meta(io::FileSystem& files);
  Result<void> read_index(io::FileSystem& files);
  Result<void> read_symbols(uint64_t offset);
  Result<void> read_all_postings(uint64_t table_offset);
  Result<void> read_tombstones(io::FileSystem& files);
  Result<void> map_segments(io::FileSystem& files);
  [[nodiscard]] Result<std::string_view> section(uint64_t offset) const;
  [[nodiscard]] Result<Entry> entry(uint32_t id) const;
  [[nodiscard]] Result<std::string_view> symbol(uint64_t ref) const;
  Result<void> read_chunk(uint64_t ref, SampleColumns& out, std::vector<TimeMs>& starts) const;
  Result<void> read_samples(const Entry& entry, SampleColumns& out, SampleColumns& starts) const;
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view file, std::string_view what) const;

  const std::string directory_;
  BlockMeta meta_;
  std::shared_ptr<const io::MappedFile> index_;
  uint8_t version_ = 0;
  std::vector<std::string_view> symbols_;                   ///< versions 2 and 3
  std::map<uint64_t, std::string_view> symbols_by_offset_;  ///< version 1
  std::vector<uint32_t> ids_;                               ///< of all series
  std::map<uint64_t, std::vector<TimeRange>> tombstones_;   ///< by id, merged
  std::vector<std::shared_ptr<const io::MappedFile>> segments_;
};

/// Writes a block that Prometheus 2.42 and later read; 3.14 and later where start timestamps are
/// in it. One thread.
class BlockWriter {
 public:
  /// Begins `directory`/ULID; the files have their names when finish() returns.
  static Result<std::unique_ptr<BlockWriter>> create(io::FileSystem& files, std::string directory,
                                                     TimeMs now, uint64_t random);

  /// Series in ascending order of their labels; samples ascend, not empty. `starts`: the start
  /// timestamp of each, or none at all.
  Result<void> add(const Labels& labels, const SampleColumns& samples,
                   std::span<const TimeMs> starts);

  [[nodiscard]] uint64_t series() const { return meta_.series; }
  /// Durable on return. Not to be called without series.
  Result<BlockMeta> finish();

 private:
  struct Entry {
    std::vector<std::pair<std::string, std::string>> labels;
    struct Chunk {
      TimeRange range;
      uint64_t ref = 0;
    };
    std::vector<Chunk> chunks;
  };

  BlockWriter(io::FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}
  Result<void> begin_segment();
  Result<void> flush_segment();
  using Symbols = std::map<std::string_view, uint64_t>;
  using Postings = std::map<std::pair<std::string_view, std::string_view>, std::vector<uint32_t>>;
  void put_symbols(Symbols& symbols, std::string& out) const;
  static std::string series_body(const Entry& entry, const Symbols& symbols);
  [[nodiscard]] std::string index() const;
  [[nodiscard]] std::string meta_json() const;

  io::FileSystem& files_;
  const std::string directory_;
  BlockMeta meta_;
  uint64_t float_samples_ = 0;
  std::unique_ptr<io::WritableFile> segment_;
  uint64_t segment_number_ = 0;
  uint64_t segment_bytes_ = 0;
  std::string buffer_;
  std::vector<Entry> series_;
};

}  // namespace prom5::prometheus
