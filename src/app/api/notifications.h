#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "io/http/message.h"
#include "io/http/router.h"

namespace prom5::api {

inline constexpr std::string_view kStartingUp =
    "The server is starting and replaying the write-ahead log.";
inline constexpr std::string_view kReloadFailed = "Configuration reload has failed.";
inline constexpr std::string_view kShuttingDown = "The server is shutting down.";

/// What everybody who looks at the server should know, for as long as it holds, and the streams of
/// those who want to hear of each change: GET /api/v1/notifications and
/// GET /api/v1/notifications/live, server-sent events. Any thread.
/// Source: prometheus util/notifications, for the shape and the metrics.
class Notifications {
 public:
  struct Note {
    std::string about;   ///< what it was raised with
    std::string text;    ///< the same, or "ABOUT: REASON"
    TimeMs date;         ///< when it was last raised
    bool active = true;  ///< false in the event that tells of its end alone
  };

  Notifications(const Clock& clock, MetricRegistry& metrics, size_t max_subscribers);

  void add_routes(io::Router& router);

  /// `about`: a sentence with its full stop. Of `reason`, where there is one, the first line is
  /// told with it, or the beginning of that. One that holds already is dated anew, and told again;
  /// with another reason it takes the other's place, whose end is told before.
  void raise(std::string_view about, std::string_view reason = {}) EXCLUDES(mutex_);
  void withdraw(std::string_view about) EXCLUDES(mutex_);
  /// In the order in which they were raised first.
  [[nodiscard]] std::vector<Note> list() const EXCLUDES(mutex_);

  /// Closes all streams. Nobody gets one any more.
  void stop() EXCLUDES(mutex_);
  /// Those whose client is still there.
  [[nodiscard]] size_t subscribers() const EXCLUDES(mutex_);

 private:
  struct Subscriber {
    uint64_t id = 0;
    std::stop_token gone;                        ///< its client's request
    std::shared_ptr<io::ResponseStream> stream;  ///< shared with its connection; null: to come
  };

  io::HttpResponse answer() const;
  io::HttpResponse live(const io::HttpRequest& request);
  /// A place for one more, or 0 when all are taken.
  uint64_t reserve(const std::stop_token& gone) EXCLUDES(mutex_);
  /// The stream gets what holds now.
  void begin(uint64_t id, std::shared_ptr<io::ResponseStream> stream) EXCLUDES(mutex_);
  void send(io::ResponseStream& stream, std::string event);
  void tell(const Note& note) REQUIRES(mutex_);
  void tell_end(Note& note) REQUIRES(mutex_);
  void forget_gone() REQUIRES(mutex_);

  const Clock& clock_;
  const size_t max_subscribers_;
  Counter& sent_;
  Counter& dropped_;
  mutable Mutex mutex_;
  std::vector<Note> notes_ GUARDED_BY(mutex_);
  std::vector<Subscriber> subscribers_ GUARDED_BY(mutex_);
  uint64_t next_id_ GUARDED_BY(mutex_) = 1;
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace prom5::api
