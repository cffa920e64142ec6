#pragma once

#include <stop_token>
#include <string>

#include "base/time.h"
#include "query/active_queries.h"
#include "query/annotations.h"
#include "query/query_log.h"
#include "query/query_stats.h"
#include "query/value.h"

namespace prom5::query {

/// One question. For an instant query start == end and step is 0.
struct QueryRequest {
  std::string text;
  TimeMs start;
  TimeMs end;
  DurationMs step;
  DurationMs timeout;         ///< 0: the engine's; never longer than the engine's
  DurationMs lookback_delta;  ///< 0: the engine's
  std::stop_token stop;       ///< requested when the caller goes away
  Lane lane = Lane::Interactive;
  bool per_step_stats = false;  ///< QueryStats::per_step is wanted
  bool no_cache = false;        ///< evaluate all of it, whatever is known from before
  QueryOrigin origin;
};

struct QueryResult {
  Value value;
  Annotations annotations;
  QueryStats stats;
};

}  // namespace prom5::query
