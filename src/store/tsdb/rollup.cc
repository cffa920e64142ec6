#include "store/tsdb/rollup.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "model/histogram_arithmetic.h"
#include "model/histogram_sum.h"
#include "store/tsdb/columns.h"
#include "store/window_summary.h"

namespace prom5::tsdb {

namespace {

std::shared_ptr<const Histogram> histogram_at(const SampleColumns& samples, size_t i) {
  return samples.histograms.empty() ? nullptr : samples.histograms[i];
}

/// Sums up one window after the other.
class Builder {
 public:
  Builder(DurationMs width, RolledUp& out) : width_(width), out_(out) { out_.clear(); }
  ~Builder() { close(); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  void add(TimeMs time, double value) {
    enter(time);
    stale_ = TimeMs::min();
    floats_.add(time, value);
  }

  void add(const Rollups& from, size_t i) {
    enter(from.ends[i]);
    stale_ = TimeMs::min();
    floats_.add(from, i);
  }

  /// A histogram or a staleness marker.
  void add_kept(TimeMs time, double value, std::shared_ptr<const Histogram> histogram) {
    enter(time);
    if (histogram) {
      const bool reset = last_.histogram && is_counter_reset(*histogram, *last_.histogram);
      if (!any_histogram_ || reset) {
        flush_last();
        push(out_.kept, time, value, histogram);
        last_ = {time, value, histogram, true};
      } else {
        last_ = {time, value, std::move(histogram), false};
      }
      any_histogram_ = true;
      stale_ = TimeMs::min();
    } else {
      stale_ = time;
    }
  }

 private:
  struct Last {
    TimeMs time;
    double value = 0;
    std::shared_ptr<const Histogram> histogram;
    bool written = true;
  };

  void enter(TimeMs time) {
    const TimeMs end = window_end(time, width_);
    if (end == end_) return;
    close();
    end_ = end;
  }

  void flush_last() {
    if (last_.histogram && !last_.written) {
      push(out_.kept, last_.time, last_.value, last_.histogram);
      last_.written = true;
    }
  }

  void close() {
    if (const WindowSummary sum = floats_.total(); sum.count > 0) {
      Rollups& w = out_.windows;
      w.ends.push_back(end_);
      w.first_times.push_back(sum.first_time);
      w.last_times.push_back(sum.last_time);
      w.first.push_back(sum.first);
      w.last.push_back(sum.last);
      w.min.push_back(sum.min);
      w.max.push_back(sum.max);
      w.sum.push_back(sum.sum);
      w.count.push_back(sum.count);
      w.resets.push_back(sum.resets);
    }
    flush_last();
    if (stale_ != TimeMs::min()) push(out_.kept, stale_, kStale, nullptr);
    floats_ = {};
    any_histogram_ = false;
    stale_ = TimeMs::min();
  }

  const DurationMs width_;
  RolledUp& out_;
  TimeMs end_ = TimeMs::min();
  WindowSum floats_;
  Last last_;  ///< the histogram before, of the window before too
  bool any_histogram_ = false;
  TimeMs stale_ = TimeMs::min();
};

/// Adds up the histograms of one window after the other.
class HistogramBuilder {
 public:
  HistogramBuilder(DurationMs width, Rollups& out) : width_(width), out_(out) {}
  ~HistogramBuilder() { close(); }
  HistogramBuilder(const HistogramBuilder&) = delete;
  HistogramBuilder& operator=(const HistogramBuilder&) = delete;

  /// The sum of `count` histograms; null: they could not be added.
  void add(TimeMs time, const Histogram* sum, double count) {
    const TimeMs end = window_end(time, width_);
    if (end != end_) close();
    end_ = end;
    const bool first = std::exchange(count_, count_ + count) == 0;
    if (first && sum != nullptr) {
      fold_.emplace(HistogramFold::Kind::Sum, *sum);
    } else if (sum == nullptr || !fold_ || !fold_->add(*sum)) {
      fold_.reset();
    }
  }

 private:
  void close() {
    if (count_ == 0) return;
    out_.histogram_ends.push_back(end_);
    out_.histogram_counts.push_back(count_);
    out_.histogram_sums.push_back(fold_ ? std::make_shared<const Histogram>(fold_->result())
                                        : nullptr);
    count_ = 0;
    fold_.reset();
  }

  const DurationMs width_;
  Rollups& out_;
  TimeMs end_ = TimeMs::min();
  double count_ = 0;
  std::optional<HistogramFold> fold_;
};

}  // namespace

TimeMs window_end(TimeMs time, DurationMs width) {
  if (time.ms > std::numeric_limits<int64_t>::max() - width.ms) return TimeMs::max();
  const int64_t n = time.ms > 0 ? (time.ms - 1) / width.ms + 1 : time.ms / width.ms;
  return {n * width.ms};
}

void roll_up(const SampleColumns& samples, DurationMs width, RolledUp& out) {
  Builder builder(width, out);
  HistogramBuilder histograms(width, out.windows);
  for (size_t i = 0; i < samples.size(); ++i) {
    auto histogram = histogram_at(samples, i);
    if (histogram || is_stale(samples.values[i])) {
      // A histogram's sum is its value here: a stale one ends the series.
      const bool stale = is_stale(samples.values[i]);
      if (!stale) histograms.add(samples.times[i], histogram.get(), 1);
      builder.add_kept(samples.times[i], samples.values[i], stale ? nullptr : std::move(histogram));
    } else {
      builder.add(samples.times[i], samples.values[i]);
    }
  }
}

void roll_up(const RolledUp& narrower, DurationMs width, RolledUp& out) {
  Builder builder(width, out);
  size_t kept = 0;
  const auto take_kept = [&](TimeMs until) {
    for (; kept < narrower.kept.size() && narrower.kept.times[kept] <= until; ++kept) {
      builder.add_kept(narrower.kept.times[kept], narrower.kept.values[kept],
                       histogram_at(narrower.kept, kept));
    }
  };
  for (size_t i = 0; i < narrower.windows.size(); ++i) {
    take_kept(narrower.windows.last_times[i]);
    builder.add(narrower.windows, i);
  }
  take_kept(TimeMs::max());
  HistogramBuilder histograms(width, out.windows);
  for (size_t i = 0; i < narrower.windows.histogram_ends.size(); ++i) {
    histograms.add(narrower.windows.histogram_ends[i], narrower.windows.histogram_sums[i].get(),
                   narrower.windows.histogram_counts[i]);
  }
}

Result<void> write_rollups(const Labels& labels, const RolledUp& series, BlockWriter& writer) {
  const Rollups& w = series.windows;
  writer.begin_series(labels);
  writer.add_column(Column::Samples, series.kept);
  SampleColumns column;
  const auto add = [&](Column which, const std::vector<TimeMs>& times,
                       const std::vector<double>& values) {
    column.times = times;
    column.values = values;
    writer.add_column(which, column);
  };
  const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, same_bits);
  };
  add(Column::First, w.first_times, w.first);
  add(Column::Last, w.last_times, w.last);
  const bool rises = same(w.min, w.first) && same(w.max, w.last);
  if (!rises) add(Column::Min, w.ends, w.min);
  if (!rises) add(Column::Max, w.ends, w.max);
  add(Column::Sum, w.ends, w.sum);
  add(Column::Count, w.ends, w.count);
  const bool reset = std::ranges::any_of(w.resets, [](double r) { return r != 0; });
  if (reset) add(Column::Resets, w.ends, w.resets);
  // Where they cannot be added the histograms that are kept say so.
  SampleColumns counts;
  SampleColumns sums;
  for (size_t i = 0; i < w.histogram_ends.size(); ++i) {
    const auto& sum = w.histogram_sums[i];
    if (!sum) continue;
    push(counts, w.histogram_ends[i], w.histogram_counts[i], nullptr);
    push(sums, w.histogram_ends[i], sum->sum, sum);
  }
  writer.add_column(Column::HistogramCount, counts);
  writer.add_column(Column::HistogramSum, sums);
  return writer.end_series();
}

void read_rollups(const Block& block, std::span<const TimeRange> deleted,
                  const Block::Series& series, DurationMs width, TimeRange range, TimesCache& times,
                  const DamageTold& damaged, Rollups& out) {
  SampleColumns column;
  const auto load = [&](Column which) {
    block.read(deleted, series, which, range, times, damaged, column);
  };
  const auto has = [&](Column which) {
    return std::ranges::any_of(series.chunks, [&](const ChunkRef& c) { return c.column == which; });
  };
  const size_t base = out.size();
  load(Column::Count);
  out.ends.insert(out.ends.end(), column.times.begin(), column.times.end());
  out.count.insert(out.count.end(), column.values.begin(), column.values.end());
  const size_t size = out.size();
  std::vector<uint8_t> found(size - base, 0);
  size_t columns = 0;
  // Puts each value to its window.
  const auto place = [&](std::vector<double>& values, std::vector<TimeMs>* at) {
    values.resize(size);
    if (at != nullptr) at->resize(size);
    ++columns;
    size_t to = base;
    for (size_t i = 0; i < column.size(); ++i) {
      const TimeMs end = window_end(column.times[i], width);
      while (to < size && out.ends[to] < end) ++to;
      if (to == size) break;
      if (out.ends[to] != end) continue;
      values[to] = column.values[i];
      if (at != nullptr) (*at)[to] = column.times[i];
      ++found[to - base];
    }
  };
  const auto fill = [&](Column which, std::vector<double>& values,
                        const std::vector<double>* otherwise) {
    if (has(which)) {
      load(which);
      place(values, nullptr);
    } else {
      values.resize(base);
      if (otherwise != nullptr) {
        values.insert(values.end(), otherwise->begin() + static_cast<ptrdiff_t>(base),
                      otherwise->end());
      }
      values.resize(size);
    }
  };
  if (has(Column::HistogramCount)) {
    load(Column::HistogramSum);
    const SampleColumns sums = std::exchange(column, {});
    load(Column::HistogramCount);
    // What could not be read of either is left to the histograms that are kept.
    for (size_t i = 0, at = 0; i < sums.size(); ++i) {
      while (at < column.size() && column.times[at] < sums.times[i]) ++at;
      if (at == column.size() || column.times[at] != sums.times[i]) continue;
      out.histogram_ends.push_back(sums.times[i]);
      out.histogram_counts.push_back(column.values[at]);
      out.histogram_sums.push_back(histogram_at(sums, i));
    }
  }
  load(Column::First);
  place(out.first, &out.first_times);
  load(Column::Last);
  place(out.last, &out.last_times);
  load(Column::Sum);
  place(out.sum, nullptr);
  fill(Column::Min, out.min, &out.first);
  fill(Column::Max, out.max, &out.last);
  fill(Column::Resets, out.resets, nullptr);
  const bool whole = std::ranges::all_of(found, [&](uint8_t n) { return n == columns; });
  if (whole) return;
  // Marked for finish_rollups().
  for (size_t i = base; i < size; ++i) {
    if (found[i - base] != columns) out.count[i] = 0;
  }
}

namespace {

/// In order of their ends, each once.
std::vector<size_t> order_of(const std::vector<TimeMs>& ends) {
  std::vector<size_t> order(ends.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return ends[i]; });
  const auto repeated =
      std::ranges::unique(order, [&](size_t a, size_t b) { return ends[a] == ends[b]; });
  order.erase(repeated.begin(), repeated.end());
  return order;
}

void finish_histograms(Rollups& rollups) {
  const std::vector<TimeMs>& ends = rollups.histogram_ends;
  if (std::ranges::adjacent_find(ends, std::ranges::greater_equal()) == ends.end()) return;
  Rollups out;
  for (const size_t i : order_of(ends)) {
    out.histogram_ends.push_back(ends[i]);
    out.histogram_counts.push_back(rollups.histogram_counts[i]);
    out.histogram_sums.push_back(rollups.histogram_sums[i]);
  }
  rollups.histogram_ends = std::move(out.histogram_ends);
  rollups.histogram_counts = std::move(out.histogram_counts);
  rollups.histogram_sums = std::move(out.histogram_sums);
}

}  // namespace

void finish_rollups(Rollups& rollups) {
  finish_histograms(rollups);
  const auto ascending = [&] {
    for (size_t i = 0; i < rollups.size(); ++i) {
      if (rollups.count[i] == 0) return false;
      if (i > 0 && rollups.ends[i] <= rollups.ends[i - 1]) return false;
    }
    return true;
  };
  if (ascending()) return;
  std::vector<size_t> order(rollups.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rollups.ends[a] < rollups.ends[b]; });
  Rollups out;
  for (const size_t i : order) {
    if (rollups.count[i] == 0) continue;
    if (out.size() > 0 && out.ends.back() == rollups.ends[i]) continue;
    out.ends.push_back(rollups.ends[i]);
    out.first_times.push_back(rollups.first_times[i]);
    out.last_times.push_back(rollups.last_times[i]);
    out.first.push_back(rollups.first[i]);
    out.last.push_back(rollups.last[i]);
    out.min.push_back(rollups.min[i]);
    out.max.push_back(rollups.max[i]);
    out.sum.push_back(rollups.sum[i]);
    out.count.push_back(rollups.count[i]);
    out.resets.push_back(rollups.resets[i]);
  }
  out.histogram_ends = std::move(rollups.histogram_ends);
  out.histogram_counts = std::move(rollups.histogram_counts);
  out.histogram_sums = std::move(rollups.histogram_sums);
  rollups = std::move(out);
}

}  // namespace prom5::tsdb
