#include "query/promql/sample_pairs.h"

#include <algorithm>

#include "model/histogram_arithmetic.h"

namespace prom5::promql {

namespace {

template <typename T>
std::span<const T> last_of(std::span<const T> column) {
  return column.last(std::min<size_t>(column.size(), 2));
}

}  // namespace

std::vector<AnySample> merged(const RangeColumns& c) {
  std::vector<AnySample> out;
  out.reserve(c.times.size() + c.histogram_times.size());
  size_t i = 0;
  size_t j = 0;
  while (i < c.times.size() || j < c.histogram_times.size()) {
    const bool is_float =
        j == c.histogram_times.size() || (i < c.times.size() && c.times[i] < c.histogram_times[j]);
    if (is_float) {
      out.push_back({c.times[i], c.values[i], nullptr, started_at(c.times, c.starts, i).start});
      ++i;
    } else {
      out.push_back({c.histogram_times[j], 0, c.histograms[j].get(),
                     started_at(c.histogram_times, c.histogram_starts, j).start});
      ++j;
    }
  }
  return out;
}

std::vector<AnySample> last_two(const RangeColumns& c) {
  auto out = merged({last_of(c.times), last_of(c.values), last_of(c.histogram_times),
                     last_of(c.histograms), last_of(c.starts), last_of(c.histogram_starts)});
  if (out.size() > 2) out.erase(out.begin(), out.end() - 2);
  return out;
}

bool counts(PairKind kind, const AnySample& before, const AnySample& sample) {
  if ((before.histogram == nullptr) != (sample.histogram == nullptr)) return true;
  if (kind == PairKind::Reset && sample.begins_anew_after(before)) return true;
  if (sample.histogram == nullptr) return counts(kind, before.value, sample.value);
  return kind == PairKind::Reset ? is_counter_reset(*sample.histogram, *before.histogram)
                                 : !same_observations(*before.histogram, *sample.histogram);
}

PairCounts::PairCounts(PairKind kind, const RangeColumns& columns) {
  uint32_t n = 0;
  if (columns.histograms.empty() && columns.starts.empty()) {
    up_to_.reserve(columns.values.size());
    for (size_t i = 0; i < columns.values.size(); ++i) {
      if (i > 0 && counts(kind, columns.values[i - 1], columns.values[i])) ++n;
      up_to_.push_back(n);
    }
    return;
  }
  const std::vector<AnySample> samples = merged(columns);
  up_to_.reserve(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    if (i > 0 && counts(kind, samples[i - 1], samples[i])) ++n;
    up_to_.push_back(n);
  }
}

}  // namespace prom5::promql
