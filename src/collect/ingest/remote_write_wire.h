#pragma once

#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "store/storage.h"

namespace prom5::ingest {

// Messages that both versions of remote write have.

struct TimedHistogram {
  TimeMs time;
  Histogram histogram;
  TimeMs start = kNoStart;  ///< which only version 2 has
};

struct StartedSample {
  Sample sample;
  TimeMs start = kNoStart;  ///< which only version 2 has
};

/// A prometheus.Histogram. BadData when malformed; Execution when it breaks a rule, which costs the
/// histogram alone.
Result<TimedHistogram> read_histogram(std::string_view message);

/// A prometheus.Sample.
Result<StartedSample> read_sample(std::string_view message);

}  // namespace prom5::ingest
