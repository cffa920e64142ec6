#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "collect/scrape/failure_log.h"
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

  /// Starts no more scrapes: then the HTTP client may go, and what it brought is still stored.
  void stop();

  /// Replaces all configurations. Targets that stay the same keep their slot and their series;
  /// series of targets that go are ended. What discovery found stays known.
  void apply(const std::vector<ScrapeOptions>& configurations) EXCLUDES(sync_mutex_, mutex_);

  /// What one source of a job found, in place of what it found before.
  void set_groups(const std::string& job, const std::string& source,
                  std::vector<TargetGroup> groups) EXCLUDES(sync_mutex_, mutex_);
  /// Forgets what a source found.
  void remove_source(const std::string& job, const std::string& source)
      EXCLUDES(sync_mutex_, mutex_);

  [[nodiscard]] std::vector<TargetStatus> active_targets() const EXCLUDES(mutex_);
  /// As many of each job as its keep_dropped_targets allows.
  [[nodiscard]] std::vector<DroppedTarget> dropped_targets() const EXCLUDES(mutex_);
  /// Names of the jobs, and how many targets each dropped.
  [[nodiscard]] std::map<std::string, size_t> dropped_counts() const EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::string> pools() const EXCLUDES(mutex_);
  /// Null for a job that is not there.
  [[nodiscard]] std::shared_ptr<const ScrapeOptions> options_of(const std::string& job) const
      EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<ScrapeLoop> loop;  // shared with the scrape under way
    /// The target under the configuration before: its series end with the first page of this one,
    /// so that those which go on have no gap.
    std::shared_ptr<Entry> predecessor;
    TimeMs next;
    DurationMs offset;
    std::string refused;  ///< why the target is not asked at all; mostly empty
    bool first = true;
    bool running = false;
    bool ended = false;
    bool succeeded = false;  ///< by another, which will end it
  };
  using EntryPtr = std::shared_ptr<Entry>;
  struct Done {
    EntryPtr entry;
    ScrapeLoop::Outcome outcome;
  };
  struct Pool {
    std::shared_ptr<const ScrapeOptions> options;
    std::vector<EntryPtr> entries;
    std::vector<DroppedTarget> dropped;
    size_t dropped_count = 0;
  };
  struct Due {
    TimeMs time;
    EntryPtr entry;
    bool operator<(const Due& other) const { return time > other.time; }  // the earliest on top
  };
  using Groups = std::map<std::string, std::vector<TargetGroup>>;  ///< by source

  /// Makes the pool's entries what its groups ask for.
  void sync(const std::string& job, std::shared_ptr<const ScrapeOptions> options,
            const Groups& groups) REQUIRES(sync_mutex_) EXCLUDES(mutex_);
  static void leave_running(Entry& entry);
  void end(EntryPtr entry, TimeMs time);
  void end(const std::vector<EntryPtr>& entries);
  void schedule(std::stop_token stop);
  void start(const EntryPtr& entry, TimeMs slot);
  void work(std::stop_token stop);
  void finish(Done done);
  void push(Done done);
  EntryPtr make_entry(Target target, std::shared_ptr<const ScrapeOptions> options,
                      size_t pool_size);

  const Services services_;
  ScrapeMetrics metrics_;
  Counter& missed_;
  Counter& target_limit_;
  FailureLog failure_log_;
  BoundedQueue<Done> done_;
  std::mutex large_pages_;  ///< one is decoded at a time, so that they cannot fill the memory

  Mutex sync_mutex_;  ///< one change of targets at a time
  std::map<std::string, Groups> discovered_ GUARDED_BY(sync_mutex_);

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Pool> pools_ GUARDED_BY(mutex_);
  std::vector<std::string> pool_order_ GUARDED_BY(mutex_);
  std::priority_queue<Due> due_ GUARDED_BY(mutex_);
  size_t targets_ GUARDED_BY(mutex_) = 0;

  std::vector<std::jthread> workers_;
  std::jthread scheduler_;
};

}  // namespace prom5::scrape
