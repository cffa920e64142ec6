#include "app/cli/features.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/spelling.h"

namespace prom5::cli {

namespace {

constexpr std::string_view kNoRules = "rules are not evaluated in this version";
constexpr std::string_view kOwnStorage = "the storage has a format and rules of its own";

constexpr std::array kNames = std::to_array<Feature>({
    {"promql-delayed-name-removal"},
    {"otlp-deltatocumulative"},
    {"use-start-timestamps"},
    {"st-storage"},
    {"created-timestamp-zero-ingestion"},
    {"type-and-unit-labels"},
    {"exemplar-storage"},
    {"expand-external-labels"},
    {"native-histograms"},
    {"new-service-discovery-manager"},
    {"ooo-native-histograms"},
    {"promql-at-modifier"},
    {"promql-binop-fill-modifiers"},
    {"promql-duration-expr"},
    {"promql-experimental-functions"},
    {"promql-extended-range-selectors"},
    {"promql-negative-offset"},
    {"promql-per-step-stats"},
    {"search-api"},
    {"utf8-names"},
    {"agent", "there is no agent mode; see remote_write in the configuration"},
    {"auto-gomaxprocs", "there is no Go in this program"},
    {"auto-gomemlimit", "there is no Go in this program; see --storage.tsdb.memory-budget"},
    {"auto-reload-config", "see --config.auto-reload"},
    {"concurrent-rule-eval", kNoRules},
    {"delayed-compaction", kOwnStorage},
    {"extra-scrape-metrics", "see extra_scrape_metrics in the configuration"},
    {"fast-startup", "queries are answered from blocks while the log is read"},
    {"histograms-st-encoding", kOwnStorage},
    {"memory-snapshot-on-shutdown", kOwnStorage},
    {"metadata-wal-records", kOwnStorage},
    {"no-default-scrape-port", "a target's address is kept as it is written"},
    {"old-ui", "the pages are this program's own"},
    {"otlp-native-delta-ingestion", "see otlp-deltatocumulative"},
    {"otlp-write-receiver", "see --web.enable-otlp-receiver"},
    {"remote-write-receiver", "see --web.enable-remote-write-receiver"},
    {"st-synthesis", "start timestamps are kept as they are told, none is made up"},
    {"use-uncached-io", kOwnStorage},
    {"xor2-encoding", kOwnStorage},
});

}  // namespace

const std::span<const Feature> kFeatures = kNames;

const Feature* find_feature(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &Feature::name);
  return found == kNames.end() ? nullptr : &*found;
}

std::string_view nearest_feature(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Feature& feature : kNames) names.push_back(feature.name);
  return nearest(name, names);
}

}  // namespace prom5::cli
