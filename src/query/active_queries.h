#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"

namespace prom5::query {

/// Queries of one lane do not wait for those of another: dashboards cannot hold up alerting.
enum class Lane : uint8_t { Interactive, Rules };
inline constexpr size_t kLanes = 2;

/// "interactive", "rules".
std::string_view to_string(Lane lane);

/// A query that runs, or waits for its turn.
struct ActiveQuery {
  uint64_t id = 0;
  std::string text;
  TimeMs start;
  TimeMs end;
  DurationMs step;
  Lane lane = Lane::Interactive;
  std::string client;  ///< who asked, where that is known: "127.0.0.1"
  bool running = false;
  double seconds = 0;  ///< since it came
  uint64_t samples = 0;
};

/// Lets so many queries of each lane run at one time, and knows them all. Any thread.
class ActiveQueries {
 public:
  explicit ActiveQueries(std::array<size_t, kLanes> places) : places_(places) {}

  /// A query's place from its coming to its end.
  class Ticket {
   public:
    ~Ticket() { owner_.leave(*this); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    /// Requested when the caller goes away or somebody cancels the query.
    [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }
    void count_samples(uint64_t total) { samples_.store(total, std::memory_order_relaxed); }

   private:
    friend class ActiveQueries;
    Ticket(ActiveQueries& owner, ActiveQuery query) : owner_(owner), query_(std::move(query)) {}

    ActiveQueries& owner_;
    ActiveQuery query_;  // `running` under the owner's mutex; the rest does not change
    std::atomic<uint64_t> samples_{0};
    std::stop_source stop_;
    std::chrono::steady_clock::time_point came_ = std::chrono::steady_clock::now();
    struct Forward {
      std::stop_source* to;
      void operator()() const { to->request_stop(); }
    };
    std::optional<std::stop_callback<Forward>> caller_leaves_;
  };

  /// Waits for a place. Canceled when `caller` is stopped meanwhile, Timeout after `timeout`.
  Result<std::unique_ptr<Ticket>> enter(ActiveQuery query, std::stop_token caller,
                                        DurationMs timeout);

  /// In the order in which they came.
  [[nodiscard]] std::vector<ActiveQuery> list() const;
  /// False when there is no such query any more.
  bool cancel(uint64_t id);
  [[nodiscard]] size_t count() const;

 private:
  void leave(const Ticket& ticket);

  const std::array<size_t, kLanes> places_;
  mutable Mutex mutex_;
  std::condition_variable_any freed_;
  uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::array<size_t, kLanes> running_ GUARDED_BY(mutex_){};
  std::map<uint64_t, Ticket*> tickets_ GUARDED_BY(mutex_);
};

}  // namespace prom5::query
