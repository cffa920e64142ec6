#pragma once

#include <cstdint>

#include "base/rng.h"
#include "query/promql/slow_twin_test.h"

namespace prom5::promql {

/// Series to ask about: gauges `g` and `q`, counters `c_total` and `e_total`, constants `k`,
/// `meta` with a label for group_left, classic histograms `d_bucket`, native ones `h` and `j`, and
/// `m`, which is both. All have a label `a`, many a label `b`.
///
/// Values have few bits, so that sums are exact in any order, and are mostly not twice the same.
struct RandomWorld {
  TwinData data;
  TimeMs start;
  TimeMs end;
};

RandomWorld random_world(Rng& rng);

}  // namespace prom5::promql
