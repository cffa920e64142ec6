#include "collect/scrape/scrape_manager.h"

#include <algorithm>
#include <chrono>
#include <set>

namespace prom5::scrape {

namespace {

/// Only the text format is offered, newest version first.
constexpr std::string_view kAccept =
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";

/// A pool of this many targets or more is spread over the whole interval from the start; a smaller
/// one begins sooner, so that a handful of targets has its first samples at once.
constexpr size_t kSpreadPoolSize = 1000;

/// A scrape that starts this close to its slot gets the slot's time, which compresses better
/// (prometheus scrape/scrape.go, ScrapeTimestampTolerance).
constexpr DurationMs kAlignment = DurationMs::millis(2);

/// A server with no more targets than this scrapes each a second time after kSecondScrape, so that
/// whoever has just started it sees rates before a whole interval is over.
constexpr size_t kFewTargets = 10;
constexpr DurationMs kSecondScrape = DurationMs::seconds(1);

constexpr size_t kMaxWaitingPages = 100'000;

TimeMs next_slot(TimeMs after, DurationMs interval, DurationMs offset) {
  const int64_t n = (after.ms - offset.ms) / interval.ms + 1;
  return {n * interval.ms + offset.ms};
}

}  // namespace

ScrapeManager::ScrapeManager(Services services, size_t worker_threads)
    : services_(services),
      metrics_(services.metrics),
      missed_(services.metrics.counter("prom5_scrape_slots_missed_total",
                                       "Slots passed over because the scrape before still ran.")),
      done_(kMaxWaitingPages) {
  services_.metrics.on_collect("prom5_scrape_targets", "Targets being scraped.",
                               MetricRegistry::Type::Gauge, [this] {
                                 const MutexLock lock(mutex_);
                                 return static_cast<double>(entries_.size());
                               });
  for (size_t i = 0; i < worker_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
  scheduler_ = std::jthread([this](std::stop_token stop) { schedule(stop); });
}

ScrapeManager::~ScrapeManager() {
  scheduler_.request_stop();
  scheduler_.join();
  // Pages that have arrived are stored; requests still out are for the client to cancel.
  for (std::jthread& worker : workers_) worker.request_stop();
}

std::shared_ptr<ScrapeManager::Entry> ScrapeManager::make_entry(
    Target target, std::shared_ptr<const ScrapeOptions> options, size_t pool_size) {
  const TimeMs now = services_.clock.now();
  auto entry = std::make_shared<Entry>();
  entry->offset = {static_cast<int64_t>(target.hash() % static_cast<uint64_t>(target.interval.ms))};
  const double spread =
      std::min(1.0, static_cast<double>(pool_size) / static_cast<double>(kSpreadPoolSize));
  entry->next =
      now + DurationMs{static_cast<int64_t>(static_cast<double>(entry->offset.ms) * spread)};
  entry->loop = std::make_shared<ScrapeLoop>(std::move(target), std::move(options),
                                             services_.storage, metrics_);
  return entry;
}

Result<void> ScrapeManager::apply(const std::vector<ScrapeOptions>& configurations) {
  struct Wanted {
    std::shared_ptr<const ScrapeOptions> options;
    std::vector<Target> targets;
  };
  std::vector<Wanted> wanted;
  std::vector<DroppedTarget> dropped;
  std::vector<std::string> pools;
  for (const ScrapeOptions& configuration : configurations) {
    Wanted pool{std::make_shared<ScrapeOptions>(configuration), {}};
    pools.push_back(configuration.job_name);
    for (const TargetGroup& group : configuration.static_groups) {
      TargetsOfGroup made = TRY(make_targets(group, configuration));
      for (Target& target : made.active) pool.targets.push_back(std::move(target));
      for (Labels& labels : made.dropped) {
        dropped.push_back({configuration.job_name, std::move(labels)});
      }
    }
    // The same labels twice are one target.
    std::set<uint64_t> seen;
    std::erase_if(pool.targets, [&](const Target& t) { return !seen.insert(t.hash()).second; });
    if (configuration.target_limit > 0 && pool.targets.size() > configuration.target_limit) {
      return fail(ErrorCode::LimitExceeded, "job {}: {} targets, target_limit is {}",
                  configuration.job_name, pool.targets.size(), configuration.target_limit);
    }
    wanted.push_back(std::move(pool));
  }
  std::vector<std::shared_ptr<Entry>> gone;
  {
    const MutexLock lock(mutex_);
    std::map<uint64_t, std::shared_ptr<Entry>> before;
    for (auto& entry : entries_) before.emplace(entry->loop->target().hash(), entry);
    entries_.clear();
    for (Wanted& pool : wanted) {
      for (Target& target : pool.targets) {
        const auto old = before.find(target.hash());
        if (old == before.end()) {
          entries_.push_back(make_entry(std::move(target), pool.options, pool.targets.size()));
          continue;
        }
        if (old->second->loop->options().fingerprint == pool.options->fingerprint) {
          entries_.push_back(old->second);
        } else {
          // The same series under other rules: a new loop, which takes over the place in time. The
          // old one ends its series; those that stay begin again with the next scrape.
          entries_.push_back(make_entry(std::move(target), pool.options, pool.targets.size()));
          entries_.back()->next = old->second->next;
          entries_.back()->first = false;
          continue;
        }
        before.erase(old);
      }
    }
    for (auto& [hash, entry] : before) {
      entry->ended = true;
      if (!entry->running) gone.push_back(entry);
    }
    dropped_ = std::move(dropped);
    pools_ = std::move(pools);
  }
  changed_.notify_all();
  const TimeMs now = services_.clock.now();
  for (const auto& entry : gone) {
    if (auto ended = entry->loop->end(now); !ended) {
      services_.log.warn("Series of a removed target could not be ended",
                         {{"target", entry->loop->target().url}, {"err", ended.error().message}});
    }
  }
  return {};
}

void ScrapeManager::schedule(std::stop_token stop) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const TimeMs now = services_.clock.now();
    TimeMs earliest = now + DurationMs::seconds(1);
    std::vector<std::pair<std::shared_ptr<Entry>, TimeMs>> due;
    for (const auto& entry : entries_) {
      if (entry->next <= now) {
        const TimeMs slot = entry->next;
        entry->next = next_slot(now, entry->loop->target().interval, entry->offset);
        if (std::exchange(entry->first, false) && entries_.size() <= kFewTargets) {
          entry->next = std::min(entry->next, now + kSecondScrape);
        }
        if (entry->running) {
          missed_.add();
        } else {
          entry->running = true;
          ++running_;
          due.emplace_back(entry, slot);
        }
      }
      earliest = std::min(earliest, entry->next);
    }
    lock.unlock();
    for (const auto& [entry, slot] : due) start(entry, slot);
    lock.lock();
    changed_.wait_for(lock, stop, std::chrono::milliseconds((earliest - now).ms),
                      [] { return false; });
  }
}

void ScrapeManager::start(const std::shared_ptr<Entry>& entry, TimeMs slot) {
  const Target& target = entry->loop->target();
  const ScrapeOptions& options = entry->loop->options();
  io::HttpClientRequest request;
  request.url = target.url;
  request.headers = options.headers;
  request.headers.add("Accept", std::string(kAccept));
  request.headers.add("X-Prometheus-Scrape-Timeout-Seconds",
                      fmt::format("{}", target.timeout.as_seconds()));
  request.timeout_ms = target.timeout.ms;
  request.max_body_bytes = options.body_size_limit;
  request.accept_gzip = options.enable_compression;
  request.follow_redirects = options.follow_redirects;
  request.security = options.security;
  const TimeMs now = services_.clock.now();
  const TimeMs time = now - slot <= kAlignment && now >= slot ? slot : now;
  const auto started = std::chrono::steady_clock::now();
  services_.http.start(
      std::move(request), [this, entry, time, started](Result<io::HttpClientResponse> response) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        if (!response && response.error().code == ErrorCode::Canceled) return;  // we are stopping
        Done done{entry, {time, took.count(), std::move(response)}};
        if (done_.try_push(std::move(done))) return;
        missed_.add();
        const MutexLock lock(mutex_);
        entry->running = false;
        --running_;
      });
}

void ScrapeManager::work(std::stop_token stop) {
  while (auto done = done_.pop(stop)) finish(*std::move(done));
}

void ScrapeManager::finish(Done done) {
  ScrapeLoop& loop = *done.entry->loop;
  const TimeMs time = done.outcome.time;
  if (auto taken = loop.take(std::move(done.outcome)); !taken) {
    services_.log.error("A scrape could not be stored",
                        {{"target", loop.target().url}, {"err", taken.error().message}});
  }
  bool ended = false;
  {
    const MutexLock lock(mutex_);
    done.entry->running = false;
    --running_;
    ended = done.entry->ended;
  }
  if (!ended) return;
  if (auto result = loop.end(time + DurationMs{1}); !result) {
    services_.log.warn("Series of a removed target could not be ended",
                       {{"target", loop.target().url}, {"err", result.error().message}});
  }
}

std::vector<TargetStatus> ScrapeManager::active_targets() const {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const MutexLock lock(mutex_);
    entries = entries_;
  }
  std::vector<TargetStatus> out;
  for (const auto& entry : entries) out.push_back(entry->loop->status());
  return out;
}

std::vector<ScrapeManager::DroppedTarget> ScrapeManager::dropped_targets() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

std::vector<std::string> ScrapeManager::pools() const {
  const MutexLock lock(mutex_);
  return pools_;
}

}  // namespace prom5::scrape
