#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "io/codec/json_writer.h"

namespace prom5::query {

/// How many samples a query looked at. A sample in several windows counts in each of them as
/// queryable, once as read. Source: prometheus util/stats/query_stats.go.
struct SampleCounts {
  uint64_t queryable = 0;
  uint64_t read = 0;
};

/// What a query cost.
struct QueryStats {
  SampleCounts samples;
  uint64_t samples_loaded = 0;  ///< decoded, those outside all windows included
  uint64_t series_loaded = 0;
  uint64_t peak_samples = 0;  ///< most in memory at one time
  double queue_seconds = 0;
  double parse_seconds = 0;
  double evaluation_seconds = 0;

  /// Where a request asked for them: for each step, what the question at that time alone costs.
  std::vector<SampleCounts> per_step;
  TimeMs start;
  DurationMs step;
};

/// {"timings":{…},"samples":{…}}, as Prometheus' API and query log have it.
void write_stats(codec::JsonWriter& json, const QueryStats& stats);

}  // namespace prom5::query
