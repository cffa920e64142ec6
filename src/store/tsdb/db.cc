#include "store/tsdb/db.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

/// More than one entry is kept where sources disagree, but not without end.
constexpr size_t kMaxMetadataPerFamily = 8;

class HeadSeriesSet final : public SeriesSet {
 public:
  HeadSeriesSet(std::vector<std::shared_ptr<Series>> series, TimeRange range)
      : series_(std::move(series)), range_(range) {}

  bool next() override { return ++at_ <= series_.size(); }
  [[nodiscard]] const Labels& labels() const override { return series_[at_ - 1]->labels(); }
  Result<void> read(SampleColumns& out) override { return series_[at_ - 1]->read(range_, out); }

 private:
  std::vector<std::shared_ptr<Series>> series_;
  TimeRange range_;
  size_t at_ = 0;
};

class HeadQuerier final : public Querier {
 public:
  HeadQuerier(const Head& head, TimeRange range) : head_(head), range_(range) {}

  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers) override {
    auto series = head_.select(matchers);
    std::erase_if(series, [&](const auto& s) {
      const bool empty = s->last_time() == TimeMs::min();  // nothing of it is committed yet
      return empty || s->last_time() < range_.start || s->first_time() > range_.end;
    });
    return std::make_unique<HeadSeriesSet>(std::move(series), range_);
  }
  Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
    return head_.label_names(matchers);
  }
  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    return head_.label_values(name, matchers);
  }

 private:
  const Head& head_;
  const TimeRange range_;
};

}  // namespace

class DbAppender final : public Appender {
 public:
  explicit DbAppender(Db& db) : db_(db) {}

  Result<SeriesRef> append(SeriesRef ref, const Labels& labels, Sample sample) override {
    const auto series = TRY(resolve(ref, labels));
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

  Result<SeriesRef> append_histogram(SeriesRef ref, const Labels& labels, TimeMs time,
                                     const Histogram& histogram) override {
    const auto series = TRY(resolve(ref, labels));
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
    TRY(log_batch());
    apply();
    return {};
  }

 private:
  Result<std::shared_ptr<Series>> resolve(SeriesRef ref, const Labels& labels) {
    if (ref != 0) {
      if (auto series = db_.head_.find(ref)) return series;
    }
    auto found = db_.head_.find_or_create(labels, db_.options_.max_series);
    if (!found.series) {
      db_.series_refused_.add();
      return fail(ErrorCode::LimitExceeded,
                  "series {} refused: there are {} series already (--storage.tsdb.max-series)",
                  labels.to_string(), db_.head_.series_count());
    }
    if (found.created) db_.series_created_.add();
    return found.series;
  }

  Result<void> check(const Series& series, TimeMs time, Fit fit) const {
    if (fit == Fit::Duplicate) {
      return fail(ErrorCode::DuplicateSample, "duplicate sample for timestamp");
    }
    if (fit != Fit::OutOfOrder) return {};
    return check_late(time, series.last_time());
  }

  [[nodiscard]] Result<void> check_late(TimeMs time, TimeMs newest) const {
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

  Result<void> log_batch() {
    std::string payload;
    if (!samples_.empty()) encode_samples(samples_, payload);
    if (!histograms_.empty()) encode_histograms(histograms_, payload);
    if (!metadata_.empty()) encode_metadata(metadata_, payload);
    uint64_t segment_used = 0;
    const auto each_series = [&](auto visit) {
      for (const auto& series : sample_series_) visit(*series);
      for (const auto& series : histogram_series_) visit(*series);
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

  void apply() {
    for (size_t i = 0; i < samples_.size(); ++i) {
      sample_series_[i]->append(samples_[i].sample);
      db_.head_.note_time(samples_[i].sample.time);
    }
    for (size_t i = 0; i < histograms_.size(); ++i) {
      histogram_series_[i]->append(histograms_[i].time, histograms_[i].histogram);
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

  Db& db_;
  std::vector<RefSample> samples_;
  std::vector<std::shared_ptr<Series>> sample_series_;  // parallel to samples_
  std::vector<RefHistogram> histograms_;
  std::vector<std::shared_ptr<Series>> histogram_series_;
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
      memory_evictions_(metrics.counter(
          "prom5_tsdb_memory_evictions_total",
          "Times the oldest data was let go because of --storage.tsdb.max-head-bytes.")) {}

Result<std::unique_ptr<Db>> Db::open(Options options, const Clock& clock, io::FileSystem& files,
                                     MetricRegistry& metrics, const Log& log) {
  std::unique_ptr<Db> db(new Db(std::move(options), clock, files, metrics, log));
  const std::string& path = db->options_.path;
  TRY(files.make_directories(path + "/wal"));
  db->lock_ = TRY(files.lock(path + "/lock"));
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
    replay_series_[definition.ref] = head_.restore(definition.ref, definition.labels);
  }
  TimeMs newest = TimeMs::min();
  for (const RefSample& s : record->samples) {
    const auto found = replay_series_.find(s.ref);
    if (found == replay_series_.end()) continue;  // its definition was in a damaged record
    found->second->append(s.sample);
    head_.note_time(s.sample.time);
    newest = std::max(newest, s.sample.time);
  }
  for (RefHistogram& h : record->histograms) {
    const auto found = replay_series_.find(h.ref);
    if (found == replay_series_.end()) continue;
    found->second->append(h.time, std::move(h.histogram));
    head_.note_time(h.time);
    newest = std::max(newest, h.time);
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
  return std::make_unique<HeadQuerier>(head_, range);
}

Storage::MetadataMap Db::metadata() const {
  const MutexLock lock(state_mutex_);
  return metadata_;
}

void Db::maintain(std::stop_token stop) {
  const DurationMs sync_every = options_.wal_sync_interval;
  const DurationMs tick =
      sync_every.ms > 0 ? std::min(sync_every, DurationMs::minutes(1)) : DurationMs::minutes(1);
  SystemClock clock;  // waiting is always in real time; what is past retention is the Db's clock's
  TimeMs next_retention = clock.now() + DurationMs::minutes(1);
  while (clock.wait_until(clock.now() + tick, stop)) {
    if (sync_every.ms > 0) {
      if (auto synced = wal_->sync(); !synced) {
        wal_failures_.add();
        log_.error("The write-ahead log could not be synced", {{"err", synced.error().message}});
      }
    }
    if (clock.now() >= next_retention) {
      enforce_retention();
      next_retention = clock.now() + DurationMs::minutes(1);
    }
  }
}

void Db::enforce_retention() {
  const HeadStats stats = head_.stats(0);
  if (stats.range.start > stats.range.end) return;
  // Retention counts from the newest sample, so that an imported old data set is not thrown away.
  const TimeMs newest = std::min(stats.range.end, clock_.now());
  const TimeMs cutoff = newest - options_.retention;
  if (stats.range.start < cutoff) drop_before(cutoff);
  const size_t bytes = head_.size_bytes();
  if (bytes <= options_.max_head_bytes) return;
  memory_evictions_.add();
  const DurationMs tenth{(stats.range.end - stats.range.start).ms / 10};
  log_.warn("The data in memory is over its limit; the oldest tenth is let go",
            {{"bytes", bytes}, {"limit", options_.max_head_bytes}});
  drop_before(stats.range.start + tenth);
}

void Db::drop_before(TimeMs cutoff) {
  series_removed_.add(head_.drop_before(cutoff));
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
