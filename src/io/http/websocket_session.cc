#include "io/http/websocket_session.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "base/ascii.h"
#include "io/http/outbox.h"
#include "io/http/outbox_sender.h"
#include "io/http/websocket_frame.h"

namespace prom5::io {

namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kMaxWebSocketMessage = size_t{4} << 20;
constexpr size_t kMaxWaitingMessages = 32;  // of one WebSocket

/// Messages of a WebSocket on their way to a worker, one after the other. Belongs to the
/// connection's event loop.
struct WebSocketInbox {
  std::deque<std::string> waiting;
  bool working = false;
  std::stop_source stop;
};

/// What a worker shares with the connection.
struct SocketWork {
  WebSocketServices services;
  std::shared_ptr<WebSocketHandler> handler;
  std::shared_ptr<Outbox> outbox;
  std::shared_ptr<WebSocketInbox> inbox;
  asio::any_io_executor executor;
};

void refuse_socket(const SocketWork& work) {
  work.services.refused.add();
  work.outbox->push(
      encode_server_frame(WebSocketFrame::Close, "\x03\xF5"));  // 1013, try again later
  work.outbox->close();
}

/// Has the next message worked on, off the event loop. Too many messages, or too many requests,
/// close the socket.
void work_on(const SocketWork& work) {
  WebSocketInbox& inbox = *work.inbox;
  if (inbox.working || inbox.waiting.empty()) return;
  inbox.working = true;
  std::string message = std::move(inbox.waiting.front());
  inbox.waiting.pop_front();
  const bool takes_long = work.handler->is_long && work.handler->is_long(message);
  WorkerPool& pool = takes_long ? work.services.long_workers : work.services.workers;
  const bool queued = pool.try_push([work, text = std::move(message)]() mutable {
    try {
      work.handler->on_message(std::move(text), work.inbox->stop.get_token());
    } catch (const std::exception& e) {
      work.services.log.error("A WebSocket's message could not be worked on", {{"err", e.what()}});
    }
    asio::post(work.executor, [work] {
      work.inbox->working = false;
      work_on(work);
    });
  });
  if (!queued) refuse_socket(work);
}

asio::awaitable<void> read_websocket(Connection& connection, const SocketWork& work,
                                     std::string& buffer) {
  Outbox& outbox = *work.outbox;
  std::string message;
  for (;;) {
    auto frame = take_client_frame(buffer, kMaxWebSocketMessage);
    if (!frame || message.size() > kMaxWebSocketMessage) {
      outbox.push(encode_server_frame(WebSocketFrame::Close, "\x03\xEA"));  // 1002
      co_return;
    }
    if (!*frame) {
      std::array<char, kReadBytes> chunk;
      const size_t n = co_await connection.read_some(asio::buffer(chunk));
      if (n == 0) co_return;
      buffer.append(chunk.data(), n);
      continue;
    }
    switch ((*frame)->opcode) {
      case WebSocketFrame::Close:
        outbox.push(encode_server_frame(WebSocketFrame::Close, (*frame)->payload.substr(0, 2)));
        co_return;
      case WebSocketFrame::Ping:
        outbox.push(encode_server_frame(WebSocketFrame::Pong, (*frame)->payload));
        break;
      case WebSocketFrame::Pong: break;
      default:
        message += (*frame)->payload;
        if (!(*frame)->final) break;
        work.inbox->waiting.push_back(std::exchange(message, {}));
        work_on(work);
        if (work.inbox->waiting.size() > kMaxWaitingMessages) {
          refuse_socket(work);
          co_return;
        }
    }
  }
}

}  // namespace

HttpResponse websocket_upgrade(const HttpRequest& request) {
  const std::string key(request.headers.get("Sec-WebSocket-Key"));
  if (key.empty() || !equal_ignoring_case(request.headers.get("Upgrade"), "websocket")) {
    return HttpResponse::text(400, "expected a WebSocket upgrade\n");
  }
  HttpResponse upgrade;
  upgrade.status = 101;
  upgrade.headers.add("Upgrade", "websocket");
  upgrade.headers.add("Connection", "Upgrade");
  upgrade.headers.add("Sec-WebSocket-Accept", websocket_accept(key));
  return upgrade;
}

asio::awaitable<void> serve_websocket(Connection& connection, Watchdog& watchdog,
                                      std::shared_ptr<WebSocketHandler> handler,
                                      std::string& buffer, WebSocketServices services) {
  std::shared_ptr<asio::steady_timer> wake;
  const std::shared_ptr<Outbox> outbox = make_outbox(connection, wake);
  handler->on_open(std::make_shared<WebSocketOutbox>(outbox));
  // The sender ends when the outbox closes; then the socket closes, which ends the reader.
  auto sent = std::make_shared<bool>(false);
  asio::co_spawn(
      connection.socket().get_executor(),
      [&connection, &watchdog, outbox, wake, sent]() -> asio::awaitable<void> {
        co_await send_outbox(connection, watchdog, outbox, wake);
        *sent = true;
        error_code ignored;
        connection.socket().shutdown(tcp::socket::shutdown_both, ignored);
      },
      asio::detached);
  const auto inbox = std::make_shared<WebSocketInbox>();  // shared with the worker
  const SocketWork work{services, handler, outbox, inbox, connection.socket().get_executor()};
  {
    const std::stop_callback server_stops(services.server_stop,
                                          [inbox] { inbox->stop.request_stop(); });
    co_await read_websocket(connection, work, buffer);
  }
  inbox->stop.request_stop();
  inbox->waiting.clear();
  handler->on_close();
  outbox->close();
  while (!*sent) {  // the sender uses the connection: it must end first
    asio::steady_timer pause(connection.socket().get_executor(), std::chrono::milliseconds(5));
    error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace prom5::io
