#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "io/http/message.h"

namespace prom5::io {

/// How a request proves who it is and what it trusts.
struct HttpClientSecurity {
  std::string user;  ///< basic authentication; empty: none
  std::string password;
  std::string authorization;  ///< the whole header value; empty: none
  std::string ca_file;        ///< empty: the system's
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  int64_t timeout_ms = 10'000;               ///< for everything, from connecting to the last byte
  size_t max_body_bytes = size_t{64} << 20;  ///< of the body as decoded
  bool accept_gzip = true;
  bool follow_redirects = true;
  HttpClientSecurity security;
};

struct HttpClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  size_t wire_bytes = 0;  ///< of the body as it came
};

/// Requests to others. A hanging peer holds a socket, never a thread. Any thread.
class HttpClient {
 public:
  using Completion = std::function<void(Result<HttpClientResponse>)>;

  virtual ~HttpClient() = default;

  /// Begins a request. `completion` is called once, on the client's own thread, and must be quick.
  /// Errors: Timeout; LimitExceeded when the body passes its limit; Unavailable when the peer
  /// cannot be reached or breaks the protocol; BadData for an unusable URL.
  virtual void start(HttpClientRequest request, Completion completion) = 0;

  /// The same, waiting for the answer.
  Result<HttpClientResponse> send(HttpClientRequest request);
};

/// libcurl's multi interface on one thread; connections are kept alive and reused.
std::unique_ptr<HttpClient> make_http_client(std::string user_agent);

}  // namespace prom5::io
