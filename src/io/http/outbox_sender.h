#pragma once

// clang-format off
#include <utility> // Boost 1.81's awaitable.hpp uses std::exchange without it
#include <boost/asio/awaitable.hpp>
// clang-format on
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "io/http/outbox.h"
#include "io/http/watchdog.h"
#include "io/net/connection.h"

namespace prom5::io {

// How an outbox gets onto its connection. On the connection's event loop.

/// `wake` becomes the timer that the outbox cancels when there is something to send.
std::shared_ptr<Outbox> make_outbox(Connection& connection,
                                    std::shared_ptr<asio::steady_timer>& wake);

/// Sends what the outbox gets until it is closed. False when the client is gone.
asio::awaitable<bool> send_outbox(Connection& connection, Watchdog& watchdog,
                                  std::shared_ptr<Outbox> outbox,
                                  std::shared_ptr<asio::steady_timer> wake);

}  // namespace prom5::io
