#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/annotations.h"
#include "query/functions.h"
#include "query/query_stats.h"

namespace prom5::query {

/// What is read from the storage and how long that takes.
struct Cost {
  uint64_t series = 0;
  uint64_t samples = 0;  ///< decoded
  double seconds = 0;
};

/// An expression inside a query, with those inside it.
struct ExplainedExpr {
  std::string expression;
  std::string words;  ///< "the growth per second over 5m of http_requests_total"
  Cost estimate;      ///< inner expressions included
  /// Where the query was run: what it gave and took, inner expressions included. Selectors inside
  /// functions of ranges are read by the function and have none of their own.
  std::optional<Cost> actual;
  std::vector<ExplainedExpr> inner;
};

/// What a query computes and costs.
struct Explanation {
  ValueType type = ValueType::None;
  uint64_t steps = 1;
  ExplainedExpr root;
  bool series_cut = false;  ///< there are more series than were counted
  std::vector<std::string> advice;
  // Where it was run:
  std::optional<QueryStats> stats;
  Annotations annotations;
};

}  // namespace prom5::query
