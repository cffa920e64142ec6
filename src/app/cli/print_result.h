#pragma once

#include <optional>
#include <string>

#include "io/codec/json.h"

namespace prom5::cli {

/// A series' labels as PromQL has them: name{label="value"}.
std::string series_name(const Json& labels);

/// What a range query asked for, in seconds.
struct ChartGrid {
  double start = 0;
  double end = 0;
  double step = 1;
};

/// Draws the series of a matrix, of which there is one at least.
void print_chart(const Json& result, const ChartGrid& grid, size_t height = 14);

/// The result of a query as a table, or as a chart where a range was asked for and no table.
void print_result(const Json& data, const std::optional<ChartGrid>& chart);

}  // namespace prom5::cli
