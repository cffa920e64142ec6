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

// Why a WebSocket is closed (RFC 6455, section 7.4.1).
constexpr std::string_view kProtocolError = "\x03\xEA";  // 1002
constexpr std::string_view kTooBig = "\x03\xF1";         // 1009
constexpr std::string_view kTryAgainLater = "\x03\xF5";  // 1013

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
  work.outbox->push(encode_server_frame(WebSocketFrame::Close, kTryAgainLater));
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
  bool goes_on = false;  // a message of which a part is here
  const auto close = [&](std::string_view code) {
    outbox.push(encode_server_frame(WebSocketFrame::Close, code));
  };
  for (;;) {
    auto frame = take_client_frame(buffer, kMaxWebSocketMessage);
    if (!frame && frame.error().code != ErrorCode::LimitExceeded) co_return close(kProtocolError);
    if (!frame || message.size() > kMaxWebSocketMessage) co_return close(kTooBig);
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
        // A message begins once, and only what has begun goes on (RFC 6455, section 5.4).
        if (((*frame)->opcode == WebSocketFrame::Continuation) != goes_on) {
          co_return close(kProtocolError);
        }
        message += (*frame)->payload;
        goes_on = !(*frame)->final;
        if (goes_on) break;
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
  if (request.headers.get("Sec-WebSocket-Version") != "13") {
    HttpResponse refused = HttpResponse::text(426, "WebSockets are spoken in version 13\n");
    refused.headers.add("Upgrade", "websocket");
    refused.headers.add("Sec-WebSocket-Version", "13");
    return refused;
  }
  if (!is_websocket_key(key)) {
    return HttpResponse::text(400, "Sec-WebSocket-Key must be 16 bytes in base64\n");
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
