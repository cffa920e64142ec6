#include "store/prometheus/transfer.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "store/prometheus/block.h"
#include "store/prometheus/import_head.h"
#include "store/prometheus/wal_reader.h"
#include "store/prometheus/windows.h"

namespace prom5::prometheus {

namespace {

/// Of Prometheus.
constexpr DurationMs kBlock = DurationMs::hours(2);

/// What the log says, in a head of its own.
class LogImport {
 public:
  /// Samples before it are in blocks; what came late is taken whatever its time.
  explicit LogImport(TimeMs in_blocks_until) : from_(in_blocks_until) {}

  void take(const WalRecord& record, bool late) {
    for (const auto& definition : record.series) {
      series_[definition.ref] = &head_.series(definition.labels);
    }
    for (size_t i = 0; i < record.samples.size(); ++i) {
      const RefSample& s = record.samples[i];
      if (tsdb::Series* series = find(s.ref, s.sample.time, late)) {
        head_.append(*series, s.sample, record.starts.empty() ? kNoStart : record.starts[i]);
      }
    }
    for (const auto& h : record.histograms) {
      if (tsdb::Series* series = find(h.ref, h.time, late)) {
        head_.append(*series, h.time, h.histogram, h.start);
      }
    }
    // They hide what the head has in the range, whenever it came.
    deletions_.insert(deletions_.end(), record.deletions.begin(), record.deletions.end());
  }

  /// Writes blocks of two hours.
  Result<void> write(tsdb::BlockSet& into, TransferStats& stats) {
    for (const auto& deletion : deletions_) {
      const auto found = series_.find(deletion.ref);
      if (found != series_.end()) head_.erase(*found->second, deletion.range);
    }
    TRY(head_.write(into, stats));
    return {};
  }

 private:
  tsdb::Series* find(uint64_t ref, TimeMs time, bool late) {
    const auto found = series_.find(ref);
    if (found == series_.end() || (!late && time < from_) || !is_sane(time)) return nullptr;
    return found->second;
  }

  const TimeMs from_;
  ImportHead head_;
  std::unordered_map<uint64_t, tsdb::Series*> series_;
  std::vector<WalRecord::Deletion> deletions_;
};

Result<void> import_block(io::FileSystem& files, const std::string& directory, tsdb::BlockSet& into,
                          TransferStats& stats, TimeMs& newest) {
  const auto reader = TRY(BlockReader::open(files, directory));
  TransferStats block;
  TRY(into.add({}, [&](tsdb::BlockWriter& writer) {
    return reader->each_series([&](const Labels& labels, const SampleColumns& samples,
                                   const tsdb::StartTimes& starts) -> Result<void> {
      if (!is_sane(samples.times.front()) || !is_sane(samples.times.back())) {
        return fail(ErrorCode::Corruption, "{}: a time of {} that cannot be", directory,
                    labels.to_string());
      }
      ++block.series;
      block.samples += samples.size();
      stats.range.start = std::min(stats.range.start, samples.times.front());
      stats.range.end = std::max(stats.range.end, samples.times.back());
      return writer.add(labels, samples, starts);
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
                                       tsdb::BlockSet& into, const std::string& record,
                                       const Progress& progress) {
  TransferStats stats;
  const std::vector<std::string> names = TRY(list_blocks(files, directory));
  std::string taken = files.read(record).value_or("");
  TimeMs newest = TimeMs::min();
  for (const std::string& name : names) {
    if (taken.find(name + "\n") != std::string::npos) {
      const auto reader = TRY(BlockReader::open(files, directory + "/" + name));
      newest = std::max(newest, reader->meta().range.end);
      progress(fmt::format("block {}: was taken before", name));
      continue;
    }
    const uint64_t before = stats.samples;
    if (auto done = import_block(files, directory + "/" + name, into, stats, newest); !done) {
      if (done.error().code != ErrorCode::Corruption) return std::unexpected(done.error());
      stats.damage.push_back(done.error().message);
      continue;
    }
    taken += name + "\n";
    TRY(files.write_atomically(record, taken));
    progress(fmt::format("block {}: {} samples", name, stats.samples - before));
  }
  LogImport log(newest == TimeMs::min() ? newest : newest + DurationMs{1});
  const WalReadStats read =
      TRY(read_wal(files, directory, [&](const WalRecord& r, bool late) { log.take(r, late); }));
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

namespace {

/// Series of several selections as one, each once, in the order of their labels.
class Union {
 public:
  Result<void> add(Querier& querier, std::span<const Matcher> matchers) {
    sets_.push_back({TRY(querier.select(matchers)), false});
    sets_.back().there = sets_.back().set->next();
    return {};
  }

  /// The set that stands at the next series; null at the end.
  SeriesSet* next() {
    if (at_ != nullptr) {
      const Labels last = at_->labels();
      for (Member& m : sets_) {
        if (m.there && m.set->labels() == last) m.there = m.set->next();
      }
    }
    at_ = nullptr;
    for (const Member& m : sets_) {
      if (m.there && (at_ == nullptr || m.set->labels() < at_->labels())) at_ = m.set.get();
    }
    return at_;
  }

 private:
  struct Member {
    std::unique_ptr<SeriesSet> set;
    bool there = false;
  };
  std::vector<Member> sets_;
  SeriesSet* at_ = nullptr;
};

}  // namespace

Result<TransferStats> export_blocks(io::FileSystem& files, Storage& storage,
                                    std::span<const std::vector<Matcher>> selectors,
                                    TimeRange range, const std::string& directory, TimeMs now,
                                    uint64_t random, const Progress& progress) {
  TransferStats stats;
  TRY(files.make_directories(directory + "/wal"));  // promtool asks for it
  SampleColumns samples;
  Windows windows;
  {
    const auto querier = TRY(storage.querier(range));
    for (const auto& matchers : selectors) {
      const auto set = TRY(querier->select(matchers));
      while (set->next()) {
        TRY(set->read(samples));
        add_windows(samples, kBlock, windows);
      }
    }
  }
  for (const int64_t window : windows) {
    const TimeRange part{std::max(range.start, range_of(window, kBlock).start),
                         std::min(range.end, range_of(window, kBlock).end)};
    const auto querier = TRY(storage.querier(part));
    Union series;
    for (const auto& matchers : selectors) TRY(series.add(*querier, matchers));
    std::unique_ptr<BlockWriter> writer;
    while (SeriesSet* set = series.next()) {
      TRY(set->read(samples));
      if (samples.size() == 0) continue;
      if (!writer) {
        writer = TRY(BlockWriter::create(files, directory, now, random + stats.blocks));
      }
      TRY(writer->add(set->labels(), samples, {}));
    }
    for (std::string& warning : querier->warnings()) {
      if (std::ranges::find(stats.damage, warning) == stats.damage.end()) {
        stats.damage.push_back(std::move(warning));
      }
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
