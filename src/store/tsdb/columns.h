#pragma once

#include <memory>
#include <span>

#include "store/storage.h"

namespace prom5::tsdb {

/// Appends a sample; keeps the histogram column parallel once it exists.
void push(SampleColumns& out, TimeMs time, double value,
          std::shared_ptr<const Histogram> histogram);

/// Cuts the columns, from a place on, down to the range.
void clip(SampleColumns& columns, TimeRange range, size_t from = 0);

/// Adds what `more` has in range; both ascend. Of a time that both have, `out`'s sample stays.
void merge(SampleColumns& out, const SampleColumns& more, TimeRange range);

/// Takes out what lies in one of the ranges, which ascend and do not overlap.
void erase(SampleColumns& columns, std::span<const TimeRange> ranges);

/// Whether one of such ranges holds all of `range`.
bool covers(std::span<const TimeRange> ranges, TimeRange range);

}  // namespace prom5::tsdb
