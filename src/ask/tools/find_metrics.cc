#include "ask/tools/find_metrics.h"

namespace prom5::tools {

namespace {
constexpr size_t kMaxFound = 50;
}

ToolSpec FindMetrics::spec() const {
  return {"find_metrics", "Lists metrics whose name or help text contains all the words.",
          Json{{"type", "object"},
               {"properties", {{"words", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
               {"required", {"words"}}}};
}

Result<Json> FindMetrics::call(const Json& arguments, const ToolContext& /*context*/) {
  if (!arguments.is_object() || !arguments.contains("words") || !arguments["words"].is_array()) {
    return fail(ErrorCode::BadData, "find_metrics needs \"words\"");
  }
  const auto snapshot = TRY(catalogue_.snapshot());
  Json found = Json::array();
  for (const auto& metric : snapshot->metrics) {
    bool all = true;
    for (const Json& word : arguments["words"]) {
      if (!word.is_string()) return fail(ErrorCode::BadData, "\"words\" must be strings");
      const std::string& text = word.get_ref<const std::string&>();
      all = all && (metric.name.find(text) != std::string::npos ||
                    metric.help.find(text) != std::string::npos);
    }
    if (!all) continue;
    found.push_back({{"name", metric.name},
                     {"type", std::string(to_string(metric.type))},
                     {"help", metric.help}});
    if (found.size() == kMaxFound) break;
  }
  return Json{{"metrics", std::move(found)}};
}

}  // namespace prom5::tools
