#include "app/config/discovery_config.h"

#include <filesystem>

#include "app/config/discovery_schema.h"
#include "app/config/http_config.h"
#include "collect/discovery/static.h"

namespace prom5::config {

namespace {

using namespace discovery;

Result<void> read_static(const YamlReader& reader, const YamlNode& node, Sources& sources) {
  std::vector<StaticConfig> configs;
  TRY(reader.sequence(node, "static_configs", [&](const YamlNode& entry) -> Result<void> {
    if (entry.kind == YamlNode::Kind::Null) {
      return reader.error(entry, "static_configs: an entry is empty; write \"- targets: […]\"");
    }
    StaticConfig config;
    std::vector<std::string>& places = sources.static_places.emplace_back();
    const Read targets = [&](const YamlNode& n) -> Result<void> {
      return reader.sequence(n, "targets", [&](const YamlNode& item) -> Result<void> {
        config.addresses.push_back(TRY(reader.string(item)));
        places.push_back(reader.place(item));
        const bool slash = config.addresses.back().find('/') != std::string::npos;
        if (slash && sources.url_target == nullptr) sources.url_target = &item;
        return {};
      });
    };
    const Read labels = [&](const YamlNode& n) -> Result<void> {
      return reader.dictionary(n, "labels",
                               [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
                                 config.labels.emplace_back(name.scalar, TRY(reader.string(value)));
                                 return {};
                               });
    };
    const std::vector<Key> keys = {{"targets", targets}, {"labels", labels}};
    TRY(reader.mapping(entry, "static_configs", keys));
    configs.push_back(std::move(config));
    return {};
  }));
  sources.static_groups = static_groups(configs);
  return {};
}

/// Reads the entry, which is right, into the options of its kind. `keys` gets the kind's own.
class OptionsReader {
 public:
  OptionsReader(const YamlReader& reader, const YamlNode& entry)
      : reader_(reader), entry_(entry), http_(reader) {}

  Result<DiscoveryConfig> read(std::string_view kind) {
    DiscoveryConfig out;
    out.mechanism = kind;
    out.fingerprint = fingerprint(entry_);
    if (kind == "file") out.options = TRY(file());
    if (kind == "http") out.options = TRY(http());
    if (kind == "dns") out.options = TRY(dns());
    if (kind == "consul") out.options = TRY(consul());
    if (kind == "docker") out.options = TRY(docker());
    if (kind == "kubernetes") out.options = TRY(kubernetes());
    return out;
  }

 private:
  /// The keys as the kind takes them; with `security`, those of the HTTP client too.
  Result<void> take(std::vector<Key> keys, Security* security) {
    if (security != nullptr) {
      for (Key& key : http_.keys()) keys.push_back(std::move(key));
    }
    TRY(reader_.mapping(entry_, "service discovery", keys));
    if (security != nullptr) *security = TRY(http_.finish(entry_));
    return {};
  }

  Result<FileOptions> file() {
    FileOptions o;
    TRY(take(
        {{"files", reader_.into(o.files)}, {"refresh_interval", reader_.into(o.refresh_interval)}},
        nullptr));
    for (std::string& name : o.files) {
      const std::filesystem::path path = name;
      if (path.is_relative()) {
        name = (std::filesystem::path(reader_.file()).parent_path() / path).string();
      }
    }
    return o;
  }

  Result<HttpOptions> http() {
    HttpOptions o;
    TRY(take({{"url", reader_.into(o.url)}, {"refresh_interval", reader_.into(o.refresh_interval)}},
             &o.security));
    return o;
  }

  Result<DnsOptions> dns() {
    DnsOptions o;
    TRY(take({{"names", reader_.into(o.names)},
              {"type",
               [&](const YamlNode& n) -> Result<void> {
                 o.type = dns_type(TRY(reader_.string(n)));
                 return {};
               }},
              {"port", reader_.into(o.port)},
              {"refresh_interval", reader_.into(o.refresh_interval)}},
             nullptr));
    return o;
  }

  Result<ConsulOptions> consul() {
    ConsulOptions o;
    std::string user;
    std::string password;
    const Read meta = [&](const YamlNode& n) {
      return reader_.dictionary(n, "node_meta",
                                [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
                                  o.node_meta.emplace_back(name.scalar, value.scalar);
                                  return {};
                                });
    };
    TRY(take({{"server", reader_.into(o.server)},
              {"path_prefix", reader_.into(o.path_prefix)},
              {"token", reader_.into(o.token)},
              {"datacenter", reader_.into(o.datacenter)},
              {"namespace", reader_.into(o.consul_namespace)},
              {"partition", reader_.into(o.partition)},
              {"scheme", reader_.into(o.scheme)},
              {"username", reader_.into(user)},
              {"password", reader_.into(password)},
              {"services", reader_.into(o.services)},
              {"filter", reader_.into(o.filter)},
              {"health_filter", reader_.into(o.health_filter)},
              {"tags", reader_.into(o.tags)},
              {"node_meta", meta},
              {"tag_separator", reader_.into(o.tag_separator)},
              {"allow_stale", reader_.into(o.allow_stale)},
              {"refresh_interval", reader_.into(o.refresh_interval)}},
             &o.security));
    if (!user.empty()) {
      auto with_user = std::make_shared<io::HttpClientSecurity>(*o.security);
      with_user->user.text = user;
      with_user->password.text = password;
      o.security = std::move(with_user);
    }
    return o;
  }

  Result<DockerOptions> docker() {
    DockerOptions o;
    const Read filters = [&](const YamlNode& n) {
      return reader_.sequence(n, "filters", [&](const YamlNode& item) -> Result<void> {
        auto& filter = o.filters.emplace_back();
        const std::vector<Key> keys = {{"name", reader_.into(filter.first)},
                                       {"values", reader_.into(filter.second)}};
        return reader_.mapping(item, "filters", keys);
      });
    };
    TRY(take({{"host", reader_.into(o.host)},
              {"port", reader_.into(o.port)},
              {"host_networking_host", reader_.into(o.host_networking_host)},
              {"match_first_network", reader_.into(o.match_first_network)},
              {"filters", filters},
              {"refresh_interval", reader_.into(o.refresh_interval)}},
             &o.security));
    return o;
  }

  Result<KubernetesOptions> kubernetes() {
    KubernetesOptions o;
    const Read namespaces = [&](const YamlNode& n) {
      const std::vector<Key> keys = {{"own_namespace", reader_.into(o.own_namespace)},
                                     {"names", reader_.into(o.namespaces)}};
      return reader_.mapping(n, "namespaces", keys);
    };
    const Read selectors = [&](const YamlNode& n) {
      return reader_.sequence(n, "selectors", [&](const YamlNode& item) -> Result<void> {
        KubernetesOptions::Selector& s = o.selectors.emplace_back();
        const std::vector<Key> keys = {{"role", reader_.into(s.role)},
                                       {"label", reader_.into(s.label)},
                                       {"field", reader_.into(s.field)}};
        return reader_.mapping(item, "selectors", keys);
      });
    };
    const Read attach = [&](const YamlNode& n) {
      const std::vector<Key> keys = {{"node", reader_.into(o.attach_node)},
                                     {"namespace", reader_.into(o.attach_namespace)},
                                     {"deployment", reader_.into(o.attach_deployment)},
                                     {"job", reader_.into(o.attach_job)},
                                     {"cronjob", reader_.into(o.attach_cronjob)}};
      return reader_.mapping(n, "attach_metadata", keys);
    };
    TRY(take({{"role", reader_.into(o.role)},
              {"api_server", reader_.into(o.api_server)},
              // It may come later, and is then found.
              {"kubeconfig_file",
               [&](const YamlNode& n) -> Result<void> {
                 o.kubeconfig_file = TRY(reader_.output_path(n));
                 return {};
               }},
              {"namespaces", namespaces},
              {"selectors", selectors},
              {"attach_metadata", attach}},
             &o.security));
    return o;
  }

  const YamlReader& reader_;
  const YamlNode& entry_;
  HttpConfigReader http_;
};

}  // namespace

std::vector<Key> source_keys(const YamlReader& reader, Sources& sources) {
  // Names of keys live as long as the program.
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> out;
    for (const DiscoveryKind& kind : discovery_kinds()) {
      out.push_back(fmt::format("{}_sd_configs", kind.name));
    }
    return out;
  }();
  std::vector<Key> keys = {
      {"static_configs", [&](const YamlNode& n) { return read_static(reader, n, sources); }}};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const DiscoveryKind& kind = discovery_kinds()[i];
    keys.push_back(
        {kNames[i], [&reader, &sources, &kind, i](const YamlNode& node) -> Result<void> {
           TRY(reader.sequence(node, kNames[i], [&](const YamlNode& entry) -> Result<void> {
             TRY(check_discovery(reader, kind, entry));
             if (!kind.known) return {};
             sources.discoveries.push_back(TRY(OptionsReader(reader, entry).read(kind.name)));
             return {};
           }));
           if (kind.known || is_empty(node)) return {};
           return reader.not_yet(
               node, kNames[i],
               "let a script write the targets into a file for file_sd_configs, or "
               "serve them for http_sd_configs");
         }});
  }
  return keys;
}

Result<void> check_targets(const YamlReader& reader, const Sources& sources, bool relabels) {
  if (sources.url_target == nullptr || relabels) return {};
  return reader.error(*sources.url_target,
                      fmt::format("\"{}\" is not a valid hostname; give host:port, and the path as "
                                  "metrics_path",
                                  sources.url_target->scalar));
}

std::string fingerprint(const YamlNode& node) {
  std::string out = fmt::format("{}\"{}\"", static_cast<int>(node.kind), node.scalar);
  for (const YamlNode& item : node.items) out += "[" + fingerprint(item) + "]";
  for (const auto& [key, value] : node.entries) {
    out += "{" + fingerprint(key) + ":" + fingerprint(value) + "}";
  }
  return out;
}

}  // namespace prom5::config
