#include "query/query_stats.h"

#include <fmt/core.h>

namespace prom5::query {

namespace {

void write_per_step(codec::JsonWriter& json, const QueryStats& stats,
                    uint64_t SampleCounts::* count) {
  json.begin_array();
  TimeMs time = stats.start;
  for (const SampleCounts& step : stats.per_step) {
    json.begin_array();
    json.raw(fmt::format("{}", time.as_seconds()));
    json.integer(static_cast<int64_t>(step.*count)).end_array();
    time = time + stats.step;
  }
  json.end_array();
}

}  // namespace

void write_stats(codec::JsonWriter& json, const QueryStats& s) {
  const double total = s.parse_seconds + s.queue_seconds + s.evaluation_seconds;
  json.begin_object().key("timings").begin_object();
  json.key("evalTotalTime").number(s.evaluation_seconds);
  json.key("resultSortTime").number(0);
  json.key("queryPreparationTime").number(s.parse_seconds);
  json.key("innerEvalTime").number(s.evaluation_seconds);
  json.key("execQueueTime").number(s.queue_seconds);
  json.key("execTotalTime").number(total);
  json.end_object().key("samples").begin_object();
  if (!s.per_step.empty()) {
    json.key("totalQueryableSamplesPerStep");
    write_per_step(json, s, &SampleCounts::queryable);
  }
  json.key("totalQueryableSamples").integer(static_cast<int64_t>(s.samples.queryable));
  if (!s.per_step.empty()) {
    json.key("samplesReadPerStep");
    write_per_step(json, s, &SampleCounts::read);
  }
  json.key("samplesRead").integer(static_cast<int64_t>(s.samples.read));
  json.key("peakSamples").integer(static_cast<int64_t>(s.peak_samples));
  json.end_object().end_object();
}

}  // namespace prom5::query
