#pragma once

#include <list>
#include <string>

#include "app/api/mcp.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "io/http/router.h"

namespace prom5::api {

struct McpHttpOptions {
  size_t max_body_bytes = size_t{1} << 20;
  size_t max_sessions = 1000;  ///< the least recently used go first
  DurationMs session_idle = DurationMs::hours(12);
};

/// The Model Context Protocol over Streamable HTTP at /mcp: POST takes a message and answers as
/// JSON, or as an event where a client takes nothing else; DELETE ends a session. There is nothing
/// to listen to, so GET is not allowed. Whether a page in a browser may come in is decided before
/// (is_guarded). Any thread.
class McpApi {
 public:
  McpApi(McpCore& core, const Clock& clock, MetricRegistry& metrics, McpHttpOptions options);

  void add_routes(io::Router& router);

 private:
  struct Session {
    std::string id;
    std::string user;
    std::string revision;
    TimeMs last_used;
  };

  io::HttpResponse post(const io::HttpRequest& request);
  io::HttpResponse end(const io::HttpRequest& request);
  io::HttpResponse begin(const io::HttpRequest& request, const Json& message);
  /// The revision that the request's session agreed on; nothing when its user has none of that id.
  std::optional<std::string> revision_of(const io::HttpRequest& request) EXCLUDES(mutex_);
  std::string open_session(std::string user, std::string revision) EXCLUDES(mutex_);

  McpCore& core_;
  const Clock& clock_;
  const McpHttpOptions options_;
  Counter& refused_;

  mutable Mutex mutex_;
  std::list<Session> sessions_ GUARDED_BY(mutex_);  // most recently used first
};

}  // namespace prom5::api
