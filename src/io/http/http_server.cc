#include "io/http/http_server.h"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <deque>
#include <iterator>
#include <optional>

#include "base/ascii.h"
#include "base/loop_turn.h"
#include "io/http/content_coding.h"
#include "io/http/leave_watch.h"
#include "io/http/multipart_form.h"
#include "io/http/outbox.h"
#include "io/http/outbox_sender.h"
#include "io/http/watchdog.h"
#include "io/http/websocket_session.h"
#include "io/http/worker_pool.h"
#include "io/net/connection.h"
#include "io/net/event_loop.h"

namespace prom5::io {

namespace {

namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Parser = beast_http::request_parser<beast_http::string_body>;

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kCompressFrom = 1024;  // below, gzip gains nothing

struct Endpoint {
  std::string host;
  std::string port;
};

Result<Endpoint> split_address(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return fail(ErrorCode::BadData, "listen address \"{}\": expected HOST:PORT", address);
  }
  Endpoint out{address.substr(0, colon), address.substr(colon + 1)};
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  unsigned port = 0;
  const char* end = out.port.data() + out.port.size();
  const auto [read, error] = std::from_chars(out.port.data(), end, port);
  if (error != std::errc{} || read != end || port > 65535) {
    return fail(ErrorCode::BadData, "listen address \"{}\": the port is not a number up to 65535",
                address);
  }
  if (out.host.empty()) out.host = "0.0.0.0";
  if (out.host == "localhost") out.host = "127.0.0.1";
  return out;
}

/// Longer bodies are sent from where they are.
constexpr size_t kCopiedBehindHead = 16 << 10;

/// Makes a body in pieces one, for a client that takes no chunks or whose body is compressed.
void join_pieces(const HttpRequest& request, HttpResponse& response) {
  if (!response.pieces) return;
  const bool whole =
      request.http_1_0 || request.method == "HEAD" ||
      choose_coding(request.headers.get("Accept-Encoding")) != ContentCoding::Identity;
  if (!whole) return;
  leave_event_loop();
  for (std::string piece; response.pieces(piece);) response.body += piece;
  response.pieces = nullptr;
}

void compress(const HttpRequest& request, HttpResponse& response) {
  if (response.pieces) response.headers.add("Vary", "Accept-Encoding");
  if (response.stream || response.body.size() < kCompressFrom ||
      !response.headers.get("Content-Encoding").empty()) {
    return;
  }
  const ContentCoding coding = choose_coding(request.headers.get("Accept-Encoding"));
  if (coding != ContentCoding::Identity) {
    leave_event_loop();
    response.body = encode_body(coding, response.body);
    response.headers.set("Content-Encoding", std::string(to_string(coding)));
  }
  response.headers.add("Vary", "Accept-Encoding");
}

/// Whether the end of the answer is that of the connection: HTTP/1.0 has no chunks.
bool ends_with_connection(const HttpRequest& request, const HttpResponse& response) {
  return request.http_1_0 && response.stream;
}

/// The head, and a short body behind it; a long one stays in the response, to be sent next.
std::string serialize(const HttpRequest& request, HttpResponse& response, bool keep_alive) {
  const bool bodiless = response.status == 204 || response.status == 304 || response.status == 101;
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.all()) {
    out += name;
    out += ": ";
    for (const char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
    out += "\r\n";
  }
  if (response.stream || response.pieces) {
    if (!ends_with_connection(request, response)) out += "Transfer-Encoding: chunked\r\n";
  } else if (!bodiless) {
    out += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  if (response.status != 101) out += keep_alive ? "" : "Connection: close\r\n";
  out += "\r\n";
  if (bodiless || request.method == "HEAD") {
    response.body.clear();
  } else if (response.body.size() <= kCopiedBehindHead) {
    out += response.body;
    response.body.clear();
  }
  return out;
}

constexpr size_t kMaxFormParameters = 10'000;

bool is_form(std::string_view content_type) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  return equal_ignoring_case(content_type.substr(0, kForm.size()), kForm);
}

/// At most, told before they are taken apart.
size_t form_parameters(Parser& parser) {
  const auto type = parser.get()[beast_http::field::content_type];
  const auto target = parser.get().target();
  size_t count = static_cast<size_t>(std::count(target.begin(), target.end(), '&')) + 1;
  if (is_form({type.data(), type.size()})) {
    const std::string& body = parser.get().body();
    count += static_cast<size_t>(std::count(body.begin(), body.end(), '&')) + 1;
  }
  return count;
}

enum class Expectation : uint8_t { None, Continue, Unknown };

/// Of the header, which has been read.
Expectation expectation_of(Parser& parser) {
  const auto field = parser.get()[beast_http::field::expect];
  std::string_view rest(field.data(), field.size());
  if (rest.empty()) return Expectation::None;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(", \t"), rest.size());
    if (equal_ignoring_case(rest.substr(0, end), "100-continue")) return Expectation::Continue;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Expectation::Unknown;
}

/// Why a request that was read is not taken; nothing where it is.
std::optional<HttpResponse> refusal_of(Parser& parser) {
  if (expectation_of(parser) == Expectation::Unknown) {
    return HttpResponse::text(417, "the only expectation that is understood is 100-continue\n");
  }
  const auto& message = parser.get();
  const auto coding = message[beast_http::field::transfer_encoding];
  const std::string_view transfer(coding.data(), coding.size());
  if (!transfer.empty() && !equal_ignoring_case(transfer, "chunked")) {
    // A coding that is not understood leaves the body's end unknown: what follows is no request.
    return HttpResponse::text(501, "only the transfer coding \"chunked\" is understood\n");
  }
  if (form_parameters(parser) > kMaxFormParameters) {
    return HttpResponse::text(413, "too many form parameters\n");
  }
  // RFC 9112, section 3.2.
  const size_t hosts = message.count(beast_http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() > 10)) {
    return HttpResponse::text(400, "a request has one header Host\n");
  }
  return std::nullopt;
}

/// Takes the authority of a target that is a whole URL, as proxies are asked, off its front.
std::string_view take_authority(std::string_view& target) {
  const size_t colon = target.find("://");
  if (colon == std::string_view::npos) return {};
  const std::string_view scheme = target.substr(0, colon);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return {};
  target.remove_prefix(colon + 3);
  const std::string_view authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  return authority;
}

HttpRequest to_request(Parser& parser, const std::string& peer) {
  auto& message = parser.get();
  HttpRequest out;
  out.method = std::string(message.method_string());
  std::string_view target(message.target().data(), message.target().size());
  const std::string_view authority = take_authority(target);
  const size_t question = std::min(target.find('?'), target.size());
  out.path = percent_decode(target.substr(0, question), false);
  if (out.path.empty()) out.path = "/";
  out.query = target.substr(std::min(question + 1, target.size()));
  out.parameters = parse_form(out.query, &out.form_error);
  for (const auto& field : message.base()) {
    out.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  if (!authority.empty()) out.headers.set("Host", std::string(authority));
  out.body = std::move(message.body());
  out.peer = peer;
  out.http_1_0 = message.version() == 10;
  // A body of other methods means nothing (RFC 9110, section 9.3.1).
  const bool may_have_form = out.method == "POST" || out.method == "PUT" || out.method == "PATCH";
  if (may_have_form && is_form(out.headers.get("Content-Type"))) {
    // What is in the body comes first: it wins over the same name in the URL.
    std::string body_error;
    Parameters form = parse_form(out.body, &body_error);
    if (!body_error.empty()) out.form_error = std::move(body_error);
    form.insert(form.end(), out.parameters.begin(), out.parameters.end());
    out.parameters = std::move(form);
  }
  if (may_have_form && is_multipart_form(out.headers.get("Content-Type"))) {
    // As in Go, what is in the URL comes first here.
    auto form = parse_multipart_form(out.headers.get("Content-Type"), out.body);
    if (form) {
      std::ranges::move(*form, std::back_inserter(out.parameters));
    } else {
      out.form_error = form.error().message;
    }
  }
  return out;
}

HttpResponse parse_failure(const error_code& error) {
  if (error == beast_http::error::body_limit) {
    return HttpResponse::text(413, "request body is larger than the limit\n");
  }
  if (error == beast_http::error::header_limit) {
    return HttpResponse::text(431, "request header is larger than the limit\n");
  }
  return HttpResponse::text(400, "malformed HTTP request: " + error.message() + "\n");
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, Handler handler, MetricRegistry& metrics, const Log& log)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        log_(log),
        workers_(options_.max_queued_requests, log),
        long_workers_(options_.max_queued_long_requests, log),
        requests_(metrics.counter("prom5_http_requests_total", "HTTP requests taken.")),
        refused_(metrics.counter("prom5_http_refused_total",
                                 "Connections and requests turned away by a limit.")) {
    for (size_t i = 0; i < options_.event_loops; ++i) loops_.emplace_back();
    metrics.on_collect("prom5_http_connections", "Open HTTP connections.",
                       MetricRegistry::Type::Gauge,
                       [this] { return static_cast<double>(connections_.load()); });
  }

  ~Impl() { stop(); }

  Result<void> bind() {
    if (!options_.tls_certificate_file.empty()) {
      tls_ = TRY(make_tls_context(options_.tls_certificate_file, options_.tls_key_file));
    }
    for (const std::string& address : options_.listen_addresses) {
      const Endpoint endpoint = TRY(split_address(address));
      error_code error;
      tcp::resolver resolver(loops_[0].context());
      const auto found =
          resolver.resolve(endpoint.host, endpoint.port, tcp::resolver::passive, error);
      if (error || found.empty()) {
        return fail(ErrorCode::BadData, "listen address \"{}\": {}", address, error.message());
      }
      tcp::acceptor acceptor(loops_[0].context());
      const tcp::endpoint where = found.begin()->endpoint();
      acceptor.open(where.protocol(), error);
      if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
      if (!error) acceptor.bind(where, error);
      if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
      if (error) {
        return fail(ErrorCode::Unavailable, "cannot listen on {}: {}", address, error.message());
      }
      acceptors_.push_back(std::move(acceptor));
    }
    return {};
  }

  void start() {
    for (tcp::acceptor& acceptor : acceptors_) {
      asio::co_spawn(loops_[0].context(), accept(acceptor), asio::detached);
    }
    for (EventLoop& loop : loops_) loop.start();
    workers_.start(options_.worker_threads);
    if (options_.is_long) long_workers_.start(options_.long_worker_threads);
  }

  [[nodiscard]] std::vector<uint16_t> ports() const {
    std::vector<uint16_t> out;
    for (const tcp::acceptor& acceptor : acceptors_) {
      out.push_back(acceptor.local_endpoint().port());
    }
    return out;
  }

 private:
  void stop() {
    stopping_.request_stop();
    workers_.request_stop();
    long_workers_.request_stop();
    workers_.stop();  // running handlers have been asked to stop
    long_workers_.stop();
    for (EventLoop& loop : loops_) loop.stop();
  }

  [[nodiscard]] bool is_long(const HttpRequest& request) const {
    return options_.is_long && options_.is_long(request);
  }
  WorkerPool& pool_of(bool is_long) { return is_long ? long_workers_ : workers_; }

  [[nodiscard]] WebSocketServices websocket_services() {
    return {.workers = workers_,
            .long_workers = options_.is_long ? long_workers_ : workers_,
            .refused = refused_,
            .log = log_,
            .server_stop = stopping_.get_token()};
  }

  /// Whether what was queued then has waited longer for one of the long workers than it may.
  [[nodiscard]] bool is_too_late(std::chrono::steady_clock::time_point queued) const {
    return std::chrono::steady_clock::now() - queued >
           std::chrono::seconds(options_.max_long_wait_seconds);
  }
  HttpResponse busy() {
    refused_.add();
    HttpResponse response = HttpResponse::text(503, "too many requests are waiting\n");
    response.headers.add("Retry-After", "5");
    return response;
  }

  /// Whose the next connection is. Called on the first loop alone.
  EventLoop& next_loop() { return loops_[accepted_++ % loops_.size()]; }

  asio::awaitable<void> accept(tcp::acceptor& acceptor) {
    for (;;) {
      error_code error;
      EventLoop& loop = next_loop();
      tcp::socket socket = co_await acceptor.async_accept(
          loop.context(), asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        if (error == asio::error::operation_aborted) co_return;
        // Out of descriptors or the like: wait for some to be given back.
        asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(50));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (connections_.load() >= options_.max_connections) {
        refused_.add();
        continue;  // closing is the answer
      }
      socket.set_option(tcp::no_delay(true), error);
      asio::co_spawn(loop.context(), serve(loop, std::move(socket)), asio::detached);
    }
  }

  struct Counted {
    std::atomic<size_t>& counter;
    explicit Counted(std::atomic<size_t>& c) : counter(c) { ++counter; }
    ~Counted() { --counter; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  };

  asio::awaitable<void> serve(EventLoop& loop, tcp::socket socket) {
    const Counted counted(connections_);
    error_code ignored;
    const tcp::endpoint remote = socket.remote_endpoint(ignored);
    const std::string peer = fmt::format("{}:{}", remote.address().to_string(), remote.port());
    const std::unique_ptr<Connection> connection =
        tls_ ? make_tls_connection(std::move(socket), *tls_)
             : make_plain_connection(std::move(socket));
    Watchdog watchdog(*connection, options_.read_timeout_seconds);
    if (co_await connection->handshake()) {
      std::string buffer;
      while (co_await serve_one(loop, *connection, watchdog, buffer, peer)) {
      }
    }
    watchdog.pause();
    co_await connection->shutdown();
  }

  /// Reads one request into the parser. False at the end of the connection; an error of the
  /// request is left in `error`.
  asio::awaitable<bool> read_request(Connection& connection, Parser& parser, std::string& buffer,
                                     error_code& error) {
    bool continued = false;
    for (;;) {
      while (!buffer.empty() && !parser.is_done()) {
        const size_t used = parser.put(asio::buffer(buffer), error);
        buffer.erase(0, used);
        if (error == beast_http::error::need_more) {
          error = {};
          if (used == 0) break;
        }
        if (error) co_return true;
        if (used == 0) break;
      }
      if (parser.is_done()) co_return true;
      const Expectation expected =
          parser.is_header_done() ? expectation_of(parser) : Expectation::None;
      if (expected == Expectation::Unknown) co_return true;  // its client may wait with the body
      if (expected == Expectation::Continue && !continued && parser.get().version() > 10) {
        continued = true;
        if (!co_await connection.write("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
      }
      std::array<char, kReadBytes> chunk;
      const size_t n = co_await connection.read_some(asio::buffer(chunk));
      if (n == 0) co_return false;
      buffer.append(chunk.data(), n);
    }
  }

  /// One request and its answer. False when the connection is to be closed.
  asio::awaitable<bool> serve_one(EventLoop& loop, Connection& connection, Watchdog& watchdog,
                                  std::string& buffer, const std::string& peer) {
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(options_.max_header_bytes));
    parser.body_limit(options_.max_body_bytes);
    parser.eager(true);
    watchdog.rearm();
    error_code error;
    if (!co_await read_request(connection, parser, buffer, error)) co_return false;
    requests_.add();
    HttpRequest request;
    if (error) {
      refused_.add();
      HttpResponse response = parse_failure(error);
      co_await connection.write(serialize(request, response, false));
      // Take in what is still coming, or the client may not see the answer for the reset.
      co_await drain(connection);
      co_return false;
    }
    if (auto refused = refusal_of(parser)) {
      refused_.add();
      co_await connection.write(serialize(request, *refused, false));
      co_await drain(connection);
      co_return false;
    }
    bool keep_alive = parser.keep_alive();
    request = to_request(parser, peer);
    watchdog.pause();
    std::stop_source stop;  // for as long as an answer is made, also a streamed one
    const std::stop_callback server_stops(stopping_.get_token(),
                                          [stop]() mutable { stop.request_stop(); });
    const bool begins_here =
        loop.can_hand_over() && options_.is_likely_short && options_.is_likely_short(request);
    HttpResponse response;
    // Not an expression with two co_await: GCC 12 destroys what it gives twice.
    if (begins_here) {
      response = co_await handle_here(loop, connection, request, stop);
    } else {
      response = co_await handle(connection, request, stop);
    }
    if (response.websocket) {
      HttpResponse upgrade = websocket_upgrade(request);
      const bool taken = upgrade.status == 101;
      if (!co_await connection.write(serialize(request, upgrade, taken)) || !taken) co_return false;
      const WebSocketServices services = websocket_services();
      co_await serve_websocket(connection, watchdog, response.websocket, buffer, services);
      co_return false;
    }
    if (ends_with_connection(request, response)) keep_alive = false;
    if (!co_await connection.write(serialize(request, response, keep_alive))) co_return false;
    if (!response.body.empty() && !co_await connection.write(std::move(response.body))) {
      co_return false;
    }
    if (response.pieces && !co_await send_pieces(connection, watchdog, response)) co_return false;
    if (response.stream && request.method != "HEAD") {
      const auto watch = std::make_shared<LeaveWatch>(connection.socket(), stop);
      watch->begin();
      const bool sent = co_await serve_stream(connection, watchdog, request, response);
      watch->end();
      if (!sent) stop.request_stop();
      co_return sent&& keep_alive;
    }
    co_return keep_alive;
  }

  asio::awaitable<void> drain(Connection& connection) {
    error_code ignored;
    connection.socket().shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, kReadBytes> chunk;
    size_t total = 0;
    while (total < options_.max_body_bytes) {
      const size_t n = co_await connection.read_some(asio::buffer(chunk));
      if (n == 0) break;
      total += n;
    }
  }

  /// Runs the handler on the loop's thread, which leaves the loop when that takes long.
  asio::awaitable<HttpResponse> handle_here(EventLoop& loop, Connection& connection,
                                            HttpRequest& request, std::stop_source stop) {
    std::shared_ptr<LeaveWatch> watch;
    HttpResponse response;
    request.stop = stop.get_token();
    {
      const LoopTurn turn([&] {
        watch = std::make_shared<LeaveWatch>(connection.socket(), stop);
        loop.hand_over();
        asio::post(loop.context(), [watch] { watch->begin(); });
      });
      response = run_handler(request);
    }
    if (watch) {  // The loop was left.
      co_await asio::post(loop.context(), asio::use_awaitable);
      watch->end();
    }
    co_return response;
  }

  /// Runs the handler on a worker and waits for it, meanwhile watching for the client to leave.
  asio::awaitable<HttpResponse> handle(Connection& connection, HttpRequest& request,
                                       std::stop_source stop) {
    struct State {
      State(asio::any_io_executor executor, std::stop_source source)
          : done(executor), stop(std::move(source)) {}
      asio::steady_timer done;  // cancelled when there is an answer
      HttpResponse response;
      bool finished = false;
      std::stop_source stop;
    };
    const auto executor = connection.socket().get_executor();
    auto state = std::make_shared<State>(executor, std::move(stop));  // shared with the worker
    state->done.expires_at(asio::steady_timer::time_point::max());
    request.stop = state->stop.get_token();
    const auto now = std::chrono::steady_clock::now();
    const bool takes_long = is_long(request);
    const bool queued = pool_of(takes_long).try_push([=, this, &request] {
      HttpResponse response = takes_long && is_too_late(now) ? busy() : run_handler(request);
      asio::post(executor, [state, answer = std::move(response)]() mutable {
        state->response = std::move(answer);
        state->finished = true;
        state->done.cancel();
      });
    });
    if (!queued) co_return busy();
    const auto watch = std::make_shared<LeaveWatch>(connection.socket(), state->stop);
    watch->begin();
    while (!state->finished) {
      error_code error;
      co_await state->done.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    watch->end();
    co_return std::move(state->response);
  }

  HttpResponse run_handler(HttpRequest& request) {
    try {
      HttpResponse response = handler_(request);
      join_pieces(request, response);
      compress(request, response);
      return response;
    } catch (const std::exception& e) {
      // Libraries throw; a request must not end the server.
      log_.error("A request handler failed", {{"path", request.path}, {"err", e.what()}});
      return HttpResponse::text(500, "internal error\n");
    }
  }

  /// False when the client is gone.
  asio::awaitable<bool> send_pieces(Connection& connection, Watchdog& watchdog,
                                    HttpResponse& response) {
    std::string piece;
    for (bool more = true; more;) {
      more = response.pieces(piece);
      if (more && piece.empty()) continue;  // an empty chunk would end the body
      piece = more ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : "0\r\n\r\n";
      watchdog.rearm();  // who does not read at all is given up
      const bool written = co_await connection.write(piece);
      watchdog.pause();
      if (!written) co_return false;
    }
    co_return true;
  }

  asio::awaitable<bool> serve_stream(Connection& connection, Watchdog& watchdog,
                                     const HttpRequest& request, HttpResponse& response) {
    std::shared_ptr<asio::steady_timer> wake;
    const std::shared_ptr<Outbox> outbox = make_outbox(connection, wake);
    auto stream = std::make_shared<StreamOutbox>(
        outbox, request.http_1_0 ? StreamOutbox::Form::Raw : StreamOutbox::Form::Chunks);
    const auto now = std::chrono::steady_clock::now();
    const bool takes_long = is_long(request);
    const bool queued =
        pool_of(takes_long)
            .try_push(
                [this, now, takes_long, path = request.path, write = response.stream, stream] {
                  if (takes_long && is_too_late(now)) {
                    refused_.add();
                    return stream->cut();
                  }
                  try {
                    write(stream);
                  } catch (const std::exception& e) {
                    log_.error("A streamed answer broke off", {{"path", path}, {"err", e.what()}});
                    stream->cut();
                  }
                });
    if (!queued) {
      refused_.add();
      co_return false;
    }
    const bool sent = co_await send_outbox(connection, watchdog, outbox, wake);
    co_return sent && !stream->is_cut();
  }

  const HttpServerOptions options_;
  const Handler handler_;
  const Log& log_;
  /// Each is run by one thread at a time. On one that they share, threads would wake each other for
  /// every step of a request, which costs as much as a small query.
  std::deque<EventLoop> loops_;
  size_t accepted_ = 0;
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<tcp::acceptor> acceptors_;
  std::atomic<size_t> connections_{0};
  std::stop_source stopping_;
  WorkerPool workers_;
  WorkerPool long_workers_;
  Counter& requests_;
  Counter& refused_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(HttpServerOptions options, Handler handler,
                                                     MetricRegistry& metrics, const Log& log) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), metrics, log);
  TRY(impl->bind());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::start() { impl_->start(); }

std::vector<uint16_t> HttpServer::ports() const { return impl_->ports(); }

}  // namespace prom5::io
