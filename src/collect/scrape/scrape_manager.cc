#include "collect/scrape/scrape_manager.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

namespace prom5::scrape {

namespace {

struct ProtocolHeader {
  std::string_view type;
  bool escaping;  ///< whether the version knows how names may be escaped
};

/// In the order of ScrapeProtocol.
constexpr std::array<ProtocolHeader, 5> kProtocolHeaders = {{
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
     false},
    {"application/openmetrics-text;version=1.0.0", true},
    {"application/openmetrics-text;version=0.0.1", false},
    {"text/plain;version=1.0.0", true},
    {"text/plain;version=0.0.4", false},
}};
constexpr std::array<std::string_view, 4> kEscapings = {"allow-utf-8", "underscores", "dots",
                                                        "values"};

/// What the target is asked for, best first (prometheus scrape/scrape.go, acceptHeader).
std::string accept_header(const ScrapeOptions& options) {
  std::string out;
  size_t weight = kProtocolHeaders.size() + 1;
  for (const ScrapeProtocol protocol : options.protocols) {
    const ProtocolHeader& header = kProtocolHeaders[static_cast<size_t>(protocol)];
    out += header.type;
    if (header.escaping) {
      out += ";escaping=";
      out += kEscapings[static_cast<size_t>(options.name_escaping)];
    }
    out += fmt::format(";q=0.{},", weight--);
  }
  return out + fmt::format("*/*;q=0.{}", weight);
}

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

/// Compressed, a page beyond this may be a bomb.
constexpr size_t kLargePage = size_t{64} << 10;

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
      target_limit_(services.metrics.counter(
          "prometheus_target_scrape_pool_exceeded_target_limit_total",
          "Total number of times scrape pools hit the target limit, during sync or config "
          "reload.")),
      done_(kMaxWaitingPages) {
  services_.metrics.on_collect("prom5_scrape_targets", "Targets being scraped.",
                               MetricRegistry::Type::Gauge, [this] {
                                 const MutexLock lock(mutex_);
                                 return static_cast<double>(targets_);
                               });
  for (size_t i = 0; i < worker_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
  scheduler_ = std::jthread([this](std::stop_token stop) { schedule(stop); });
}

void ScrapeManager::stop() { scheduler_ = {}; }

ScrapeManager::~ScrapeManager() {
  stop();
  // Pages that have arrived are stored; requests still out are for the client to cancel.
  for (std::jthread& worker : workers_) worker.request_stop();
}

ScrapeManager::EntryPtr ScrapeManager::make_entry(Target target,
                                                  std::shared_ptr<const ScrapeOptions> options,
                                                  size_t pool_size) {
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

void ScrapeManager::apply(const std::vector<ScrapeOptions>& configurations) {
  const MutexLock sync_lock(sync_mutex_);
  failure_log_.reopen();
  std::vector<std::string> order;
  std::vector<EntryPtr> gone;
  for (const ScrapeOptions& options : configurations) order.push_back(options.job_name);
  {
    const MutexLock lock(mutex_);
    for (auto it = pools_.begin(); it != pools_.end();) {
      if (std::find(order.begin(), order.end(), it->first) != order.end()) {
        ++it;
        continue;
      }
      for (const EntryPtr& entry : it->second.entries) {
        entry->ended = true;
        leave_running(*entry);
        if (!entry->running) gone.push_back(entry);
      }
      targets_ -= it->second.entries.size();
      discovered_.erase(it->first);
      it = pools_.erase(it);
    }
    pool_order_ = order;
  }
  end(gone);
  for (const ScrapeOptions& options : configurations) {
    sync(options.job_name, std::make_shared<const ScrapeOptions>(options),
         discovered_[options.job_name]);
  }
}

void ScrapeManager::set_groups(const std::string& job, const std::string& source,
                               std::vector<TargetGroup> groups) {
  const MutexLock sync_lock(sync_mutex_);
  Groups& of_job = discovered_[job];
  of_job[source] = std::move(groups);
  // Before its configuration is known, what was found waits.
  if (auto options = options_of(job)) sync(job, std::move(options), of_job);
}

void ScrapeManager::remove_source(const std::string& job, const std::string& source) {
  const MutexLock sync_lock(sync_mutex_);
  const auto found = discovered_.find(job);
  if (found == discovered_.end() || found->second.erase(source) == 0) return;
  if (auto options = options_of(job)) sync(job, std::move(options), found->second);
}

void ScrapeManager::sync(const std::string& job, std::shared_ptr<const ScrapeOptions> options,
                         const Groups& groups) {
  std::vector<Target> wanted;
  std::vector<DroppedTarget> dropped;
  const auto take = [&](const TargetGroup& group) {
    TargetsOfGroup made = make_targets(group, *options);
    for (Target& target : made.active) wanted.push_back(std::move(target));
    for (DroppedTarget& target : made.dropped) {
      if (target.invalid) {
        services_.log.warn(
            "A target is not scraped",
            {{"job", job}, {"target", target.discovered.to_string()}, {"err", target.reason}});
      }
      dropped.push_back(std::move(target));
    }
  };
  for (const TargetGroup& group : options->static_groups) take(group);
  for (const auto& [source, found] : groups) {
    for (const TargetGroup& group : found) take(group);
  }
  // The same labels twice are one target.
  std::set<uint64_t> seen;
  std::erase_if(wanted, [&](const Target& t) { return !seen.insert(t.hash()).second; });
  std::string refused;
  if (options->target_limit > 0 && wanted.size() > options->target_limit) {
    target_limit_.add();
    refused = fmt::format("target_limit exceeded (number of targets: {}, limit: {})", wanted.size(),
                          options->target_limit);
  }
  const size_t dropped_count = dropped.size();
  if (options->keep_dropped_targets > 0 && dropped.size() > options->keep_dropped_targets) {
    dropped.resize(options->keep_dropped_targets);
  }
  std::vector<EntryPtr> gone;
  {
    const MutexLock lock(mutex_);
    Pool& pool = pools_[job];
    std::map<uint64_t, EntryPtr> before;
    for (EntryPtr& entry : pool.entries) before.emplace(entry->loop->target().hash(), entry);
    targets_ -= pool.entries.size();
    pool.entries.clear();
    for (Target& target : wanted) {
      const auto old = before.find(target.hash());
      const bool same = old != before.end() &&
                        old->second->loop->options().fingerprint == options->fingerprint &&
                        old->second->loop->target().is_scraped_like(target);
      if (same) {
        pool.entries.push_back(old->second);
        before.erase(old);
      } else {
        pool.entries.push_back(make_entry(std::move(target), options, wanted.size()));
        Entry& fresh = *pool.entries.back();
        if (old != before.end()) {
          // The same series under other rules: a new loop, which takes over the place in time and
          // ends what the old one had and it has not.
          fresh.next = old->second->next;
          fresh.first = false;
          fresh.predecessor = old->second;
          old->second->ended = true;
          old->second->succeeded = true;
          before.erase(old);
        }
        due_.push({fresh.next, pool.entries.back()});
      }
      pool.entries.back()->refused = refused;
    }
    for (auto& [hash, entry] : before) {
      entry->ended = true;
      leave_running(*entry);
      if (!entry->running) gone.push_back(entry);
    }
    targets_ += pool.entries.size();
    pool.options = std::move(options);
    pool.dropped = std::move(dropped);
    pool.dropped_count = dropped_count;
  }
  changed_.notify_all();
  end(gone);
}

/// Predecessors whose scrape is under way end with that. Under the lock.
void ScrapeManager::leave_running(Entry& entry) {
  for (Entry* e = &entry; e->predecessor;) {
    Entry& before = *e->predecessor;
    if (!before.running) {
      e = &before;
      continue;
    }
    before.succeeded = false;
    e->predecessor = std::exchange(before.predecessor, nullptr);
  }
}

/// And those before it that it did not come to end. Nobody else may use them any more.
void ScrapeManager::end(EntryPtr entry, TimeMs time) {
  for (; entry; entry = std::exchange(entry->predecessor, nullptr)) {
    if (auto ended = entry->loop->end(time); !ended) {
      services_.log.warn("Series of a removed target could not be ended",
                         {{"target", entry->loop->target().url}, {"err", ended.error().message}});
    }
  }
}

void ScrapeManager::end(const std::vector<EntryPtr>& entries) {
  const TimeMs now = services_.clock.now();
  for (const EntryPtr& entry : entries) end(entry, now);
}

void ScrapeManager::schedule(std::stop_token stop) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const TimeMs now = services_.clock.now();
    std::vector<std::pair<EntryPtr, TimeMs>> due;
    while (!due_.empty() && due_.top().time <= now) {
      const EntryPtr entry = due_.top().entry;
      due_.pop();
      if (entry->ended) continue;
      const TimeMs slot = entry->next;
      entry->next = next_slot(now, entry->loop->target().interval, entry->offset);
      if (std::exchange(entry->first, false) && targets_ <= kFewTargets) {
        entry->next = std::min(entry->next, now + kSecondScrape);
      }
      due_.push({entry->next, entry});
      if (entry->running) {
        missed_.add();
      } else {
        entry->running = true;
        due.emplace_back(entry, slot);
      }
    }
    const TimeMs latest = now + DurationMs::seconds(1);
    const TimeMs earliest = due_.empty() ? latest : std::min(latest, due_.top().time);
    lock.unlock();
    for (const auto& [entry, slot] : due) start(entry, slot);
    lock.lock();
    changed_.wait_for(lock, stop, std::chrono::milliseconds((earliest - now).ms),
                      [] { return false; });
  }
}

void ScrapeManager::start(const EntryPtr& entry, TimeMs slot) {
  const Target& target = entry->loop->target();
  const ScrapeOptions& options = entry->loop->options();
  const TimeMs now = services_.clock.now();
  const TimeMs time = now - slot <= kAlignment && now >= slot ? slot : now;
  std::string refused;
  {
    const MutexLock lock(mutex_);
    refused = entry->refused;
  }
  if (!refused.empty()) {
    push({entry, {time, 0, fail(ErrorCode::Execution, "{}", refused)}});
    return;
  }
  io::HttpClientRequest request;
  request.url = target.url;
  request.headers.add("Accept", accept_header(options));
  request.headers.add("X-Prometheus-Scrape-Timeout-Seconds",
                      fmt::format("{}", target.timeout.as_seconds()));
  request.timeout_ms = target.timeout.ms;
  request.max_body_bytes = options.body_size_limit;
  request.accept_compressed = options.enable_compression;
  request.security = options.security;
  const auto started = std::chrono::steady_clock::now();
  services_.http.start(
      std::move(request), [this, entry, time, started](Result<io::HttpClientResponse> response) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        if (!response && response.error().code == ErrorCode::Canceled) return;  // we are stopping
        push({entry, {time, took.count(), std::move(response)}});
      });
}

void ScrapeManager::push(Done done) {
  const EntryPtr entry = done.entry;
  if (done_.try_push(std::move(done))) return;
  missed_.add();
  const MutexLock lock(mutex_);
  entry->running = false;
}

void ScrapeManager::work(std::stop_token stop) {
  while (auto done = done_.pop(stop)) finish(*std::move(done));
}

void ScrapeManager::finish(Done done) {
  ScrapeLoop& loop = *done.entry->loop;
  const TimeMs time = done.outcome.time;
  auto& response = done.outcome.response;
  if (response && response->status == 200) {
    std::unique_lock alone(large_pages_, std::defer_lock);
    if (response->body.size() > kLargePage) alone.lock();
    if (auto decoded = response->decode(); !decoded) response = std::unexpected(decoded.error());
  }
  if (auto taken = loop.take(std::move(done.outcome)); !taken) {
    services_.log.error("A scrape could not be stored",
                        {{"target", loop.target().url}, {"err", taken.error().message}});
  }
  if (!loop.options().failure_log_file.empty()) {
    if (const TargetStatus status = loop.status(); !status.last_error.empty()) {
      failure_log_.write(loop.options().failure_log_file, services_.clock.now(), status.job,
                         loop.target().url, status.last_error);
    }
  }
  EntryPtr ended;
  {
    const MutexLock lock(mutex_);
    Entry& entry = *done.entry;
    entry.running = false;
    if (entry.ended) {
      if (!entry.succeeded) ended = done.entry;
    } else if (entry.predecessor) {
      leave_running(entry);
      ended = std::exchange(entry.predecessor, nullptr);
    }
  }
  // What is on the page has a sample of its time.
  const bool itself = ended == done.entry;
  end(ended, itself ? time + DurationMs{1} : time);
}

std::vector<TargetStatus> ScrapeManager::active_targets() const {
  std::vector<EntryPtr> entries;
  {
    const MutexLock lock(mutex_);
    for (const std::string& name : pool_order_) {
      const auto pool = pools_.find(name);
      if (pool == pools_.end()) continue;
      entries.insert(entries.end(), pool->second.entries.begin(), pool->second.entries.end());
    }
  }
  std::vector<TargetStatus> out;
  out.reserve(entries.size());
  for (const EntryPtr& entry : entries) out.push_back(entry->loop->status());
  return out;
}

std::vector<DroppedTarget> ScrapeManager::dropped_targets() const {
  const MutexLock lock(mutex_);
  std::vector<DroppedTarget> out;
  for (const auto& [job, pool] : pools_) {
    out.insert(out.end(), pool.dropped.begin(), pool.dropped.end());
  }
  return out;
}

std::map<std::string, size_t> ScrapeManager::dropped_counts() const {
  const MutexLock lock(mutex_);
  std::map<std::string, size_t> out;
  for (const auto& [job, pool] : pools_) out[job] = pool.dropped_count;
  return out;
}

std::vector<std::string> ScrapeManager::pools() const {
  const MutexLock lock(mutex_);
  return pool_order_;
}

std::shared_ptr<const ScrapeOptions> ScrapeManager::options_of(const std::string& job) const {
  const MutexLock lock(mutex_);
  const auto found = pools_.find(job);
  return found == pools_.end() ? nullptr : found->second.options;
}

}  // namespace prom5::scrape
