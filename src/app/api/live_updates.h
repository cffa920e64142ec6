#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "query/engine.h"

namespace prom5::api {

struct LiveOptions {
  size_t max_subscribers = 384;                 ///< sockets and streams together
  size_t max_subscriptions = 20;                ///< of one subscriber
  size_t max_query_bytes = 4 * 1024;            ///< of a subscription's PromQL
  size_t max_queries_per_tick = 200;            ///< different ones; what is left waits for the next
  size_t max_series = 1000;                     ///< of one update
  size_t max_alerts_per_tick = 500;             ///< changes that are told
  size_t max_unsent_bytes = size_t{1} << 20;    ///< of a subscriber; beyond, updates are skipped
  DurationMs give_up = DurationMs::minutes(1);  ///< on a subscriber that skips all the time
  DurationMs min_interval = DurationMs::seconds(1);  ///< a tick
  DurationMs max_interval = DurationMs::hours(1);
  DurationMs query_timeout = DurationMs::seconds(5);
  DurationMs alert_interval = DurationMs::seconds(1);
  DurationMs heartbeat_interval = DurationMs::seconds(15);
};

/// Where the events of a subscriber go. Any thread.
class LiveSink {
 public:
  virtual ~LiveSink() = default;

  /// `data`: a JSON object's text, without line ends. False when nobody is there any more.
  virtual bool send(std::string_view event, std::string_view data) = 0;
  /// Something that a client does not see and a broken connection breaks at. False as for send().
  virtual bool heartbeat() = 0;
  [[nodiscard]] virtual size_t unsent_bytes() const = 0;
  virtual void close() = 0;
};

/// Queries evaluated again and again, for all who look on, and alerts as they change.
///
/// One thread for all: at each tick (a full second) the queries that are due are evaluated, one
/// that several look at once, and sent: "metrics_update" {"id", "promql", "time", "resultType",
/// "result"}, or "error" {"id", "promql", "message"} in its place. Queries that took long
/// before come last, and not more often than a tenth of the time. "alert" {"state", "previous",
/// "time", "labels"} tells of each series of ALERTS that became pending, firing or resolved, to
/// everybody. A subscriber that reads too slowly misses updates, and is given up when it goes on
/// so. Any thread.
class LiveUpdates {
 public:
  using SubscriberId = uint64_t;

  LiveUpdates(query::Engine& engine, Clock& clock, MetricRegistry& metrics, LiveOptions options);
  ~LiveUpdates();

  /// Begins to tick; stop() ends it, closes all sinks and lets nobody join any more.
  void start();
  void stop();

  /// Whether one more may join: LimitExceeded when there are as many as may be; Unavailable after
  /// stop().
  Result<void> room() EXCLUDES(mutex_);
  /// Errors as of room().
  Result<SubscriberId> join(std::shared_ptr<LiveSink> sink);
  void leave(SubscriberId subscriber);

  /// What a subscriber wants to see.
  struct Subscription {
    std::string id;  ///< the subscriber's own name for it; one of that name is replaced
    std::string promql;
    DurationMs interval;  ///< in full ticks; 0: one tick
  };
  /// Whether updates may come so often: BadData.
  [[nodiscard]] Result<void> check_interval(DurationMs interval) const;
  /// Whether a subscriber with so many already may have it. BadData for what does not parse or lies
  /// outside the limits; LimitExceeded for one too many.
  [[nodiscard]] Result<void> check(const Subscription& wanted, size_t others) const;
  /// The first update comes with the next tick. Errors as of check(); NotFound when the subscriber
  /// has left.
  Result<void> subscribe(SubscriberId subscriber, Subscription wanted);
  /// False when there is none of that name.
  bool unsubscribe(SubscriberId subscriber, const std::string& id);

  [[nodiscard]] size_t subscribers() const;

  /// Evaluates and sends what is due then. Called by the thread; by tests in its place.
  void tick(TimeMs now, const std::stop_token& stop);

 private:
  struct Subscriber {
    SubscriberId id = 0;
    std::shared_ptr<LiveSink> sink;              // shared with its connection
    std::map<std::string, Subscription> wanted;  // guarded by mutex_
    std::optional<TimeMs> slow_since;            // of the ticking thread
  };
  using SubscriberPtr = std::shared_ptr<Subscriber>;  // shared: it may leave during a tick
  /// A query at one interval, and what is known of it.
  struct Feed {
    TimeMs next;      ///< when it is due
    TimeMs earliest;  ///< what it costs forbids it before
    size_t listeners = 0;
  };
  using FeedKey = std::pair<std::string, int64_t>;  // PromQL, interval
  struct DueQuery {
    std::string promql;
    double cost_seconds = 0;
    std::vector<FeedKey> feeds;
    std::vector<std::pair<SubscriberPtr, std::string>> listeners;  // with their ids
  };

  void run(const std::stop_token& stop);
  Result<void> room_locked() REQUIRES(mutex_);
  [[nodiscard]] std::unexpected<Error> too_many() const;
  std::vector<DueQuery> take_due(TimeMs now) EXCLUDES(mutex_);
  void answer(const DueQuery& due, TimeMs now, const std::stop_token& stop);
  void remember_cost(const std::string& promql, double seconds);
  void watch_alerts(TimeMs now, const std::stop_token& stop);
  void tell_alerts(const std::vector<std::string>& events, TimeMs now);
  void beat();
  void send(const SubscriberPtr& subscriber, std::string_view event, std::string_view data,
            TimeMs now);
  void drop(const SubscriberPtr& subscriber);
  void forget_wish(const Subscription& wanted) REQUIRES(mutex_);
  Result<query::QueryResult> evaluate(const std::string& promql, TimeMs now,
                                      const std::stop_token& stop);
  [[nodiscard]] std::vector<SubscriberPtr> everybody() const EXCLUDES(mutex_);

  query::Engine& engine_;
  Clock& clock_;
  const LiveOptions options_;

  mutable Mutex mutex_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  SubscriberId next_id_ GUARDED_BY(mutex_) = 1;
  std::map<SubscriberId, SubscriberPtr> subscribers_ GUARDED_BY(mutex_);
  std::map<FeedKey, Feed> feeds_ GUARDED_BY(mutex_);

  // Of the ticking thread alone.
  std::map<std::string, double> costs_;  // seconds that a query took the last time
  /// Labels without the state, as JSON: the state.
  std::optional<std::map<std::string, std::string>> alerts_;
  TimeMs next_alerts_;
  TimeMs next_heartbeat_;

  Counter& updates_;
  Counter& queries_;
  Counter& postponed_;
  Counter& skipped_;
  Counter& dropped_;
  Counter& refused_;
  Counter& late_;
  std::jthread thread_;
};

}  // namespace prom5::api
