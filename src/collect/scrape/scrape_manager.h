#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "collect/scrape/scrape_loop.h"
#include "io/http/http_client.h"

namespace prom5::scrape {

/// Scrapes all targets of all configurations, each in its own slot of its interval.
///
/// One scheduler thread starts requests; replies come on the HTTP client's thread and go to the
/// workers, which parse and store. Any thread may call.
class ScrapeManager {
 public:
  struct Services {
    Storage& storage;
    io::HttpClient& http;
    const Clock& clock;
    MetricRegistry& metrics;
    const Log& log;
  };

  ScrapeManager(Services services, size_t worker_threads);
  /// Stops starting scrapes and waits for those under way.
  ~ScrapeManager();

  /// Replaces all configurations. Targets that stay the same keep their slot and their series;
  /// series of targets that go are ended. BadData: nothing was changed.
  Result<void> apply(const std::vector<ScrapeOptions>& configurations);

  [[nodiscard]] std::vector<TargetStatus> active_targets() const EXCLUDES(mutex_);

  struct DroppedTarget {
    std::string job;
    Labels discovered;
  };
  [[nodiscard]] std::vector<DroppedTarget> dropped_targets() const EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::string> pools() const EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<ScrapeLoop> loop;  // shared with the scrape under way
    TimeMs next;
    DurationMs offset;
    bool first = true;
    bool running = false;
    bool ended = false;
  };
  struct Done {
    std::shared_ptr<Entry> entry;
    ScrapeLoop::Outcome outcome;
  };

  void schedule(std::stop_token stop);
  void start(const std::shared_ptr<Entry>& entry, TimeMs slot);
  void work(std::stop_token stop);
  void finish(Done done);
  std::shared_ptr<Entry> make_entry(Target target, std::shared_ptr<const ScrapeOptions> options,
                                    size_t pool_size);

  const Services services_;
  ScrapeMetrics metrics_;
  Counter& missed_;
  BoundedQueue<Done> done_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::shared_ptr<Entry>> entries_ GUARDED_BY(mutex_);
  std::vector<DroppedTarget> dropped_ GUARDED_BY(mutex_);
  std::vector<std::string> pools_ GUARDED_BY(mutex_);
  size_t running_ GUARDED_BY(mutex_) = 0;

  std::vector<std::jthread> workers_;
  std::jthread scheduler_;
};

}  // namespace prom5::scrape
