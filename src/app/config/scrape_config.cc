#include "app/config/scrape_config.h"

#include <algorithm>
#include <array>

#include "app/config/discovery_config.h"
#include "app/config/http_config.h"
#include "app/config/relabel_config.h"

namespace prom5::config {

namespace {

using scrape::NameEscaping;
using scrape::ScrapeOptions;
using scrape::ScrapeProtocol;

/// In the order of the enumeration.
constexpr std::array kProtocols = std::to_array<std::string_view>(
    {"PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
     "PrometheusText0.0.4"});
constexpr std::array kEscapings =
    std::to_array<std::string_view>({"allow-utf-8", "underscores", "dots", "values"});
constexpr std::array kNameSchemes = std::to_array<std::string_view>({"utf8", "legacy"});
constexpr std::array kUrlSchemes = std::to_array<std::string_view>({"http", "https"});

Result<size_t> place_of(const YamlReader& reader, const YamlNode& node, std::string_view what,
                        std::span<const std::string_view> words) {
  const std::string word = TRY(reader.word(node, what, words));
  return static_cast<size_t>(std::find(words.begin(), words.end(), word) - words.begin());
}

Read protocols_into(const YamlReader& reader, std::vector<ScrapeProtocol>& out) {
  return [&reader, &out](const YamlNode& node) -> Result<void> {
    out.clear();
    TRY(reader.sequence(node, "scrape_protocols", [&](const YamlNode& n) -> Result<void> {
      const auto protocol =
          static_cast<ScrapeProtocol>(TRY(place_of(reader, n, "scrape protocol", kProtocols)));
      if (std::find(out.begin(), out.end(), protocol) != out.end()) {
        return reader.error(n, fmt::format("duplicated protocol {} in scrape_protocols", n.scalar));
      }
      out.push_back(protocol);
      return {};
    }));
    if (!out.empty()) return {};
    return reader.error(node, "scrape_protocols cannot be empty; remove the key for the default");
  };
}

/// Labels that relabelling makes are of the old character set, but for what stands for groups.
Result<void> check_relabel_targets(const YamlReader& reader, const YamlNode& node,
                                   std::string_view list) {
  const YamlNode* entries = node.find(list);
  if (entries == nullptr) return {};
  for (const YamlNode& entry : entries->items) {
    const YamlNode* target = entry.find("target_label");
    if (target == nullptr || target->scalar.empty()) continue;
    if (target->scalar.find('$') != std::string::npos || is_legacy_label_name(target->scalar)) {
      continue;
    }
    return reader.error(*target, fmt::format("\"{}\" is an invalid target_label under "
                                             "metric_name_validation_scheme: legacy; use letters, "
                                             "digits and underscores",
                                             target->scalar));
  }
  return {};
}

/// 0 leaves what is inherited, as in Prometheus.
Read limit_into(const YamlReader& reader, uint64_t& target) {
  return [&reader, &target](const YamlNode& n) -> Result<void> {
    if (const uint64_t limit = TRY(reader.count(n)); limit > 0) target = limit;
    return {};
  };
}

class ScrapeConfigReader {
 public:
  ScrapeConfigReader(const YamlReader& reader, ScrapeOptions& options)
      : reader_(reader), options_(options), http_(reader) {}

  Result<Sources> read(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::Null) {
      return reader_.error(node, "empty or null scrape config section");
    }
    Sources sources;
    std::vector<Key> keys = own_keys();
    for (Key& key : shared_scrape_keys(reader_, options_)) keys.push_back(std::move(key));
    for (Key& key : source_keys(reader_, sources)) keys.push_back(std::move(key));
    for (Key& key : http_.keys()) keys.push_back(std::move(key));
    TRY(reader_.mapping(node, "scrape_config", keys));
    options_.security = TRY(http_.finish(node));
    TRY(check_targets(reader_, sources, !options_.relabel_configs.empty()));
    TRY(check_names(reader_, node, options_, node.find("metric_name_escaping_scheme") != nullptr));
    return sources;
  }

 private:
  std::vector<Key> own_keys() {
    ScrapeOptions& o = options_;
    return {
        {"job_name", reader_.into(o.job_name)},
        {"scrape_interval", reader_.into(o.interval)},
        {"scrape_timeout", reader_.into(o.timeout)},
        {"metrics_path", reader_.into(o.metrics_path)},
        {"scheme",
         [this](const YamlNode& n) -> Result<void> {
           options_.scheme = TRY(reader_.word(n, "scheme", kUrlSchemes));
           return {};
         }},
        {"params", [this](const YamlNode& n) { return read_params(n); }},
        {"honor_labels", reader_.into(o.honor_labels)},
        {"honor_timestamps", reader_.into(o.honor_timestamps)},
        {"track_timestamps_staleness", reader_.into(o.track_timestamps_staleness)},
        {"enable_compression", reader_.into(o.enable_compression)},
        {"fallback_scrape_protocol",
         [this](const YamlNode& n) -> Result<void> {
           options_.fallback_protocol = static_cast<ScrapeProtocol>(
               TRY(place_of(reader_, n, "fallback_scrape_protocol", kProtocols)));
           return {};
         }},
        {"native_histogram_bucket_limit", reader_.into(o.native_bucket_limit)},
        {"native_histogram_min_bucket_factor",
         [this](const YamlNode& n) -> Result<void> {
           options_.native_min_bucket_factor = TRY(reader_.real(n));
           return {};
         }},
        {"relabel_configs", relabel_configs(reader_, "relabel_configs", o.relabel_configs)},
        {"metric_relabel_configs",
         relabel_configs(reader_, "metric_relabel_configs", o.metric_relabel_configs)},
    };
  }

  Result<void> read_params(const YamlNode& node) {
    return reader_.dictionary(node, "params",
                              [&](const YamlNode& name, const YamlNode& values) -> Result<void> {
                                for (std::string& value : TRY(reader_.strings(values))) {
                                  options_.params.emplace_back(name.scalar, std::move(value));
                                }
                                return {};
                              });
  }

  const YamlReader& reader_;
  ScrapeOptions& options_;
  HttpConfigReader http_;
};

}  // namespace

std::vector<Key> shared_scrape_keys(const YamlReader& reader, ScrapeOptions& o) {
  return {
      {"scrape_protocols", protocols_into(reader, o.protocols)},
      {"scrape_native_histograms", reader.into(o.native_histograms)},
      {"convert_classic_histograms_to_nhcb", reader.into(o.classic_to_custom_buckets)},
      {"always_scrape_classic_histograms", reader.into(o.always_classic_histograms)},
      {"extra_scrape_metrics", reader.into(o.extra_metrics)},
      {"scrape_failure_log_file",
       [&](const YamlNode& n) -> Result<void> {
         o.failure_log_file = TRY(reader.output_path(n));
         return {};
       }},
      {"metric_name_validation_scheme",
       [&](const YamlNode& n) -> Result<void> {
         if (n.kind == YamlNode::Kind::Scalar && n.scalar.empty()) return {};
         o.legacy_names =
             TRY(place_of(reader, n, "metric_name_validation_scheme", kNameSchemes)) == 1;
         return {};
       }},
      {"metric_name_escaping_scheme",
       [&](const YamlNode& n) -> Result<void> {
         if (n.kind == YamlNode::Kind::Scalar && n.scalar.empty()) return {};
         o.name_escaping = static_cast<NameEscaping>(
             TRY(place_of(reader, n, "metric_name_escaping_scheme", kEscapings)));
         return {};
       }},
      {"body_size_limit",
       [&](const YamlNode& n) -> Result<void> {
         if (const uint64_t limit = TRY(reader.size(n)); limit > 0) o.body_size_limit = limit;
         return {};
       }},
      {"sample_limit", limit_into(reader, o.sample_limit)},
      {"label_limit", limit_into(reader, o.label_limit)},
      {"label_name_length_limit", limit_into(reader, o.label_name_length_limit)},
      {"label_value_length_limit", limit_into(reader, o.label_value_length_limit)},
      {"target_limit", limit_into(reader, o.target_limit)},
      {"keep_dropped_targets", limit_into(reader, o.keep_dropped_targets)},
  };
}

Result<void> check_names(const YamlReader& reader, const YamlNode& node, ScrapeOptions& options,
                         bool escaping_given) {
  if (!escaping_given) {
    const bool schemes_differ = node.find("metric_name_validation_scheme") != nullptr;
    if (options.legacy_names && options.name_escaping == NameEscaping::AllowUtf8) {
      options.name_escaping = NameEscaping::Underscores;
    } else if (schemes_differ && !options.legacy_names) {
      options.name_escaping = NameEscaping::AllowUtf8;
    }
  }
  if (options.legacy_names) {
    TRY(check_relabel_targets(reader, node, "relabel_configs"));
    TRY(check_relabel_targets(reader, node, "metric_relabel_configs"));
  }
  if (options.legacy_names && options.name_escaping == NameEscaping::AllowUtf8) {
    return reader.error(node,
                        "utf8 metric names requested (metric_name_escaping_scheme: allow-utf-8) "
                        "but metric_name_validation_scheme is legacy; use underscores");
  }
  return {};
}

Result<ScrapeJob> read_scrape_config(const YamlReader& reader, const YamlNode& node,
                                     const GlobalConfig& global, const ScrapeLimits& limits) {
  ScrapeJob job;
  ScrapeOptions& options = job.options;
  options = global.scrape;
  options.interval = {};
  options.timeout = {};
  const auto inherited = std::exchange(options.protocols, {});
  Sources sources = TRY(ScrapeConfigReader(reader, options).read(node));
  TRY(reader.required(node, "scrape_config", {"job_name"}));
  if (options.interval.ms == 0) options.interval = global.scrape_interval;
  if (options.timeout > options.interval) {
    return reader.error(
        *node.find("scrape_timeout"),
        fmt::format("scrape timeout {} of job {} is greater than its scrape "
                    "interval {}; make scrape_timeout at most {}",
                    format_duration(options.timeout), options.job_name,
                    format_duration(options.interval), format_duration(options.interval)));
  }
  if (options.timeout.ms == 0) options.timeout = std::min(global.scrape_timeout, options.interval);
  if (options.protocols.empty()) options.protocols = inherited;
  if (options.protocols.empty()) {
    using enum ScrapeProtocol;
    // Other formats tell start timestamps in series of their own, or not at all.
    const bool protobuf = options.native_histograms || options.created_as_start;
    if (protobuf) options.protocols.push_back(PrometheusProto);
    for (const auto p : {OpenMetrics100, OpenMetrics001, PrometheusText100, PrometheusText004}) {
      options.protocols.push_back(p);
    }
  }
  if (limits.body_size > 0) {
    options.body_size_limit = std::min<size_t>(options.body_size_limit, limits.body_size);
  }
  if (options.sample_limit == 0) options.sample_limit = limits.samples;
  if (options.label_limit == 0) options.label_limit = limits.labels;
  if (options.label_name_length_limit == 0) {
    options.label_name_length_limit = limits.label_name_length;
  }
  if (options.label_value_length_limit == 0) {
    options.label_value_length_limit = limits.label_value_length;
  }
  options.static_groups = std::move(sources.static_groups);
  job.static_places = std::move(sources.static_places);
  job.discoveries = std::move(sources.discoveries);
  return job;
}

}  // namespace prom5::config
