#include "query/promql/histogram_falls.h"

#include <algorithm>

#include "model/histogram_arithmetic.h"

namespace prom5::promql {

std::span<const uint32_t> HistogramFalls::resets(size_t first, size_t count) {
  reach(first, count);
  const uint32_t from = up_to(first + 1).resets;
  return std::span(resets_).subspan(from, up_to(first + count - 1).resets - from);
}

bool HistogramFalls::any_gauge(size_t first, size_t count) {
  reach(first, count);
  return columns_.histograms[first]->reset_hint == CounterResetHint::Gauge ||
         up_to(first + count - 1).gauges != up_to(first).gauges;
}

bool HistogramFalls::kinds_differ(size_t first, size_t count) {
  reach(first, count);
  return up_to(first + count - 1).new_kinds != up_to(first).new_kinds;
}

int32_t HistogramFalls::least_schema(size_t first, size_t count) {
  reach(first, count);
  int32_t least = columns_.histograms[first]->schema;
  const uint32_t end = up_to(first + count - 1).new_schemas;
  for (uint32_t i = up_to(first).new_schemas; i < end; ++i) {
    least = std::min(least, columns_.histograms[new_schemas_[i]]->schema);
  }
  return least;
}

bool HistogramFalls::starts_overlap(size_t first, size_t count) {
  reach(first, count);
  return up_to(first + count - 1).overlaps != up_to(first).overlaps;
}

void HistogramFalls::reach(size_t first, size_t count) {
  if (first < begin_ || first > begin_ + up_to_.size()) {
    begin_ = first;
    up_to_.clear();
    resets_.clear();
    new_schemas_.clear();
  }
  while (begin_ + up_to_.size() < first + count) compare(begin_ + up_to_.size());
}

/// With the one before.
void HistogramFalls::compare(size_t i) {
  if (up_to_.empty()) {
    up_to_.emplace_back();
    return;
  }
  UpTo now = up_to_.back();
  const Histogram& h = *columns_.histograms[i];
  const Histogram& before = *columns_.histograms[i - 1];
  const StartedAt started_before =
      started_at(columns_.histogram_times, columns_.histogram_starts, i - 1);
  const StartedAt started = started_at(columns_.histogram_times, columns_.histogram_starts, i);
  if (is_start_reset(started_before, started) || is_counter_reset(h, before)) {
    ++now.resets;
    resets_.push_back(static_cast<uint32_t>(i));
  }
  if (h.reset_hint == CounterResetHint::Gauge) ++now.gauges;
  if (h.custom() != before.custom()) ++now.new_kinds;
  if (h.schema != before.schema) {
    ++now.new_schemas;
    new_schemas_.push_back(static_cast<uint32_t>(i));
  }
  if (promql::starts_overlap(started_before, started)) ++now.overlaps;
  up_to_.push_back(now);
}

}  // namespace prom5::promql
