#include "app/api/mcp_resources.h"

#include "app/api/result_json.h"
#include "io/codec/json_writer.h"

namespace prom5::api {

namespace {

/// More than a model could read.
constexpr size_t kMaxMetrics = 5000;
constexpr size_t kMaxSeries = 5000;

Json metrics_json(const Storage& storage) {
  Json metrics = Json::array();
  const Storage::MetadataMap all = storage.metadata();
  for (const auto& [family, entries] : all) {
    if (metrics.size() == kMaxMetrics || entries.empty()) continue;
    metrics.push_back({{"name", family},
                       {"type", to_string(entries[0].type)},
                       {"unit", entries[0].unit},
                       {"help", entries[0].help}});
  }
  return {{"metrics", metrics}, {"total", all.size()}};
}

/// The series of an instant query as /api/v1/query has them.
Result<Json> query_json(query::Engine& engine, const char* promql, const ToolContext& context) {
  query::QueryRequest request;
  request.text = promql;
  request.start = request.end = context.now;
  request.stop = context.stop;
  request.origin = {"mcp", "POST", "/mcp"};
  const query::QueryResult result = TRY(engine.run(request));
  std::string text;
  codec::JsonWriter json(text);
  json.begin_object();
  if (write_value(json, result.value, kMaxSeries)) json.key("truncated").boolean(true);
  json.end_object();
  return codec::parse_json(text);
}

}  // namespace

std::vector<McpResource> mcp_resources(const Storage& storage, query::Engine& engine) {
  const auto series = [&engine](const char* promql) {
    return [&engine, promql](const ToolContext& context) {
      return query_json(engine, promql, context);
    };
  };
  return {
      {"prom5://metrics", "metrics", "Families of metrics with type, unit and help.",
       [&storage](const ToolContext&) -> Result<Json> { return metrics_json(storage); }},
      {"prom5://alerts", "alerts", "Alerts that are pending or firing now.", series("ALERTS")},
      {"prom5://targets", "targets", "Targets: 1 for those that answer, 0 for those that do not.",
       series("up")},
  };
}

}  // namespace prom5::api
