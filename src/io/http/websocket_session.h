#pragma once

// clang-format off
#include <utility> // Boost 1.81's awaitable.hpp uses std::exchange without it
#include <boost/asio/awaitable.hpp>
// clang-format on
#include <memory>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "io/http/message.h"
#include "io/http/watchdog.h"
#include "io/http/worker_pool.h"
#include "io/net/connection.h"

namespace prom5::io {

/// What a server lends to its WebSockets; all of it outlives them.
struct WebSocketServices {
  WorkerPool& workers;
  WorkerPool& long_workers;  ///< for what the handler says is long; may be the same
  Counter& refused;          ///< counts what a limit turns away
  const Log& log;
  std::stop_token server_stop;
};

/// The answer to a request for a WebSocket: 101, or 400 for what is no such request.
HttpResponse websocket_upgrade(const HttpRequest& request);

/// Serves a connection from its 101 until client, handler or server end it: frames in become
/// messages on workers, one after the other; what the handler sends goes through an outbox. Too
/// many messages that wait close it with 1013, malformed or too long ones with 1002.
///
/// buffer: what was read already behind the request. On the connection's event loop.
asio::awaitable<void> serve_websocket(Connection& connection, Watchdog& watchdog,
                                      std::shared_ptr<WebSocketHandler> handler,
                                      std::string& buffer, WebSocketServices services);

}  // namespace prom5::io
