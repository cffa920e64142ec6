#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collect/discovery/discoverer.h"
#include "collect/discovery/event_queue.h"
#include "io/codec/json.h"

namespace prom5::discovery {

/// Instances of services in Consul's catalogue (prometheus discovery/consul). The catalogue and
/// each service are watched by blocking queries, all at once and without a thread for each.
class ConsulDiscoverer final : public Discoverer {
 public:
  ConsulDiscoverer(const ConsulOptions& options, const std::string& job, const Services& services);

  void run(std::stop_token stop, const TargetSink& sink) override;

 private:
  /// A blocking query that is asked again and again; its key is the service, or empty for the
  /// catalogue.
  struct Watch {
    uint64_t index = 0;
    bool asked = false;
    TimeMs next;
    std::vector<Labels> targets;
  };
  struct Answer {
    std::string key;
    Result<io::HttpClientResponse> response;
  };

  Result<std::string> find_datacenter(const std::stop_token& stop);
  void ask(const std::string& key, Watch& watch);
  [[nodiscard]] std::string url_of(const std::string& key, const Watch& watch) const;
  /// Whether targets changed.
  bool take(Answer answer);
  bool take_catalogue(const Json& services);
  [[nodiscard]] bool wanted(const std::string& service, const Json& tags) const;
  [[nodiscard]] std::vector<TargetGroup> groups() const;
  void fail_watch(Watch& watch, const std::string& key, std::string_view reason);

  const ConsulOptions options_;
  const std::string job_;
  const Services services_;
  Counter& failures_;
  Counter& rpc_failures_;
  std::string datacenter_;
  std::map<std::string, Watch> watches_;
  bool catalogue_known_ = false;
  /// Shared with requests under way, which may outlive run() by a moment.
  std::shared_ptr<EventQueue<Answer>> answers_ = std::make_shared<EventQueue<Answer>>();
  std::shared_ptr<std::atomic<bool>> canceled_ = std::make_shared<std::atomic<bool>>(false);
};

/// Targets of one service, as /v1/health/service tells of it.
std::vector<Labels> consul_targets(const Json& entries, const ConsulOptions& options);

}  // namespace prom5::discovery
