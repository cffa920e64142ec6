#include "store/prometheus/import_head.h"

#include <algorithm>
#include <numeric>

#include "store/prometheus/windows.h"
#include "store/tsdb/columns.h"

namespace prom5::prometheus {

namespace {

// Not Prometheus' two hours: for each block every series is looked at.
constexpr DurationMs kBlock = DurationMs::days(1);

/// Leaves of samples with one time the first. Result: how many others had another value.
uint64_t sort_and_drop_repeats(SampleColumns& samples) {
  std::vector<size_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return samples.times[i]; });
  SampleColumns out;
  uint64_t left_out = 0;
  for (const size_t i : order) {
    if (out.size() > 0 && out.times.back() == samples.times[i]) {
      if (!same_bits(out.values.back(), samples.values[i])) ++left_out;
    } else {
      tsdb::push(out, samples.times[i], samples.values[i], nullptr);
    }
  }
  samples = std::move(out);
  return left_out;
}

/// How many of `late` have the time of another value.
uint64_t count_other_values(const SampleColumns& samples, const SampleColumns& late) {
  uint64_t out = 0;
  for (size_t i = 0; i < late.size(); ++i) {
    const auto found = std::ranges::lower_bound(samples.times, late.times[i]);
    if (found == samples.times.end() || *found != late.times[i]) continue;
    const auto at = static_cast<size_t>(found - samples.times.begin());
    if (!same_bits(samples.values[at], late.values[i])) ++out;
  }
  return out;
}

}  // namespace

void ImportHead::append(tsdb::Series& series, Sample sample, TimeMs start) {
  const bool late = sample.time <= series.last_time();
  if (late) {
    tsdb::push(late_[&series], sample.time, sample.value, nullptr);
  } else {
    series.append(sample, head_.chunks());
  }
  if (late || start != series.start()) series.set_start(sample.time, start, late);
}

void ImportHead::append(tsdb::Series& series, TimeMs time,
                        std::shared_ptr<const Histogram> histogram, TimeMs start) {
  const bool late = time <= series.last_time();
  series.append(time, std::move(histogram), head_.chunks());
  if (late || start != series.start()) series.set_start(time, start, late);
}

void ImportHead::erase(tsdb::Series& series, TimeRange range) {
  series.erase(range);
  const auto found = late_.find(&series);
  if (found == late_.end()) return;
  SampleColumns kept;
  for (size_t i = 0; i < found->second.size(); ++i) {
    if (range.contains(found->second.times[i])) continue;
    tsdb::push(kept, found->second.times[i], found->second.values[i], nullptr);
  }
  found->second = std::move(kept);
}

uint64_t ImportHead::sort_late() {
  uint64_t left_out = 0;
  for (auto& [series, samples] : late_) left_out += sort_and_drop_repeats(samples);
  return left_out;
}

Result<ImportHead::Written> ImportHead::write(tsdb::BlockSet& into, TransferStats& stats) {
  Written out;
  out.left_out = sort_late();
  static const SampleColumns kNone;
  const auto late_of = [&](const tsdb::Series* series) -> const SampleColumns& {
    const auto found = late_.find(series);
    return found == late_.end() ? kNone : found->second;
  };
  const std::vector<tsdb::Series*> all = head_.sorted_series();
  Windows windows;
  {
    tsdb::TimesCache times;
    SampleColumns samples;
    for (const tsdb::Series* series : all) {
      samples.clear();
      TRY(series->append_to(samples, {}, times));
      add_windows(samples, kBlock, windows);
      add_windows(late_of(series), kBlock, windows);
      out.left_out += count_other_values(samples, late_of(series));
      if (samples.size() + late_of(series).size() > 0) ++stats.series;
    }
  }
  for (const int64_t window : windows) {
    const TimeRange part = range_of(window, kBlock);
    stats.range.start = std::min(stats.range.start, part.start);
    stats.range.end = std::max(stats.range.end, part.end);
    ++out.blocks;
    TRY(into.add({}, [&](tsdb::BlockWriter& writer) -> Result<void> {
      tsdb::TimesCache times;
      SampleColumns samples;
      for (const tsdb::Series* series : all) {
        samples.clear();
        TRY(series->append_to(samples, part, times));
        tsdb::merge(samples, late_of(series), part);
        if (samples.size() == 0) continue;
        TRY(writer.add(series->labels(), samples, series->starts()));
        stats.samples += samples.size();
      }
      return {};
    }));
  }
  return out;
}

}  // namespace prom5::prometheus
