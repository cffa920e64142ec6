#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "io/http/http_client.h"

namespace prom5::discovery {

// What the entries of *_sd_configs say, in the words of prometheus.yml. `security` is never null.

using Security = std::shared_ptr<const io::HttpClientSecurity>;
using Filters = std::vector<std::pair<std::string, std::vector<std::string>>>;

struct FileOptions {
  std::vector<std::string> files;  ///< whole paths; a * may stand in the last part
  DurationMs refresh_interval = DurationMs::minutes(5);
};

struct HttpOptions {
  std::string url;
  DurationMs refresh_interval = DurationMs::minutes(1);
  Security security;
};

struct DnsOptions {
  std::vector<std::string> names;
  std::string type = "SRV";
  uint64_t port = 0;
  DurationMs refresh_interval = DurationMs::seconds(30);
};

struct ConsulOptions {
  std::string server = "localhost:8500";
  std::string path_prefix;
  std::string token;
  std::string datacenter;
  std::string consul_namespace;
  std::string partition;
  std::string scheme = "http";
  std::vector<std::string> services;  ///< empty: all
  std::string filter;
  std::string health_filter;
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> node_meta;
  std::string tag_separator = ",";
  bool allow_stale = true;
  DurationMs refresh_interval = DurationMs::seconds(30);
  Security security;
};

struct DockerOptions {
  std::string host;  ///< "unix:///var/run/docker.sock", "tcp://…", "http://…"
  uint64_t port = 80;
  std::string host_networking_host = "localhost";
  bool match_first_network = true;
  Filters filters;
  DurationMs refresh_interval = DurationMs::minutes(1);
  Security security;
};

struct KubernetesOptions {
  struct Selector {
    std::string role;
    std::string label;
    std::string field;
  };
  std::string role;
  std::string api_server;  ///< empty: as the kubeconfig or the pod's own environment says
  std::string kubeconfig_file;
  bool own_namespace = false;
  std::vector<std::string> namespaces;  ///< empty: all
  std::vector<Selector> selectors;
  bool attach_node = false;
  bool attach_namespace = false;
  bool attach_deployment = false;
  bool attach_job = false;
  bool attach_cronjob = false;
  Security security;
};

/// One entry of one *_sd_configs.
struct DiscoveryConfig {
  std::string mechanism;    ///< "file", "kubernetes", …
  std::string fingerprint;  ///< equal for equal entries
  std::variant<FileOptions, HttpOptions, DnsOptions, ConsulOptions, DockerOptions,
               KubernetesOptions>
      options;
};

}  // namespace prom5::discovery
