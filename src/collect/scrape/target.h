#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "collect/target_group.h"
#include "io/http/http_client.h"
#include "model/relabel.h"

namespace prom5::scrape {

/// The formats a target may be asked for (prometheus.yml, scrape_protocols).
enum class ScrapeProtocol : uint8_t {
  PrometheusProto,
  OpenMetrics100,
  OpenMetrics001,
  PrometheusText100,
  PrometheusText004,
};

/// How names are asked for that are outside the old character set.
enum class NameEscaping : uint8_t { AllowUtf8, Underscores, Dots, Values };

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
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  std::vector<ScrapeProtocol> protocols;  ///< best first
  std::optional<ScrapeProtocol> fallback_protocol;
  NameEscaping name_escaping = NameEscaping::AllowUtf8;
  bool legacy_names = false;  ///< names outside the old character set fail the scrape
  bool native_histograms = false;
  bool classic_to_custom_buckets = false;
  bool always_classic_histograms = false;
  uint64_t native_bucket_limit = 0;
  double native_min_bucket_factor = 0;
  bool extra_metrics = false;
  /// OpenMetrics' _created series are start timestamps alone, and else series as well.
  bool created_as_start = false;
  bool type_and_unit_labels = false;  ///< __type__ and __unit__ as the page has them
  std::string failure_log_file;       ///< empty: no log
  std::shared_ptr<const io::HttpClientSecurity> security;
  size_t body_size_limit = size_t{64} << 20;
  uint64_t sample_limit = 0;  ///< this and the following: 0 is no limit
  uint64_t label_limit = 0;
  uint64_t label_name_length_limit = 0;
  uint64_t label_value_length_limit = 0;
  uint64_t target_limit = 0;
  uint64_t keep_dropped_targets = 0;
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
  // The configuration's, unless relabelling says otherwise.
  bool native_histograms = false;
  bool classic_to_custom_buckets = false;
  bool always_classic_histograms = false;

  /// The same for the same labels and URL, over restarts.
  [[nodiscard]] uint64_t hash() const;
  /// Whether the other, which has the same labels and URL, is scraped in the same way.
  [[nodiscard]] bool is_scraped_like(const Target& other) const {
    return interval == other.interval && timeout == other.timeout &&
           native_histograms == other.native_histograms &&
           classic_to_custom_buckets == other.classic_to_custom_buckets &&
           always_classic_histograms == other.always_classic_histograms;
  }
};

/// A target that is not scraped.
struct DroppedTarget {
  std::string job;
  Labels discovered;
  std::string reason;    ///< which rule dropped it, or what is wrong with it
  bool invalid = false;  ///< rather than dropped on purpose
};

struct TargetsOfGroup {
  std::vector<Target> active;
  std::vector<DroppedTarget> dropped;
};

/// Turns discovered targets into scrape targets (prometheus scrape/target.go, PopulateLabels). One
/// that relabelling leaves without an address or with a bad interval is invalid.
TargetsOfGroup make_targets(const TargetGroup& group, const ScrapeOptions& options);

/// "relabel_configs[2]: keep where job matches \"api\"", for people.
std::string describe_rule(std::string_view list, size_t place, const RelabelConfig& rule);

}  // namespace prom5::scrape
