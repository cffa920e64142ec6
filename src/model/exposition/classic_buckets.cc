#include "model/exposition/classic_buckets.h"

#include <limits>

namespace prom5::exposition {

std::vector<std::pair<double, double>> classic_buckets(const Histogram& histogram) {
  std::vector<double> counts(histogram.custom_bounds.size() + 1);
  size_t bucket = 0;
  size_t next = 0;
  for (const HistogramSpan& span : histogram.positive_spans) {
    bucket += static_cast<size_t>(span.offset);
    for (uint32_t i = 0; i < span.length; ++i) {
      if (bucket >= counts.size() || next >= histogram.positive_counts.size()) break;
      counts[bucket++] = histogram.positive_counts[next++];
    }
  }
  std::vector<std::pair<double, double>> out;
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    const bool last = i == histogram.custom_bounds.size();
    out.emplace_back(last ? std::numeric_limits<double>::infinity() : histogram.custom_bounds[i],
                     last ? histogram.count : sum);
  }
  return out;
}

}  // namespace prom5::exposition
