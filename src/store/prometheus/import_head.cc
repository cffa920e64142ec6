#include "store/prometheus/import_head.h"

#include <algorithm>

#include "store/prometheus/windows.h"

namespace prom5::prometheus {

Result<void> ImportHead::write(tsdb::BlockSet& into, TransferStats& stats) {
  const std::vector<tsdb::Series*> all = head_.sorted_series();
  Windows windows;
  tsdb::TimesCache all_times;
  SampleColumns of_series;
  for (const tsdb::Series* series : all) {
    of_series.clear();
    TRY(series->append_to(of_series, {}, all_times));
    add_windows(of_series, windows);
  }
  for (const int64_t window : windows) {
    const TimeRange part = range_of(window);
    stats.range.start = std::min(stats.range.start, part.start);
    stats.range.end = std::max(stats.range.end, part.end);
    TRY(into.add({}, [&](tsdb::BlockWriter& writer) -> Result<void> {
      tsdb::TimesCache times;
      SampleColumns samples;
      for (const tsdb::Series* series : all) {
        samples.clear();
        TRY(series->append_to(samples, part, times));
        if (samples.size() == 0) continue;
        TRY(writer.add(series->labels(), samples));
        ++stats.series;
        stats.samples += samples.size();
      }
      return {};
    }));
  }
  return {};
}

}  // namespace prom5::prometheus
