#pragma once

// clang-format off
#include <utility> // Boost 1.81's headers use std::exchange without it
#include <boost/asio/steady_timer.hpp>
// clang-format on
#include <chrono>

#include "io/net/connection.h"

namespace prom5::io {

/// Closes a connection's socket when nothing happens for too long. Belongs to the connection's
/// event loop, and does not outlive the connection.
class Watchdog {
 public:
  Watchdog(Connection& connection, int seconds)
      : connection_(connection), timer_(connection.socket().get_executor()), seconds_(seconds) {
    rearm();
  }
  void rearm() {
    timer_.expires_after(std::chrono::seconds(seconds_));
    timer_.async_wait([this](const boost::system::error_code& error) {
      boost::system::error_code ignored;
      if (!error) connection_.socket().close(ignored);
    });
  }
  void pause() { timer_.cancel(); }

 private:
  Connection& connection_;
  asio::steady_timer timer_;
  int seconds_;
};

}  // namespace prom5::io
