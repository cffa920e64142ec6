#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/http/message.h"

namespace prom5::io {

/// A secret that stands in the configuration, or in a file that is read anew for each use, so that
/// it can be changed without telling the server.
struct Secret {
  std::string text;
  std::string file;

  [[nodiscard]] bool empty() const { return text.empty() && file.empty(); }
  /// Without the blanks around it, which editors leave. Io for a file that cannot be read.
  [[nodiscard]] Result<std::string> read() const;
};

using NamedSecrets = std::vector<std::pair<std::string, Secret>>;

/// In libcurl's numbers, which know more versions than are wise.
enum class TlsVersion : uint8_t { Default, Tls10, Tls11, Tls12, Tls13 };

/// Whom a client trusts and how it proves who it is (prometheus.yml, <tls_config>). Of each pair
/// of a file and a text at most one is given.
struct TlsClientOptions {
  std::string ca_file;  ///< with `ca` empty as well: the system's
  std::string ca;
  std::string certificate_file;
  std::string certificate;
  std::string key_file;
  std::string key;
  std::string server_name;  ///< asked for and verified in place of the URL's host
  bool insecure_skip_verify = false;
  TlsVersion min_version = TlsVersion::Default;
  TlsVersion max_version = TlsVersion::Default;
};

struct ProxyOptions {
  std::string url;
  std::string no_proxy;
  bool from_environment = false;  ///< HTTP_PROXY, HTTPS_PROXY and NO_PROXY
  NamedSecrets connect_headers;
};

/// OAuth 2.0 client credentials (RFC 6749, 4.4).
struct OAuth2Options {
  std::string client_id;
  Secret client_secret;
  std::string token_url;
  std::vector<std::string> scopes;
  std::vector<std::pair<std::string, std::string>> endpoint_params;
  TlsClientOptions tls;
  ProxyOptions proxy;
};

/// How requests of one configuration reach a server, what they trust, and how they prove who they
/// are (prometheus.yml, <http_config>).
struct HttpClientSecurity {
  Secret user;  ///< basic authentication; empty: none
  Secret password;
  std::string authorization_type = "Bearer";
  Secret credentials;  ///< the Authorization header behind its type; empty: none
  std::optional<OAuth2Options> oauth2;
  TlsClientOptions tls;
  ProxyOptions proxy;
  NamedSecrets headers;
  bool follow_redirects = true;
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string url;
  std::string unix_socket;  ///< path of the socket to connect to in place of the URL's host
  Headers headers;
  std::string body;
  int64_t timeout_ms = 10'000;     ///< for everything, from connecting to the last byte; 0: no end
  int64_t connect_timeout_ms = 0;  ///< for the connection alone, TLS with it; 0: `timeout_ms`
  size_t max_body_bytes = size_t{64} << 20;            ///< of the body as decoded
  bool accept_compressed = true;                       ///< gzip and zstd
  std::shared_ptr<const HttpClientSecurity> security;  ///< null: nothing special
  /// Takes the body of a good answer (status 200) piece by piece, on the client's thread; then none
  /// is kept.
  std::function<void(std::string_view)> on_body;
  /// Set by the caller to give up; the completion then gets Canceled within about a second.
  std::shared_ptr<std::atomic<bool>> canceled;
};

struct HttpClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string redirected_to;   ///< the URL that redirects led to; empty without any
  size_t max_body_bytes = 0;   ///< the request's
  std::shared_ptr<void> held;  ///< lets go of the body's share of what bodies may hold together

  /// Takes the content coding off the body, which comes as it is on the wire: so that no bomb goes
  /// off on the client's thread. BadData for a coding that is not known or a broken body,
  /// LimitExceeded beyond the request's limit.
  Result<void> decode();
};

/// Requests to others. A hanging peer holds a socket, never a thread. Any thread.
class HttpClient {
 public:
  using Completion = std::function<void(Result<HttpClientResponse>)>;

  virtual ~HttpClient() = default;

  /// Begins a request. `completion` is called once, on the client's own thread, and must be quick;
  /// the body it gets may be compressed.
  /// Errors: Timeout; LimitExceeded when the body passes its limit; Unavailable when the peer
  /// cannot be reached or breaks the protocol; BadData for an unusable URL; Io for a secret that
  /// cannot be read; Canceled.
  virtual void start(HttpClientRequest request, Completion completion) = 0;

  /// The same, waiting for the answer, and decoded.
  Result<HttpClientResponse> send(HttpClientRequest request);
};

/// libcurl's multi interface on one thread; connections are kept alive and reused.
std::unique_ptr<HttpClient> make_http_client(std::string user_agent);

}  // namespace prom5::io
