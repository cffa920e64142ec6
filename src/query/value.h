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

struct Point {
  TimeMs time;
  double value = 0;
};

struct Series {
  Labels labels;
  std::vector<Point> points;  ///< ascending by time; a vector result has exactly one
  /// Empty where all points are floats; else one for each point, null for floats. Beside the
  /// points, as there may be millions of these and mostly none is a histogram.
  std::vector<HistogramPtr> histograms;

  void add(TimeMs time, double value) {
    points.push_back({time, value});
    if (!histograms.empty()) histograms.push_back(nullptr);
  }
  void add(TimeMs time, HistogramPtr histogram) {
    histograms.resize(points.size());
    points.push_back({time, 0});
    histograms.push_back(std::move(histogram));
  }
  /// Null where the point is a float.
  [[nodiscard]] const Histogram* histogram(size_t point) const {
    return histograms.empty() ? nullptr : histograms[point].get();
  }
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
