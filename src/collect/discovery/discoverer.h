#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "collect/discovery/options.h"
#include "collect/target_group.h"
#include "io/http/http_client.h"

namespace prom5::discovery {

/// What keeps a source from finding its targets, by the part of it that fails: a file, a name, a
/// kind of object; "" is the source as a whole. Any thread.
class SourceProblems {
 public:
  void set(const std::string& part, std::string problem) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    problems_[part] = std::move(problem);
  }
  void clear(const std::string& part) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    problems_.erase(part);
  }
  /// Of each, in words that name the part.
  [[nodiscard]] std::vector<std::string> list() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [part, problem] : problems_) {
      const bool named = problem.find(part) != std::string::npos;
      out.push_back(named ? problem : part + ": " + problem);
    }
    return out;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::string> problems_ GUARDED_BY(mutex_);
};

/// What a source of targets needs of the program.
struct Services {
  io::HttpClient& http;
  const Clock& clock;
  MetricRegistry& metrics;
  const Log& log;
  SourceProblems& problems;
};

/// A source of targets.
class Discoverer {
 public:
  virtual ~Discoverer() = default;
  /// Looks for targets until stopped, on the caller's thread, and gives all of them to the sink
  /// each time they change. What a failing source gave last stays.
  virtual void run(std::stop_token stop, const TargetSink& sink) = 0;
};

/// The discoverer of the configuration's kind. `job` names it in metrics and logs.
std::unique_ptr<Discoverer> make_discoverer(const DiscoveryConfig& config, const std::string& job,
                                            const Services& services);

/// Sends a request and waits for the answer, or until stopped (Canceled).
Result<io::HttpClientResponse> fetch(io::HttpClient& http, io::HttpClientRequest request,
                                     const std::stop_token& stop);

/// Waits; false when stopped.
bool wait_for(DurationMs time, const std::stop_token& stop);

/// What is not a letter, a digit or an underscore becomes an underscore.
std::string sanitize_label_name(std::string_view name);

/// "host:port", with brackets around IPv6.
std::string join_host_port(std::string_view host, std::string_view port);

}  // namespace prom5::discovery
