#include <algorithm>
#include <unordered_map>

#include "store/tsdb/db.h"

namespace prom5::tsdb {

namespace {

/// The earliest time that can be computed with without overflow: some 140,000 years ago.
constexpr int64_t kEarliestMs = -(int64_t{1} << 52);
/// A zero is stored no further back than Prometheus' head would take it.
constexpr DurationMs kOldestZero = DurationMs::hours(1);

}  // namespace

/// A batch: checked as it is filled, written to the log and put into the head by commit().
class DbAppender final : public Appender {
 public:
  explicit DbAppender(Db& db) : db_(db), pin_(db.pin()), latest_(db.clock_.now() + Db::kMaxAhead) {}

  Result<SeriesRef> append(SeriesRef ref, const Labels& labels, Sample sample,
                           TimeMs start) override {
    Series* series = TRY(resolve(ref, labels));
    const Fit fit = series->fit(sample.time, sample.value);
    TRY(check(*series, sample.time, fit));
    if (fit == Fit::Repeated) return series->ref();
    bool late = fit == Fit::OutOfOrder;
    TimeMs last = series->last_time();
    if (!sample_series_.empty() && sample_series_.back() == series) {
      // A batch brings a series' samples one after the other: the last one counts too.
      const Sample& before = samples_.back().sample;
      const bool same = sample.time == before.time;
      if (same && same_bits(sample.value, before.value)) return series->ref();
      if (same) return fail(ErrorCode::DuplicateSample, "duplicate sample for timestamp");
      late = late || sample.time < before.time;
      if (sample.time < before.time) TRY(check_late(sample.time, before.time));
      last = std::max(last, before.time);
    }
    // A staleness marker says nothing of what its series counts.
    start = sound(start);
    if ((start != kNoStart || !is_stale(sample.value)) && may_tell_start(*series, start, late) &&
        note_start(*series, sample.time, start, late, last)) {
      samples_.push_back({series->ref(), {start, 0}});
      sample_series_.push_back(series);
    }
    samples_.push_back({series->ref(), sample});
    sample_series_.push_back(series);
    return series->ref();
  }

  void append_known(std::span<const RefSample> samples, std::span<const TimeMs> starts,
                    std::vector<size_t>& refused) override {
    constexpr size_t kAhead = 8;
    samples_.reserve(samples_.size() + samples.size());
    sample_series_.reserve(sample_series_.size() + samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      if (i + kAhead < samples.size()) db_.head_.prefetch(samples[i + kAhead].ref);
      const TimeMs start = starts.empty() ? kNoStart : starts[i];
      if (!append(samples[i].ref, kNoLabels, samples[i].sample, start)) refused.push_back(i);
    }
  }

  Result<SeriesRef> append_histogram(SeriesRef ref, const Labels& labels, TimeMs time,
                                     const Histogram& histogram, TimeMs start) override {
    Series* series = TRY(resolve(ref, labels));
    const Fit fit = series->fit(time, histogram);
    TRY(check(*series, time, fit));
    const bool late = fit == Fit::OutOfOrder;
    TimeMs last = series->last_time();
    if (!histogram_series_.empty() && histogram_series_.back() == series) {
      last = std::max(last, histograms_.back().time);
    }
    start = sound(start);
    if ((start != kNoStart || !is_stale(histogram.sum)) && may_tell_start(*series, start, late) &&
        note_start(*series, time, start, late, last)) {
      histograms_.push_back({series->ref(), start, empty_like(histogram)});
      histogram_series_.push_back(series);
    }
    histograms_.push_back({series->ref(), time, std::make_shared<Histogram>(histogram)});
    histogram_series_.push_back(series);
    return series->ref();
  }

  Result<void> append_exemplar(const Labels& series, const Exemplar& exemplar) override {
    // A time of the far future would keep every later one out.
    if (exemplar.time > latest_) return fail(ErrorCode::OutOfOrder, "exemplar in the future");
    TRY(db_.exemplars_.check(series, exemplar));
    if (!exemplar_list_.empty() && exemplar_list_.back().series == series) {
      TRY(ExemplarStore::check_order(exemplar_list_.back().exemplar, exemplar));
    }
    exemplar_list_.push_back({series, exemplar});
    return {};
  }

  void set_metadata(std::string_view family, const Metadata& metadata) override {
    metadata_.push_back({std::string(family), metadata});
  }

  Result<void> commit() override {
    drop_known_metadata();
    const bool nothing = samples_.empty() && histograms_.empty() && metadata_.empty();
    if (nothing && exemplar_list_.empty()) return {};
    // Through the turnstile, or steady commits would keep a compaction out for ever.
    {
      const std::lock_guard turnstile(db_.turnstile_);
    }
    const std::shared_lock gate(db_.commit_gate_);
    leave_out_old();
    leave_out_starts_of_gone();
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
    const auto found = db_.head_.find_or_create(labels, db_.options_.max_series,
                                                [&] { return db_.memory_budget_.exceeded(); });
    if (found.series == nullptr) {
      return std::unexpected(
          db_.refusal(labels, db_.head_.series_count() < db_.options_.max_series));
    }
    if (found.created) db_.series_created_.add();
    return found.series;
  }

  /// Since when the next sample of the series counts, should it not say otherwise.
  [[nodiscard]] TimeMs start_of_next(const Series& series) const {
    if (told_.empty()) return series.start();
    const auto told = told_.find(&series);
    return told == told_.end() ? series.start() : told->second;
  }

  /// What cannot be is not known: a start before 1970, or in the far future.
  [[nodiscard]] TimeMs sound(TimeMs start) const {
    return start < kNoStart || start > latest_ ? kNoStart : start;
  }

  /// False for nearly all samples, at the price of a comparison.
  [[nodiscard]] bool may_tell_start(const Series& series, TimeMs start, bool late) const {
    return start != series.start() || late || !told_.empty();
  }

  /// Keeps for the log what a sample's start timestamp changes. Returns whether a sample of zero is
  /// to be stored at the start. `last`: the series' newest sample, in the batch or before it.
  bool note_start(Series& series, TimeMs time, TimeMs start, bool late, TimeMs last) {
    if (late) {
      // Of those around it nothing is known here but whether they may have one.
      if (start == kNoStart && !series.has_starts() && !told_.contains(&series)) return false;
    } else if (start == start_of_next(series)) {
      return false;
    } else {
      told_[&series] = start;
    }
    starts_.push_back({series.ref(), time, start, late});
    start_series_.push_back(&series);
    const bool zero = db_.options_.zero_at_start && start != kNoStart && !late;
    // Not where others count from, nor far back, as for Prometheus' head.
    return zero && last < start && start < time && start.ms >= db_.accept_from_ms_.load() &&
           time - start < kOldestZero;
  }

  static std::shared_ptr<const Histogram> empty_like(const Histogram& histogram) {
    auto out = std::make_shared<Histogram>();
    out->schema = histogram.schema;
    out->zero_threshold = histogram.zero_threshold;
    out->custom_bounds = histogram.custom_bounds;
    return out;
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
    if (time.ms < db_.accept_from_ms_.load()) {
      db_.too_old_.add();
      return fail(ErrorCode::TooOld, "too old sample");
    }
    const DurationMs window{db_.out_of_order_window_ms_.load()};
    if (window.ms <= 0) return fail(ErrorCode::OutOfOrder, "out of order sample");
    if (time < newest - window) {
      db_.too_old_.add();
      return fail(ErrorCode::TooOld, "too old sample");
    }
    db_.out_of_order_.add();
    return {};
  }

  /// Scrapes repeat the same help texts for ever; only what is new goes into the log.
  void drop_known_metadata() {
    if (metadata_.empty()) return;
    const MutexLock lock(db_.state_mutex_);
    std::erase_if(metadata_, [&](const FamilyMetadata& m) REQUIRES(db_.state_mutex_) {
      const auto found = db_.metadata_.find(m.family);
      return found != db_.metadata_.end() && !found->second.empty() &&
             found->second.back() == m.metadata;
    });
  }

  /// Takes out what was in time when it was added and whose block was begun since.
  void leave_out_old() {
    const int64_t from = db_.accept_from_ms_.load();
    const auto leave_out = [&](auto& samples, std::vector<Series*>& series, auto time_of) {
      size_t kept = 0;
      for (size_t i = 0; i < samples.size(); ++i) {
        if (time_of(samples[i]).ms < from) continue;
        if (kept != i) {
          samples[kept] = std::move(samples[i]);
          series[kept] = series[i];
        }
        ++kept;
      }
      db_.too_old_.add(samples.size() - kept);
      samples.resize(kept);
      series.resize(kept);
    };
    leave_out(samples_, sample_series_, [](const RefSample& s) { return s.sample.time; });
    leave_out(histograms_, histogram_series_, [](const RefHistogram& h) { return h.time; });
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

  /// Series that went since are told by their next batch.
  void leave_out_starts_of_gone() {
    size_t kept = 0;
    for (size_t i = 0; i < starts_.size(); ++i) {
      if (start_series_[i]->gone) continue;
      starts_[kept] = starts_[i];
      start_series_[kept++] = start_series_[i];
    }
    starts_.resize(kept);
    start_series_.resize(kept);
  }

  Result<void> log_batch() {
    std::string payload;
    if (!samples_.empty()) encode_samples(samples_, payload);
    if (!histograms_.empty()) encode_histograms(histograms_, payload);
    if (!metadata_.empty()) encode_metadata(metadata_, payload);
    if (!exemplar_list_.empty()) encode_exemplars(exemplar_list_, payload);
    if (!starts_.empty()) encode_starts(starts_, payload);
    const TimeRange samples = range();
    std::vector<Series*> series = sample_series_;
    series.insert(series.end(), histogram_series_.begin(), histogram_series_.end());
    const auto logged = db_.wal_->append({.definitions =
                                              [&](uint64_t segment) {
                                                // Before it is written: it may be in the log
                                                // although writing failed, and nobody is to take
                                                // the segment for an older one before its sync is
                                                // done.
                                                db_.note_segment(segment, samples);
                                                return undefined_in(segment, series);
                                              },
                                          .payload = payload,
                                          .written =
                                              [&](uint64_t segment) {
                                                for (Series* s : series)
                                                  s->defined_in_segment = segment;
                                              }});
    if (!logged) {
      db_.wal_failures_.add();
      return logged;
    }
    return {};
  }

  /// Of all samples; start > end when there are none.
  [[nodiscard]] TimeRange range() const {
    TimeRange out{TimeMs::max(), TimeMs::min()};
    const auto add = [&](TimeMs time) {
      out = {std::min(out.start, time), std::max(out.end, time)};
    };
    for (const RefSample& s : samples_) add(s.sample.time);
    for (const RefHistogram& h : histograms_) add(h.time);
    for (const NamedExemplar& e : exemplar_list_) add(e.exemplar.time);
    return out;
  }

  void apply() {
    TimeMs oldest = TimeMs::max();
    for (size_t i = 0; i < samples_.size(); ++i) {
      sample_series_[i]->append(samples_[i].sample, db_.head_.chunks());
      db_.head_.note_time(samples_[i].sample.time);
      oldest = std::min(oldest, samples_[i].sample.time);
    }
    for (size_t i = 0; i < histograms_.size(); ++i) {
      oldest = std::min(oldest, histograms_[i].time);
      histogram_series_[i]->append(histograms_[i].time, histograms_[i].histogram,
                                   db_.head_.chunks());
      db_.head_.note_time(histograms_[i].time);
    }
    for (size_t i = 0; i < starts_.size(); ++i) {
      start_series_[i]->set_start(starts_[i].time, starts_[i].start, starts_[i].alone);
    }
    db_.changes_.changed(oldest);
    db_.samples_appended_.add(samples_.size());
    db_.histograms_appended_.add(histograms_.size());
    if (!metadata_.empty()) db_.take_metadata(std::exchange(metadata_, {}));
    for (NamedExemplar& e : exemplar_list_) {
      const bool kept = db_.exemplars_.add(e.series, std::move(e.exemplar));
      db_.exemplars_appended_.add(kept ? 1 : 0);
    }
    exemplar_list_.clear();
    samples_.clear();
    histograms_.clear();
    sample_series_.clear();
    histogram_series_.clear();
    starts_.clear();
    start_series_.clear();
    told_.clear();
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
  std::vector<NamedExemplar> exemplar_list_;
  std::vector<RefStart> starts_;
  std::vector<Series*> start_series_;               // parallel to starts_
  std::unordered_map<const Series*, TimeMs> told_;  // the batch's newest start of each of them
};

namespace {

/// Takes nothing: the log is being replayed.
class RefusingAppender final : public Appender {
 public:
  explicit RefusingAppender(Error why) : why_(std::move(why)) {}

  Result<SeriesRef> append(SeriesRef /*ref*/, const Labels& /*labels*/, Sample /*s*/,
                           TimeMs /*start*/) override {
    return std::unexpected(why_);
  }
  Result<SeriesRef> append_histogram(SeriesRef /*ref*/, const Labels& /*labels*/, TimeMs /*time*/,
                                     const Histogram& /*histogram*/, TimeMs /*start*/) override {
    return std::unexpected(why_);
  }
  void set_metadata(std::string_view /*family*/, const Metadata& /*metadata*/) override {}
  Result<void> commit() override { return std::unexpected(why_); }

 private:
  const Error why_;
};

}  // namespace

std::unique_ptr<Appender> Db::appender() {
  if (auto open = refuse_changes(); !open) {
    return std::make_unique<RefusingAppender>(std::move(open).error());
  }
  return std::make_unique<DbAppender>(*this);
}

}  // namespace prom5::tsdb
