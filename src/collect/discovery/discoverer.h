#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "collect/discovery/options.h"
#include "collect/target_group.h"
#include "io/http/http_client.h"

namespace prom5::discovery {

/// What sources of targets need of the program.
struct Services {
  io::HttpClient& http;
  const Clock& clock;
  MetricRegistry& metrics;
  const Log& log;
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
