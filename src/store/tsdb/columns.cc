#include "store/tsdb/columns.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

std::shared_ptr<const Histogram> histogram_at(const SampleColumns& columns, size_t i) {
  return columns.histograms.empty() ? nullptr : columns.histograms[i];
}

void drop_empty_histograms(SampleColumns& columns) {
  const bool any = std::any_of(columns.histograms.begin(), columns.histograms.end(),
                               [](const auto& histogram) { return histogram != nullptr; });
  if (!any) columns.histograms.clear();
}

}  // namespace

void push(SampleColumns& out, TimeMs time, double value,
          std::shared_ptr<const Histogram> histogram) {
  if (histogram && out.histograms.empty()) out.histograms.resize(out.times.size());
  out.times.push_back(time);
  out.values.push_back(value);
  // The first sample may be the histogram: there is no column before it.
  if (histogram || !out.histograms.empty()) out.histograms.push_back(std::move(histogram));
}

void clip(SampleColumns& columns, TimeRange range, size_t from) {
  const auto begin = static_cast<ptrdiff_t>(from);
  const auto first =
      std::lower_bound(columns.times.begin() + begin, columns.times.end(), range.start) -
      columns.times.begin();
  const auto last =
      std::upper_bound(columns.times.begin() + first, columns.times.end(), range.end) -
      columns.times.begin();
  const auto cut = [&](auto& column) {
    if (column.empty()) return;
    column.erase(column.begin() + last, column.end());
    column.erase(column.begin() + begin, column.begin() + first);
  };
  cut(columns.values);
  cut(columns.histograms);
  cut(columns.times);
  drop_empty_histograms(columns);
}

void merge(SampleColumns& out, const SampleColumns& more, TimeRange range) {
  const auto first = static_cast<size_t>(
      std::lower_bound(more.times.begin(), more.times.end(), range.start) - more.times.begin());
  const auto last = static_cast<size_t>(
      std::upper_bound(more.times.begin(), more.times.end(), range.end) - more.times.begin());
  if (first >= last) return;
  if (out.times.empty() || out.times.back() < more.times[first]) {
    const size_t before = out.times.size();
    out.times.insert(out.times.end(), more.times.begin() + static_cast<ptrdiff_t>(first),
                     more.times.begin() + static_cast<ptrdiff_t>(last));
    out.values.insert(out.values.end(), more.values.begin() + static_cast<ptrdiff_t>(first),
                      more.values.begin() + static_cast<ptrdiff_t>(last));
    if (out.histograms.empty() && more.histograms.empty()) return;
    out.histograms.resize(before);
    for (size_t i = first; i < last; ++i) out.histograms.push_back(histogram_at(more, i));
    return;
  }
  SampleColumns merged;
  size_t a = 0;
  const auto take = [&](const SampleColumns& from, size_t i) {
    push(merged, from.times[i], from.values[i], histogram_at(from, i));
  };
  for (size_t b = first; b < last; ++b) {
    while (a < out.size() && out.times[a] < more.times[b]) take(out, a++);
    if (a < out.size() && out.times[a] == more.times[b]) continue;
    take(more, b);
  }
  while (a < out.size()) take(out, a++);
  out = std::move(merged);
}

void erase(SampleColumns& columns, std::span<const TimeRange> ranges) {
  if (columns.times.empty() || ranges.empty() || ranges.front().start > columns.times.back()) {
    return;
  }
  size_t kept = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const TimeMs time = columns.times[i];
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), time,
                                        [](TimeMs t, const TimeRange& r) { return t < r.start; });
    if (after != ranges.begin() && std::prev(after)->contains(time)) continue;
    columns.times[kept] = columns.times[i];
    columns.values[kept] = columns.values[i];
    if (!columns.histograms.empty()) columns.histograms[kept] = std::move(columns.histograms[i]);
    ++kept;
  }
  columns.times.resize(kept);
  columns.values.resize(kept);
  if (!columns.histograms.empty()) columns.histograms.resize(kept);
  drop_empty_histograms(columns);
}

bool covers(std::span<const TimeRange> ranges, TimeRange range) {
  return std::ranges::any_of(
      ranges, [&](const TimeRange& r) { return r.start <= range.start && range.end <= r.end; });
}

}  // namespace prom5::tsdb
