#pragma once

#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "model/histogram.h"
#include "model/sample.h"

namespace prom5::ingest {

// Messages that both versions of remote write have.

struct TimedHistogram {
  TimeMs time;
  Histogram histogram;
};

/// A prometheus.Histogram. BadData when malformed; Execution when it breaks a rule, which costs the
/// histogram alone.
Result<TimedHistogram> read_histogram(std::string_view message);

/// A prometheus.Sample.
Result<Sample> read_sample(std::string_view message);

}  // namespace prom5::ingest
