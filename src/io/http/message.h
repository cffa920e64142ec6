#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/http/url.h"

namespace prom5::io {

/// Header fields in order. Names are compared without regard to case.
class Headers {
 public:
  /// The first value, or an empty view.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;
  std::string path;        ///< percent-decoded, without the query
  std::string query;       ///< as it came, behind the question mark
  Parameters parameters;   ///< of the query, then of a form body
  std::string form_error;  ///< what could not be read of them, and is left out; mostly empty
  Headers headers;
  std::string body;
  std::string peer;       ///< "127.0.0.1:50412"
  std::stop_token stop;   ///< requested when the client goes away or the server stops
  bool http_1_0 = false;  ///< its client knows no chunked bodies
  std::string user;       ///< who asks, set by whoever checked it; empty without authentication

  /// The first parameter of that name, or an empty view.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> parameters_named(std::string_view name) const;
};

/// Where a handler writes a body whose end is not known yet, and where it learns that nobody reads
/// it any more. Any thread.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// Queues bytes. False when the client is gone or reads too slowly; then the writer ends.
  virtual bool write(std::string bytes) = 0;
  /// What is queued and not yet on its way: grows while the client reads too slowly.
  [[nodiscard]] virtual size_t unsent_bytes() const = 0;
  virtual void close() = 0;
};

/// A WebSocket from the handler's side. Any thread.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// Queues a text message. False when the client is gone or reads too slowly.
  virtual bool send(std::string text) = 0;
  /// Asks the client for a sign of life, which its library gives by itself: a connection whose
  /// other end is gone without a word breaks at that. False as for send().
  virtual bool ping() = 0;
  /// What is queued and not yet on its way: grows while the client reads too slowly.
  [[nodiscard]] virtual size_t unsent_bytes() const = 0;
  virtual void close() = 0;
};

/// `on_open` and `on_close` are called on an event loop and must be quick. `on_message` is called
/// on a worker, for one message of a socket after the other; its stop is requested when the socket
/// closes or the server stops. `on_close` may come while a message is being worked on.
struct WebSocketHandler {
  std::function<void(std::shared_ptr<WebSocket>)> on_open;
  std::function<void(std::string message, std::stop_token stop)> on_message;
  std::function<void()> on_close;
  /// Which messages run on the workers of HttpServerOptions::is_long; on an event loop, so quick.
  /// Empty: none.
  std::function<bool(const std::string& message)> is_long;
};

struct HttpResponse {
  int status = 200;
  Headers headers;
  std::string body;
  /// Set for a long body that is made while it is sent: replaces `piece` by its next part, to be
  /// quick, as an event loop calls it when the part before is on its way. False when there is none.
  std::function<bool(std::string& piece)> pieces;
  /// Set for a streamed answer: called once on a worker, with the stream to write to.
  std::function<void(std::shared_ptr<ResponseStream>)> stream;
  /// Set to accept an upgrade to WebSocket. Which pages may have one is the handler's to decide.
  std::shared_ptr<WebSocketHandler> websocket;

  static HttpResponse text(int status, std::string body);
  static HttpResponse json(int status, std::string body);
};

/// "OK", "Not Found", …
std::string_view reason_phrase(int status);

}  // namespace prom5::io
