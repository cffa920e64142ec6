#include "ask/tools/find_metrics.h"

#include <algorithm>
#include <map>

#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {
constexpr size_t kMaxFound = 50;
}

ToolSpec FindMetrics::spec() const {
  return {"find_metrics",
          "Lists metrics whose name or help text has most of the words, with type and help.",
          object_schema({{"words", "array", "words; none: all metrics"}})};
}

Result<Json> FindMetrics::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object() || !arguments.contains("words") || !arguments["words"].is_array()) {
    return fail(ErrorCode::BadData, "find_metrics needs \"words\", an array");
  }
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  std::map<uint32_t, size_t> hits;
  size_t most = 0;
  for (const Json& word : arguments["words"]) {
    if (!word.is_string()) return fail(ErrorCode::BadData, "find_metrics: \"words\" must be texts");
    for (const uint32_t metric : snapshot->with_word(lexicon_.canonical(word.get<std::string>()))) {
      most = std::max(most, ++hits[metric]);
    }
  }
  std::vector<uint32_t> found;
  if (arguments["words"].empty()) {
    for (uint32_t i = 0; i < snapshot->metrics().size(); ++i) found.push_back(i);
  }
  for (const auto& [metric, count] : hits) {
    if (count == most) found.push_back(metric);
  }
  Json metrics = Json::array();
  for (const uint32_t index : found) {
    if (metrics.size() == kMaxFound) break;
    const catalogue::Metric& metric = snapshot->metrics()[index];
    metrics.push_back({{"name", metric.name},
                       {"type", std::string(to_string(metric.type))},
                       {"unit", metric.unit},
                       {"series", metric.series},
                       {"help", metric.help}});
  }
  return Json{{"metrics", std::move(metrics)}, {"total", found.size()}};
}

}  // namespace prom5::tools
