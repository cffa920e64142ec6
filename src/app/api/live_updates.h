#pragma once

#include <functional>
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
  /// What the queries of a tick may take; what is left then stays due. Slow queries, and those
  /// whose cost is not known yet, get one in each tick at least.
  double tick_seconds = 1;
  /// Tells how long queries take, in seconds, and never runs backwards; empty: the machine's clock.
  std::function<double()> stopwatch;
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
/// "result"}, or "error" {"id", "promql", "message"} in its place. Queries that take long come
/// after the others, in turn for all who look on, and take a tenth of the time at most, however
/// often they are written in another way or asked for anew. "alert" {"state", "previous",
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
  /// Whether updates may come so often: BadData, naming the bounds.
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
  struct Wish {
    std::string promql;  // as it was written
    std::string normal;  // as all write it
    DurationMs interval;
  };
  struct Subscriber {
    SubscriberId id = 0;
    std::shared_ptr<LiveSink> sink;      // shared with its connection
    std::map<std::string, Wish> wanted;  // by its own name for it; guarded by mutex_
    TimeMs served;                       // its last slow query; of the ticking thread
    std::optional<TimeMs> slow_since;    // of the ticking thread
  };
  using SubscriberPtr = std::shared_ptr<Subscriber>;  // shared: it may leave during a tick
  /// A query at one interval.
  struct Feed {
    TimeMs next;  ///< when it is due
    size_t listeners = 0;
  };
  using FeedKey = std::pair<std::string, int64_t>;  // normal PromQL, interval
  /// What a query took the last time. Outlives those who looked at it.
  struct Cost {
    double seconds = 0;
    TimeMs earliest;  ///< it may not be evaluated again before
  };
  struct Listener {
    SubscriberPtr subscriber;
    std::string id;
    std::string promql;
  };
  struct DueQuery {
    std::string promql;
    TimeMs since;
    bool is_quick = false;
    size_t turn = SIZE_MAX;    ///< how many other slow ones the one who looks on has before it
    TimeMs served{INT64_MAX};  ///< when the one who looks on had a slow one last
    double cost_seconds = 0;
    std::vector<FeedKey> feeds;
    std::vector<Listener> listeners;
  };

  void run(const std::stop_token& stop);
  Result<void> room_locked() REQUIRES(mutex_);
  [[nodiscard]] std::unexpected<Error> too_many() const;
  std::vector<DueQuery> take_due(TimeMs now) EXCLUDES(mutex_);
  void add_listeners(std::map<std::string_view, DueQuery>& due) REQUIRES(mutex_);
  [[nodiscard]] const Cost* cost_of(const std::string& normal) const REQUIRES(mutex_);
  void answer(const DueQuery& due, TimeMs now, const std::stop_token& stop);
  void tell(const DueQuery& due, const Result<query::QueryResult>& result, TimeMs now);
  void remember_cost(const DueQuery& due, double seconds, TimeMs now) EXCLUDES(mutex_);
  void watch_alerts(TimeMs now, const std::stop_token& stop);
  void tell_alerts(const std::vector<std::string>& events, TimeMs now);
  void beat();
  void send(const SubscriberPtr& subscriber, std::string_view event, std::string_view data,
            TimeMs now);
  void drop(const SubscriberPtr& subscriber);
  void forget_wish(const Wish& wanted) REQUIRES(mutex_);
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
  std::map<std::string, Cost> costs_ GUARDED_BY(mutex_);  // by normal PromQL

  // Of the ticking thread alone.
  double tick_begun_ = 0;  // as the stopwatch has it
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
