#include "collect/discovery/discovery_manager.h"

namespace prom5::discovery {

DiscoveryManager::DiscoveryManager(Services services, Sinks sinks)
    : services_(services), sinks_(std::move(sinks)) {}

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
  services_.metrics
      .gauge("prometheus_sd_discovered_targets", "Current number of discovered targets.",
             {{"config", key.first}, {"name", "scrape"}})
      .set(static_cast<double>(sum));
}

std::unique_ptr<DiscoveryManager::Running> DiscoveryManager::start(const Key& key,
                                                                   const DiscoveryConfig& config) {
  auto running = std::make_unique<Running>();
  running->discoverer = make_discoverer(config, key.first, services_);
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
  std::map<std::string, size_t> counts;
  {
    const MutexLock lock(count_mutex_);
    for (const auto& [job, sources] : targets_) counts[job] = 0;  // also those that have gone
  }
  for (const auto& [job, sources] : jobs) counts[job] = sources.static_targets;
  for (const auto& [job, targets] : counts) count({job, "static"}, targets);
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
  const MutexLock lock(mutex_);
  for (const auto& [key, config] : wanted) {
    if (!running_.contains(key)) running_.emplace(key, start(key, *config));
  }
}

}  // namespace prom5::discovery
