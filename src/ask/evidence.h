#pragma once

#include <string>

#include "base/time.h"
#include "io/codec/json.h"

namespace prom5 {

/// A query and what it gave: every number in an answer comes from one.
struct Evidence {
  std::string promql;
  bool range = false;
  TimeMs start;
  TimeMs end;
  DurationMs step;
  Json result;  ///< as /api/v1/query gives it: resultType and result
};

}  // namespace prom5
