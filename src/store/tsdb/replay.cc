#include "store/tsdb/replay.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

/// References are given out ascending from 1: one far beyond what is defined is damage that a
/// checksum did not see, not a series.
constexpr SeriesRef kMaxReplayRef = SeriesRef{1} << 32;

}  // namespace

Replay::Replay(Head& head, uint64_t memory)
    : head_(head), max_gathered_(std::clamp<size_t>(memory / sizeof(Gathered), 1, kMaxGathered)) {
  head_.chunks().encode = false;
  for (size_t i = 0; i < kWorkers; ++i) {
    queues_[i] = std::make_unique<BoundedQueue<Batch>>(kQueued);
    workers_[i] = std::jthread([this, i] { work(*queues_[i]); });
  }
  gatherer_ = std::jthread([this] { gather_steps(); });
}

Replay::~Replay() {
  next_.end = true;
  hand_over_step();
  gatherer_.join();
  hand_over_all();
  for (size_t i = 0; i < kWorkers; ++i) queues_[i]->push({});  // an empty batch ends a worker
  for (std::jthread& worker : workers_) worker.join();
  head_.chunks().encode = true;
}

void Replay::begin_segment(TimeMs from) {
  next_.begin_from = from;
  hand_over_step();
}

void Replay::apply(Record record) {
  next_samples_ += record.samples.size() + record.histograms.size();
  next_.records.push_back(std::move(record));
  if (next_samples_ >= kSamplesOfStep) hand_over_step();
}

void Replay::hand_over_step() {
  next_samples_ = 0;
  steps_.push(std::exchange(next_, {}));
}

void Replay::gather_steps() {
  for (;;) {
    Step step = *steps_.pop({});
    for (Record& record : step.records) gather(std::move(record));
    if (step.end) return;
    if (!step.begin_from) continue;
    known_.clear();
    from_ = *step.begin_from;
  }
}

void Replay::work(BoundedQueue<Batch>& queue) {
  std::vector<Sample> sorted;
  for (;;) {
    Batch batch = *queue.pop({});
    if (batch.barrier != nullptr) {
      batch.barrier->count_down();
      continue;
    }
    if (batch.size() == 0) return;
    apply_in_order(batch, sorted);
    for (const auto& [series, h] : batch.histograms) {
      series->append(h.time, h.histogram, head_.chunks());
    }
    if (batch.histograms.empty()) spare_gathered_.give(std::move(batch.samples));
  }
}

/// One series after the other, each one's samples in the order in which they came.
void Replay::apply_in_order(const Batch& batch, std::vector<Sample>& sorted) {
  std::array<uint32_t, kBucketSeries + 1> begins{};
  for (const Gathered& g : batch.samples) ++begins[g.series + size_t{1}];
  for (size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::array<uint32_t, kBucketSeries> ends{};
  std::copy_n(begins.begin(), ends.size(), ends.begin());
  sorted.resize(batch.samples.size());
  for (const Gathered& g : batch.samples) sorted[ends[g.series]++] = g.sample;
  for (size_t i = 0; i < kBucketSeries; ++i) {
    if (begins[i] == ends[i]) continue;
    head_.find(batch.first + i)
        ->append_all(std::span(sorted).subspan(begins[i], ends[i] - begins[i]), head_.chunks());
  }
}

/// Where a sample of the series is gathered; what is there already and may not stay goes first.
Replay::Batch& Replay::bucket(size_t number, bool histograms) {
  if (number >= buckets_.size()) {
    buckets_.resize(number + 1);
    room_ = std::min(kMaxBucketSamples, max_gathered_ / buckets_.size() + 1);
  }
  Batch& bucket = buckets_[number];
  const bool others = histograms ? !bucket.samples.empty() : !bucket.histograms.empty();
  if (others || bucket.size() >= room_) hand_over(number);
  bucket.first = number * kBucketSeries;  // what is handed over takes it along
  if (bucket.size() == 0 && !histograms) {
    bucket.samples = spare_gathered_.take();
    bucket.samples.reserve(room_);
  }
  all_applied_ = false;
  return bucket;
}

void Replay::hand_over(size_t bucket) {
  if (buckets_[bucket].size() == 0) return;
  queues_[bucket % kWorkers]->push(std::exchange(buckets_[bucket], {}));
}

void Replay::hand_over_all() {
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) hand_over(bucket);
}

void Replay::wait_for_workers() {
  if (std::exchange(all_applied_, true)) return;  // several deletions, one after the other
  hand_over_all();
  std::latch barrier(kWorkers);
  for (const auto& queue : queues_)
    queue->push({.samples = {}, .histograms = {}, .barrier = &barrier});
  barrier.wait();
}

void Replay::gather(Record record) {
  for (const SeriesDefinition& definition : record.series) {
    if (definition.ref >= kMaxReplayRef) continue;
    const uint64_t page = definition.ref / kPage;
    if (page >= known_.size()) known_.resize(page + 1);
    if (!known_[page]) known_[page] = std::make_unique<std::array<SeriesRef, kPage>>();
    (*known_[page])[definition.ref % kPage] =
        head_.find_or_create(definition.labels, UINT64_MAX).series->ref();
  }
  TimeRange range{TimeMs::max(), TimeMs::min()};
  const auto take = [&](SeriesRef ref, TimeMs time) {
    if (ref == 0 || time < from_) return false;
    range.start = std::min(range.start, time);
    range.end = std::max(range.end, time);
    return true;
  };
  for (const RefSample& s : record.samples) {
    const SeriesRef ref = known(s.ref);
    if (!take(ref, s.sample.time)) continue;
    bucket(ref / kBucketSeries, false)
        .samples.push_back({s.sample, static_cast<uint8_t>(ref % kBucketSeries)});
  }
  for (RefHistogram& h : record.histograms) {
    const SeriesRef ref = known(h.ref);
    if (!take(ref, h.time)) continue;
    bucket(ref / kBucketSeries, true).histograms.emplace_back(head_.find(ref), std::move(h));
  }
  // They stand by themselves, so that it does not matter that samples are applied later.
  for (const RefStart& s : record.starts) {
    Series* const series = series_of(s.ref);
    if (series != nullptr) series->set_start(s.time, s.start, s.alone);
  }
  spare_samples_.give(std::move(record.samples));
  if (range.start <= range.end) {
    head_.note_time(range.start);
    head_.note_time(range.end);
  }
  if (record.gone_before != TimeMs::min()) {
    wait_for_workers();
    head_.erase_before(record.gone_before);
  }
  if (!record.selections.empty()) {
    wait_for_workers();
    for (const SelectedRange& s : record.selections) head_.erase(s.matchers, s.range);
  }
}

}  // namespace prom5::tsdb
