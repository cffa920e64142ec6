#pragma once

// clang-format off
#include <utility> // Boost 1.81's headers use std::exchange without it
#include <boost/asio/ip/tcp.hpp>
// clang-format on
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <stop_token>

namespace prom5::io {

/// Watches for a client to leave while an answer is made, and requests a stop then. A client that
/// closes only its writing side has left too. Made by std::make_shared, used on the connection's
/// event loop; the socket outlives the time from begin() to end().
class LeaveWatch : public std::enable_shared_from_this<LeaveWatch> {
 public:
  LeaveWatch(boost::asio::ip::tcp::socket& socket, std::stop_source stop)
      : socket_(socket), again_(socket.get_executor()), stop_(std::move(stop)) {}

  void begin();
  /// Cancels what is under way on the socket, so nothing else may be.
  void end();

 private:
  [[nodiscard]] bool has_left();
  void look_later();

  boost::asio::ip::tcp::socket& socket_;
  boost::asio::steady_timer again_;
  std::stop_source stop_;
  bool ended_ = false;
};

}  // namespace prom5::io
