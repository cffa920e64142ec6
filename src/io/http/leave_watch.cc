#include "io/http/leave_watch.h"

#include <poll.h>

#include <chrono>

namespace prom5::io {

namespace {

constexpr std::chrono::milliseconds kLookAgain{100};

using boost::asio::ip::tcp;
using boost::system::error_code;

}  // namespace

void LeaveWatch::begin() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (error || self->ended_) return;
    if (self->has_left()) {
      self->stop_.request_stop();
    } else {
      self->look_later();
    }
  });
}

void LeaveWatch::end() {
  ended_ = true;
  again_.cancel();
  error_code ignored;
  socket_.cancel(ignored);
}

/// What the client sent before it left may lie there unread, as the last words of TLS do.
bool LeaveWatch::has_left() {
  pollfd descriptor{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

/// The socket stays readable while something of the next request lies there.
void LeaveWatch::look_later() {
  again_.expires_after(kLookAgain);
  again_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->ended_) self->begin();
  });
}

}  // namespace prom5::io
