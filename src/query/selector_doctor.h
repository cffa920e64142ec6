#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/doctor.h"
#include "query/promql/ast.h"

namespace prom5::query {

/// A finding and the selector that would have matched, if there is one.
struct SelectorFinding {
  Finding finding;
  std::optional<promql::VectorSelector> better;
};

/// Why a selector finds nothing in `asked`, both ends inclusive. `lookback`: how old a sample may
/// be where the asked time has none. Errors: those of the storage.
struct SelectorQuestion {
  const promql::VectorSelector& selector;
  TimeRange asked;
  DurationMs lookback;
  TimeMs now;
};
Result<SelectorFinding> diagnose_selector(Storage& storage, const SelectorQuestion& question);

/// The usual distance of a series' samples before `until`; 0 where there are too few to tell.
Result<DurationMs> usual_interval(Storage& storage, const promql::VectorSelector& selector,
                                  TimeMs until);

}  // namespace prom5::query
