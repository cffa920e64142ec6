#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "collect/discovery/discoverer.h"
#include "collect/discovery/event_queue.h"
#include "collect/discovery/kubernetes_access.h"
#include "collect/discovery/kubernetes_targets.h"

namespace prom5::discovery {

/// Targets from a cluster's API server, which is listed once and then watched. All lists and
/// watches run on the HTTP client's connections; this thread only takes what they bring.
/// Source: kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of changes".
class KubernetesDiscoverer final : public Discoverer {
 public:
  KubernetesDiscoverer(const KubernetesOptions& options, const std::string& job,
                       const Services& services);
  ~KubernetesDiscoverer() override;

  void run(std::stop_token stop, const TargetSink& sink) override;

 private:
  /// One kind of object in one namespace (or all).
  struct Watch {
    std::string kind;   ///< "pods"
    std::string group;  ///< "/api/v1"
    std::string space;  ///< namespace; empty: all
    std::string label_selector;
    std::string field_selector;

    std::string version;         ///< of the last object seen; empty: list
    std::string continue_token;  ///< of a list with more pages
    std::vector<Json> listed;    ///< pages so far
    std::set<std::string> keys;  ///< of its objects
    bool listed_once = false;
    bool asked = false;
    bool watching = false;  ///< what was asked for is a watch, not a list
    TimeMs next;
    DurationMs backoff;
  };
  struct Event {
    size_t watch = 0;
    std::string line;  ///< of a watch
    bool done = false;
    Result<io::HttpClientResponse> response = io::HttpClientResponse();
  };
  using Queue = EventQueue<Event>;

  void plan_watches();
  void add_watch(std::string kind, std::string group, std::string_view role, bool in_namespaces);
  void ask(size_t index);
  [[nodiscard]] std::string url_of(const Watch& watch) const;
  /// Whether objects changed.
  bool take(Event event);
  bool take_list(Watch& watch, const io::HttpClientResponse& answer);
  bool take_line(Watch& watch, const std::string& line);
  void put(Watch& watch, Json object);
  bool remove(Watch& watch, const std::string& key);
  static std::string part_of(const Watch& watch);
  void retry(Watch& watch, std::string_view reason);
  void count_event(std::string_view type);

  const KubernetesOptions options_;
  const std::string job_;
  const Services services_;
  Counter& failures_;
  Counter& refresh_failures_;
  Gauge& failed_configs_;
  KubernetesAccess access_;
  std::vector<Watch> watches_;
  KubernetesObjects objects_;
  std::shared_ptr<Queue> events_ = std::make_shared<Queue>();
  std::shared_ptr<std::atomic<bool>> canceled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace prom5::discovery
