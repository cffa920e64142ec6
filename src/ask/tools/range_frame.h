#pragma once

#include <span>
#include <string>
#include <vector>

#include "ask/tool.h"
#include "query/engine.h"

namespace prom5::tools {

/// One series of a range query on the query's grid.
struct FrameSeries {
  Labels labels;
  std::vector<double> values;  ///< one a step; NaN where there is none
};

/// A range query's result as columns. Native histograms are left out.
struct RangeFrame {
  TimeMs start;
  DurationMs step;
  size_t steps = 0;
  std::vector<FrameSeries> series;

  [[nodiscard]] TimeMs time_of(size_t index) const {
    return start + step * static_cast<int64_t>(index);
  }
};

/// How a tool looks at a stretch of time.
struct FrameRequest {
  TimeMs start;
  TimeMs end;
  DurationMs step;
};

/// Errors: those of Engine::run; LimitExceeded when the frame would have more than 5 million cells.
Result<RangeFrame> range_frame(query::Engine& engine, const std::string& promql,
                               const FrameRequest& request, const ToolContext& context);

/// A series as it lies in a frame.
struct SeriesView {
  const Labels& labels;
  std::span<const double> values;
};

/// Puts series of a query's frame where the asker sees what a finding rests on; of very many the
/// first 20.
void show(const std::string& promql, const FrameRequest& request,
          std::span<const SeriesView> series, const ToolContext& context);
void show(const std::string& promql, const FrameRequest& request, const RangeFrame& frame,
          const ToolContext& context);

/// Labels as a JSON object, without the metric's name.
Json labels_json(const Labels& labels);

/// A number under `key`; `otherwise` when there is none.
double number_of(const Json& arguments, const char* key, double otherwise);
/// Seconds under `key` as a time.
TimeMs time_of(const Json& arguments, const char* key, TimeMs otherwise);
/// A text under `key`. BadData naming tool and key when there is none.
Result<std::string> text_of(const Json& arguments, const char* key, std::string_view tool);

/// What need not be given: a text, true, an array under `key`; what is of another type is not
/// there.
std::string text_or(const Json& arguments, const char* key, std::string_view otherwise);
bool flag_of(const Json& arguments, const char* key);
Json array_of(const Json& arguments, const char* key);

/// A JSON schema of an object whose fields are these: name, JSON type, what it is. Names that end
/// in "?" need not be given.
struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view description;
};
Json object_schema(std::initializer_list<Field> fields);

}  // namespace prom5::tools
