#include "store/tsdb/series.h"

#include <algorithm>
#include <bit>
#include <new>
#include <ranges>
#include <span>
#include <utility>

#include "store/chunk/column_chunk.h"
#include "store/tsdb/columns.h"
#include "store/tsdb/record.h"
#include "store/tsdb/tombstones.h"

namespace prom5::tsdb {

namespace {

size_t bytes_of(const Histogram& h) {
  return sizeof(Histogram) +
         (h.positive_counts.size() + h.negative_counts.size() + h.custom_bounds.size() +
          h.positive_spans.size() + h.negative_spans.size()) *
             8;
}

}  // namespace

Fit Series::fit_locked(TimeMs time, double value, const Histogram* histogram) const {
  if (time > last_time()) return Fit::Next;
  if (time < last_time()) return Fit::OutOfOrder;
  const Histogram* last = rare_ ? rare_->last_histogram.get() : nullptr;
  const bool same = histogram != nullptr ? last != nullptr && *last == *histogram
                                         : last == nullptr && same_bits(last_value_, value);
  return same ? Fit::Repeated : Fit::Duplicate;
}

Fit Series::fit(TimeMs time, double value) const {
  if (time > last_time()) return Fit::Next;
  const ByteMutexLock lock(mutex_);
  return fit_locked(time, value, nullptr);
}

Fit Series::fit(TimeMs time, const Histogram& histogram) const {
  const ByteMutexLock lock(mutex_);
  return fit_locked(time, 0, &histogram);
}

Series::Rare& Series::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

size_t Series::open_count() const {
  return rare_ && !rare_->open_histograms.empty() ? rare_->open_histograms.size()
                                                  : open_floats_.count();
}

/// Makes `time` the track's time number `at`; where another one is, goes over to the track of those
/// that left the beat, too.
void Series::take_time(TimeMs time, size_t at, ChunkStore& store) {
  if (at == 0) {
    track_ = store.tracks.join(nullptr, 0, time, newest_sealed_ == nullptr);
  } else if (!track_->put(at, time)) {
    track_ = store.tracks.join(track_.get(), at, time, false);
  }
}

Fit Series::append(Sample sample, ChunkStore& store) {
  const ByteMutexLock lock(mutex_);
  return append_locked(sample, store);
}

void Series::append_all(std::span<const Sample> samples, ChunkStore& store) {
  const ByteMutexLock lock(mutex_);
  for (const Sample& sample : samples) append_locked(sample, store);
}

Fit Series::append_locked(Sample sample, ChunkStore& store) {
  const Fit fit = fit_locked(sample.time, sample.value, nullptr);
  if (fit == Fit::OutOfOrder) insert_late({sample.time, sample.value, nullptr});
  if (fit != Fit::Next) return fit;
  if (rare_ && !rare_->open_histograms.empty()) seal(store);
  take_time(sample.time, open_floats_.count(), store);
  open_floats_.append(sample.value);
  last_ms_.store(sample.time.ms, std::memory_order_relaxed);
  last_value_ = sample.value;
  if (rare_) rare_->last_histogram.reset();
  if (open_floats_.count() == track_->limit()) seal(store);
  return fit;
}

Fit Series::append(TimeMs time, std::shared_ptr<const Histogram> histogram, ChunkStore& store) {
  const ByteMutexLock lock(mutex_);
  const Fit fit = fit_locked(time, 0, histogram.get());
  if (fit == Fit::OutOfOrder) insert_late({time, histogram->sum, histogram});
  if (fit != Fit::Next) return fit;
  if (open_floats_.count() > 0) seal(store);
  Histograms& open = rare().open_histograms;
  take_time(time, open.size(), store);
  open.push_back(histogram);
  last_ms_.store(time.ms, std::memory_order_relaxed);
  rare().last_histogram = std::move(histogram);
  if (open.size() == track_->limit()) seal(store);
  return fit;
}

void Series::set_start(TimeMs time, TimeMs start, bool alone) {
  const ByteMutexLock lock(mutex_);
  if (!starts_ && start == kNoStart) return;
  if (!starts_) starts_ = std::make_unique<StartTimes>();
  alone ? starts_->set_at(time, start) : starts_->set_from(time, start);
  start_ms_.store(std::max(starts_->last().start, kNoStart).ms, std::memory_order_relaxed);
}

StartTimes::Change Series::last_start() const {
  const ByteMutexLock lock(mutex_);
  return starts_ ? starts_->last() : StartTimes().last();
}

bool Series::has_starts() const {
  const ByteMutexLock lock(mutex_);
  return starts_ != nullptr;
}

StartTimes Series::starts() const {
  const ByteMutexLock lock(mutex_);
  return starts_ ? *starts_ : StartTimes();
}

void Series::seal(ChunkStore& store) {
  const size_t count = open_count();
  std::shared_ptr<const SealedTimes> times;
  if (count == track_->limit()) {
    times = track_->seal();
  } else {
    std::vector<TimeMs> own;
    track_->copy_first(count, own);
    times = SealedTimes::make(own);
  }
  track_.reset();
  Sealed chunk{.times = times.get(), .older = newest_sealed_, .histograms = nullptr};
  thread_local std::vector<double> values;
  thread_local std::string bytes;
  bytes.clear();
  if (open_floats_.count() == 0) {
    auto histograms = std::make_unique<const Histograms>(std::move(rare_->open_histograms));
    rare_->open_histograms.clear();
    chunk.histograms = histograms.get();
    rare_->sealed.emplace_back(times->range.end, std::move(histograms));
  } else if (store.encode.load(std::memory_order_relaxed)) {
    values.clear();
    open_floats_.decode(values);
    chunk::encode_floats(values, bytes);
    open_floats_.clear();
  } else {
    chunk.open_form = true;
    bytes = open_floats_.take_bytes();
  }
  chunk.size = static_cast<uint32_t>(bytes.size());
  char* const at = store.arena.allocate(sizeof(Sealed) + bytes.size(), std::move(times));
  newest_sealed_ = new (at) Sealed(chunk);
  bytes.copy(at + sizeof(Sealed), bytes.size());
}

/// The first of two late samples with one time stays.
void Series::insert_late(Late sample) {
  std::vector<Late>& late = rare().late;
  const auto at = std::lower_bound(late.begin(), late.end(), sample.time,
                                   [](const Late& l, TimeMs t) { return l.time < t; });
  if (at != late.end() && at->time == sample.time) return;
  late.insert(at, std::move(sample));
}

TimeMs Series::first_time() const {
  const ByteMutexLock lock(mutex_);
  return first_locked();
}

bool Series::may_have_samples(TimeRange range) const {
  const TimeMs last = last_time();
  if (last < range.start) return false;
  const ByteMutexLock lock(mutex_);
  if (!rare_) {
    // From the newest back, as far as one begins in range: its end is before the next one's begin.
    if (open_count() > 0 && track_->at(0) <= range.end) return true;
    const Sealed* chunk = newest_sealed_;
    while (chunk != nullptr && chunk->times->range.start > range.end) chunk = chunk->older;
    return chunk != nullptr && chunk->times->range.end >= range.start;
  }
  // Nothing of it may be committed yet.
  const TimeRange all{first_locked(), last};
  if (all.start > all.end || !all.overlaps(range)) return false;
  if (rare_->deleted.empty() || !rare_->late.empty()) return true;
  return !covers(rare_->deleted, {std::max(all.start, range.start), std::min(all.end, range.end)});
}

TimeMs Series::first_locked() const {
  TimeMs first = TimeMs::max();
  if (newest_sealed_ != nullptr) {
    const Sealed* oldest = newest_sealed_;
    while (oldest->older != nullptr) oldest = oldest->older;
    first = oldest->times->range.start;
  } else if (open_count() > 0) {
    first = track_->at(0);
  }
  if (rare_ && !rare_->late.empty()) first = std::min(first, rare_->late.front().time);
  return first;
}

void Series::append_histograms(const Histograms& histograms, SampleColumns& out) {
  out.histograms.resize(out.values.size());
  for (const auto& h : histograms) {
    out.values.push_back(h->sum);
    out.histograms.push_back(h);
  }
}

Result<void> Series::append_sealed(const Sealed& chunk, TimesCache& cache, SampleColumns& out) {
  TRY(cache.append(chunk.times, 0, out.times, [&](std::vector<TimeMs>& times) -> Result<void> {
    codec::ByteReader in(chunk.times->bytes);
    return chunk::decode_times(in, times);
  }));
  if (chunk.histograms != nullptr) {
    append_histograms(*chunk.histograms, out);
    return {};
  }
  if (chunk.open_form) {
    chunk::decode_open(chunk.values(), chunk.times->count, out.values);
  } else {
    const size_t before = out.values.size();
    out.values.resize(out.times.size());
    codec::ByteReader in(chunk.values());
    TRY(chunk::decode_floats(in, std::span(out.values).subspan(before)));
  }
  if (!out.histograms.empty()) out.histograms.resize(out.times.size());
  return {};
}

Result<void> Series::append_to(SampleColumns& out, TimeRange range, TimesCache& cache) const {
  const size_t before = out.size();
  // What is sealed stays where it is while the lock is not held; the open chunk is read first.
  thread_local std::vector<const Sealed*> chunks;
  chunks.clear();
  thread_local std::vector<double> open_values;
  open_values.clear();
  Histograms open_histograms;
  std::shared_ptr<const TimeTrack> track;
  size_t open = 0;
  SampleColumns late;
  std::vector<TimeRange> deleted;
  {
    const ByteMutexLock lock(mutex_);
    for (const Sealed* chunk = newest_sealed_; chunk != nullptr; chunk = chunk->older) {
      if (chunk->times->range.end < range.start) break;  // and all that are older
      if (chunk->times->range.start <= range.end) chunks.push_back(chunk);
    }
    open = open_count();
    if (open > 0 && track_->at(0) <= range.end && last_time() >= range.start) {
      track = track_;
      open_floats_.decode(open_values);
      if (rare_) open_histograms = rare_->open_histograms;
    }
    if (rare_) {
      deleted = rare_->deleted;
      for (const Late& l : rare_->late) {
        push(late, l.time, l.value, l.histogram);
      }
    }
  }
  if (before > 0 && (!deleted.empty() || late.size() > 0)) {
    SampleColumns own;
    TRY(append_to(own, range, cache));
    merge(out, own, range);
    return {};
  }
  for (const Sealed* chunk : std::views::reverse(chunks)) TRY(append_sealed(*chunk, cache, out));
  if (track) {
    track->copy_first(open, out.times);
    if (open_histograms.empty()) {
      out.values.insert(out.values.end(), open_values.begin(), open_values.end());
      if (!out.histograms.empty()) out.histograms.resize(out.times.size());
    } else {
      append_histograms(open_histograms, out);
    }
  }
  clip(out, range, before);
  tsdb::erase(out, deleted);
  merge(out, late, range);  // of a time that both have, what came in order stays
  return {};
}

void Series::erase(TimeRange range) {
  const ByteMutexLock lock(mutex_);
  // What comes later is not deleted.
  range.end = std::min(range.end, last_time());
  // What it has not needs no memory.
  if (range.start > range.end || range.end < first_locked()) return;
  add_range(rare().deleted, range);
  std::erase_if(rare_->late, [&](const Late& l) { return range.contains(l.time); });
}

bool Series::drop_before(TimeMs cutoff) {
  const ByteMutexLock lock(mutex_);
  for (Sealed** chunk = &newest_sealed_; *chunk != nullptr; chunk = &(*chunk)->older) {
    if ((*chunk)->times->range.end >= cutoff) continue;
    *chunk = nullptr;  // and all that are older
    break;
  }
  if (rare_) {
    std::erase_if(rare_->sealed, [&](const auto& entry) { return entry.first < cutoff; });
    std::erase_if(rare_->late, [&](const Late& l) { return l.time < cutoff; });
    std::erase_if(rare_->deleted, [&](const TimeRange& r) { return r.end < cutoff; });
  }
  if (starts_) starts_->drop_before(cutoff);
  if (open_count() > 0 && last_time() < cutoff) {
    open_floats_.clear();
    if (rare_) rare_->open_histograms.clear();
    track_.reset();
  }
  return newest_sealed_ == nullptr && open_count() == 0 && (!rare_ || rare_->late.empty());
}

size_t Series::chunk_count() const {
  const ByteMutexLock lock(mutex_);
  size_t count = open_count() > 0 ? 1 : 0;
  for (const Sealed* chunk = newest_sealed_; chunk != nullptr; chunk = chunk->older) ++count;
  return count;
}

size_t Series::size_bytes() const {
  const ByteMutexLock lock(mutex_);
  size_t total = sizeof(Series) + labels_.bytes().size() + open_floats_.size_bytes();
  for (const Sealed* chunk = newest_sealed_; chunk != nullptr; chunk = chunk->older) {
    total += sizeof(Sealed) + chunk->size;
  }
  if (starts_) total += starts_->size_bytes();
  if (!rare_) return total;
  total += sizeof(Rare) + rare_->late.size() * sizeof(Late);
  for (const auto& h : rare_->open_histograms) total += bytes_of(*h);
  for (const auto& [end, histograms] : rare_->sealed) {
    for (const auto& h : *histograms) total += bytes_of(*h);
  }
  return total;
}

std::string undefined_in(uint64_t segment, std::span<Series* const> series) {
  std::vector<SeriesDefinition> missing;
  const Series* before = nullptr;  // a batch has a series' samples one after the other
  std::vector<RefStart> starts;
  for (const Series* s : series) {
    if (s->defined_in_segment == segment || std::exchange(before, s) == s) continue;
    missing.push_back({s->ref(), s->labels()});
    if (s->start() == kNoStart) continue;
    const StartTimes::Change last = s->last_start();
    starts.push_back({s->ref(), last.from, last.start});
  }
  std::string out;
  if (!missing.empty()) encode_series(missing, out);
  if (!starts.empty()) encode_starts(starts, out);
  return out;
}

}  // namespace prom5::tsdb
