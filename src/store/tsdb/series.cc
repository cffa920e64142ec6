#include "store/tsdb/series.h"

#include <algorithm>
#include <bit>

namespace prom5::tsdb {

namespace {

size_t bytes_of(const Histogram& h) {
  return sizeof(Histogram) +
         (h.positive_counts.size() + h.negative_counts.size() + h.custom_bounds.size() +
          h.positive_spans.size() + h.negative_spans.size()) *
             8;
}

/// Keeps the histogram column parallel once it exists.
void push(SampleColumns& out, TimeMs time, double value, std::shared_ptr<const Histogram> h) {
  if (h && out.histograms.empty()) out.histograms.resize(out.times.size());
  out.times.push_back(time);
  out.values.push_back(value);
  if (h || !out.histograms.empty()) out.histograms.push_back(std::move(h));
}

/// Cuts the columns down to the range.
void clip(SampleColumns& columns, TimeRange range) {
  const auto first = std::lower_bound(columns.times.begin(), columns.times.end(), range.start);
  const auto last = std::upper_bound(first, columns.times.end(), range.end);
  const auto from = first - columns.times.begin();
  const auto to = last - columns.times.begin();
  const auto cut = [&](auto& column) {
    if (column.empty()) return;
    column.erase(column.begin() + to, column.end());
    column.erase(column.begin(), column.begin() + from);
  };
  cut(columns.values);
  cut(columns.histograms);
  cut(columns.times);
  const bool any = std::any_of(columns.histograms.begin(), columns.histograms.end(),
                               [](const auto& histogram) { return histogram != nullptr; });
  if (!any) columns.histograms.clear();
}

Result<void> append_chunk(const SealedChunk& chunk, SampleColumns& out) {
  if (chunk.histogram_times.empty()) {
    TRY(chunk::decode_xor(chunk.xor_data, chunk.count, out.times, out.values));
    if (!out.histograms.empty()) out.histograms.resize(out.times.size());
    return {};
  }
  for (size_t i = 0; i < chunk.histogram_times.size(); ++i) {
    push(out, chunk.histogram_times[i], chunk.histograms[i]->sum, chunk.histograms[i]);
  }
  return {};
}

}  // namespace

size_t SealedChunk::size_bytes() const {
  size_t total = sizeof(SealedChunk) + xor_data.size() + histogram_times.size() * 24;
  for (const auto& h : histograms) total += bytes_of(*h);
  return total;
}

Fit Series::fit_locked(TimeMs time, double value, const Histogram* histogram) const {
  if (time > last_time_) return Fit::Next;
  if (time < last_time_) return Fit::OutOfOrder;
  const bool same = histogram != nullptr ? last_histogram_ && *last_histogram_ == *histogram
                                         : !last_histogram_ && same_bits(last_value_, value);
  return same ? Fit::Repeated : Fit::Duplicate;
}

Fit Series::fit(TimeMs time, double value) const {
  const MutexLock lock(mutex_);
  return fit_locked(time, value, nullptr);
}

Fit Series::fit(TimeMs time, const Histogram& histogram) const {
  const MutexLock lock(mutex_);
  return fit_locked(time, 0, &histogram);
}

Fit Series::append(Sample sample) {
  const MutexLock lock(mutex_);
  const Fit fit = fit_locked(sample.time, sample.value, nullptr);
  if (fit == Fit::OutOfOrder) insert_late({sample.time, sample.value, nullptr});
  if (fit != Fit::Next) return fit;
  if (!open_histograms_.empty() || open_floats_.count() == kSamplesPerChunk) seal();
  open_floats_.append(sample);
  last_time_ = sample.time;
  last_value_ = sample.value;
  last_histogram_.reset();
  return fit;
}

Fit Series::append(TimeMs time, std::shared_ptr<const Histogram> histogram) {
  const MutexLock lock(mutex_);
  const Fit fit = fit_locked(time, 0, histogram.get());
  if (fit == Fit::OutOfOrder) insert_late({time, histogram->sum, histogram});
  if (fit != Fit::Next) return fit;
  if (open_floats_.count() > 0 || open_histograms_.size() == kSamplesPerChunk) seal();
  open_histogram_times_.push_back(time);
  open_histograms_.push_back(histogram);
  last_time_ = time;
  last_histogram_ = std::move(histogram);
  return fit;
}

void Series::seal() {
  auto chunk = std::make_shared<SealedChunk>();
  if (open_floats_.count() > 0) {
    chunk->range = {open_floats_.first_time(), open_floats_.last_time()};
    chunk->count = static_cast<uint32_t>(open_floats_.count());
    chunk->xor_data = std::string(open_floats_.data());
    open_floats_ = {};
  } else {
    chunk->range = {open_histogram_times_.front(), open_histogram_times_.back()};
    chunk->count = static_cast<uint32_t>(open_histograms_.size());
    chunk->histogram_times = std::exchange(open_histogram_times_, {});
    chunk->histograms = std::exchange(open_histograms_, {});
  }
  sealed_.push_back(std::move(chunk));
}

/// The first of two late samples with one time stays.
void Series::insert_late(Late late) {
  const auto at = std::lower_bound(late_.begin(), late_.end(), late.time,
                                   [](const Late& l, TimeMs t) { return l.time < t; });
  if (at != late_.end() && at->time == late.time) return;
  late_.insert(at, std::move(late));
}

TimeMs Series::last_time() const {
  const MutexLock lock(mutex_);
  return last_time_;
}

TimeMs Series::first_time() const {
  const MutexLock lock(mutex_);
  TimeMs first = TimeMs::max();
  if (!sealed_.empty())
    first = sealed_.front()->range.start;
  else if (open_floats_.count() > 0)
    first = open_floats_.first_time();
  else if (!open_histogram_times_.empty())
    first = open_histogram_times_.front();
  if (!late_.empty()) first = std::min(first, late_.front().time);
  return first;
}

Result<void> Series::read(TimeRange range, SampleColumns& out) const {
  out.clear();
  std::vector<std::shared_ptr<const SealedChunk>> chunks;
  SealedChunk open;
  std::vector<Late> late;
  {
    const MutexLock lock(mutex_);
    for (const auto& chunk : sealed_) {
      if (chunk->range.overlaps(range)) chunks.push_back(chunk);
    }
    if (open_floats_.count() > 0 && open_floats_.first_time() <= range.end) {
      open.count = static_cast<uint32_t>(open_floats_.count());
      open.xor_data = std::string(open_floats_.data());
    }
    open.histogram_times = open_histogram_times_;
    open.histograms = open_histograms_;
    for (const Late& l : late_) {
      if (range.contains(l.time)) late.push_back(l);
    }
  }
  for (const auto& chunk : chunks) TRY(append_chunk(*chunk, out));
  TRY(append_chunk(open, out));
  clip(out, range);
  if (late.empty()) return {};
  SampleColumns merged;
  size_t i = 0;
  for (const Late& l : late) {
    for (; i < out.size() && out.times[i] < l.time; ++i) {
      push(merged, out.times[i], out.values[i],
           out.histograms.empty() ? nullptr : out.histograms[i]);
    }
    if (i < out.size() && out.times[i] == l.time) continue;  // what came in order wins
    push(merged, l.time, l.value, l.histogram);
  }
  for (; i < out.size(); ++i) {
    push(merged, out.times[i], out.values[i], out.histograms.empty() ? nullptr : out.histograms[i]);
  }
  out = std::move(merged);
  return {};
}

bool Series::drop_before(TimeMs cutoff) {
  const MutexLock lock(mutex_);
  std::erase_if(sealed_, [&](const auto& chunk) { return chunk->range.end < cutoff; });
  std::erase_if(late_, [&](const Late& l) { return l.time < cutoff; });
  if (open_floats_.count() > 0 && open_floats_.last_time() < cutoff) open_floats_ = {};
  if (!open_histogram_times_.empty() && open_histogram_times_.back() < cutoff) {
    open_histogram_times_.clear();
    open_histograms_.clear();
  }
  return sealed_.empty() && late_.empty() && open_floats_.count() == 0 &&
         open_histogram_times_.empty();
}

size_t Series::chunk_count() const {
  const MutexLock lock(mutex_);
  const bool open = open_floats_.count() > 0 || !open_histograms_.empty();
  return sealed_.size() + (open ? 1 : 0);
}

size_t Series::size_bytes() const {
  const MutexLock lock(mutex_);
  size_t total = sizeof(Series) + labels_.bytes().size() + open_floats_.data().size() +
                 late_.size() * sizeof(Late);
  for (const auto& chunk : sealed_) total += chunk->size_bytes();
  for (const auto& h : open_histograms_) total += bytes_of(*h);
  return total;
}

}  // namespace prom5::tsdb
