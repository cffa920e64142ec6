#include "store/tsdb/replay.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

/// References are given out ascending from 1: one far beyond what is defined is damage that a
/// checksum did not see, not a series.
constexpr SeriesRef kMaxReplayRef = SeriesRef{1} << 32;

}  // namespace

Replay::Replay(Head& head) : head_(head) {
  for (size_t i = 0; i < kWorkers; ++i) {
    queues_[i] = std::make_unique<BoundedQueue<Batch>>(kQueued);
    workers_[i] = std::jthread([this, i] { work(*queues_[i]); });
  }
}

Replay::~Replay() {
  wait_for_workers();
  for (size_t i = 0; i < kWorkers; ++i) queues_[i]->push({});  // an empty batch ends a worker
}

void Replay::work(BoundedQueue<Batch>& queue) {
  constexpr size_t kAhead = 8;
  for (;;) {
    const Batch batch = *queue.pop({});
    if (batch.barrier != nullptr) {
      batch.barrier->count_down();
      continue;
    }
    if (batch.samples.empty() && batch.histograms.empty()) return;
    for (size_t i = 0; i < batch.samples.size(); ++i) {
      if (i + kAhead < batch.samples.size()) batch.samples[i + kAhead].first->prefetch();
      batch.samples[i].first->append(batch.samples[i].second, head_.tracks());
    }
    for (const auto& [series, h] : batch.histograms) {
      series->append(h.time, h.histogram, head_.tracks());
    }
  }
}

void Replay::wait_for_workers() {
  std::latch barrier(kWorkers);
  for (const auto& queue : queues_)
    queue->push({.samples = {}, .histograms = {}, .barrier = &barrier});
  barrier.wait();
}

void Replay::begin_segment(TimeMs from) {
  series_.clear();
  from_ = from;
}

Series* Replay::series_of(SeriesRef ref) const {
  return ref < series_.size() ? series_[ref] : nullptr;
}

TimeMs Replay::apply(Record record) {
  for (const SeriesDefinition& definition : record.series) {
    if (definition.ref >= kMaxReplayRef) continue;
    if (definition.ref >= series_.size()) series_.resize(definition.ref + 1);
    series_[definition.ref] = head_.find_or_create(definition.labels, UINT64_MAX).series;
  }
  std::array<Batch, kWorkers> batches;
  TimeRange range{TimeMs::max(), TimeMs::min()};
  TimeMs newest = TimeMs::min();
  // Without a series, its definition was in damaged records.
  const auto take = [&](SeriesRef ref, TimeMs time) -> Series* {
    Series* series = series_of(ref);
    if (series == nullptr) return nullptr;
    newest = std::max(newest, time);
    if (time < from_) return nullptr;
    range.start = std::min(range.start, time);
    range.end = std::max(range.end, time);
    return series;
  };
  for (Batch& batch : batches) batch.samples.reserve(record.samples.size() / kWorkers + 16);
  for (const RefSample& s : record.samples) {
    if (Series* series = take(s.ref, s.sample.time)) {
      batches[worker_of(s.ref)].samples.emplace_back(series, s.sample);
    }
  }
  for (RefHistogram& h : record.histograms) {
    if (Series* series = take(h.ref, h.time)) {
      batches[worker_of(h.ref)].histograms.emplace_back(series, std::move(h));
    }
  }
  if (range.start <= range.end) {
    head_.note_time(range.start);
    head_.note_time(range.end);
  }
  for (size_t i = 0; i < kWorkers; ++i) {
    if (batches[i].samples.empty() && batches[i].histograms.empty()) continue;
    queues_[i]->push(std::move(batches[i]));
  }
  if (!record.deletions.empty()) {
    wait_for_workers();
    for (const RefRange& d : record.deletions) {
      if (Series* series = series_of(d.ref)) series->erase(d.range);
    }
  }
  return newest;
}

}  // namespace prom5::tsdb
