#include "app/config/alerting_config.h"

#include <algorithm>
#include <array>

#include "app/config/discovery_config.h"
#include "app/config/http_config.h"
#include "app/config/relabel_config.h"
#include "base/ascii.h"

namespace prom5::config {

namespace {

constexpr std::array kSchemes = std::to_array<std::string_view>({"http", "https"});
constexpr std::array kVersions = std::to_array<std::string_view>({"v2"});

Result<AlertmanagerConfig> read_alertmanager(const YamlReader& reader, const YamlNode& node) {
  AlertmanagerConfig out;
  std::vector<RelabelConfig> relabels;
  std::vector<RelabelConfig> alert_relabels;
  Sources sources;
  HttpConfigReader http(reader);
  const auto one_of = [&](std::string_view what, std::span<const std::string_view> words) -> Read {
    return [&reader, what, words](const YamlNode& n) -> Result<void> {
      TRY(reader.word(n, what, words));
      return {};
    };
  };
  std::vector<Key> keys = {
      {"scheme",
       [&](const YamlNode& n) -> Result<void> {
         out.scheme = TRY(reader.word(n, "scheme", kSchemes));
         return {};
       }},
      {"api_version", one_of("api_version", kVersions)},
      {"path_prefix", reader.into(out.path_prefix)},
      {"timeout", reader.into(out.timeout)},
      {"sigv4", reader.not_yet_unless_empty("sigv4")},
      {"relabel_configs", relabel_configs(reader, "relabel_configs", relabels)},
      {"alert_relabel_configs", relabel_configs(reader, "alert_relabel_configs", alert_relabels)}};
  for (Key& key : source_keys(reader, sources)) keys.push_back(std::move(key));
  for (Key& key : http.keys()) keys.push_back(std::move(key));
  TRY(reader.mapping(node, "alertmanagers", keys));
  TRY(reader.at_most_one(node, {"basic_auth", "authorization", "oauth2", "sigv4"}));
  out.security = TRY(http.finish(node));
  TRY(check_targets(reader, sources, !relabels.empty()));
  for (const TargetGroup& group : sources.static_groups) {
    for (const Labels& target : group.targets) {
      out.addresses.emplace_back(target.get("__address__"));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<AlertmanagerConfig>> read_alerting(const YamlReader& reader,
                                                      const YamlNode& node) {
  std::vector<AlertmanagerConfig> out;
  std::vector<RelabelConfig> relabels;
  const Read alertmanagers = [&](const YamlNode& n) {
    return reader.sequence(n, "alertmanagers", [&](const YamlNode& entry) -> Result<void> {
      out.push_back(TRY(read_alertmanager(reader, entry)));
      return {};
    });
  };
  const std::vector<Key> keys = {
      {"alertmanagers", alertmanagers},
      {"alert_relabel_configs", relabel_configs(reader, "alert_relabel_configs", relabels)}};
  TRY(reader.mapping(node, "alerting", keys));
  if (!is_empty(node)) {
    reader.note(node,
                "alerting is for looking at silences only: this version evaluates no rules yet");
  }
  return out;
}

Result<void> check_tracing(const YamlReader& reader, const YamlNode& node) {
  std::string endpoint;
  DurationMs timeout;
  bool insecure = false;
  HttpConfigReader http(reader);
  const auto one_of = [&](std::string_view what, std::span<const std::string_view> words) -> Read {
    return [&reader, what, words](const YamlNode& n) -> Result<void> {
      TRY(reader.word(n, what, words));
      return {};
    };
  };
  constexpr std::array kClients = std::to_array<std::string_view>({"grpc", "http"});
  constexpr std::array kCompressions = std::to_array<std::string_view>({"gzip", ""});
  const Read headers = [&](const YamlNode& n) {
    return reader.dictionary(n, "headers", [&](const YamlNode& name, const YamlNode&) {
      constexpr std::array kReserved = std::to_array<std::string_view>(
          {"authorization", "host", "content-encoding", "content-length", "content-type",
           "user-agent", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
           "www-authenticate", "accept-encoding", "x-prometheus-remote-write-version",
           "x-prometheus-remote-read-version"});
      const std::string lower = to_lower(name.scalar);
      if (std::find(kReserved.begin(), kReserved.end(), lower) == kReserved.end()) {
        return Result<void>();
      }
      return Result<void>(
          reader.error(name, fmt::format("tracing: the header {} cannot be set", name.scalar)));
    });
  };
  const Read fraction = [&](const YamlNode& n) -> Result<void> {
    TRY(reader.real(n));
    return {};
  };
  const Read tls = [&](const YamlNode& n) -> Result<void> {
    for (const Key& key : http.keys()) {
      if (key.name == "tls_config") return key.read(n);
    }
    return {};
  };
  const std::vector<Key> keys = {{"endpoint", reader.into(endpoint)},
                                 {"client_type", one_of("client_type", kClients)},
                                 {"sampling_fraction", fraction},
                                 {"insecure", reader.into(insecure)},
                                 {"compression", one_of("compression", kCompressions)},
                                 {"timeout", reader.into(timeout)},
                                 {"headers", headers},
                                 {"http_headers", headers},
                                 {"tls_config", tls}};
  if (is_empty(node)) return {};
  TRY(reader.mapping(node, "tracing", keys));
  TRY(reader.required(node, "tracing", {"endpoint"}));
  reader.note(node, "tracing has no effect: prom5 sends no traces of its own");
  return {};
}

}  // namespace prom5::config
