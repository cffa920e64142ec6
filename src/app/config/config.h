#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config/alerting_config.h"
#include "app/config/assistant_config.h"
#include "app/config/yaml_reader.h"
#include "base/error.h"
#include "base/time.h"
#include "collect/discovery/options.h"
#include "collect/ingest/otlp_options.h"
#include "collect/scrape/target.h"
#include "store/remote/options.h"
#include "store/tsdb/db.h"

namespace prom5::config {

/// What one target may bring where the configuration does not say it. 0: no limit.
struct ScrapeLimits {
  size_t body_size = size_t{64} << 20;  ///< also bounds what a configuration may ask for
  uint64_t samples = 200'000;
  uint64_t labels = 64;
  uint64_t label_name_length = 1024;
  uint64_t label_value_length = 4096;
  /// Not a limit, but from the command line as well: ScrapeOptions::created_as_start.
  bool created_as_start = false;
  bool type_and_unit_labels = false;  ///< likewise
};

struct GlobalConfig {
  DurationMs scrape_interval = DurationMs::minutes(1);
  DurationMs scrape_timeout = DurationMs::seconds(10);
  DurationMs evaluation_interval = DurationMs::minutes(1);
  DurationMs rule_query_offset;
  std::vector<std::pair<std::string, std::string>> external_labels;
  std::string query_log_file;  ///< empty: no log
  /// What scrape configurations inherit; protocols empty where none are given.
  scrape::ScrapeOptions scrape;
};

/// One scrape configuration and where its targets are found.
struct ScrapeJob {
  std::string text;  ///< as it was read, secrets replaced
  scrape::ScrapeOptions options;
  /// Where each target of options.static_groups stands: "prometheus.yml:5:19".
  std::vector<std::vector<std::string>> static_places;
  std::vector<discovery::DiscoveryConfig> discoveries;
};

/// prometheus.yml, checked as a whole.
struct Config {
  std::string text;  ///< as it was read, secrets replaced, for /api/v1/status/config
  GlobalConfig global;
  std::vector<ScrapeJob> scrapes;
  std::vector<remote::WriteOptions> remote_writes;
  std::vector<remote::ReadOptions> remote_reads;
  ingest::OtlpOptions otlp;
  AssistantConfig assistant;
  std::vector<std::string> rule_files;  ///< that are there, patterns resolved
  std::vector<AlertmanagerConfig> alertmanagers;
  DurationMs out_of_order_time_window;
  /// Where given, instead of the flags.
  std::optional<DurationMs> retention;
  std::optional<uint64_t> retention_bytes;
  std::array<std::optional<DurationMs>, tsdb::kTiers> tier_retention;
  std::vector<tsdb::RetentionRule> retention_rules;
  uint64_t max_exemplars = tsdb::Db::kDefaultMaxExemplars;
  /// What was read and has no effect yet, each with its place.
  std::vector<std::string> notes;
  /// This file and all that it includes, to be watched for changes.
  std::vector<std::string> files;
};

/// Reads a configuration. `file` is its path: it stands in errors, and relative paths in the
/// configuration start at its folder.
/// BadData with file, line, column and the fix where one is known.
Result<Config> parse_config(std::string_view text, const std::string& file,
                            Check check = Check::Whole, const ScrapeLimits& limits = {});

/// The same from disk.
Result<Config> load_config(const std::string& file, Check check = Check::Whole,
                           const ScrapeLimits& limits = {});

/// The configuration of a server that was given none: it scrapes itself and this host.
/// `address` is where the server listens, for itself to reach: "127.0.0.1:9090".
std::string embedded_config(std::string_view address, std::string_view host_name);

}  // namespace prom5::config
