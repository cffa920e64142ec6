#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config/yaml_reader.h"
#include "io/http/http_client.h"

namespace prom5::config {

/// An Alertmanager, or several that know of each other's silences.
struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix;
  DurationMs timeout = DurationMs::seconds(10);
  std::vector<std::string> addresses;  ///< host:port, of static_configs
  std::shared_ptr<const io::HttpClientSecurity> security;
};

/// Reads `alerting`. Alertmanagers are asked for silences; alerts are not sent to them, as this
/// version evaluates no rules.
Result<std::vector<AlertmanagerConfig>> read_alerting(const YamlReader& reader,
                                                      const YamlNode& node);
/// Checks `tracing`, which has no effect.
Result<void> check_tracing(const YamlReader& reader, const YamlNode& node);

}  // namespace prom5::config
