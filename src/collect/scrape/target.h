#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "collect/target_group.h"
#include "io/http/http_client.h"
#include "model/relabel.h"

namespace prom5::scrape {

/// One scrape configuration (prometheus.yml, <scrape_config>).
struct ScrapeOptions {
  std::string job_name;
  std::string fingerprint;  ///< equal for equal configurations
  DurationMs interval = DurationMs::minutes(1);
  DurationMs timeout = DurationMs::seconds(10);
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::string>> params;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool enable_compression = true;
  bool follow_redirects = true;
  bool accept_any_content_type = false;  ///< fallback_scrape_protocol names the text format
  io::HttpClientSecurity security;
  io::Headers headers;
  size_t body_size_limit = size_t{64} << 20;
  uint64_t sample_limit = 0;  ///< this and the following: 0 is no limit
  uint64_t label_limit = 0;
  uint64_t label_name_length_limit = 0;
  uint64_t label_value_length_limit = 0;
  uint64_t target_limit = 0;
  std::vector<RelabelConfig> relabel_configs;
  std::vector<RelabelConfig> metric_relabel_configs;
  std::vector<TargetGroup> static_groups;
};

/// Something to be scraped: its labels after relabelling and where to ask.
struct Target {
  Labels discovered;  ///< before relabelling
  Labels labels;      ///< of all its series
  std::string url;
  DurationMs interval;
  DurationMs timeout;

  /// The same for the same labels and URL, over restarts.
  [[nodiscard]] uint64_t hash() const;
};

struct TargetsOfGroup {
  std::vector<Target> active;
  std::vector<Labels> dropped;  ///< discovered labels of what relabelling dropped
};

/// Turns discovered targets into scrape targets (prometheus scrape/target.go, PopulateLabels).
/// BadData naming the target when relabelling leaves it without an address or with a bad interval.
Result<TargetsOfGroup> make_targets(const TargetGroup& group, const ScrapeOptions& options);

}  // namespace prom5::scrape
