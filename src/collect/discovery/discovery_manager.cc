#include "collect/discovery/discovery_manager.h"

#include <fmt/ranges.h>

#include "io/codec/utf8.h"
#include "io/http/url.h"

namespace prom5::discovery {

namespace {

constexpr std::string_view kDiscovered = "prometheus_sd_discovered_targets";

MetricLabels labels_of(const std::string& job) { return {{"config", job}, {"name", "scrape"}}; }

struct Subject {
  std::string operator()(const FileOptions& o) const {
    return fmt::format("{}", fmt::join(o.files, ", "));
  }
  std::string operator()(const HttpOptions& o) const { return io::without_password(o.url); }
  std::string operator()(const DnsOptions& o) const {
    return fmt::format("{} {}", o.type, fmt::join(o.names, ", "));
  }
  std::string operator()(const ConsulOptions& o) const {
    if (o.services.empty()) return o.server;
    return fmt::format("{}: {}", o.server, fmt::join(o.services, ", "));
  }
  std::string operator()(const DockerOptions& o) const { return io::without_password(o.host); }
  std::string operator()(const KubernetesOptions& o) const {
    const std::string place = o.api_server.empty() ? o.kubeconfig_file : o.api_server;
    std::string out = o.role;
    if (!o.namespaces.empty()) out += fmt::format(" in {}", fmt::join(o.namespaces, ", "));
    return place.empty() ? out : out + " of " + io::without_password(place);
  }
};

}  // namespace

std::string subject_of(const DiscoveryConfig& config) {
  constexpr size_t kMostBytes = 200;  // a line of a page
  const std::string whole = std::visit(Subject{}, config.options);
  if (whole.size() <= kMostBytes) return whole;
  return std::string(codec::utf8_front(whole, kMostBytes)) + "…";
}

DiscoveryManager::DiscoveryManager(Needs needs, Sinks sinks)
    : needs_(needs), sinks_(std::move(sinks)) {}

DiscoveryManager::~DiscoveryManager() {
  const MutexLock lock(mutex_);
  for (auto& [key, running] : running_) running->thread.request_stop();
  running_.clear();
}

void DiscoveryManager::count(const Key& key, size_t targets) {
  const MutexLock lock(count_mutex_);
  targets_[key.first][key.second] = targets;
  size_t sum = 0;
  for (const auto& [source, n] : targets_[key.first]) sum += n;
  needs_.metrics.gauge(kDiscovered, "Current number of discovered targets.", labels_of(key.first))
      .set(static_cast<double>(sum));
}

std::unique_ptr<DiscoveryManager::Running> DiscoveryManager::start(const Key& key,
                                                                   const DiscoveryConfig& config) {
  auto running = std::make_unique<Running>();
  running->mechanism = config.mechanism;
  running->subject = subject_of(config);
  running->discoverer = make_discoverer(
      config, key.first,
      Services{needs_.http, needs_.clock, needs_.metrics, needs_.log, running->problems});
  running->thread =
      std::jthread([this, key, discoverer = running->discoverer.get()](std::stop_token stop) {
        discoverer->run(stop, [&](std::vector<TargetGroup> groups) {
          size_t targets = 0;
          for (const TargetGroup& group : groups) targets += group.targets.size();
          count(key, targets);
          sinks_.found(key.first, key.second, std::move(groups));
        });
      });
  return running;
}

void DiscoveryManager::count_static(const Jobs& jobs) {
  for (const auto& [job, sources] : jobs) count({job, "static"}, sources.static_targets);
}

void DiscoveryManager::forget_jobs_but(const Jobs& jobs) {
  const MutexLock lock(count_mutex_);
  std::erase_if(targets_, [&](const auto& entry) {
    const bool gone = !jobs.contains(entry.first);
    if (gone) needs_.metrics.hide(kDiscovered, labels_of(entry.first));
    return gone;
  });
}

std::vector<DiscoveryManager::SourceStatus> DiscoveryManager::sources() const {
  std::vector<SourceStatus> out;
  const MutexLock lock(mutex_);
  const MutexLock count_lock(count_mutex_);
  for (const auto& [key, running] : running_) {
    SourceStatus status{.job = key.first,
                        .mechanism = running->mechanism,
                        .subject = running->subject,
                        .targets = 0,
                        .problems = running->problems.list()};
    if (const auto job = targets_.find(key.first); job != targets_.end()) {
      if (const auto n = job->second.find(key.second); n != job->second.end()) {
        status.targets = n->second;
      }
    }
    out.push_back(std::move(status));
  }
  return out;
}

void DiscoveryManager::apply(const Jobs& jobs) {
  count_static(jobs);
  std::map<Key, const DiscoveryConfig*> wanted;
  for (const auto& [job, sources] : jobs) {
    for (const DiscoveryConfig& config : sources.discoveries) {
      // The same entry twice is one source.
      wanted.emplace(Key{job, config.mechanism + ":" + config.fingerprint}, &config);
    }
  }
  std::vector<std::pair<Key, std::unique_ptr<Running>>> gone;
  {
    const MutexLock lock(mutex_);
    for (auto it = running_.begin(); it != running_.end();) {
      if (wanted.contains(it->first)) {
        ++it;
        continue;
      }
      it->second->thread.request_stop();
      gone.emplace_back(it->first, std::move(it->second));
      it = running_.erase(it);
    }
  }
  for (auto& [key, running] : gone) {
    running.reset();  // waits for its thread
    count(key, 0);
    sinks_.removed(key.first, key.second);
  }
  forget_jobs_but(jobs);
  const MutexLock lock(mutex_);
  for (const auto& [key, config] : wanted) {
    if (!running_.contains(key)) running_.emplace(key, start(key, *config));
  }
}

}  // namespace prom5::discovery
