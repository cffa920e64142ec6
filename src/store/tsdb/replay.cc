#include "store/tsdb/replay.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

/// References are given out ascending from 1: one far beyond what is defined is damage that a
/// checksum did not see, not a series.
constexpr SeriesRef kMaxReplayRef = SeriesRef{1} << 32;

}  // namespace

Replay::Replay(Head& head, uint64_t memory)
    : head_(head),
      max_gathered_(
          std::clamp<size_t>(memory / sizeof(std::pair<Series*, Sample>), 1, kMaxGathered)) {
  head_.chunks().encode = false;
  for (size_t i = 0; i < kWorkers; ++i) {
    queues_[i] = std::make_unique<BoundedQueue<Batch>>(kQueued);
    workers_[i] = std::jthread([this, i] { work(*queues_[i]); });
  }
  gatherer_ = std::jthread([this] { gather_steps(); });
}

Replay::~Replay() {
  steps_.push({.record = {}, .begin_from = {}, .end = true});
  gatherer_.join();
  hand_over_all();
  for (size_t i = 0; i < kWorkers; ++i) queues_[i]->push({});  // an empty batch ends a worker
  for (std::jthread& worker : workers_) worker.join();
  head_.chunks().encode = true;
}

void Replay::begin_segment(TimeMs from) { steps_.push({.record = {}, .begin_from = from}); }

void Replay::apply(Record record) { steps_.push({.record = std::move(record), .begin_from = {}}); }

void Replay::gather_steps() {
  for (;;) {
    Step step = *steps_.pop({});
    if (step.end) return;
    if (step.begin_from) {
      known_.clear();
      from_ = *step.begin_from;
    } else {
      gather(std::move(step.record));
    }
  }
}

void Replay::work(BoundedQueue<Batch>& queue) {
  for (;;) {
    const Batch batch = *queue.pop({});
    if (batch.barrier != nullptr) {
      batch.barrier->count_down();
      continue;
    }
    if (batch.size() == 0) return;
    for (const auto& [series, sample] : batch.samples) series->append(sample, head_.chunks());
    for (const auto& [series, h] : batch.histograms) {
      series->append(h.time, h.histogram, head_.chunks());
    }
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
  if (bucket.size() == 0 && !histograms) bucket.samples.reserve(room_);
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
    if (!known_[page]) known_[page] = std::make_unique<std::array<Known, kPage>>();
    Series* series = head_.find_or_create(definition.labels, UINT64_MAX).series;
    (*known_[page])[definition.ref % kPage] = {series, series->ref() / kBucketSeries};
  }
  TimeRange range{TimeMs::max(), TimeMs::min()};
  // Without a series, its definition was in damaged records.
  const auto take = [&](const Known& k, TimeMs time) {
    if (k.series == nullptr || time < from_) return false;
    range.start = std::min(range.start, time);
    range.end = std::max(range.end, time);
    return true;
  };
  for (const RefSample& s : record.samples) {
    const Known k = known(s.ref);
    if (take(k, s.sample.time)) bucket(k.bucket, false).samples.emplace_back(k.series, s.sample);
  }
  for (RefHistogram& h : record.histograms) {
    const Known k = known(h.ref);
    if (take(k, h.time)) bucket(k.bucket, true).histograms.emplace_back(k.series, std::move(h));
  }
  // They stand by themselves, so that it does not matter that samples are applied later.
  for (const RefStart& s : record.starts) {
    const Known k = known(s.ref);
    if (k.series != nullptr) k.series->set_start(s.time, s.start, s.alone);
  }
  if (range.start <= range.end) {
    head_.note_time(range.start);
    head_.note_time(range.end);
  }
  if (!record.deletions.empty()) {
    wait_for_workers();
    for (const RefRange& d : record.deletions) {
      if (const Known k = known(d.ref); k.series != nullptr) k.series->erase(d.range);
    }
  }
}

}  // namespace prom5::tsdb
