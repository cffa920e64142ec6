#include "query/promql/histogram_falls.h"

#include <algorithm>

#include "model/histogram_arithmetic.h"

namespace prom5::promql {

std::span<const uint32_t> HistogramFalls::resets(size_t first, size_t count) {
  const uint32_t from = up_to(first + 1).resets;
  return std::span(resets_).subspan(from, up_to(first + count - 1).resets - from);
}

bool HistogramFalls::any_gauge(size_t first, size_t count) {
  const uint32_t before = first == 0 ? 0 : up_to(first - 1).gauges;
  return up_to(first + count - 1).gauges != before;
}

bool HistogramFalls::kinds_differ(size_t first, size_t count) {
  return up_to(first + count - 1).new_kinds != up_to(first).new_kinds;
}

int32_t HistogramFalls::least_schema(size_t first, size_t count) {
  int32_t least = columns_.histograms[first]->schema;
  const uint32_t end = up_to(first + count - 1).new_schemas;
  for (uint32_t i = up_to(first).new_schemas; i < end; ++i) {
    least = std::min(least, columns_.histograms[new_schemas_[i]]->schema);
  }
  return least;
}

bool HistogramFalls::starts_overlap(size_t first, size_t count) {
  return up_to(first + count - 1).overlaps != up_to(first).overlaps;
}

const HistogramFalls::UpTo& HistogramFalls::up_to(size_t i) {
  if (up_to_.empty()) compare_all();
  return up_to_[i];
}

void HistogramFalls::compare_all() {
  const auto& histograms = columns_.histograms;
  up_to_.reserve(histograms.size());
  UpTo now;
  for (size_t i = 0; i < histograms.size(); ++i) {
    const Histogram& h = *histograms[i];
    if (h.reset_hint == CounterResetHint::Gauge) ++now.gauges;
    if (i > 0) {
      const Histogram& before = *histograms[i - 1];
      const StartedAt started_before =
          started_at(columns_.histogram_times, columns_.histogram_starts, i - 1);
      const StartedAt started = started_at(columns_.histogram_times, columns_.histogram_starts, i);
      if (is_start_reset(started_before, started) || is_counter_reset(h, before)) {
        ++now.resets;
        resets_.push_back(static_cast<uint32_t>(i));
      }
      if (h.custom() != before.custom()) ++now.new_kinds;
      if (h.schema != before.schema) {
        ++now.new_schemas;
        new_schemas_.push_back(static_cast<uint32_t>(i));
      }
      if (promql::starts_overlap(started_before, started)) ++now.overlaps;
    }
    up_to_.push_back(now);
  }
}

}  // namespace prom5::promql
