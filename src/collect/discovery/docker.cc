#include "collect/discovery/docker.h"

#include <map>

#include "collect/discovery/json_view.h"
#include "io/http/url.h"

namespace prom5::discovery {

namespace {

constexpr std::string_view kApi = "/v1.40";
constexpr std::string_view kPrefix = "__meta_docker_";

std::string label(std::string_view name) { return std::string(kPrefix) + std::string(name); }

using NetworkLabels = std::map<std::string, std::vector<std::pair<std::string, std::string>>>;

NetworkLabels labels_of_networks(const Json& networks) {
  NetworkLabels out;
  for (const Json& network : networks) {
    auto& labels = out[text(network, "Id")];
    labels.emplace_back(label("network_id"), text(network, "Id"));
    labels.emplace_back(label("network_name"), text(network, "Name"));
    labels.emplace_back(label("network_scope"), text(network, "Scope"));
    for (const std::string_view flag : {"Internal", "Ingress"}) {
      const bool on = text(network, flag) == "true";
      labels.emplace_back(label(flag == "Internal" ? "network_internal" : "network_ingress"),
                          on ? "true" : "false");
    }
    for (const auto& [name, value] : member(network, "Labels").items()) {
      labels.emplace_back(label("network_label_") + sanitize_label_name(name),
                          value.is_string() ? value.get<std::string>() : "");
    }
  }
  return out;
}

/// The networks a container is in, by name; of one that shares another's, those of the other.
std::map<std::string, const Json*> networks_of(const Json& container,
                                               const std::map<std::string, const Json*>& all) {
  constexpr std::string_view kShared = "container:";
  const Json* at = &container;
  for (size_t hops = 0; hops <= all.size(); ++hops) {
    std::map<std::string, const Json*> out;
    for (const auto& [name, network] : member(member(*at, "NetworkSettings"), "Networks").items()) {
      if (network.is_object()) out.emplace(name, &network);
    }
    const std::string mode = text(member(*at, "HostConfig"), "NetworkMode");
    if (!out.empty() || !mode.starts_with(kShared)) return out;
    const auto other = all.find(mode.substr(kShared.size()));
    if (other == all.end()) return out;
    at = other->second;
  }
  return {};
}

}  // namespace

std::vector<Labels> docker_targets(const Json& containers, const Json& networks,
                                   const DockerOptions& options) {
  const NetworkLabels network_labels = labels_of_networks(networks);
  std::map<std::string, const Json*> by_id;
  for (const Json& container : containers) by_id[text(container, "Id")] = &container;
  std::vector<Labels> out;
  for (const Json& container : containers) {
    const Json& names = member(container, "Names");
    if (!names.is_array() || names.empty() || !names[0].is_string()) continue;
    LabelsBuilder common;
    common.set(label("container_id"), text(container, "Id"));
    common.set(label("container_name"), names[0].get<std::string>());
    const std::string mode = text(member(container, "HostConfig"), "NetworkMode");
    common.set(label("container_network_mode"), mode);
    common.set(label("container_image"), text(container, "Image"));
    common.set(label("container_image_id"), text(container, "ImageID"));
    for (const auto& [name, value] : member(container, "Labels").items()) {
      if (!value.is_string()) continue;
      common.set(label("container_label_") + sanitize_label_name(name), value.get<std::string>());
    }
    auto joined = networks_of(container, by_id);
    if (options.match_first_network && joined.size() > 1) {
      joined.erase(std::next(joined.begin()), joined.end());
    }
    for (const auto& [network_name, network] : joined) {
      std::string ip = text(*network, "IPAddress");
      if (ip.empty()) ip = text(*network, "GlobalIPv6Address");
      const auto target = [&](const std::string& address) {
        LabelsBuilder labels = common;
        labels.set(label("network_ip"), ip);
        if (const auto found = network_labels.find(text(*network, "NetworkID"));
            found != network_labels.end()) {
          for (const auto& [name, value] : found->second) labels.set(name, value);
        }
        labels.set("__address__", address);
        return labels;
      };
      bool added = false;
      for (const Json& port : member(container, "Ports")) {
        if (text(port, "Type") != "tcp") continue;
        const std::string inner = text(port, "PrivatePort");
        LabelsBuilder labels = target(join_host_port(ip, inner));
        labels.set(label("port_private"), inner);
        const std::string outer = text(port, "PublicPort");
        if (!outer.empty() && outer != "0") {
          labels.set(label("port_public"), outer);
          labels.set(label("port_public_ip"), text(port, "IP"));
        }
        out.push_back(labels.build());
        added = true;
      }
      if (added) continue;
      // Without a port that can be asked, the configured one; on the host's network, the host.
      const std::string host = mode == "host" ? options.host_networking_host : ip;
      LabelsBuilder labels =
          target(mode == "host" ? host : join_host_port(host, std::to_string(options.port)));
      out.push_back(labels.build());
    }
  }
  return out;
}

Result<Json> DockerDiscoverer::get(const std::string& path, const std::stop_token& stop) {
  io::HttpClientRequest request;
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  if (options_.host.starts_with(kUnix)) {
    request.unix_socket = options_.host.substr(kUnix.size());
    request.url = "http://docker" + std::string(kApi) + path;
  } else {
    std::string base = options_.host;
    if (base.starts_with(kTcp)) base = "http://" + base.substr(kTcp.size());
    while (base.ends_with('/')) base.pop_back();
    request.url = base + std::string(kApi) + path;
    request.security = options_.security;
  }
  request.timeout_ms = interval_.ms;
  const bool socket = !request.unix_socket.empty();
  const auto answer = fetch(services_.http, std::move(request), stop);
  if (!answer && socket && answer.error().code == ErrorCode::Unavailable) {
    return fail(ErrorCode::Unavailable,
                "docker: {}; is Docker running, may this user open its socket, and if this server "
                "runs in a container, is the socket mounted there?",
                answer.error().message);
  }
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) {
    return fail(ErrorCode::Unavailable, "docker: HTTP status {} for {}", answer->status, path);
  }
  return codec::parse_json(answer->body);
}

Result<std::vector<TargetGroup>> DockerDiscoverer::refresh(const std::stop_token& stop) {
  std::string query;
  if (!options_.filters.empty()) {
    Json filters = Json::object();
    for (const auto& [name, values] : options_.filters) {
      for (const std::string& value : values) filters[name][value] = true;
    }
    query = "?filters=" + io::percent_encode(codec::dump_json(filters));
  }
  const Json containers = TRY(get("/containers/json" + query, stop));
  const Json networks = TRY(get("/networks", stop));
  TargetGroup group;
  group.source = "Docker";
  group.targets = docker_targets(containers, networks, options_);
  return std::vector{std::move(group)};
}

}  // namespace prom5::discovery
