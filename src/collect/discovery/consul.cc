#include "collect/discovery/consul.h"

#include <algorithm>
#include <charconv>

#include "collect/discovery/json_view.h"
#include "io/http/url.h"

namespace prom5::discovery {

namespace {

constexpr int64_t kWatchMs = 120'000;
/// Consul answers up to a sixteenth later than asked, so that watches do not end together.
constexpr int64_t kGraceMs = 15'000;
constexpr DurationMs kRetry = DurationMs::seconds(15);
constexpr std::string_view kPrefix = "__meta_consul_";

std::string label(std::string_view name) { return std::string(kPrefix) + std::string(name); }

/// The worst of the checks (hashicorp/consul api/health.go, AggregatedStatus).
std::string aggregated_status(const Json& checks) {
  bool warning = false;
  bool critical = false;
  for (const Json& check : checks) {
    const std::string id = text(check, "CheckID");
    if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) return "maintenance";
    const std::string status = text(check, "Status");
    critical = critical || status == "critical";
    warning = warning || status == "warning";
  }
  return critical ? "critical" : warning ? "warning" : "passing";
}

void add_all(LabelsBuilder& labels, std::string_view prefix, const Json& texts) {
  if (!texts.is_object()) return;
  for (const auto& [name, value] : texts.items()) {
    if (!value.is_string()) continue;
    labels.set(label(prefix) + sanitize_label_name(name), value.get<std::string>());
  }
}

}  // namespace

std::vector<Labels> consul_targets(const Json& entries, const ConsulOptions& options) {
  std::vector<Labels> out;
  for (const Json& entry : entries) {
    const Json& service = member(entry, "Service");
    const Json& node = member(entry, "Node");
    std::string tags = options.tag_separator;
    for (const Json& tag : member(service, "Tags")) {
      if (tag.is_string()) tags += tag.get<std::string>() + options.tag_separator;
    }
    // Go joins no tags to an empty text between two separators.
    if (tags.size() == options.tag_separator.size()) tags += options.tag_separator;
    std::string address = text(service, "Address");
    if (address.empty()) address = text(node, "Address");
    std::string port = text(service, "Port");
    if (port.empty()) port = "0";
    LabelsBuilder labels;
    labels.set("__address__", join_host_port(address, port))
        .set(label("address"), text(node, "Address"))
        .set(label("node"), text(node, "Node"))
        .set(label("namespace"), text(service, "Namespace"))
        .set(label("partition"), text(service, "Partition"))
        .set(label("tags"), tags)
        .set(label("service_address"), text(service, "Address"))
        .set(label("service_port"), port)
        .set(label("service_id"), text(service, "ID"))
        .set(label("health"), aggregated_status(member(entry, "Checks")));
    add_all(labels, "metadata_", member(node, "Meta"));
    add_all(labels, "service_metadata_", member(service, "Meta"));
    add_all(labels, "tagged_address_", member(node, "TaggedAddresses"));
    out.push_back(labels.build());
  }
  return out;
}

ConsulDiscoverer::ConsulDiscoverer(const ConsulOptions& options, const std::string& job,
                                   const Services& services)
    : options_(options),
      job_(job),
      services_(services),
      failures_(services.metrics.counter("prometheus_sd_refresh_failures_total",
                                         "Number of refresh failures for the given SD mechanism.",
                                         {{"mechanism", "consul"}, {"config", job}})),
      rpc_failures_(services.metrics.counter("prometheus_sd_consul_rpc_failures_total",
                                             "The number of Consul RPC call failures.")) {}

std::string ConsulDiscoverer::url_of(const std::string& key, const Watch& watch) const {
  std::string url = fmt::format("{}://{}", options_.scheme, options_.server);
  // "unix" and paths in `server` are not known to Consul's own client either.
  url += options_.path_prefix;
  url += key.empty() ? "/v1/catalog/services" : "/v1/health/service/" + io::percent_encode(key);
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    url += separator;
    separator = '&';
    url += io::percent_encode(name);
    if (!value.empty()) url += "=" + io::percent_encode(value);
  };
  if (!options_.datacenter.empty()) add("dc", options_.datacenter);
  if (!options_.consul_namespace.empty()) add("ns", options_.consul_namespace);
  if (!options_.partition.empty()) add("partition", options_.partition);
  if (options_.allow_stale) add("stale", "");
  if (watch.index > 0) {
    add("index", std::to_string(watch.index));
    add("wait", fmt::format("{}ms", kWatchMs));
  }
  for (const auto& [name, value] : options_.node_meta) add("node-meta", name + ":" + value);
  const std::string& filter = key.empty() ? options_.filter : options_.health_filter;
  if (!filter.empty()) add("filter", filter);
  if (!key.empty()) {
    for (const std::string& tag : options_.tags) add("tag", tag);
  }
  return url;
}

void ConsulDiscoverer::ask(const std::string& key, Watch& watch) {
  watch.asked = true;
  io::HttpClientRequest request;
  request.url = url_of(key, watch);
  request.security = options_.security;
  request.timeout_ms = kWatchMs + kGraceMs;
  request.canceled = canceled_;
  if (!options_.token.empty()) request.headers.add("X-Consul-Token", options_.token);
  services_.http.start(std::move(request),
                       [answers = answers_, key](Result<io::HttpClientResponse> response) {
                         answers->push({key, std::move(response)});
                       });
}

Result<std::string> ConsulDiscoverer::find_datacenter(const std::stop_token& stop) {
  if (!options_.datacenter.empty()) return options_.datacenter;
  io::HttpClientRequest request;
  request.url = fmt::format("{}://{}{}/v1/agent/self", options_.scheme, options_.server,
                            options_.path_prefix);
  request.security = options_.security;
  if (!options_.token.empty()) request.headers.add("X-Consul-Token", options_.token);
  const io::HttpClientResponse answer = TRY(fetch(services_.http, std::move(request), stop));
  if (answer.status != 200) {
    return fail(ErrorCode::Unavailable, "HTTP status {} for /v1/agent/self", answer.status);
  }
  return text(member(TRY(codec::parse_json(answer.body)), "Config"), "Datacenter");
}

bool ConsulDiscoverer::wanted(const std::string& service, const Json& tags) const {
  const auto& names = options_.services;
  if (!names.empty() && std::find(names.begin(), names.end(), service) == names.end()) return false;
  return std::all_of(options_.tags.begin(), options_.tags.end(), [&](const std::string& tag) {
    return tags.is_array() && std::find(tags.begin(), tags.end(), Json(tag)) != tags.end();
  });
}

bool ConsulDiscoverer::take_catalogue(const Json& services) {
  bool changed = !std::exchange(catalogue_known_, true);
  for (const auto& [name, tags] : services.items()) {
    if (wanted(name, tags)) watches_.try_emplace(name);
  }
  changed |= std::erase_if(watches_, [&](const auto& entry) {
               const bool gone = !entry.first.empty() && !services.contains(entry.first);
               if (gone) services_.problems.clear(entry.first);
               return gone;
             }) > 0;
  return changed;
}

void ConsulDiscoverer::fail_watch(Watch& watch, const std::string& key, std::string_view reason) {
  failures_.add();
  rpc_failures_.add();
  watch.next = services_.clock.now() + std::min(kRetry, options_.refresh_interval);
  services_.problems.set(key, std::string(reason));
  services_.log.warn("Error refreshing service",
                     {{"job", job_}, {"service", key}, {"err", reason}});
}

bool ConsulDiscoverer::take(Answer answer) {
  const auto found = watches_.find(answer.key);
  if (found == watches_.end()) return false;  // the service went away while it was asked for
  Watch& watch = found->second;
  watch.asked = false;
  if (answer.response) {
    if (auto decoded = answer.response->decode(); !decoded) {
      answer.response = std::unexpected(decoded.error());
    }
  }
  if (!answer.response) {
    fail_watch(watch, answer.key, answer.response.error().message);
    return false;
  }
  const auto body = codec::parse_json(answer.response->body);
  if (answer.response->status != 200 || !body) {
    fail_watch(watch, answer.key,
               answer.response->status != 200
                   ? fmt::format("HTTP status {}", answer.response->status)
                   : body.error().message);
    return false;
  }
  services_.problems.clear(answer.key);
  watch.next = services_.clock.now() + options_.refresh_interval;
  uint64_t index = 0;
  const std::string_view header = answer.response->headers.get("X-Consul-Index");
  std::from_chars(header.data(), header.data() + header.size(), index);
  // The same index: nothing happened. A lower one: the server began anew.
  if (index != 0 && index == watch.index) return false;
  watch.index = index < watch.index ? 0 : index;
  if (answer.key.empty()) return body->is_object() && take_catalogue(*body);
  watch.targets = consul_targets(*body, options_);
  return true;
}

std::vector<TargetGroup> ConsulDiscoverer::groups() const {
  std::vector<TargetGroup> out;
  for (const auto& [name, watch] : watches_) {
    if (name.empty()) continue;
    TargetGroup group;
    group.source = name;
    group.targets = watch.targets;
    group.labels = Labels{{label("dc"), datacenter_}, {label("service"), name}};
    out.push_back(std::move(group));
  }
  return out;
}

void ConsulDiscoverer::run(std::stop_token stop, const TargetSink& sink) {
  const std::stop_callback on_stop(stop, [this] { canceled_->store(true); });
  for (;;) {
    auto found = find_datacenter(stop);
    if (stop.stop_requested()) return;
    if (found) {
      services_.problems.clear("");
      datacenter_ = *std::move(found);
      break;
    }
    failures_.add();
    rpc_failures_.add();
    services_.problems.set("", found.error().message);
    services_.log.warn("Error retrieving datacenter name",
                       {{"job", job_}, {"err", found.error().message}});
    if (!wait_for(std::min(kRetry, options_.refresh_interval), stop)) return;
  }
  const bool all_named =
      !options_.services.empty() && options_.tags.empty() && options_.filter.empty();
  if (all_named) {
    for (const std::string& name : options_.services) watches_.try_emplace(name);
  } else {
    watches_.try_emplace("");
  }
  while (!stop.stop_requested()) {
    const TimeMs now = services_.clock.now();
    TimeMs next = now + DurationMs::seconds(1);
    for (auto& [key, watch] : watches_) {
      if (watch.asked) continue;
      if (watch.next <= now) {
        ask(key, watch);
      } else {
        next = std::min(next, watch.next);
      }
    }
    bool changed = false;
    auto answer = answers_->pop(next - now, stop);
    while (answer) {
      changed |= take(*std::move(answer));
      answer = answers_->pop({}, stop);
    }
    if (changed) sink(groups());
  }
}

}  // namespace prom5::discovery
