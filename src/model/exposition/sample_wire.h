#pragma once

#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"

namespace prom5::exposition {

// Messages that both versions of remote write and remote read have.

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

/// Adds a prometheus.Label. BadData when malformed; Execution when it breaks a rule, which costs
/// the series: no name, a name that is there already, what is too long or no UTF-8.
Result<void> read_label(std::string_view message, LabelsBuilder& labels);

}  // namespace prom5::exposition
