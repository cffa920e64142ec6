#include "store/tsdb/db.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "store/tsdb/db_querier.h"

namespace prom5::tsdb {

namespace {

/// More than one entry is kept where sources disagree, but not without end.
constexpr size_t kMaxMetadataPerFamily = 8;

/// Blocks begin at multiples of it; the head is cut once it holds half as much again.
constexpr DurationMs kBlockSpan = DurationMs::hours(2);

constexpr DurationMs kCutBeyond = DurationMs::hours(3);

/// Samples further in the future are refused, as Prometheus' doors do.
constexpr DurationMs kMaxAhead = DurationMs::minutes(10);
/// The earliest time that can be computed with without overflow: some 140,000 years ago.
constexpr int64_t kEarliestMs = -(int64_t{1} << 52);

/// What is younger than this stays in memory, however full it is: it may not be complete yet.
constexpr DurationMs kYoung = DurationMs::minutes(5);

/// How often the head is looked at.
constexpr DurationMs kMaintenanceTick = DurationMs::seconds(5);

std::string block_name(uint64_t number) { return fmt::format("{:08}", number); }

TimeMs next_boundary(TimeMs time) {
  const int64_t n = time.ms >= 0 ? time.ms / kBlockSpan.ms : (time.ms + 1) / kBlockSpan.ms - 1;
  return {(n + 1) * kBlockSpan.ms};
}

}  // namespace

class DbAppender final : public Appender {
 public:
  explicit DbAppender(Db& db) : db_(db), pin_(db.pin()), latest_(db.clock_.now() + kMaxAhead) {}

  Result<SeriesRef> append(SeriesRef ref, const Labels& labels, Sample sample) override {
    Series* series = TRY(resolve(ref, labels));
    TRY(check(*series, sample.time, series->fit(sample.time, sample.value)));
    if (!sample_series_.empty() && sample_series_.back() == series) {
      // A batch brings a series' samples one after the other: the last one counts too.
      const Sample& before = samples_.back().sample;
      const bool same = sample.time == before.time;
      if (same && same_bits(sample.value, before.value)) return series->ref();
      if (same) return fail(ErrorCode::DuplicateSample, "duplicate sample for timestamp");
      if (sample.time < before.time) TRY(check_late(sample.time, before.time));
    }
    samples_.push_back({series->ref(), sample});
    sample_series_.push_back(series);
    return series->ref();
  }

  void append_known(std::span<const RefSample> samples, std::vector<size_t>& refused) override {
    constexpr size_t kAhead = 8;
    samples_.reserve(samples_.size() + samples.size());
    sample_series_.reserve(sample_series_.size() + samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      if (i + kAhead < samples.size()) db_.head_.prefetch(samples[i + kAhead].ref);
      if (!append(samples[i].ref, kNoLabels, samples[i].sample)) refused.push_back(i);
    }
  }

  Result<SeriesRef> append_histogram(SeriesRef ref, const Labels& labels, TimeMs time,
                                     const Histogram& histogram) override {
    Series* series = TRY(resolve(ref, labels));
    TRY(check(*series, time, series->fit(time, histogram)));
    histograms_.push_back({series->ref(), time, std::make_shared<Histogram>(histogram)});
    histogram_series_.push_back(series);
    return series->ref();
  }

  void set_metadata(std::string_view family, const Metadata& metadata) override {
    metadata_.push_back({std::string(family), metadata});
  }

  Result<void> commit() override {
    drop_known_metadata();
    if (samples_.empty() && histograms_.empty() && metadata_.empty()) return {};
    // Through the turnstile, or steady commits would keep a compaction out for ever.
    {
      const std::lock_guard turnstile(db_.turnstile_);
    }
    const std::shared_lock gate(db_.commit_gate_);
    if (oldest().ms < db_.accept_from_ms_.load()) {
      return fail(ErrorCode::TooOld, "the block of a sample's time was begun before the commit");
    }
    bring_back_gone();
    TRY(log_batch());
    apply();
    return {};
  }

 private:
  Result<Series*> resolve(SeriesRef ref, const Labels& labels) {
    if (ref != 0) {
      if (Series* series = db_.head_.find(ref)) return series;
      if (labels.empty()) return fail(ErrorCode::NotFound, "series reference {}", ref);
    }
    const auto found = db_.head_.find_or_create(labels, db_.options_.max_series);
    if (found.series == nullptr) {
      db_.series_refused_.add();
      return fail(ErrorCode::LimitExceeded,
                  "series {} refused: there are {} series already (--storage.tsdb.max-series)",
                  labels.to_string(), db_.head_.series_count());
    }
    if (found.created) db_.series_created_.add();
    return found.series;
  }

  Result<void> check(const Series& series, TimeMs time, Fit fit) const {
    // One sample of the far future would make all that come at their right time too old.
    if (time > latest_ || time.ms < kEarliestMs) {
      return fail(ErrorCode::OutOfOrder, "out of bounds: the sample's time is {}",
                  time.ms < kEarliestMs ? "too far in the past" : "in the future");
    }
    if (fit == Fit::Next && time.ms < db_.accept_from_ms_.load()) {
      return fail(ErrorCode::TooOld, "too old sample: the block of its time is written already");
    }
    if (fit == Fit::Duplicate) {
      return fail(ErrorCode::DuplicateSample, "duplicate sample for timestamp");
    }
    if (fit != Fit::OutOfOrder) return {};
    return check_late(time, series.last_time());
  }

  [[nodiscard]] Result<void> check_late(TimeMs time, TimeMs newest) const {
    if (time.ms < db_.accept_from_ms_.load()) return fail(ErrorCode::TooOld, "too old sample");
    const DurationMs window{db_.out_of_order_window_ms_.load()};
    if (window.ms <= 0) return fail(ErrorCode::OutOfOrder, "out of order sample");
    if (time < newest - window) return fail(ErrorCode::TooOld, "too old sample");
    db_.out_of_order_.add();
    return {};
  }

  /// Scrapes repeat the same help texts for ever; only what is new goes into the log.
  void drop_known_metadata() {
    if (metadata_.empty()) return;
    const MutexLock lock(db_.state_mutex_);
    std::erase_if(metadata_, [&](const FamilyMetadata& m) REQUIRES(db_.state_mutex_) {
      const auto found = db_.metadata_.find(m.family);
      return found != db_.metadata_.end() && (found->second.size() >= kMaxMetadataPerFamily ||
                                              std::find(found->second.begin(), found->second.end(),
                                                        m.metadata) != found->second.end());
    });
  }

  /// A series that left the head since it was found, being empty, comes back as a new one.
  void bring_back_gone() {
    const auto bring_back = [&](Series*& series, SeriesRef& ref) {
      if (!series->gone) return;
      series = db_.head_.find_or_create(series->labels(), UINT64_MAX).series;
      ref = series->ref();
    };
    for (size_t i = 0; i < samples_.size(); ++i) bring_back(sample_series_[i], samples_[i].ref);
    for (size_t i = 0; i < histograms_.size(); ++i) {
      bring_back(histogram_series_[i], histograms_[i].ref);
    }
  }

  Result<void> log_batch() {
    std::string payload;
    if (!samples_.empty()) encode_samples(samples_, payload);
    if (!histograms_.empty()) encode_histograms(histograms_, payload);
    if (!metadata_.empty()) encode_metadata(metadata_, payload);
    uint64_t segment_used = 0;
    const auto each_series = [&](auto visit) {
      for (Series* series : sample_series_) visit(*series);
      for (Series* series : histogram_series_) visit(*series);
    };
    const auto logged = db_.wal_->append(
        {.definitions =
             [&](uint64_t segment) {
               std::vector<SeriesDefinition> missing;
               each_series([&](Series& series) {
                 if (series.defined_in_segment != segment) {
                   missing.push_back({series.ref(), series.labels()});
                 }
               });
               std::string out;
               if (!missing.empty()) encode_series(missing, out);
               return out;
             },
         .payload = payload,
         .written =
             [&](uint64_t segment) {
               segment_used = segment;
               each_series([&](Series& series) { series.defined_in_segment = segment; });
             }});
    if (!logged) {
      db_.wal_failures_.add();
      return logged;
    }
    db_.note_segment(segment_used, newest());
    return {};
  }

  [[nodiscard]] TimeMs newest() const {
    TimeMs out = TimeMs::min();
    for (const RefSample& s : samples_) out = std::max(out, s.sample.time);
    for (const RefHistogram& h : histograms_) out = std::max(out, h.time);
    return out;
  }

  [[nodiscard]] TimeMs oldest() const {
    TimeMs out = TimeMs::max();
    for (const RefSample& s : samples_) out = std::min(out, s.sample.time);
    for (const RefHistogram& h : histograms_) out = std::min(out, h.time);
    return out;
  }

  void apply() {
    for (size_t i = 0; i < samples_.size(); ++i) {
      sample_series_[i]->append(samples_[i].sample, db_.head_.tracks());
      db_.head_.note_time(samples_[i].sample.time);
    }
    for (size_t i = 0; i < histograms_.size(); ++i) {
      histogram_series_[i]->append(histograms_[i].time, histograms_[i].histogram,
                                   db_.head_.tracks());
      db_.head_.note_time(histograms_[i].time);
    }
    db_.samples_appended_.add(samples_.size());
    db_.histograms_appended_.add(histograms_.size());
    const MutexLock lock(db_.state_mutex_);
    for (FamilyMetadata& m : metadata_) {
      auto& known = db_.metadata_[m.family];
      if (std::find(known.begin(), known.end(), m.metadata) == known.end()) {
        known.push_back(std::move(m.metadata));
      }
    }
    samples_.clear();
    histograms_.clear();
    metadata_.clear();
    sample_series_.clear();
    histogram_series_.clear();
  }

  static inline const Labels kNoLabels;

  Db& db_;
  const std::shared_ptr<const void> pin_;  // of the series
  const TimeMs latest_;                    // samples after it are refused
  std::vector<RefSample> samples_;
  std::vector<Series*> sample_series_;  // parallel to samples_
  std::vector<RefHistogram> histograms_;
  std::vector<Series*> histogram_series_;
  std::vector<FamilyMetadata> metadata_;
};

Db::Db(Options options, const Clock& clock, io::FileSystem& files, MetricRegistry& metrics,
       const Log& log)
    : options_(std::move(options)),
      clock_(clock),
      files_(files),
      log_(log),
      out_of_order_window_ms_(options_.out_of_order_window.ms),
      samples_appended_(metrics.counter("prometheus_tsdb_head_samples_appended_total",
                                        "Total number of appended samples.", {{"type", "float"}})),
      histograms_appended_(metrics.counter("prometheus_tsdb_head_samples_appended_total",
                                           "Total number of appended samples.",
                                           {{"type", "histogram"}})),
      out_of_order_(metrics.counter("prometheus_tsdb_head_out_of_order_samples_appended_total",
                                    "Total number of appended out of order samples.")),
      series_created_(metrics.counter("prometheus_tsdb_head_series_created_total",
                                      "Total number of series created in the head")),
      series_removed_(metrics.counter("prometheus_tsdb_head_series_removed_total",
                                      "Total number of series removed in the head")),
      series_refused_(metrics.counter("prom5_tsdb_series_refused_total",
                                      "New series refused because of --storage.tsdb.max-series.")),
      wal_failures_(metrics.counter("prometheus_tsdb_wal_writes_failed_total",
                                    "Total number of write log writes that failed.")),
      wal_corruptions_(metrics.counter("prometheus_tsdb_wal_corruptions_total",
                                       "Total number of WAL corruptions.")),
      early_blocks_(metrics.counter(
          "prom5_tsdb_early_blocks_total",
          "Blocks written before their time because of --storage.tsdb.max-head-bytes.")),
      blocks_written_(metrics.counter("prometheus_tsdb_compactions_total",
                                      "Total number of compactions that were executed.")),
      block_failures_(metrics.counter("prometheus_tsdb_compactions_failed_total",
                                      "Total number of compactions that failed.")),
      blocks_damaged_(metrics.counter("prom5_tsdb_damaged_blocks_total",
                                      "Blocks that could not be opened and are left out.")),
      chunks_damaged_(metrics.counter("prom5_tsdb_damaged_chunks_total",
                                      "Reads of chunks that are damaged and were left out.")) {}

Result<std::unique_ptr<Db>> Db::open(Options options, const Clock& clock, io::FileSystem& files,
                                     MetricRegistry& metrics, const Log& log) {
  std::unique_ptr<Db> db(new Db(std::move(options), clock, files, metrics, log));
  const std::string& path = db->options_.path;
  TRY(files.make_directories(path + "/wal"));
  db->lock_ = TRY(files.lock(path + "/lock"));
  TRY(files.make_directories(path + "/blocks"));
  TRY(db->open_blocks());
  TRY(db->replay());
  db->wal_ = TRY(wal::WalWriter::open(
      files, path + "/wal",
      {.segment_bytes = db->options_.wal_segment_bytes,
       .sync = db->options_.wal_sync_interval.ms == 0 ? wal::WalWriter::Sync::EveryCommit
                                                      : wal::WalWriter::Sync::Background}));
  using Type = MetricRegistry::Type;
  metrics.on_collect("prometheus_tsdb_head_series", "Total number of series in the head block.",
                     Type::Gauge,
                     [raw = db.get()] { return static_cast<double>(raw->head_.series_count()); });
  metrics.on_collect("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks",
                     Type::Gauge,
                     [raw = db.get()] { return static_cast<double>(raw->blocks().size()); });
  metrics.on_collect("prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.",
                     Type::Gauge,
                     [raw = db.get()] { return static_cast<double>(raw->wal_->total_bytes()); });
  db->maintenance_ = std::jthread([raw = db.get()](std::stop_token stop) { raw->maintain(stop); });
  return db;
}

Db::~Db() {
  maintenance_.request_stop();
  if (maintenance_.joinable()) maintenance_.join();
  if (!wal_) return;
  if (auto synced = wal_->sync(); !synced) {
    log_.error("Closing the database: the log could not be synced",
               {{"err", synced.error().message}});
  }
}

/// Opens what is there. A damaged block is left out and left where it is, for `repair`.
Result<void> Db::open_blocks() {
  const std::string folder = options_.path + "/blocks";
  auto names = files_.list(folder);
  if (!names) return {};  // nothing was ever written
  const MutexLock lock(state_mutex_);
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    if (name.ends_with(".tmp")) {
      TRY(files_.remove(path));  // a block that a crash left half written
      continue;
    }
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    next_block_ = std::max(next_block_, number + 1);
    auto block = Block::open(files_, path);
    if (!block) {
      blocks_damaged_.add();
      log_.error("A block is left out", {{"err", block.error().message}});
      continue;
    }
    head_from_ = std::max(head_from_, (*block)->info().wal_until);
    blocks_.push_back(*std::move(block));
  }
  std::sort(blocks_.begin(), blocks_.end(), [](const auto& a, const auto& b) {
    return a->info().range.start < b->info().range.start;
  });
  accept_from_ms_ = head_from_.ms;
  return {};
}

/// Samples of a segment that are older than this are in blocks.
TimeMs Db::in_blocks_until(uint64_t segment) const {
  const MutexLock lock(state_mutex_);
  TimeMs until = TimeMs::min();
  for (const auto& block : blocks_) {
    if (block->info().wal_segment > segment) until = std::max(until, block->info().wal_until);
  }
  return until;
}

std::vector<BlockInfo> Db::blocks() const {
  const MutexLock lock(state_mutex_);
  std::vector<BlockInfo> out;
  for (const auto& block : blocks_) out.push_back(block->info());
  return out;
}

Result<void> Db::replay() {
  const auto stats = TRY(wal::read_wal(files_, options_.path + "/wal",
                                       [this](uint64_t segment, std::string_view payload) {
                                         return replay_record(segment, payload);
                                       }));
  replay_series_.clear();
  wal_corruptions_.add(stats.damaged);
  if (stats.damaged > 0) {
    log_.warn("Damaged places in the write-ahead log were skipped",
              {{"places", stats.damaged}, {"bytes", stats.bytes_skipped}});
  }
  log_.info(
      "Write-ahead log replayed",
      {{"segments", stats.segments}, {"records", stats.records}, {"series", head_.series_count()}});
  return {};
}

Result<void> Db::replay_record(uint64_t segment, std::string_view payload) {
  if (segment != replay_segment_) {
    // Each segment defines its series anew.
    replay_series_.clear();
    replay_segment_ = segment;
    replay_from_ = in_blocks_until(segment);
  }
  auto record = decode_record(payload);
  if (!record) {
    // The checksum held, so this is not damage but a record of another version: skip, and say so.
    wal_corruptions_.add();
    log_.warn("A record of the write-ahead log was skipped",
              {{"segment", segment}, {"err", record.error().message}});
    return {};
  }
  for (const SeriesDefinition& definition : record->series) {
    replay_series_[definition.ref] = head_.find_or_create(definition.labels, UINT64_MAX).series;
  }
  TimeMs newest = TimeMs::min();
  for (const RefSample& s : record->samples) {
    const auto found = replay_series_.find(s.ref);
    if (found == replay_series_.end()) continue;  // its definition was in a damaged record
    newest = std::max(newest, s.sample.time);
    if (s.sample.time < replay_from_) continue;
    found->second->append(s.sample, head_.tracks());
    head_.note_time(s.sample.time);
  }
  for (RefHistogram& h : record->histograms) {
    const auto found = replay_series_.find(h.ref);
    if (found == replay_series_.end()) continue;
    newest = std::max(newest, h.time);
    if (h.time < replay_from_) continue;
    found->second->append(h.time, std::move(h.histogram), head_.tracks());
    head_.note_time(h.time);
  }
  note_segment(segment, newest);
  const MutexLock lock(state_mutex_);
  for (FamilyMetadata& m : record->metadata) {
    auto& known = metadata_[m.family];
    if (std::find(known.begin(), known.end(), m.metadata) == known.end()) {
      known.push_back(std::move(m.metadata));
    }
  }
  return {};
}

void Db::note_segment(uint64_t segment, TimeMs newest) {
  const MutexLock lock(state_mutex_);
  auto [it, inserted] = segment_newest_.try_emplace(segment, newest);
  if (!inserted) it->second = std::max(it->second, newest);
}

std::unique_ptr<Appender> Db::appender() { return std::make_unique<DbAppender>(*this); }

Result<std::unique_ptr<Querier>> Db::querier(TimeRange range) {
  DbView view;
  view.head = &head_;
  view.damaged = [this](const Error& error) {
    chunks_damaged_.add();
    log_.error("A damaged chunk is left out of an answer", {{"err", error.message}});
  };
  const MutexLock lock(state_mutex_);
  view.blocks = blocks_;
  view.head_from = head_from_;
  view.pin = pin_;
  return make_querier(std::move(view), range);
}

std::shared_ptr<const void> Db::pin() const {
  const MutexLock lock(state_mutex_);
  return pin_;
}

HeadStats Db::stats(size_t limit) const {
  const auto held = pin();
  return head_.stats(limit);
}

Storage::MetadataMap Db::metadata() const {
  const MutexLock lock(state_mutex_);
  return metadata_;
}

void Db::maintain(std::stop_token stop) {
  const DurationMs sync_every = options_.wal_sync_interval;
  const DurationMs tick =
      sync_every.ms > 0 ? std::min(sync_every, kMaintenanceTick) : kMaintenanceTick;
  SystemClock clock;  // waiting is always in real time; what is past retention is the Db's clock's
  TimeMs next_retention = clock.now() + DurationMs::minutes(1);
  while (clock.wait_until(clock.now() + tick, stop)) {
    if (sync_every.ms > 0) {
      if (auto synced = wal_->sync(); !synced) {
        wal_failures_.add();
        log_.error("The write-ahead log could not be synced", {{"err", synced.error().message}});
      }
    }
    compact();
    if (clock.now() >= next_retention) {
      enforce_retention();
      next_retention = clock.now() + DurationMs::minutes(1);
    }
  }
}

TimeRange Db::head_range() const {
  TimeRange range = head_.range();
  // A clock that was wrong once must not push the head's end into the future.
  range.end = std::min(range.end, clock_.now() + kMaxAhead);
  const MutexLock lock(state_mutex_);
  range.start = std::max(range.start, head_from_);
  return range;
}

void Db::compact() {
  const MutexLock compaction(compaction_mutex_);
  drop_unpinned();
  const DurationMs window{out_of_order_window_ms_.load()};
  for (;;) {
    const TimeRange range = head_range();
    if (range.start > range.end || range.end - range.start <= kCutBeyond) break;
    const TimeMs end = next_boundary(range.start);
    if (end > range.end - window) break;  // late samples may still come for it
    if (!compact_or_log(end)) return;
  }
  compact_early();
}

/// One early cut at a time, and none as long as queries hold what an earlier one was to free.
void Db::compact_early() {
  {
    const MutexLock lock(state_mutex_);
    if (!to_drop_.empty()) return;
  }
  const size_t bytes = head_.size_bytes();
  if (bytes <= options_.max_head_bytes) return;
  const TimeRange range = head_range();
  if (range.start >= range.end) return;
  const TimeMs end = range.start + DurationMs{(range.end - range.start).ms / 2 + 1};
  if (end > range.end - kYoung) return;
  early_blocks_.add();
  log_.warn("The data in memory is over its limit; its older half goes into a block",
            {{"bytes", bytes}, {"limit", options_.max_head_bytes}});
  compact_or_log(end);
}

bool Db::compact_or_log(TimeMs end) {
  const auto written = compact_before(end);
  if (written) return true;
  block_failures_.add();
  log_.error("A block could not be written; its samples stay in memory and in the log",
             {{"err", written.error().message}});
  return false;
}

/// Moves the head's samples before `end` into a block.
Result<void> Db::compact_before(TimeMs end) {
  TimeMs from;
  {
    const MutexLock lock(state_mutex_);
    from = head_from_;
  }
  accept_from_ms_ = end.ms;
  // From here on no batch brings such samples; those that are under way are waited for.
  {
    const std::lock_guard turnstile(turnstile_);
    const std::unique_lock gate(commit_gate_);
  }
  const uint64_t segment = TRY(wal_->rotate());
  const std::string path = TRY(write_block({from, end - DurationMs{1}}, segment));
  std::shared_ptr<const Block> block;
  if (!path.empty()) block = TRY(Block::open(files_, path));
  {
    const MutexLock lock(state_mutex_);
    if (block) blocks_.push_back(std::move(block));
    head_from_ = end;
  }
  drop_when_unpinned(end);
  blocks_written_.add();
  drop_unpinned();
  return {};
}

/// The path of the new block; empty when there is no sample in the range.
Result<std::string> Db::write_block(TimeRange range, uint64_t wal_segment) {
  const std::string folder = options_.path + "/blocks";
  std::string path;
  {
    const MutexLock lock(state_mutex_);
    path = folder + "/" + block_name(next_block_++);
  }
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> Result<bool> {
    const auto writer = TRY(BlockWriter::create(files_, temporary));
    SampleColumns samples;
    TimesCache times;
    for (const Series* series : head_.sorted_series()) {
      TRY(series->read(range, times, samples));
      if (samples.size() > 0) TRY(writer->add(series->labels(), samples));
    }
    if (writer->series() == 0) return false;
    TRY(writer->finish(wal_segment, range.end + DurationMs{1}));
    TRY(files_.rename(temporary, path));
    TRY(files_.sync_directory(folder));
    return true;
  };
  const auto written = write();
  if (!written || !*written) static_cast<void>(files_.remove(temporary));
  if (!written) return std::unexpected(written.error());
  return *written ? path : std::string();
}

/// From now on nobody else begins to read the head's samples before `cutoff`.
void Db::drop_when_unpinned(TimeMs cutoff) {
  const MutexLock lock(state_mutex_);
  to_drop_.push_back({pin_, cutoff});
  pin_ = std::make_shared<const int>(0);
}

/// Lets the head go of what is in blocks or past its retention, once nobody reads it any more.
void Db::drop_unpinned() {
  TimeMs cutoff = TimeMs::min();
  std::vector<Removed> freed;
  {
    const MutexLock lock(state_mutex_);
    while (!to_drop_.empty() && to_drop_.front().pin.expired()) {
      cutoff = std::max(cutoff, to_drop_.front().before);
      to_drop_.erase(to_drop_.begin());
    }
    while (!removed_.empty() && removed_.front().pin.expired()) {
      freed.push_back(std::move(removed_.front()));
      removed_.erase(removed_.begin());
    }
  }
  if (cutoff != TimeMs::min()) drop_before(cutoff);
}

void Db::remove_expired_blocks(TimeMs cutoff) {
  std::vector<std::shared_ptr<const Block>> expired;
  {
    const MutexLock lock(state_mutex_);
    const auto stay = std::stable_partition(blocks_.begin(), blocks_.end(), [&](const auto& block) {
      return block->info().range.end >= cutoff;
    });
    expired.assign(stay, blocks_.end());
    blocks_.erase(stay, blocks_.end());
  }
  for (const auto& block : expired) {
    if (auto removed = files_.remove(block->path()); !removed) {
      log_.error("A block past its retention could not be removed",
                 {{"err", removed.error().message}});
    }
  }
}

void Db::enforce_retention() {
  const MutexLock compaction(compaction_mutex_);
  TimeRange range = head_.range();
  for (const BlockInfo& block : blocks()) range.end = std::max(range.end, block.range.end);
  if (range.end == TimeMs::min()) return;
  // Retention counts from the newest sample, so that an imported old data set is not thrown away.
  const TimeMs newest = std::min(range.end, clock_.now());
  const TimeMs cutoff = newest - options_.retention;
  remove_expired_blocks(cutoff);
  if (range.start < cutoff) {
    drop_when_unpinned(cutoff);
    drop_unpinned();
  }
}

void Db::remove_series(std::span<Series* const> empty) {
  std::vector<std::unique_ptr<Series>> removed;
  {
    const std::lock_guard turnstile(turnstile_);
    const std::unique_lock gate(commit_gate_);
    removed = head_.remove(empty);
  }
  if (removed.empty()) return;
  head_.forget(removed);
  series_removed_.add(removed.size());
  const MutexLock lock(state_mutex_);
  removed_.push_back({pin_, std::move(removed)});
  pin_ = std::make_shared<const int>(0);
}

void Db::drop_before(TimeMs cutoff) {
  remove_series(head_.drop_before(cutoff));
  uint64_t first_kept = wal_->current_segment();
  {
    const MutexLock lock(state_mutex_);
    for (const auto& [segment, newest] : segment_newest_) {
      if (newest >= cutoff) {
        first_kept = std::min(first_kept, segment);
        break;
      }
    }
    std::erase_if(segment_newest_, [&](const auto& entry) { return entry.first < first_kept; });
  }
  if (auto logged = log_metadata_again(); !logged) {
    log_.error("Old segments of the write-ahead log are kept", {{"err", logged.error().message}});
    return;
  }
  if (auto removed = wal_->remove_before(first_kept); !removed) {
    log_.error("Old segments of the write-ahead log could not be removed",
               {{"err", removed.error().message}});
  }
}

/// Metadata is logged when it is new, so the only copy may be in a segment that is about to go.
Result<void> Db::log_metadata_again() {
  std::vector<FamilyMetadata> entries;
  for (auto& [family, known] : metadata()) {
    for (Metadata& m : known) entries.push_back({family, std::move(m)});
  }
  if (entries.empty()) return {};
  std::string payload;
  encode_metadata(entries, payload);
  return wal_->append({.definitions = [](uint64_t) { return std::string(); },
                       .payload = payload,
                       .written = [](uint64_t) {}});
}

}  // namespace prom5::tsdb
