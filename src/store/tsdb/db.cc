#include "store/tsdb/db.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "store/tsdb/db_querier.h"
#include "store/tsdb/replay.h"

namespace prom5::tsdb {

Db::Db(Options options, const Clock& clock, io::FileSystem& files, MetricRegistry& metrics,
       const Log& log)
    : options_(std::move(options)),
      clock_(clock),
      files_(files),
      log_(log),
      blocks_(files, options_.path + "/blocks", log),
      tiers_(files, options_.path + "/rollups", log),
      out_of_order_window_ms_(options_.out_of_order_window.ms),
      retention_ms_(options_.retention.ms),
      retention_bytes_(options_.retention_bytes),
      memory_budget_(options_.memory_budget),
      tier_retention_(options_.tier_retention),
      samples_appended_(metrics.counter("prometheus_tsdb_head_samples_appended_total",
                                        "Total number of appended samples.", {{"type", "float"}})),
      histograms_appended_(metrics.counter("prometheus_tsdb_head_samples_appended_total",
                                           "Total number of appended samples.",
                                           {{"type", "histogram"}})),
      exemplars_appended_(metrics.counter("prometheus_tsdb_exemplar_exemplars_appended_total",
                                          "Total number of appended exemplars.")),
      out_of_order_(metrics.counter("prometheus_tsdb_head_out_of_order_samples_appended_total",
                                    "Total number of appended out of order samples.")),
      too_old_(metrics.counter("prometheus_tsdb_too_old_samples_total",
                               "Total number of out of order samples ingestion failed attempts "
                               "because of being older than what is taken.")),
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
      compactions_(metrics.counter("prometheus_tsdb_compactions_total",
                                   "Total number of compactions that were executed.")),
      block_failures_(metrics.counter("prometheus_tsdb_compactions_failed_total",
                                      "Total number of compactions that failed.")),
      blocks_deleted_(metrics.counter("prom5_tsdb_blocks_deleted_total",
                                      "Blocks removed because of retention.")),
      size_retentions_(metrics.counter(
          "prometheus_tsdb_size_retentions_total",
          "The number of times that blocks were deleted because the maximum number of bytes was "
          "exceeded.")),
      days_rolled_up_(
          metrics.counter("prom5_tsdb_rollups_total", "Days of samples that were summed up.")),
      verified_bytes_(metrics.counter("prom5_tsdb_verified_bytes_total",
                                      "Bytes of blocks whose checksums were read in the "
                                      "background.")),
      verification_failures_(metrics.counter("prom5_tsdb_verification_failures_total",
                                             "Damaged places that were found by it.")),
      blocks_damaged_(metrics.counter("prom5_tsdb_damaged_blocks_total",
                                      "Blocks that could not be opened and are left out.")),
      chunks_damaged_(metrics.counter("prom5_tsdb_damaged_chunks_total",
                                      "Reads of chunks that are damaged and were left out.")) {}

Result<std::unique_ptr<Db>> Db::open(Options options, const Clock& clock, io::FileSystem& files,
                                     MetricRegistry& metrics, const Log& log) {
  auto db = TRY(begin(std::move(options), clock, files, metrics, log));
  TRY(db->wait_until_open());
  return db;
}

Result<std::unique_ptr<Db>> Db::begin(Options options, const Clock& clock, io::FileSystem& files,
                                      MetricRegistry& metrics, const Log& log) {
  std::unique_ptr<Db> db(new Db(std::move(options), clock, files, metrics, log));
  TRY(db->take_directory());
  TRY(db->open_blocks());
  db->export_metrics(metrics);
  db->maintenance_ = std::jthread([raw = db.get()](const std::stop_token& stop) {
    auto opened = raw->finish_opening(stop);
    const bool good = opened.has_value();
    raw->opening_.set_value(std::move(opened));
    if (good && !raw->options_.read_only) raw->maintain(stop);
  });
  return db;
}

Result<void> check_data_directory(io::FileSystem& files, const std::string& path) {
  const auto names = files.list(path);
  if (!names) {
    if (names.error().code == ErrorCode::NotFound) return {};
    return std::unexpected(names.error());
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::find(*names, name) != names->end();
  };
  if (has("chunks_head") && !has("blocks")) {
    return fail(ErrorCode::BadData,
                "{} is a data directory of Prometheus: take it over into a new one with "
                "`prom5 tsdb import {} --storage.tsdb.path=NEW`",
                path, path);
  }
  return {};
}

Result<void> Db::take_directory() {
  const std::string& path = options_.path;
  TRY(check_data_directory(files_, path));
  if (options_.read_only) {
    if (files_.list(path + "/blocks") || files_.list(path + "/wal")) return {};
    return fail(ErrorCode::NotFound, "{} is no data directory: it has neither blocks/ nor wal/",
                path);
  }
  TRY(files_.make_directories(path + "/wal"));
  lock_ = TRY(files_.lock(path + "/lock"));
  TRY(files_.make_directories(path + "/blocks"));
  // An earlier process may have made them and not come to it.
  return files_.sync_directory(path);
}

Result<void> Db::finish_opening(const std::stop_token& stop) {
  TRY(replay(stop));
  note_rolled_until();
  if (options_.read_only) {
    is_open_ = true;
    return {};
  }
  give_back_memory();
  wal_ = TRY(wal::WalWriter::open(
      files_, options_.path + "/wal",
      {.segment_bytes = options_.wal_segment_bytes,
       .sync = options_.wal_sync_interval.ms == 0 ? wal::WalWriter::Sync::EveryCommit
                                                  : wal::WalWriter::Sync::Background}));
  is_open_ = true;
  {
    const MutexLock lock(state_mutex_);
    replay_progress_.done = true;
  }
  keep_reserve();
  if (options_.wal_sync_interval.ms > 0) {
    syncing_ = std::jthread([this](std::stop_token t) { sync_log(std::move(t)); });
  }
  return {};
}

Result<void> Db::refuse_changes() const {
  TRY(refuse_until_open());
  if (!options_.read_only) return {};
  return fail(ErrorCode::Unavailable, "the database is opened for reading");
}

Result<void> Db::refuse_until_open() const {
  if (is_open_) return {};
  const ReplayProgress progress = replay_progress();
  return fail(ErrorCode::Unavailable,
              "the write-ahead log is being replayed, segment {} of {} to {}: try again",
              progress.segment, progress.first_segment, progress.last_segment);
}

/// Of the head, in seconds; 0 when there are no samples.
double Db::head_seconds(TimeMs TimeRange::* which) const {
  if (!is_open_) return 0;
  const TimeRange range = head_.range();
  return range.start > range.end ? 0.0 : (range.*which).as_seconds();
}

void Db::export_times(MetricRegistry& metrics) {
  constexpr auto kGauge = MetricRegistry::Type::Gauge;
  metrics.on_collect("prometheus_tsdb_head_min_time_seconds", "Minimum time of the head block.",
                     kGauge, [this] { return head_seconds(&TimeRange::start); });
  metrics.on_collect("prometheus_tsdb_head_max_time_seconds",
                     "Maximum timestamp of the head block.", kGauge,
                     [this] { return head_seconds(&TimeRange::end); });
  metrics.on_collect("prometheus_tsdb_head_min_time",
                     "Minimum time bound of the head block in milliseconds.", kGauge,
                     [this] { return head_seconds(&TimeRange::start) * 1000; });
  metrics.on_collect("prometheus_tsdb_head_max_time",
                     "Maximum timestamp of the head block in milliseconds.", kGauge,
                     [this] { return head_seconds(&TimeRange::end) * 1000; });
  metrics.on_collect("prometheus_tsdb_lowest_timestamp_seconds",
                     "Lowest timestamp value stored in the database.", kGauge, [this] {
                       const auto all = blocks();
                       return all.empty() ? head_seconds(&TimeRange::start)
                                          : all.front()->info().range.start.as_seconds();
                     });
  metrics.on_collect("prometheus_tsdb_retention_limit_bytes",
                     "Max number of bytes to be retained in the tsdb blocks, configured 0 means "
                     "disabled",
                     kGauge, [this] { return static_cast<double>(retention_bytes_.load()); });
  metrics.on_collect("prometheus_tsdb_retention_limit_seconds",
                     "How long to retain samples in storage.", kGauge,
                     [this] { return retention().as_seconds(); });
}

void Db::export_exemplars(MetricRegistry& metrics) {
  constexpr auto kGauge = MetricRegistry::Type::Gauge;
  metrics.on_collect("prometheus_tsdb_exemplar_max_exemplars",
                     "Total number of exemplars the exemplar storage can store, resizeable.",
                     kGauge, [this] { return static_cast<double>(exemplars_.stats().capacity); });
  metrics.on_collect("prometheus_tsdb_exemplar_exemplars_in_storage",
                     "Number of exemplars currently in circular storage.", kGauge,
                     [this] { return static_cast<double>(exemplars_.stats().exemplars); });
  metrics.on_collect("prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
                     "Number of series with exemplars currently in circular storage.", kGauge,
                     [this] { return static_cast<double>(exemplars_.stats().series); });
  metrics.on_collect("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
                     "The timestamp of the oldest exemplar stored in circular storage. Useful to "
                     "check for what time range the current exemplar buffer limit allows.",
                     kGauge, [this] { return exemplars_.stats().last.as_seconds(); });
}

void Db::export_metrics(MetricRegistry& metrics) {
  using Type = MetricRegistry::Type;
  export_times(metrics);
  export_exemplars(metrics);
  metrics.on_collect("prometheus_tsdb_head_series", "Total number of series in the head block.",
                     Type::Gauge, [this] { return static_cast<double>(head_.series_count()); });
  metrics.on_collect("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks",
                     Type::Gauge, [this] { return static_cast<double>(blocks().size()); });
  metrics.on_collect("prometheus_tsdb_storage_blocks_bytes",
                     "The number of bytes that are currently used for local storage by all blocks.",
                     Type::Gauge, [this] { return static_cast<double>(blocks_.size_bytes()); });
  metrics.on_collect(
      "prom5_tsdb_block_removals_failed_total",
      "How often a file of a block that is not needed any more could not be removed.",
      Type::Counter, [this] {
        uint64_t failures = blocks_.removal_failures();
        for (size_t tier = 0; tier < kTiers; ++tier) {
          failures += tiers_.blocks(tier).removal_failures();
        }
        return static_cast<double>(failures);
      });
  for (size_t tier = 0; tier < kTiers; ++tier) {
    metrics.on_collect(
        "prom5_tsdb_rollup_bytes", "The number of bytes that rollups of a width use.", Type::Gauge,
        [this, tier] { return static_cast<double>(tiers_.blocks(tier).size_bytes()); },
        {{"width", std::string(tier_name(tier))}});
  }
  metrics.on_collect(
      "prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.", Type::Gauge,
      [this] { return is_open_ && wal_ ? static_cast<double>(wal_->total_bytes()) : 0.0; });
}

Db::~Db() {
  maintenance_.request_stop();
  if (maintenance_.joinable()) maintenance_.join();
  // The one before started it.
  syncing_.request_stop();
  if (syncing_.joinable()) syncing_.join();
  if (!wal_) return;
  if (auto synced = wal_->sync(); !synced) {
    log_.error("Closing the database: the log could not be synced",
               {{"err", synced.error().message}});
  }
}

Result<void> Db::open_blocks() {
  const Access access = options_.read_only ? Access::ReadOnly : Access::ReadWrite;
  unread_blocks_ = TRY(blocks_.open(access)) + TRY(tiers_.open(access));
  blocks_damaged_.add(unread_blocks_);
  const MutexLock lock(state_mutex_);
  for (const auto& block : blocks_.blocks()) {
    head_from_ = std::max(head_from_, block->info().wal_until);
  }
  accept_from_ms_ = head_from_.ms;
  return {};
}

/// Samples of a segment that are older than this are in blocks.
TimeMs Db::in_blocks_until(uint64_t segment) const {
  TimeMs until = TimeMs::min();
  for (const auto& block : blocks_.blocks()) {
    if (block->info().wal_segment > segment) until = std::max(until, block->info().wal_until);
  }
  return until;
}

Result<void> Db::replay(const std::stop_token& stop) {
  if (options_.read_only && !files_.list(options_.path + "/wal")) return {};  // a snapshot
  std::optional<Replay> replay(std::in_place, head_, memory_budget_.bytes() / 32);
  uint64_t current = 0;
  std::string before;
  const auto stats =
      TRY(wal::read_wal(files_, options_.path + "/wal",
                        [&](uint64_t segment, std::string_view payload) -> Result<void> {
                          if (stop.stop_requested()) {
                            return fail(ErrorCode::Unavailable, "the database is closed");
                          }
                          if (segment != current) {
                            current = segment;
                            note_replay_of(segment);
                            replay->begin_segment(in_blocks_until(segment));
                            before.clear();
                          }
                          // What defines series stands twice, the second time in vain when the
                          // first was good.
                          if (payload == before) return {};
                          before = payload;
                          auto record = decode_record(payload, replay->spare());
                          if (!record) {
                            // The checksum held, so this is not damage but a record of another
                            // version.
                            wal_corruptions_.add();
                            log_.warn("A record of the write-ahead log was skipped",
                                      {{"segment", segment}, {"err", record.error().message}});
                            note_unread(segment);
                            return {};
                          }
                          take_metadata(std::exchange(record->metadata, {}));
                          note_segment(segment, record->range());
                          for (NamedExemplar& e : record->exemplars) {
                            exemplars_.add(e.series, std::move(e.exemplar));
                          }
                          replay->apply(*std::move(record));
                          return {};
                        }));
  replay.reset();
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

void Db::note_replay_of(uint64_t segment) {
  const MutexLock lock(state_mutex_);
  if (replay_progress_.first_segment == 0) replay_progress_.first_segment = segment;
  replay_progress_.segment = segment;
  replay_progress_.last_segment = std::max(replay_progress_.last_segment, segment);
}

void Db::take_metadata(std::vector<FamilyMetadata> entries) {
  const MutexLock lock(state_mutex_);
  for (FamilyMetadata& m : entries) {
    // The newest last; the oldest goes when there are too many.
    auto& known = metadata_[m.family];
    std::erase(known, m.metadata);
    known.push_back(std::move(m.metadata));
    if (known.size() > kMaxMetadataPerFamily) known.erase(known.begin());
  }
}

void Db::note_segment(uint64_t segment, TimeRange samples) {
  const MutexLock lock(state_mutex_);
  TimeRange& known =
      segment_times_.try_emplace(segment, TimeMs::max(), TimeMs::min()).first->second;
  known = {std::min(known.start, samples.start), std::max(known.end, samples.end)};
}

/// It may have samples of any time, for who can read it.
void Db::note_unread(uint64_t segment) {
  const MutexLock lock(state_mutex_);
  unread_segments_.insert(segment);
}

/// Whether the log may have samples of that time.
bool Db::log_has(TimeRange range) const {
  const MutexLock lock(state_mutex_);
  return !unread_segments_.empty() || std::ranges::any_of(segment_times_, [&](const auto& entry) {
    return entry.second.overlaps(range);
  });
}

Result<std::unique_ptr<Querier>> Db::querier(TimeRange range) {
  const auto open = refuse_until_open();
  DbView view;
  if (open) view.head = &head_;
  view.warnings = std::make_shared<ViewWarnings>();
  view.damaged = [this, warnings = view.warnings](const Error& error) {
    chunks_damaged_.add();
    if (!warnings->add_damage(error)) return;
    log_.error("A damaged chunk is left out of an answer", {{"err", error.message}});
  };
  if (!open) {
    view.warnings->add(
        fmt::format("this answer is partial, from blocks alone: {}", open.error().message));
  }
  if (unread_blocks_ > 0) {
    view.warnings->add(
        fmt::format("{} blocks cannot be read and are left out: `prom5 tsdb verify` says why",
                    unread_blocks_.load()));
  }
  const MutexLock lock(state_mutex_);
  const BlockSet::Blocks blocks = blocks_.blocks();
  view.blocks.assign(blocks.begin(), blocks.end());
  view.head_from = head_from_;
  TimeMs oldest = view.head == nullptr ? TimeMs::max() : head_.range().start;
  view.rolled_until = std::min(rolled_until_, std::max(oldest, head_from_) - DurationMs{1});
  if (!blocks.empty()) oldest = std::min(oldest, blocks.front()->info().range.start);
  view.samples_from = std::max(samples_from_, oldest);
  for (size_t tier = 0; tier < kTiers; ++tier) {
    DbView::TierView of_tier{.width = kTierWidths[tier], .blocks = {}};
    for (auto& block : tiers_.blocks(tier).blocks()) {
      of_tier.from = std::min(of_tier.from, block->info().range.start);
      of_tier.blocks.push_back(std::move(block));
    }
    view.tiers.push_back(std::move(of_tier));
  }
  view.pin = pin_;
  return make_querier(std::move(view), range);
}

/// Why a new series is not taken, and which metric has most series.
Error Db::refusal(const Labels& labels, bool memory) {
  constexpr DurationMs kTellEvery = DurationMs::seconds(10);
  series_refused_.add();
  const TimeMs now = clock_.now();
  const MutexLock lock(state_mutex_);
  const bool tell = refusal_told_ == TimeMs::min() || now - refusal_told_ >= kTellEvery;
  if (tell) {
    refusal_told_ = now;
    largest_metric_ = head_.largest_metric();
  }
  const std::string reason =
      memory ? fmt::format(
                   "the memory budget of {} bytes is used up "
                   "(--storage.tsdb.memory-budget)",
                   memory_budget_.bytes())
             : fmt::format("there are {} series already (--storage.tsdb.max-series)",
                           head_.series_count());
  Error error{ErrorCode::LimitExceeded,
              fmt::format("series {} refused: {}; most of all has the metric {}, {} series",
                          labels.to_string(), reason, largest_metric_.name, largest_metric_.count)};
  if (tell) log_.error("New series are refused", {{"err", error.message}});
  return error;
}

std::shared_ptr<const void> Db::pin() const {
  const MutexLock lock(state_mutex_);
  return pin_;
}

HeadStats Db::stats(size_t limit) const {
  if (!is_open_) {
    HeadStats nothing;
    nothing.range = {TimeMs::max(), TimeMs::min()};
    return nothing;
  }
  const auto held = pin();
  return head_.stats(limit);
}

Result<void> Db::delete_series(std::span<const std::vector<Matcher>> selectors, TimeRange range) {
  TRY(refuse_changes());
  if (range.start > range.end) return {};
  const MutexLock compaction(compaction_mutex_);
  // Whatever was done of it when it ends, or breaks off.
  struct Tell {
    ChangeHistory& changes;
    TimeMs from;
    ~Tell() { changes.changed(from); }
  } const tell{changes_, range.start};
  for (const auto& matchers : selectors) {
    TRY(blocks_.delete_samples(matchers, range));
    TRY(tiers_.delete_samples(matchers, range));
  }
  // Days are summed up again without what is deleted.
  for (const auto& block : blocks_.blocks()) {
    const TimeRange own = block->info().range;
    if (own.overlaps(range)) {
      TRY(tiers_.forget_days({std::max(own.start, range.start), std::min(own.end, range.end)}));
    }
  }
  note_rolled_until();
  // While no commit is under way: what comes later is not deleted.
  const std::lock_guard turnstile(turnstile_);
  const std::unique_lock gate(commit_gate_);
  // By matchers and not by series: the log may have samples of series that left the head, and
  // stands in for a block that cannot be read at the next start.
  if (!log_has(range)) return {};
  std::vector<SelectedRange> selections;
  for (const auto& matchers : selectors) selections.push_back({matchers, range});
  std::string payload;
  encode_selections(selections, payload);
  TRY(append_alone(payload));
  for (const auto& matchers : selectors) head_.erase(matchers, range);
  return {};
}

Result<std::string> Db::snapshot(bool skip_head) {
  TRY(refuse_changes());
  const MutexLock compaction(compaction_mutex_);
  const TimeMs now = clock_.now();
  const std::string name =
      fmt::format("{:%Y%m%dT%H%M%SZ}-{:08x}", fmt::gmtime(static_cast<std::time_t>(now.ms / 1000)),
                  static_cast<uint32_t>(snapshots_++ * 1000 + now.ms % 1000));
  const std::string folder = options_.path + "/snapshots/" + name + "/blocks";
  TRY(files_.make_directories(folder));
  TRY(blocks_.link_into(folder));
  TRY(tiers_.link_into(options_.path + "/snapshots/" + name + "/rollups"));
  if (skip_head) return name;
  BlockSet copy(files_, folder, log_);
  TRY(copy.open());
  TimeRange range;
  {
    const MutexLock lock(state_mutex_);
    range.start = head_from_;
  }
  TRY(copy.add({}, [&](BlockWriter& writer) { return write_head(range, writer); }));
  return name;
}

ReplayProgress Db::replay_progress() const {
  const MutexLock lock(state_mutex_);
  return replay_progress_;
}

void Db::set_retention(DurationMs time, uint64_t bytes, const TierRetention& tiers) {
  retention_ms_ = time.ms;
  retention_bytes_ = bytes;
  const MutexLock lock(state_mutex_);
  tier_retention_ = tiers;
}

std::string Db::retention_text() const {
  std::string out;
  if (retention().ms > 0) out = format_duration(retention());
  if (const uint64_t bytes = retention_bytes_; bytes > 0) {
    constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    auto number = static_cast<double>(bytes);
    for (; number >= 1024 && unit + 1 < std::size(kUnits); ++unit) number /= 1024;
    if (!out.empty()) out += " or ";
    out += fmt::format("{:g}{}", number, kUnits[unit]);
  }
  return out;
}

TierRetention Db::tier_retention() const {
  const MutexLock lock(state_mutex_);
  return tier_retention_;
}

Storage::MetadataMap Db::metadata() const {
  const MutexLock lock(state_mutex_);
  return metadata_;
}

/// A record that needs no definitions of series. Durable on return.
Result<void> Db::append_alone(std::string_view payload) {
  TRY(wal_->append({.definitions = [](uint64_t) { return std::string(); },
                    .payload = payload,
                    .written = [](uint64_t) {}}));
  return wal_->sync();
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
  return append_alone(payload);
}

}  // namespace prom5::tsdb
