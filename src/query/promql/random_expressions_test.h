#pragma once

#include <string>

#include "query/promql/random_world_test.h"

namespace prom5::promql {

struct RandomQuery {
  std::string text;
  TimeMs start;
  TimeMs end;
  DurationMs step;      ///< 0: an instant query, at `start`
  DurationMs lookback;  ///< 0: the usual
};

/// Queries that are correct by type, over the names and labels of a world; some fail on its data.
RandomQuery random_query(Rng& rng, const RandomWorld& world);

}  // namespace prom5::promql
