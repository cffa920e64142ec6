#include "collect/discovery/kubernetes.h"

#include <algorithm>

#include "collect/discovery/json_view.h"
#include "io/http/url.h"

namespace prom5::discovery {

namespace {

constexpr int kPageObjects = 500;
/// A watch is ended by the server after this, so that a dead connection does not stay unseen.
constexpr int kWatchSeconds = 300;
constexpr int64_t kWatchGraceMs = 30'000;
constexpr int64_t kListMs = 60'000;
constexpr DurationMs kFirstBackoff = DurationMs::seconds(1);
constexpr DurationMs kLastBackoff = DurationMs::seconds(30);
/// Targets are made anew at most this often, however fast a cluster changes.
constexpr DurationMs kQuiet = DurationMs::millis(500);
/// Of one object in a watch.
constexpr size_t kMaxLine = size_t{8} << 20;
constexpr int kGone = 410;

}  // namespace

KubernetesDiscoverer::KubernetesDiscoverer(const KubernetesOptions& options, const std::string& job,
                                           const Services& services)
    : options_(options),
      job_(job),
      services_(services),
      failures_(services.metrics.counter("prometheus_sd_kubernetes_failures_total",
                                         "The number of failed WATCH/LIST requests.")),
      refresh_failures_(
          services.metrics.counter("prometheus_sd_refresh_failures_total",
                                   "Number of refresh failures for the given SD mechanism.",
                                   {{"mechanism", "kubernetes"}, {"config", job}})),
      failed_configs_(services.metrics.gauge(
          "prometheus_sd_failed_configs",
          "Current number of service discovery configurations that failed to load.",
          {{"name", "scrape"}})) {}

KubernetesDiscoverer::~KubernetesDiscoverer() { canceled_->store(true); }

void KubernetesDiscoverer::add_watch(std::string kind, std::string group, std::string_view role,
                                     bool in_namespaces) {
  Watch watch{.kind = std::move(kind), .group = std::move(group)};
  for (const KubernetesOptions::Selector& selector : options_.selectors) {
    if (selector.role != role) continue;
    watch.label_selector = selector.label;
    watch.field_selector = selector.field;
  }
  std::vector<std::string> spaces;
  if (in_namespaces) {
    spaces = options_.namespaces;
    if (options_.own_namespace && !access_.own_namespace.empty()) {
      spaces.push_back(access_.own_namespace);
    }
  }
  if (spaces.empty()) spaces.emplace_back();
  for (const std::string& space : spaces) {
    watch.space = space;
    watches_.push_back(watch);
  }
}

/// What each role has to look at.
void KubernetesDiscoverer::plan_watches() {
  const std::string core = "/api/v1";
  const std::string& role = options_.role;
  const bool endpoints = role == "endpoints" || role == "endpointslice";
  if (role == "endpoints") add_watch("endpoints", core, role, true);
  if (role == "endpointslice") add_watch("endpointslices", "/apis/discovery.k8s.io/v1", role, true);
  if (role == "ingress") add_watch("ingresses", "/apis/networking.k8s.io/v1", role, true);
  if (endpoints || role == "service") add_watch("services", core, "service", true);
  if (endpoints || role == "pod") {
    add_watch("pods", core, "pod", true);
    if (options_.attach_deployment) add_watch("replicasets", "/apis/apps/v1", "", true);
    if (options_.attach_cronjob) add_watch("jobs", "/apis/batch/v1", "", true);
  }
  if (role == "node" || (options_.attach_node && (endpoints || role == "pod"))) {
    add_watch("nodes", core, "node", false);
  }
  if (options_.attach_namespace && role != "node") add_watch("namespaces", core, "", false);
}

std::string KubernetesDiscoverer::url_of(const Watch& watch) const {
  std::string url = access_.server + watch.group;
  if (!watch.space.empty()) url += "/namespaces/" + io::percent_encode(watch.space);
  url += "/" + watch.kind;
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    url += separator;
    separator = '&';
    url += fmt::format("{}={}", name, io::percent_encode(value));
  };
  add("labelSelector", watch.label_selector);
  add("fieldSelector", watch.field_selector);
  if (watch.version.empty()) {
    add("limit", std::to_string(kPageObjects));
    add("continue", watch.continue_token);
  } else {
    add("watch", "true");
    add("allowWatchBookmarks", "true");
    add("resourceVersion", watch.version);
    add("timeoutSeconds", std::to_string(kWatchSeconds));
  }
  return url;
}

void KubernetesDiscoverer::ask(size_t index) {
  Watch& watch = watches_[index];
  watch.asked = true;
  watch.watching = !watch.version.empty();
  io::HttpClientRequest request;
  request.url = url_of(watch);
  request.security = access_.security;
  request.canceled = canceled_;
  request.headers.add("Accept", "application/json");
  request.timeout_ms = kListMs;
  request.accept_compressed = watch.version.empty();
  if (!watch.version.empty()) {
    request.timeout_ms = kWatchSeconds * 1000 + kWatchGraceMs;
    request.on_body = [events = events_, index,
                       line = std::string()](std::string_view bytes) mutable {
      while (!bytes.empty()) {
        const size_t newline = bytes.find('\n');
        line += bytes.substr(0, newline);
        if (line.size() > kMaxLine) line.clear();  // half an object is no object: it is dropped
        if (newline == std::string_view::npos) return;
        bytes.remove_prefix(newline + 1);
        if (!line.empty()) events->push({.watch = index, .line = std::exchange(line, {})});
      }
    };
  }
  services_.http.start(
      std::move(request), [events = events_, index](Result<io::HttpClientResponse> response) {
        events->push({.watch = index, .done = true, .response = std::move(response)});
      });
}

std::string KubernetesDiscoverer::part_of(const Watch& watch) {
  return watch.space.empty() ? watch.kind : watch.kind + " in " + watch.space;
}

void KubernetesDiscoverer::retry(Watch& watch, std::string_view reason) {
  failures_.add();
  refresh_failures_.add();
  watch.backoff = std::clamp(watch.backoff * 2, kFirstBackoff, kLastBackoff);
  watch.next = services_.clock.now() + watch.backoff;
  services_.problems.set(part_of(watch), std::string(reason));
  services_.log.warn("Kubernetes objects cannot be watched; targets stay as they were",
                     {{"job", job_}, {"kind", watch.kind}, {"err", reason}});
}

void KubernetesDiscoverer::count_event(std::string_view type) {
  services_.metrics
      .counter("prometheus_sd_kubernetes_events_total", "The number of Kubernetes events handled.",
               {{"role", options_.role}, {"event", std::string(type)}})
      .add();
}

void KubernetesDiscoverer::put(Watch& watch, Json object) {
  trim_kubernetes_object(watch.kind, object);
  const std::string key = kubernetes_key(object);
  watch.keys.insert(key);
  objects_[watch.kind][key] = std::move(object);
}

bool KubernetesDiscoverer::remove(Watch& watch, const std::string& key) {
  watch.keys.erase(key);
  return objects_[watch.kind].erase(key) > 0;
}

bool KubernetesDiscoverer::take_list(Watch& watch, const io::HttpClientResponse& answer) {
  auto json = codec::parse_json(answer.body);
  if (!json || !json->is_object()) {
    retry(watch, "the answer is no JSON object");
    return false;
  }
  if (const auto items = json->find("items"); items != json->end() && items->is_array()) {
    for (Json& item : *items) watch.listed.push_back(std::move(item));
  }
  watch.backoff = {};
  watch.next = {};
  services_.problems.clear(part_of(watch));
  watch.continue_token = text(member(*json, "metadata"), "continue");
  if (!watch.continue_token.empty()) return false;  // the next page is asked for
  watch.version = text(member(*json, "metadata"), "resourceVersion");
  if (watch.version.empty()) watch.version = "0";
  const std::set<std::string> before = std::exchange(watch.keys, {});
  for (Json& item : watch.listed) {
    if (!before.contains(kubernetes_key(item))) count_event("add");
    put(watch, std::move(item));
  }
  watch.listed.clear();
  for (const std::string& key : before) {
    if (!watch.keys.contains(key)) objects_[watch.kind].erase(key);
  }
  watch.listed_once = true;
  return true;
}

bool KubernetesDiscoverer::take_line(Watch& watch, const std::string& line) {
  auto json = codec::parse_json(line);
  if (!json || !json->is_object()) return false;
  const std::string type = text(*json, "type");
  const auto object = json->find("object");
  if (object == json->end()) return false;
  if (type == "ERROR") {
    // Too old to go on from: everything is listed again.
    watch.version.clear();
    return false;
  }
  const std::string version = text(member(*object, "metadata"), "resourceVersion");
  if (!version.empty()) watch.version = version;
  if (std::exchange(watch.backoff, {}).ms > 0) services_.problems.clear(part_of(watch));
  if (type == "BOOKMARK") return false;
  if (type == "DELETED") {
    count_event("delete");
    return remove(watch, kubernetes_key(*object));
  }
  count_event(type == "ADDED" ? "add" : "update");
  put(watch, std::move(*object));
  return true;
}

bool KubernetesDiscoverer::take(Event event) {
  Watch& watch = watches_[event.watch];
  if (!event.done) return take_line(watch, event.line);
  watch.asked = false;
  if (!event.response) {
    // A watch that the server keeps for its whole time ends by a timeout or a cut connection.
    if (event.response.error().code == ErrorCode::Timeout && !watch.version.empty()) {
      watch.backoff = {};
      services_.problems.clear(part_of(watch));
      return false;
    }
    retry(watch, event.response.error().message);
    return false;
  }
  if (auto decoded = event.response->decode(); !decoded) {
    retry(watch, decoded.error().message);
    return false;
  }
  const int status = event.response->status;
  if (status == kGone) {
    watch.version.clear();
    watch.continue_token.clear();
    watch.listed.clear();
    watch.next = services_.clock.now() + kFirstBackoff;
    return false;
  }
  if (status != 200) {
    const std::string advice = status == 401   ? ": the token is not accepted"
                               : status == 403 ? ": the account may not list and watch them; its "
                                                 "role needs get, list and watch"
                                               : "";
    retry(watch, fmt::format("HTTP status {}{}", status, advice));
    return false;
  }
  if (!watch.watching) return take_list(watch, *event.response);
  services_.problems.clear(part_of(watch));
  // A watch came to its end, and the next goes on where it ended, but not in a hot loop.
  watch.next = services_.clock.now() + DurationMs::millis(100);
  return false;
}

void KubernetesDiscoverer::run(std::stop_token stop, const TargetSink& sink) {
  const std::stop_callback on_stop(stop, [this] { canceled_->store(true); });
  for (bool failed = false;; failed = true) {
    auto access = kubernetes_access(options_);
    if (failed) failed_configs_.add(-1);
    if (access) {
      services_.problems.clear("");
      access_ = *std::move(access);
      break;
    }
    failures_.add();
    refresh_failures_.add();
    services_.problems.set("", access.error().message);
    services_.log.error("Kubernetes cannot be reached",
                        {{"job", job_}, {"err", access.error().message}});
    failed_configs_.add(1);
    if (wait_for(kLastBackoff, stop)) continue;
    failed_configs_.add(-1);
    return;
  }
  plan_watches();
  bool changed = false;
  TimeMs told;
  while (!stop.stop_requested()) {
    const TimeMs now = services_.clock.now();
    TimeMs next = now + DurationMs::seconds(1);
    for (size_t i = 0; i < watches_.size(); ++i) {
      if (watches_[i].asked) continue;
      if (watches_[i].next <= now) {
        ask(i);
      } else {
        next = std::min(next, watches_[i].next);
      }
    }
    const bool all_listed =
        std::all_of(watches_.begin(), watches_.end(), [](const Watch& w) { return w.listed_once; });
    if (changed && all_listed) {
      if (now - told >= kQuiet) {
        sink(kubernetes_groups(objects_, options_));
        changed = false;
        told = now;
      } else {
        next = std::min(next, told + kQuiet);
      }
    }
    auto event = events_->pop(next - now, stop);
    while (event) {
      changed |= take(*std::move(event));
      event = events_->pop({}, stop);
    }
  }
}

}  // namespace prom5::discovery
