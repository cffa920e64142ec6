#include "app/api/features_api.h"

#include <array>
#include <string_view>

#include "app/api/answer.h"
#include "query/functions.h"

namespace prom5::api {

namespace {

constexpr std::array kOperators = std::to_array<std::string_view>({"!=",
                                                                   "!~",
                                                                   "%",
                                                                   "*",
                                                                   "+",
                                                                   "-",
                                                                   "/",
                                                                   "<",
                                                                   "</",
                                                                   "<=",
                                                                   "==",
                                                                   "=~",
                                                                   ">",
                                                                   ">/",
                                                                   ">=",
                                                                   "@",
                                                                   "^",
                                                                   "and",
                                                                   "atan2",
                                                                   "avg",
                                                                   "bottomk",
                                                                   "count",
                                                                   "count_values",
                                                                   "group",
                                                                   "limit_ratio",
                                                                   "limitk",
                                                                   "max",
                                                                   "min",
                                                                   "or",
                                                                   "quantile",
                                                                   "stddev",
                                                                   "stdvar",
                                                                   "sum",
                                                                   "topk",
                                                                   "unless"});

constexpr std::array kSyntax = std::to_array<std::string_view>(
    {"anchored", "at_modifier", "bool", "by", "duration_expr", "fill", "fill_left", "fill_right",
     "group_left", "group_right", "ignoring", "negative_offset", "offset", "on",
     "per_query_lookback_delta", "per_step_stats", "smoothed", "subqueries", "without"});

using Category = std::vector<std::pair<std::string_view, bool>>;

void write(codec::JsonWriter& json, std::string_view name, const Category& category) {
  json.key(name).begin_object();
  for (const auto& [feature, on] : category) json.key(feature).boolean(on);
  json.end_object();
}

Category all_on(std::span<const std::string_view> names) {
  Category out;
  for (const std::string_view name : names) out.emplace_back(name, true);
  return out;
}

void write_promql(codec::JsonWriter& json, const FeatureSwitches& switches) {
  Category syntax = all_on(kSyntax);
  syntax.emplace_back("delayed_name_removal", switches.delayed_name_removal);
  syntax.emplace_back("type_and_unit_labels", switches.type_and_unit_labels);
  write(json, "promql", syntax);
  Category functions;
  for (const query::FunctionInfo& f : query::functions()) functions.emplace_back(f.name, true);
  write(json, "promql_functions", functions);
  write(json, "promql_operators", all_on(kOperators));
}

}  // namespace

void add_features_route(io::Router& router, FeatureSwitches switches) {
  const auto answer = [switches = std::move(switches)] {
    return success_answer([&](codec::JsonWriter& json) {
      json.begin_object();
      write(json, "api",
            {{"admin", switches.admin},
             {"exclude_alerts", false},
             {"label_values_match", true},
             {"lifecycle", switches.lifecycle},
             {"openapi_3.1", true},
             {"openapi_3.2", true},
             {"otlp_write_receiver", switches.otlp},
             {"query_stats", true},
             {"query_warnings", true},
             {"remote_write_receiver", switches.remote_write},
             {"search", true},
             {"search_fuzz_alg_jarowinkler", true},
             {"search_fuzz_alg_subsequence", true},
             {"time_range_labels", true},
             {"time_range_series", true}});
      write(json, "otlp_receiver",
            {{"delta_conversion", switches.otlp_delta}, {"native_delta_ingestion", false}});
      write(json, "prometheus",
            {{"agent_mode", false},
             {"auto_reload_config", switches.auto_reload},
             {"server_mode", true}});
      write_promql(json, switches);
      // Rules are read and checked, and wait for what evaluates them.
      write(json, "rules",
            {{"concurrent_rule_eval", false}, {"keep_firing_for", false}, {"query_offset", false}});
      write(json, "scrape",
            {{"extra_scrape_metrics", true},
             {"start_timestamp_zero_ingestion", switches.start_timestamp_zeros},
             {"type_and_unit_labels", switches.type_and_unit_labels}});
      write(json, "service_discovery_providers",
            Category(switches.discovery.begin(), switches.discovery.end()));
      write(json, "tsdb",
            {{"delayed_compaction", false},
             {"exemplar_storage", true},
             {"isolation", true},
             {"native_histograms", true},
             {"st_storage", true}});
      write(json, "ui", {{"ui_v2", false}, {"ui_v3", false}});
      json.end_object();
    });
  };
  router.add("GET", "/api/v1/features", "What a client may rely on, by category.",
             [answer](const io::HttpRequest&, const io::PathArguments&) { return answer(); });
}

}  // namespace prom5::api
