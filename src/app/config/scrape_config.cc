#include "app/config/scrape_config.h"

#include <array>
#include <filesystem>

#include "collect/discovery/static.h"
#include "io/file/file_system.h"

namespace prom5::config {

namespace {

using Read = std::function<Result<void>(const YamlNode&)>;

/// The kinds of service discovery that Prometheus has and this version has not.
constexpr std::array kOtherDiscoveries = std::to_array<std::string_view>({
    "aws_sd_configs",          "azure_sd_configs",     "consul_sd_configs",
    "digitalocean_sd_configs", "dns_sd_configs",       "docker_sd_configs",
    "dockerswarm_sd_configs",  "ec2_sd_configs",       "eureka_sd_configs",
    "file_sd_configs",         "gce_sd_configs",       "hetzner_sd_configs",
    "http_sd_configs",         "ionos_sd_configs",     "kubernetes_sd_configs",
    "kuma_sd_configs",         "lightsail_sd_configs", "linode_sd_configs",
    "marathon_sd_configs",     "nerve_sd_configs",     "nomad_sd_configs",
    "oci_sd_configs",          "openstack_sd_configs", "outscale_sd_configs",
    "ovhcloud_sd_configs",     "puppetdb_sd_configs",  "scaleway_sd_configs",
    "serverset_sd_configs",    "stackit_sd_configs",   "triton_sd_configs",
    "uyuni_sd_configs",        "vultr_sd_configs",
});

/// Options whose feature this version does not have; they may be given their default.
constexpr std::array kOtherOptions = std::to_array<std::string_view>({
    "oauth2",
    "proxy_url",
    "no_proxy",
    "proxy_connect_header",
    "scrape_failure_log_file",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
});

template <typename T, typename Value>
Read into(T& target, Value value) {
  return [&target, value](const YamlNode& node) -> Result<void> {
    target = TRY(value(node));
    return {};
  };
}

class ScrapeConfigReader {
 public:
  ScrapeConfigReader(const YamlReader& reader, scrape::ScrapeOptions& options)
      : reader_(reader), options_(options) {}

  Result<void> read(const YamlNode& node) {
    const std::vector<Key> keys = all_keys();
    if (node.kind == YamlNode::Kind::Null) {
      return reader_.error(node, "empty or null scrape config section");
    }
    TRY(at_most_one(node, {"basic_auth", "authorization"}));
    return reader_.mapping(node, "scrape_config", keys);
  }

  bool interval_given = false;
  bool timeout_given = false;

 private:
  Result<void> at_most_one(const YamlNode& node,
                           std::initializer_list<std::string_view> names) const {
    size_t given = 0;
    std::string list;
    for (const std::string_view name : names) {
      given += node.find(name) != nullptr ? 1 : 0;
      list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
    }
    if (given <= 1) return {};
    return reader_.error(node, fmt::format("at most one of {} may be given", list));
  }

  Read text(std::string& target) const {
    return into(target, [this](const YamlNode& n) { return reader_.string(n); });
  }
  Read flag(bool& target) const {
    return into(target, [this](const YamlNode& n) { return reader_.boolean(n); });
  }
  Read number(uint64_t& target) const {
    return into(target, [this](const YamlNode& n) { return reader_.count(n); });
  }
  Read ignored() const {
    return [](const YamlNode&) -> Result<void> { return {}; };
  }
  /// A switch for something this version does not do: only "false" is taken.
  Read only_false(std::string_view name) const {
    return [this, name](const YamlNode& n) -> Result<void> {
      if (!TRY(reader_.boolean(n))) return {};
      return reader_.error(n,
                           fmt::format("{} is not supported by this version yet; remove it", name));
    };
  }
  Read unsupported(std::string_view name) const {
    return [this, name](const YamlNode& n) -> Result<void> {
      const bool empty =
          n.kind == YamlNode::Kind::Null ||
          (n.kind == YamlNode::Kind::Sequence && n.items.empty()) ||
          (n.kind == YamlNode::Kind::Scalar && (n.scalar.empty() || n.scalar == "0"));
      if (empty) return {};
      return reader_.error(
          n, fmt::format(
                 "{} is not supported by this version yet{}", name,
                 name.ends_with("_sd_configs") ? "; list the targets under static_configs" : ""));
    };
  }

  std::vector<Key> all_keys() {
    scrape::ScrapeOptions& o = options_;
    std::vector<Key> keys = {
        {"job_name", text(o.job_name)},
        {"scrape_interval",
         [this](const YamlNode& n) -> Result<void> {
           options_.interval = TRY(reader_.duration(n));
           interval_given = true;
           return {};
         }},
        {"scrape_timeout",
         [this](const YamlNode& n) -> Result<void> {
           options_.timeout = TRY(reader_.duration(n));
           timeout_given = true;
           return {};
         }},
        {"metrics_path", text(o.metrics_path)},
        {"scheme", [this](const YamlNode& n) { return read_scheme(n); }},
        {"params", [this](const YamlNode& n) { return read_params(n); }},
        {"honor_labels", flag(o.honor_labels)},
        {"honor_timestamps", flag(o.honor_timestamps)},
        {"track_timestamps_staleness", only_false("track_timestamps_staleness")},
        {"enable_compression", flag(o.enable_compression)},
        {"follow_redirects", flag(o.follow_redirects)},
        {"enable_http2", ignored()},
        {"proxy_from_environment", only_false("proxy_from_environment")},
        {"scrape_protocols", ignored()},
        {"fallback_scrape_protocol", [this](const YamlNode& n) { return read_fallback(n); }},
        {"metric_name_validation_scheme", ignored()},
        {"metric_name_escaping_scheme", ignored()},
        {"scrape_native_histograms", only_false("scrape_native_histograms")},
        {"convert_classic_histograms_to_nhcb", only_false("convert_classic_histograms_to_nhcb")},
        {"always_scrape_classic_histograms", ignored()},
        {"extra_scrape_metrics", only_false("extra_scrape_metrics")},
        {"body_size_limit", [this](const YamlNode& n) { return read_body_limit(n); }},
        {"sample_limit", number(o.sample_limit)},
        {"label_limit", number(o.label_limit)},
        {"label_name_length_limit", number(o.label_name_length_limit)},
        {"label_value_length_limit", number(o.label_value_length_limit)},
        {"target_limit", number(o.target_limit)},
        {"keep_dropped_targets", ignored()},
        {"basic_auth", [this](const YamlNode& n) { return read_basic_auth(n); }},
        {"authorization", [this](const YamlNode& n) { return read_authorization(n); }},
        {"tls_config", [this](const YamlNode& n) { return read_tls(n); }},
        {"http_headers", [this](const YamlNode& n) { return read_headers(n); }},
        {"static_configs", [this](const YamlNode& n) { return read_static(n); }},
        {"relabel_configs",
         [this](const YamlNode& n) { return read_relabel(n, options_.relabel_configs); }},
        {"metric_relabel_configs",
         [this](const YamlNode& n) { return read_relabel(n, options_.metric_relabel_configs); }},
    };
    for (const std::string_view name : kOtherOptions) keys.push_back({name, unsupported(name)});
    for (const std::string_view name : kOtherDiscoveries) keys.push_back({name, unsupported(name)});
    return keys;
  }

  Result<void> read_scheme(const YamlNode& node) {
    options_.scheme = TRY(reader_.string(node));
    if (options_.scheme == "http" || options_.scheme == "https") return {};
    return reader_.error(node,
                         fmt::format("scheme \"{}\": expected http or https", options_.scheme));
  }

  Result<void> read_params(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::Null) return {};
    if (node.kind != YamlNode::Kind::Mapping) return reader_.error(node, "expected a mapping");
    for (const auto& [name, values] : node.entries) {
      for (std::string& value : TRY(reader_.strings(values))) {
        options_.params.emplace_back(name.scalar, std::move(value));
      }
    }
    return {};
  }

  Result<void> read_fallback(const YamlNode& node) {
    const std::string name = TRY(reader_.string(node));
    if (name == "PrometheusText0.0.4" || name == "PrometheusText1.0.0") {
      options_.accept_any_content_type = true;
      return {};
    }
    return reader_.error(node, fmt::format("fallback_scrape_protocol \"{}\": expected "
                                           "PrometheusText0.0.4 or PrometheusText1.0.0",
                                           name));
  }

  Result<void> read_body_limit(const YamlNode& node) {
    const uint64_t limit = TRY(reader_.size(node));
    if (limit > 0) options_.body_size_limit = limit;
    return {};
  }

  /// A secret from a file, without the newline that editors leave.
  Result<std::string> read_file(const YamlNode& node) const {
    std::filesystem::path path = TRY(reader_.string(node));
    if (path.is_relative()) path = std::filesystem::path(reader_.file()).parent_path() / path;
    if (!reader_.reads_files()) return std::string();
    io::PosixFileSystem files;
    auto text = files.read(path.string());
    if (!text) return reader_.error(node, text.error().message);
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    return *std::move(text);
  }
  Read from_file(std::string& target) const {
    return into(target, [this](const YamlNode& n) { return read_file(n); });
  }
  Read path(std::string& target) const {
    return [this, &target](const YamlNode& n) -> Result<void> {
      std::filesystem::path given = TRY(reader_.string(n));
      if (!given.empty() && given.is_relative()) {
        given = std::filesystem::path(reader_.file()).parent_path() / given;
      }
      target = given.string();
      if (!target.empty() && reader_.reads_files()) {
        io::PosixFileSystem files;
        if (auto size = files.size(target); !size) return reader_.error(n, size.error().message);
      }
      return {};
    };
  }

  Result<void> read_basic_auth(const YamlNode& node) {
    io::HttpClientSecurity& s = options_.security;
    const std::vector<Key> keys = {{"username", text(s.user)},
                                   {"username_file", from_file(s.user)},
                                   {"password", text(s.password)},
                                   {"password_file", from_file(s.password)}};
    TRY(at_most_one(node, {"username", "username_file"}));
    TRY(at_most_one(node, {"password", "password_file"}));
    return reader_.mapping(node, "basic_auth", keys);
  }

  Result<void> read_authorization(const YamlNode& node) {
    std::string type = "Bearer";
    std::string credentials;
    const std::vector<Key> keys = {{"type", text(type)},
                                   {"credentials", text(credentials)},
                                   {"credentials_file", from_file(credentials)}};
    TRY(at_most_one(node, {"credentials", "credentials_file"}));
    TRY(reader_.mapping(node, "authorization", keys));
    if (type == "basic" || type == "Basic") {
      return reader_.error(node, "authorization: for type \"basic\" use basic_auth");
    }
    options_.security.authorization = type + " " + credentials;
    return {};
  }

  Result<void> read_tls(const YamlNode& node) {
    io::HttpClientSecurity& s = options_.security;
    const std::vector<Key> keys = {{"ca_file", path(s.ca_file)},
                                   {"cert_file", path(s.certificate_file)},
                                   {"key_file", path(s.key_file)},
                                   {"server_name", unsupported("server_name")},
                                   {"insecure_skip_verify", flag(s.insecure_skip_verify)},
                                   {"ca", unsupported("ca")},
                                   {"cert", unsupported("cert")},
                                   {"key", unsupported("key")},
                                   {"min_version", unsupported("min_version")},
                                   {"max_version", unsupported("max_version")}};
    return reader_.mapping(node, "tls_config", keys);
  }

  Result<void> read_headers(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::Null) return {};
    if (node.kind != YamlNode::Kind::Mapping) return reader_.error(node, "expected a mapping");
    for (const auto& [name, content] : node.entries) {
      std::vector<std::string> values;
      const auto add = [&](const YamlNode& n) -> Result<void> {
        for (std::string& v : TRY(reader_.strings(n))) values.push_back(std::move(v));
        return {};
      };
      const std::vector<Key> keys = {
          {"values", add}, {"secrets", add}, {"files", [&](const YamlNode& n) -> Result<void> {
                                                for (const YamlNode& item : n.items) {
                                                  values.push_back(TRY(read_file(item)));
                                                }
                                                return {};
                                              }}};
      TRY(reader_.mapping(content, "http_headers", keys));
      for (std::string& value : values) options_.headers.add(name.scalar, std::move(value));
    }
    return {};
  }

  Result<void> read_static(const YamlNode& node) {
    std::vector<discovery::StaticConfig> configs;
    TRY(reader_.sequence(node, "static_configs", [&](const YamlNode& entry) -> Result<void> {
      discovery::StaticConfig config;
      const std::vector<Key> keys = {
          {"targets",
           [&](const YamlNode& n) -> Result<void> {
             return reader_.sequence(n, "targets", [&](const YamlNode& item) -> Result<void> {
               config.addresses.push_back(TRY(reader_.string(item)));
               if (config.addresses.back().find('/') == std::string::npos) return {};
               return reader_.error(item, fmt::format("\"{}\" is not a valid hostname; give "
                                                      "host:port, and the path as metrics_path",
                                                      config.addresses.back()));
             });
           }},
          {"labels", [&](const YamlNode& n) -> Result<void> {
             if (n.kind == YamlNode::Kind::Null) return {};
             if (n.kind != YamlNode::Kind::Mapping) {
               return reader_.error(n, "labels: expected a mapping of names to values");
             }
             for (const auto& [name, value] : n.entries) {
               config.labels.emplace_back(name.scalar, TRY(reader_.string(value)));
             }
             return {};
           }}};
      TRY(reader_.mapping(entry, "static_configs", keys));
      configs.push_back(std::move(config));
      return {};
    }));
    options_.static_groups = discovery::static_groups(configs);
    return {};
  }

  Result<void> read_relabel(const YamlNode& node, std::vector<RelabelConfig>& out) {
    return reader_.sequence(node, "relabel_configs", [&](const YamlNode& entry) -> Result<void> {
      RelabelConfig config;
      const auto list = [&](const YamlNode& n) -> Result<void> {
        config.source_labels = TRY(reader_.strings(n));
        return {};
      };
      const std::vector<Key> keys = {
          {"source_labels", list},
          {"separator", text(config.separator)},
          {"target_label", text(config.target_label)},
          {"modulus", number(config.modulus)},
          {"replacement", text(config.replacement)},
          {"regex",
           [&](const YamlNode& n) -> Result<void> {
             auto regex = Regex::compile(TRY(reader_.string(n)));
             if (!regex) return reader_.error(n, "regex: " + regex.error().message);
             config.regex = *std::move(regex);
             return {};
           }},
          {"action", [&](const YamlNode& n) -> Result<void> {
             const auto action = parse_relabel_action(TRY(reader_.string(n)));
             if (!action) {
               return reader_.error(
                   n,
                   fmt::format(
                       "unknown relabel action \"{}\"; one of replace, keep, drop, keepequal, "
                       "dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase",
                       n.scalar));
             }
             config.action = *action;
             return {};
           }}};
      TRY(reader_.mapping(entry, "relabel_config", keys));
      if (auto valid = config.validate(); !valid) {
        return reader_.error(entry, valid.error().message);
      }
      out.push_back(std::move(config));
      return {};
    });
  }

  const YamlReader& reader_;
  scrape::ScrapeOptions& options_;
};

}  // namespace

Result<scrape::ScrapeOptions> read_scrape_config(const YamlReader& reader, const YamlNode& node,
                                                 const GlobalConfig& global,
                                                 std::set<std::string>& jobs) {
  scrape::ScrapeOptions options;
  options.interval = global.scrape_interval;
  options.timeout = global.scrape_timeout;
  options.body_size_limit = global.body_size_limit;
  options.sample_limit = global.sample_limit;
  options.label_limit = global.label_limit;
  options.label_name_length_limit = global.label_name_length_limit;
  options.label_value_length_limit = global.label_value_length_limit;
  options.target_limit = global.target_limit;
  ScrapeConfigReader config(reader, options);
  TRY(config.read(node));
  if (options.job_name.empty()) return reader.error(node, "scrape_config has no job_name");
  if (!jobs.insert(options.job_name).second) {
    return reader.error(node, fmt::format("job_name \"{}\" is used by two scrape configs; names "
                                          "must be unique",
                                          options.job_name));
  }
  if (options.timeout > options.interval) {
    if (config.timeout_given) {
      return reader.error(node,
                          fmt::format("scrape timeout {} of job {} is greater than its scrape "
                                      "interval {}",
                                      format_duration(options.timeout), options.job_name,
                                      format_duration(options.interval)));
    }
    options.timeout = options.interval;
  }
  return options;
}

}  // namespace prom5::config
