#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "collect/discovery/discoverer.h"

namespace prom5::discovery {

/// Runs the sources of targets, each on a thread of its own. Any thread.
class DiscoveryManager {
 public:
  /// What a job's source found; nothing to be found there any more.
  struct Sinks {
    std::function<void(const std::string& job, const std::string& source,
                       std::vector<TargetGroup> groups)>
        found;
    std::function<void(const std::string& job, const std::string& source)> removed;
  };

  /// What the sources need of the program, together.
  struct Needs {
    io::HttpClient& http;
    const Clock& clock;
    MetricRegistry& metrics;
    const Log& log;
  };

  DiscoveryManager(Needs needs, Sinks sinks);
  /// Stops all sources. Their targets stay with whom they were given to.
  ~DiscoveryManager();

  struct Sources {
    size_t static_targets = 0;  ///< need no discovery, but are counted with it
    std::vector<DiscoveryConfig> discoveries;
  };
  using Jobs = std::map<std::string, Sources>;
  /// Replaces all sources; those that stay the same go on.
  void apply(const Jobs& jobs) EXCLUDES(mutex_);

  /// How a source fares.
  struct SourceStatus {
    std::string job;
    std::string mechanism;  ///< "file", "kubernetes", …
    std::string subject;    ///< what it looks at: files, a URL, names
    size_t targets = 0;
    std::vector<std::string> problems;
  };
  [[nodiscard]] std::vector<SourceStatus> sources() const EXCLUDES(mutex_, count_mutex_);

 private:
  /// A source and the thread it runs on, which ends first.
  struct Running {
    std::string mechanism;
    std::string subject;
    SourceProblems problems;
    std::unique_ptr<Discoverer> discoverer;
    std::jthread thread;
  };
  using Key = std::pair<std::string, std::string>;  ///< job and source

  void count_static(const Jobs& jobs) EXCLUDES(count_mutex_);
  void forget_jobs_but(const Jobs& jobs) EXCLUDES(count_mutex_);
  std::unique_ptr<Running> start(const Key& key, const DiscoveryConfig& config);
  void count(const Key& key, size_t targets) EXCLUDES(count_mutex_);

  const Needs needs_;
  const Sinks sinks_;
  mutable Mutex mutex_;
  std::map<Key, std::unique_ptr<Running>> running_ GUARDED_BY(mutex_);
  mutable Mutex count_mutex_;
  std::map<std::string, std::map<std::string, size_t>> targets_ GUARDED_BY(count_mutex_);
};

/// What tells a source from others of its kind, for people to read; no secrets.
std::string subject_of(const DiscoveryConfig& config);

}  // namespace prom5::discovery
