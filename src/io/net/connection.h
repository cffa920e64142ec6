#pragma once

// clang-format off
#include <utility> // Boost 1.81's awaitable.hpp uses std::exchange without it
#include <boost/asio/awaitable.hpp>
// clang-format on
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::io {

namespace asio = boost::asio;

/// A connection whose users need not know whether it is plain or TLS, so that what is built on it
/// is compiled once. Used on the event loop that took it.
class Connection {
 public:
  virtual ~Connection() = default;

  /// TLS handshake; nothing for a plain connection.
  virtual asio::awaitable<bool> handshake() = 0;
  /// Bytes read; 0 at the end or on an error.
  virtual asio::awaitable<size_t> read_some(asio::mutable_buffer buffer) = 0;
  /// All of it, or false.
  virtual asio::awaitable<bool> write(std::string_view bytes) = 0;
  /// Ends the connection in an orderly way.
  virtual asio::awaitable<void> shutdown() = 0;

  virtual asio::ip::tcp::socket& socket() = 0;
};

std::unique_ptr<Connection> make_plain_connection(asio::ip::tcp::socket socket);
std::unique_ptr<Connection> make_tls_connection(asio::ip::tcp::socket socket,
                                                asio::ssl::context& context);

/// BadData when a file cannot be read or does not fit the other; TLS 1.2 and up.
Result<std::unique_ptr<asio::ssl::context>> make_tls_context(const std::string& certificate_file,
                                                             const std::string& key_file);

}  // namespace prom5::io
