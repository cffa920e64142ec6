#include "app/api/live_updates.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "app/api/result_json.h"
#include "io/codec/json_writer.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;

/// A query may take a tenth of the time.
constexpr double kShareOfTime = 0.1;

/// What takes less is evaluated before what takes more.
constexpr double kQuickSeconds = 0.05;
/// Costs that are remembered, for each query of a tick.
constexpr size_t kRemembered = 4;

double machine_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

DurationMs as_duration(double seconds) { return {static_cast<int64_t>(seconds * 1000)}; }

LiveOptions with_stopwatch(LiveOptions options) {
  if (!options.stopwatch) options.stopwatch = machine_seconds;
  return options;
}

/// The next time after `now` that is a multiple of the interval: all who look at something every
/// ten seconds look at the same ten seconds.
TimeMs next_after(TimeMs now, DurationMs interval) {
  return {(now.ms / interval.ms + 1) * interval.ms};
}

/// What follows the names in an update, which is the same for all.
std::string update_rest(TimeMs now, const query::Value& value, size_t max_series) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("time");
  write_time(json, now);
  if (write_value(json, value, max_series)) json.key("truncated").boolean(true);
  json.end_object();
  return out;
}

/// {"id":…,"promql":…, and what follows.
std::string with_names(const std::string& id, const std::string& promql, std::string_view rest) {
  std::string out = "{\"id\":";
  codec::append_json_string(out, id);
  out += ",\"promql\":";
  codec::append_json_string(out, promql);
  out += ',';
  out += rest.substr(1);
  return out;
}

/// The labels of a series of ALERTS as they are told, and its state.
std::pair<std::string, std::string> alert_of(const Labels& labels) {
  std::string text;
  std::string state;
  JsonWriter json(text);
  json.begin_object();
  for (const LabelView label : labels) {
    if (label.name == "alertstate") {
      state = label.value;
    } else if (label.name != "__name__") {
      json.field(label.name, label.value);
    }
  }
  json.end_object();
  return {std::move(text), std::move(state)};
}

std::string alert_event(const std::string& labels, std::string_view state,
                        std::string_view previous, TimeMs now) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("state", state).field("previous", previous).key("time");
  write_time(json, now);
  json.key("labels").raw(labels).end_object();
  return out;
}

}  // namespace

LiveUpdates::LiveUpdates(query::Engine& engine, Clock& clock, MetricRegistry& metrics,
                         LiveOptions options)
    : engine_(engine),
      clock_(clock),
      options_(with_stopwatch(std::move(options))),
      updates_(metrics.counter("prom5_live_updates_total",
                               "Events sent to WebSockets and streams of events.")),
      queries_(metrics.counter("prom5_live_queries_total", "Queries evaluated for live updates.")),
      postponed_(metrics.counter("prom5_live_queries_postponed_total",
                                 "Live queries that had to wait for the next tick.")),
      skipped_(metrics.counter("prom5_live_updates_skipped_total",
                               "Events not sent because a subscriber reads too slowly.")),
      dropped_(metrics.counter("prom5_live_subscribers_dropped_total",
                               "Subscribers that were given up.")),
      refused_(metrics.counter("prom5_live_refused_total",
                               "Subscribers and subscriptions turned away by a limit.")),
      late_(metrics.counter("prom5_live_ticks_missed_total",
                            "Ticks without updates, as those before took too long.")) {
  metrics.on_collect("prom5_live_subscribers", "Open WebSockets and streams of events.",
                     MetricRegistry::Type::Gauge,
                     [this] { return static_cast<double>(subscribers()); });
}

LiveUpdates::~LiveUpdates() { stop(); }

void LiveUpdates::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LiveUpdates::stop() {
  std::map<SubscriberId, SubscriberPtr> last;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    last.swap(subscribers_);
    feeds_.clear();
  }
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  for (const auto& [id, subscriber] : last) subscriber->sink->close();
}

void LiveUpdates::run(const std::stop_token& stop) {
  const DurationMs step = options_.min_interval;
  TimeMs due = next_after(clock_.now(), step);
  while (clock_.wait_until(due, stop)) {
    tick(due, stop);
    const TimeMs next = next_after(due, step);
    due = std::max(next, next_after(clock_.now(), step));
    late_.add(static_cast<uint64_t>((due - next).ms / step.ms));
  }
}

Result<void> LiveUpdates::room_locked() {
  if (stopped_) return fail(ErrorCode::Unavailable, "the server is stopping");
  if (subscribers_.size() < options_.max_subscribers) return {};
  refused_.add();
  return fail(ErrorCode::LimitExceeded, "there are {} subscribers already, the most there may be",
              options_.max_subscribers);
}

Result<void> LiveUpdates::room() {
  const MutexLock lock(mutex_);
  return room_locked();
}

Result<LiveUpdates::SubscriberId> LiveUpdates::join(std::shared_ptr<LiveSink> sink) {
  const MutexLock lock(mutex_);
  TRY(room_locked());
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->id = next_id_++;
  subscriber->sink = std::move(sink);
  subscribers_.emplace(subscriber->id, subscriber);
  return subscriber->id;
}

void LiveUpdates::forget_wish(const Wish& wanted) {
  const auto feed = feeds_.find({wanted.normal, wanted.interval.ms});
  if (feed != feeds_.end() && --feed->second.listeners == 0) feeds_.erase(feed);
}

void LiveUpdates::leave(SubscriberId subscriber) {
  const MutexLock lock(mutex_);
  const auto found = subscribers_.find(subscriber);
  if (found == subscribers_.end()) return;
  for (const auto& [id, wanted] : found->second->wanted) forget_wish(wanted);
  found->second->wanted.clear();
  subscribers_.erase(found);
}

std::unexpected<Error> LiveUpdates::too_many() const {
  refused_.add();
  return fail(ErrorCode::LimitExceeded, "there are {} subscriptions, the most there may be",
              options_.max_subscriptions);
}

Result<void> LiveUpdates::check_interval(DurationMs interval) const {
  if (interval >= options_.min_interval && interval <= options_.max_interval) return {};
  return fail(ErrorCode::BadData, "the interval must be from {} to {}",
              format_duration(options_.min_interval), format_duration(options_.max_interval));
}

Result<void> LiveUpdates::check(const Subscription& wanted, size_t others) const {
  if (wanted.promql.empty() || wanted.promql.size() > options_.max_query_bytes) {
    return fail(ErrorCode::BadData, "a query must have 1 to {} bytes", options_.max_query_bytes);
  }
  if (wanted.interval.ms != 0) TRY(check_interval(wanted.interval));
  if (others >= options_.max_subscriptions) return too_many();
  TRY(query::result_type(wanted.promql));
  return {};
}

Result<void> LiveUpdates::subscribe(SubscriberId subscriber, Subscription wanted) {
  TRY(check(wanted, 0));
  std::string normal = TRY(query::format_query(wanted.promql));
  // Rounded up to full ticks.
  const int64_t tick = options_.min_interval.ms;
  wanted.interval.ms = std::max(tick, (wanted.interval.ms + tick - 1) / tick * tick);
  const TimeMs now = clock_.now();
  const MutexLock lock(mutex_);
  const auto found = subscribers_.find(subscriber);
  if (found == subscribers_.end()) return fail(ErrorCode::NotFound, "the subscriber has left");
  auto& all = found->second->wanted;
  const size_t others = all.size() - all.count(wanted.id);
  if (others >= options_.max_subscriptions) return too_many();
  if (const auto old = all.find(wanted.id); old != all.end()) {
    forget_wish(old->second);
    all.erase(old);
  }
  Feed& feed = feeds_[{normal, wanted.interval.ms}];
  ++feed.listeners;
  feed.next = now;
  all.emplace(std::move(wanted.id),
              Wish{std::move(wanted.promql), std::move(normal), wanted.interval});
  return {};
}

bool LiveUpdates::unsubscribe(SubscriberId subscriber, const std::string& id) {
  const MutexLock lock(mutex_);
  const auto found = subscribers_.find(subscriber);
  if (found == subscribers_.end()) return false;
  const auto wanted = found->second->wanted.find(id);
  if (wanted == found->second->wanted.end()) return false;
  forget_wish(wanted->second);
  found->second->wanted.erase(wanted);
  return true;
}

size_t LiveUpdates::subscribers() const {
  const MutexLock lock(mutex_);
  return subscribers_.size();
}

std::vector<LiveUpdates::SubscriberPtr> LiveUpdates::everybody() const {
  const MutexLock lock(mutex_);
  std::vector<SubscriberPtr> out;
  out.reserve(subscribers_.size());
  for (const auto& [id, subscriber] : subscribers_) out.push_back(subscriber);
  return out;
}

const LiveUpdates::Cost* LiveUpdates::cost_of(const std::string& normal) const {
  const auto cost = costs_.find(normal);
  return cost == costs_.end() ? nullptr : &cost->second;
}

/// The queries whose turn it is, with those who look at them: who waits longest first, as far as
/// the limit goes. Of these the quick ones come first; the others, a subscriber's first one before
/// the second one of any other, and who had none for the longest time before the others.
std::vector<LiveUpdates::DueQuery> LiveUpdates::take_due(TimeMs now) {
  const MutexLock lock(mutex_);
  std::vector<std::pair<TimeMs, const FeedKey*>> waiting;
  for (const auto& [key, feed] : feeds_) {
    const Cost* cost = cost_of(key.first);
    const TimeMs since = cost == nullptr ? feed.next : std::max(feed.next, cost->earliest);
    if (since <= now) waiting.emplace_back(since, &key);
  }
  std::ranges::sort(waiting, {}, [](const auto& w) { return w.first; });
  std::map<std::string_view, DueQuery> due;
  for (const auto& [since, key] : waiting) {
    const auto found = due.find(key->first);
    if (found == due.end() && due.size() == options_.max_queries_per_tick) {
      postponed_.add();
      continue;
    }
    DueQuery& query = found == due.end() ? due[key->first] : found->second;
    if (found == due.end()) {
      const Cost* cost = cost_of(key->first);
      query.promql = key->first;
      query.since = since;
      query.is_quick = cost != nullptr && cost->seconds < kQuickSeconds;
      query.cost_seconds = cost == nullptr ? 0 : cost->seconds;
    }
    query.feeds.push_back(*key);
  }
  add_listeners(due);
  std::vector<DueQuery> out;
  out.reserve(due.size());
  for (auto& [promql, query] : due) out.push_back(std::move(query));
  std::ranges::stable_sort(out, {}, [](const DueQuery& q) {
    return q.is_quick ? std::tuple(0, size_t{0}, TimeMs{}, q.since, q.cost_seconds)
                      : std::tuple(1, q.turn, q.served, q.since, q.cost_seconds);
  });
  return out;
}

void LiveUpdates::add_listeners(std::map<std::string_view, DueQuery>& due) {
  for (const auto& [id, subscriber] : subscribers_) {
    size_t turn = 0;
    for (const auto& [name, wanted] : subscriber->wanted) {
      const auto query = due.find(wanted.normal);
      if (query == due.end()) continue;
      const auto& feeds = query->second.feeds;
      const FeedKey own{wanted.normal, wanted.interval.ms};
      if (std::ranges::find(feeds, own) == feeds.end()) continue;
      query->second.listeners.push_back({subscriber, name, wanted.promql});
      if (query->second.is_quick) continue;
      query->second.turn = std::min(query->second.turn, turn++);
      query->second.served = std::min(query->second.served, subscriber->served);
    }
  }
}

Result<query::QueryResult> LiveUpdates::evaluate(const std::string& promql, TimeMs now,
                                                 const std::stop_token& stop) {
  query::QueryRequest request;
  request.text = promql;
  request.start = request.end = now;
  request.timeout = options_.query_timeout;
  request.stop = stop;
  request.origin = {"live updates", "GET", "/ws"};
  queries_.add();
  return engine_.run(request);
}

void LiveUpdates::tick(TimeMs now, const std::stop_token& stop) {
  if (subscribers() == 0) {
    // Nobody has seen what the alerts were, so nobody is told what became of them.
    alerts_.reset();
    return;
  }
  tick_begun_ = options_.stopwatch();
  if (now >= next_heartbeat_) {
    next_heartbeat_ = now + options_.heartbeat_interval;
    beat();
  }
  if (now >= next_alerts_) {
    const double begun = options_.stopwatch();
    watch_alerts(now, stop);
    const DurationMs pause = as_duration((options_.stopwatch() - begun) / kShareOfTime);
    next_alerts_ = std::max(next_after(now, options_.alert_interval), now + pause);
  }
  const std::vector<DueQuery> queries = take_due(now);
  bool had_slow = false;
  for (const DueQuery& due : queries) {
    if (stop.stop_requested()) return;
    const bool is_late = options_.stopwatch() - tick_begun_ >= options_.tick_seconds;
    if (is_late && (due.is_quick || had_slow)) {
      postponed_.add();
      continue;
    }
    if (!due.is_quick) {
      had_slow = true;
      for (const Listener& listener : due.listeners) listener.subscriber->served = now;
    }
    answer(due, now, stop);
  }
}

void LiveUpdates::answer(const DueQuery& due, TimeMs now, const std::stop_token& stop) {
  const double begun = options_.stopwatch();
  const auto result = evaluate(due.promql, now, stop);
  const double ended = options_.stopwatch();
  remember_cost(due, ended - begun, now + as_duration(ended - tick_begun_));
  tell(due, result, now);
}

void LiveUpdates::tell(const DueQuery& due, const Result<query::QueryResult>& result, TimeMs now) {
  std::string rest;
  if (result) {
    rest = update_rest(now, result->value, options_.max_series);
  } else {
    JsonWriter(rest).begin_object().field("message", result.error().message).end_object();
  }
  const std::string_view event = result ? "metrics_update" : "error";
  std::string data;
  const Listener* data_of = nullptr;
  for (const Listener& listener : due.listeners) {
    const bool is_same =
        data_of != nullptr && data_of->id == listener.id && data_of->promql == listener.promql;
    if (!is_same) data = with_names(listener.id, listener.promql, rest);
    data_of = &listener;
    send(listener.subscriber, event, data, now);
  }
}

/// `now`: when the query ended.
void LiveUpdates::remember_cost(const DueQuery& due, double seconds, TimeMs now) {
  const MutexLock lock(mutex_);
  costs_[due.promql] = {seconds, now + as_duration(seconds / kShareOfTime)};
  for (const FeedKey& key : due.feeds) {
    const auto feed = feeds_.find(key);
    if (feed != feeds_.end()) feed->second.next = next_after(now, {key.second});
  }
  const size_t most = options_.max_queries_per_tick * kRemembered;
  if (costs_.size() <= most) return;
  // What may be evaluated again is forgotten first.
  std::erase_if(costs_, [&](const auto& cost) { return cost.second.earliest <= now; });
  if (costs_.size() <= most) return;
  costs_.erase(
      std::ranges::min_element(costs_, {}, [](const auto& cost) { return cost.second.earliest; }));
}

void LiveUpdates::watch_alerts(TimeMs now, const std::stop_token& stop) {
  const auto result = evaluate("ALERTS", now, stop);
  if (!result) return;  // what changed meanwhile is told when it can be seen again
  const auto* vector = std::get_if<query::VectorValue>(&result->value);
  if (vector == nullptr) return;
  std::map<std::string, std::string> seen;
  for (const query::Series& series : vector->series) {
    auto [labels, state] = alert_of(series.labels);
    std::string& known = seen[std::move(labels)];
    // Both are there for a while where nobody wrote that the first one ended.
    if (known != "firing") known = std::move(state);
  }
  if (!alerts_) {
    alerts_ = std::move(seen);
    return;
  }
  std::vector<std::string> events;
  for (const auto& [labels, state] : seen) {
    const auto before = alerts_->find(labels);
    const std::string_view previous =
        before == alerts_->end() ? std::string_view("inactive") : std::string_view(before->second);
    if (previous != state) events.push_back(alert_event(labels, state, previous, now));
  }
  for (const auto& [labels, state] : *alerts_) {
    if (!seen.contains(labels)) events.push_back(alert_event(labels, "resolved", state, now));
  }
  alerts_ = std::move(seen);
  if (events.size() > options_.max_alerts_per_tick) {
    skipped_.add(events.size() - options_.max_alerts_per_tick);
    events.resize(options_.max_alerts_per_tick);
  }
  if (!events.empty()) tell_alerts(events, now);
}

void LiveUpdates::tell_alerts(const std::vector<std::string>& events, TimeMs now) {
  for (const SubscriberPtr& subscriber : everybody()) {
    for (const std::string& event : events) send(subscriber, "alert", event, now);
  }
}

void LiveUpdates::beat() {
  for (const SubscriberPtr& subscriber : everybody()) {
    if (!subscriber->sink->heartbeat()) drop(subscriber);
  }
}

void LiveUpdates::send(const SubscriberPtr& subscriber, std::string_view event,
                       std::string_view data, TimeMs now) {
  LiveSink& sink = *subscriber->sink;
  if (sink.unsent_bytes() > options_.max_unsent_bytes) {
    skipped_.add();
    if (!subscriber->slow_since) subscriber->slow_since = now;
    if (now - *subscriber->slow_since >= options_.give_up) drop(subscriber);
    return;
  }
  subscriber->slow_since.reset();
  if (sink.send(event, data)) {
    updates_.add();
  } else {
    drop(subscriber);
  }
}

void LiveUpdates::drop(const SubscriberPtr& subscriber) {
  {
    const MutexLock lock(mutex_);
    if (!subscribers_.contains(subscriber->id)) return;
  }
  leave(subscriber->id);
  dropped_.add();
  subscriber->sink->close();
}

}  // namespace prom5::api
