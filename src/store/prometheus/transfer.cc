#include "store/prometheus/transfer.h"

#include <algorithm>
#include <unordered_map>

#include "store/prometheus/block.h"
#include "store/prometheus/wal_reader.h"
#include "store/tsdb/head.h"

namespace prom5::prometheus {

namespace {

constexpr int64_t kBlockMs = DurationMs::hours(2).ms;

int64_t window_of(TimeMs time) { return time.ms / kBlockMs - (time.ms % kBlockMs < 0 ? 1 : 0); }

/// What the log says, in a head of its own.
class LogImport {
 public:
  /// Samples before it are in blocks; what came late is taken whatever its time.
  explicit LogImport(TimeMs in_blocks_until) : from_(in_blocks_until) {}

  void take(const WalRecord& record, bool late) {
    for (const auto& definition : record.series) {
      series_[definition.ref] = head_.find_or_create(definition.labels, UINT64_MAX).series;
    }
    for (const RefSample& s : record.samples) {
      if (tsdb::Series* series = find(s.ref, s.sample.time, late)) {
        series->append(s.sample, head_.chunks());
      }
    }
    for (const auto& h : record.histograms) {
      if (tsdb::Series* series = find(h.ref, h.time, late)) {
        series->append(h.time, h.histogram, head_.chunks());
      }
    }
    // They hide what the head has in the range, whenever it came.
    deletions_.insert(deletions_.end(), record.deletions.begin(), record.deletions.end());
  }

  /// Writes blocks of two hours.
  Result<void> write(tsdb::BlockSet& into, TransferStats& stats) {
    for (const auto& deletion : deletions_) {
      const auto found = series_.find(deletion.ref);
      if (found != series_.end()) found->second->erase(deletion.range);
    }
    const std::vector<tsdb::Series*> all = head_.sorted_series();
    const TimeRange range = head_.range();
    if (range.start > range.end) return {};
    for (int64_t window = window_of(range.start); window <= window_of(range.end); ++window) {
      const TimeRange part{{window * kBlockMs}, {(window + 1) * kBlockMs - 1}};
      TRY(into.add({}, [&](tsdb::BlockWriter& writer) -> Result<void> {
        tsdb::TimesCache times;
        SampleColumns samples;
        for (const tsdb::Series* series : all) {
          TRY(series->read(part, times, samples));
          if (samples.size() == 0) continue;
          TRY(writer.add(series->labels(), samples));
          ++stats.series;
          stats.samples += samples.size();
        }
        return {};
      }));
    }
    return {};
  }

 private:
  tsdb::Series* find(uint64_t ref, TimeMs time, bool late) {
    const auto found = series_.find(ref);
    if (found == series_.end() || (!late && time < from_)) return nullptr;
    head_.note_time(time);
    return found->second;
  }

  const TimeMs from_;
  tsdb::Head head_;
  std::unordered_map<uint64_t, tsdb::Series*> series_;
  std::vector<WalRecord::Deletion> deletions_;
};

Result<void> import_block(io::FileSystem& files, const std::string& directory, tsdb::BlockSet& into,
                          TransferStats& stats, TimeMs& newest) {
  const auto reader = TRY(BlockReader::open(files, directory));
  TransferStats block;
  TRY(into.add({}, [&](tsdb::BlockWriter& writer) {
    return reader->each_series([&](const Labels& labels, const SampleColumns& samples) {
      ++block.series;
      block.samples += samples.size();
      return writer.add(labels, samples);
    });
  }));
  newest = std::max(newest, reader->meta().range.end);
  ++stats.blocks;
  stats.series += block.series;
  stats.samples += block.samples;
  return {};
}

}  // namespace

Result<TransferStats> import_directory(io::FileSystem& files, const std::string& directory,
                                       tsdb::BlockSet& into, const Progress& progress) {
  TransferStats stats;
  const std::vector<std::string> names = TRY(list_blocks(files, directory));
  TimeMs newest = TimeMs::min();
  for (const std::string& name : names) {
    const uint64_t before = stats.samples;
    if (auto done = import_block(files, directory + "/" + name, into, stats, newest); !done) {
      if (done.error().code != ErrorCode::Corruption) return std::unexpected(done.error());
      stats.damage.push_back(done.error().message);
      continue;
    }
    progress(fmt::format("block {}: {} samples", name, stats.samples - before));
  }
  LogImport log(newest == TimeMs::min() ? newest : newest + DurationMs{1});
  const WalReadStats read = TRY(read_wal(
      files, directory, [&](const WalRecord& record, bool late) { log.take(record, late); }));
  stats.damage.insert(stats.damage.end(), read.damage.begin(), read.damage.end());
  const uint64_t before = stats.samples;
  TRY(log.write(into, stats));
  progress(
      fmt::format("write-ahead log: {} records, {} samples", read.records, stats.samples - before));
  if (names.empty() && read.records == 0 && stats.damage.empty()) {
    return fail(ErrorCode::NotFound, "{}: neither blocks nor a write-ahead log of Prometheus",
                directory);
  }
  return stats;
}

Result<TransferStats> export_blocks(io::FileSystem& files, Storage& storage,
                                    std::span<const Matcher> matchers, TimeRange range,
                                    const std::string& directory, TimeMs now, uint64_t random,
                                    const Progress& progress) {
  TransferStats stats;
  TRY(files.make_directories(directory + "/wal"));  // promtool asks for it
  SampleColumns samples;
  for (int64_t window = window_of(range.start); window <= window_of(range.end); ++window) {
    const TimeRange part{{std::max(range.start.ms, window * kBlockMs)},
                         {std::min(range.end.ms, (window + 1) * kBlockMs - 1)}};
    const auto querier = TRY(storage.querier(part));
    const auto set = TRY(querier->select(matchers));
    std::unique_ptr<BlockWriter> writer;
    while (set->next()) {
      TRY(set->read(samples));
      if (samples.size() == 0) continue;
      if (!writer) {
        writer = TRY(BlockWriter::create(files, directory, now, random + stats.blocks));
      }
      TRY(writer->add(set->labels(), samples));
    }
    if (!writer) continue;
    const BlockMeta meta = TRY(writer->finish());
    ++stats.blocks;
    stats.series += meta.series;
    stats.samples += meta.samples;
    progress(fmt::format("block {}: {} series, {} samples", meta.ulid, meta.series, meta.samples));
  }
  return stats;
}

}  // namespace prom5::prometheus
