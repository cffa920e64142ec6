#pragma once

#include <span>

#include "base/time.h"
#include "model/sample.h"

namespace prom5::promql {

// What start timestamps tell of a counter, under the feature use-start-timestamps. Source:
// prometheus promql/functions.go (isStartTimestampReset and the rules of extrapolatedRate).

/// A sample's time, and since when it counts; kNoStart: not known.
struct StartedAt {
  TimeMs time;
  TimeMs start = kNoStart;
};

/// Whether the counter began anew between two samples that follow each other.
inline bool is_start_reset(const StartedAt& before, const StartedAt& sample) {
  // A start at the sample itself is OpenTelemetry's word for an unknown one, later it is wrong.
  if (sample.start == kNoStart || sample.start >= sample.time) return false;
  if (sample.start != before.time) return sample.start > before.time;
  // It goes on where the sample before ended. That one is a delta, too, if its own start is known;
  // else it is the first of a counter whose begin nobody saw.
  return before.start != kNoStart && before.start < before.time;
}

/// Whether a sample claims to count what the one before it counted already.
inline bool starts_overlap(const StartedAt& before, const StartedAt& sample) {
  return sample.start != kNoStart && sample.start < before.time && sample.start != before.start;
}

/// Of samples whose times and starts are columns; without starts none is known.
inline StartedAt started_at(std::span<const TimeMs> times, std::span<const TimeMs> starts,
                            size_t i) {
  return {times[i], starts.empty() ? kNoStart : starts[i]};
}

}  // namespace prom5::promql
