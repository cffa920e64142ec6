#pragma once

#include "app/api/live_updates.h"
#include "ask/agent.h"
#include "base/clock.h"
#include "io/http/router.h"

namespace prom5::api {

/// What goes on while a client looks: the WebSocket /ws with frames {"event","data"} both ways, and
/// GET /api/v5/events, server-sent events. Any thread.
///
/// In, over /ws: "text_message" {message, session_id?}, "subscribe" {promql | metric, interval_s?,
/// id?}, "unsubscribe" {id}, "ping" {…}. Out: "text_reply", "subscribed", "unsubscribed",
/// "metrics_update", "alert", "pong" {…}, "error" {message, for?}.
class LiveApi {
 public:
  LiveApi(Agent& agent, LiveUpdates& live, const Clock& clock)
      : agent_(agent), live_(live), clock_(clock) {}

  void add_routes(io::Router& router);

 private:
  io::HttpResponse websocket(const io::HttpRequest& request);
  Result<io::HttpResponse> events(const io::HttpRequest& request);

  Agent& agent_;
  LiveUpdates& live_;
  const Clock& clock_;
};

}  // namespace prom5::api
