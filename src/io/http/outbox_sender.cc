#include "io/http/outbox_sender.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prom5::io {

std::shared_ptr<Outbox> make_outbox(Connection& connection,
                                    std::shared_ptr<asio::steady_timer>& wake) {
  const auto executor = connection.socket().get_executor();
  wake = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  return std::make_shared<Outbox>(executor, [wake] { wake->cancel(); });
}

asio::awaitable<bool> send_outbox(Connection& connection, Watchdog& watchdog,
                                  std::shared_ptr<Outbox> outbox,
                                  std::shared_ptr<asio::steady_timer> wake) {
  for (;;) {
    while (auto part = outbox->pop()) {
      watchdog.rearm();  // who does not read at all is given up
      const bool written = co_await connection.write(*part);
      watchdog.pause();
      if (!written) {
        outbox->close();
        co_return false;
      }
    }
    if (outbox->closed()) co_return true;
    boost::system::error_code error;
    wake->expires_at(asio::steady_timer::time_point::max());
    co_await wake->async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

}  // namespace prom5::io
