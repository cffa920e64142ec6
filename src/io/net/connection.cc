#include "io/net/connection.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace prom5::io {

namespace {

using boost::system::error_code;

class PlainConnection final : public Connection {
 public:
  explicit PlainConnection(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<bool> handshake() override { co_return true; }
  asio::awaitable<size_t> read_some(asio::mutable_buffer buffer) override {
    error_code error;
    co_return co_await socket_.async_read_some(buffer,
                                               asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<bool> write(std::string_view bytes) override {
    error_code error;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }
  asio::awaitable<void> shutdown() override {
    error_code ignored;  // the peer may be gone already
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    socket_.close(ignored);
    co_return;
  }
  asio::ip::tcp::socket& socket() override { return socket_; }

 private:
  asio::ip::tcp::socket socket_;
};

class TlsConnection final : public Connection {
 public:
  TlsConnection(asio::ip::tcp::socket socket, asio::ssl::context& context)
      : stream_(std::move(socket), context) {}

  asio::awaitable<bool> handshake() override {
    error_code error;
    co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }
  asio::awaitable<size_t> read_some(asio::mutable_buffer buffer) override {
    error_code error;
    co_return co_await stream_.async_read_some(buffer,
                                               asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<bool> write(std::string_view bytes) override {
    error_code error;
    co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }
  asio::awaitable<void> shutdown() override {
    error_code ignored;
    // Not the whole close_notify exchange: a peer that never answers must not hold us.
    stream_.lowest_layer().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.lowest_layer().close(ignored);
    co_return;
  }
  asio::ip::tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Connection> make_plain_connection(asio::ip::tcp::socket socket) {
  return std::make_unique<PlainConnection>(std::move(socket));
}

std::unique_ptr<Connection> make_tls_connection(asio::ip::tcp::socket socket,
                                                asio::ssl::context& context) {
  return std::make_unique<TlsConnection>(std::move(socket), context);
}

Result<std::unique_ptr<asio::ssl::context>> make_tls_context(const std::string& certificate_file,
                                                             const std::string& key_file) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                       asio::ssl::context::no_compression);
  error_code error;
  context->use_certificate_chain_file(certificate_file, error);
  if (error) {
    return fail(ErrorCode::BadData, "TLS certificate {}: {}", certificate_file, error.message());
  }
  context->use_private_key_file(key_file, asio::ssl::context::pem, error);
  if (error) return fail(ErrorCode::BadData, "TLS key {}: {}", key_file, error.message());
  return context;
}

}  // namespace prom5::io
