#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "query/functions.h"

namespace prom5::query {

using HistogramPtr = std::shared_ptr<const Histogram>;

/// A float, or a histogram where `histogram` is not null.
struct Point {
  TimeMs time;
  double value = 0;
  HistogramPtr histogram;
};

struct Series {
  Labels labels;
  std::vector<Point> points;  ///< ascending by time; a vector result has exactly one
};

struct ScalarValue {
  TimeMs time;
  double value = 0;
};

struct StringValue {
  TimeMs time;
  std::string value;
};

/// An instant vector: series of one point each, in the order that sort functions gave them.
struct VectorValue {
  std::vector<Series> series;
};

/// A matrix, sorted by labels.
struct MatrixValue {
  std::vector<Series> series;
};

using Value = std::variant<ScalarValue, StringValue, VectorValue, MatrixValue>;

}  // namespace prom5::query
