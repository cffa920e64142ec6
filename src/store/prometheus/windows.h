#pragma once

#include <cstdint>
#include <set>

#include "store/storage.h"

namespace prom5::prometheus {

// Times cut into blocks.

/// Windows of a width, by their number since 1970. Between those that have samples there may be
/// thousands of years that have none.
using Windows = std::set<int64_t>;

/// Adds those in which the samples are.
void add_windows(const SampleColumns& samples, DurationMs width, Windows& out);
TimeRange range_of(int64_t window, DurationMs width);

/// What can be computed with: some 140,000 years around 1970. Nothing else was ever a time.
bool is_sane(TimeMs time);
/// A start timestamp, kNoStart for what cannot be one.
TimeMs sane_start(TimeMs start);

}  // namespace prom5::prometheus
