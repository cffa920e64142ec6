#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/http/message.h"

namespace prom5::io {

struct HttpServerOptions {
  std::vector<std::string> listen_addresses = {"127.0.0.1:9090"};
  std::string tls_certificate_file;  ///< empty: plain HTTP
  std::string tls_key_file;
  size_t max_connections = 512;
  size_t max_body_bytes = size_t{64} << 20;
  size_t max_header_bytes = size_t{64} << 10;
  /// How long a request may take to arrive, and an idle connection may stay.
  int read_timeout_seconds = 300;
  size_t event_loops = 2;  ///< two threads each
  /// Which requests are most likely answered within microseconds, as small queries are. Their
  /// handlers begin on the event loop's own thread, and leave it before what may take long or wait
  /// (base/loop_turn.h). Empty: none.
  std::function<bool(const HttpRequest&)> is_likely_short;
  /// Other handlers run here, so that a slow one holds no event loop. More than the queries that
  /// may run at once, so that health checks are answered while all of them do.
  size_t worker_threads = 32;
  size_t max_queued_requests = 1024;
  /// Which requests may take long, as a language model does: they run on workers of their own, and
  /// wait for these without holding another. Empty: none.
  std::function<bool(const HttpRequest&)> is_long;
  size_t long_worker_threads = 16;
  size_t max_queued_long_requests = 1000;
  int max_long_wait_seconds = 30;  ///< for a worker; then 503
};

/// HTTP/1.1 with keep-alive, chunked bodies both ways, gzip, streams, WebSocket and TLS, on Asio
/// coroutines; Beast parses requests.
///
/// Handlers run on worker threads, or begin on an event loop's; several at once. An answer to a
/// HEAD request loses its body.
class HttpServer {
 public:
  /// The request is the handler's to complete: whose it is, for example.
  using Handler = std::function<HttpResponse(HttpRequest&)>;

  /// Binds every address. Unavailable naming the address that is taken or cannot be had; BadData
  /// for what is no address or for unusable TLS files.
  static Result<std::unique_ptr<HttpServer>> open(HttpServerOptions options, Handler handler,
                                                  MetricRegistry& metrics, const Log& log);
  /// Stops accepting, asks running handlers to stop, and waits for them.
  ~HttpServer();

  /// Begins to accept. Called once, when the handler is ready.
  void start();

  /// The bound ports, in the order of the addresses.
  [[nodiscard]] std::vector<uint16_t> ports() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace prom5::io
