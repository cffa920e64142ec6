#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/http/http_client.h"

namespace prom5::io {

/// A client that gets the tokens its requests ask for (OAuth 2.0 client credentials), keeps them
/// until shortly before they end, and sends other requests on as they are. Any thread.
///
/// Requests of one configuration wait together for one token. Its errors name the token's URL.
/// Source: RFC 6749, 4.4 and 5.1.
class OAuth2Client final : public HttpClient {
 public:
  explicit OAuth2Client(std::unique_ptr<HttpClient> next);
  void start(HttpClientRequest request, Completion completion) override EXCLUDES(mutex_);

 private:
  struct Waiting {
    HttpClientRequest request;
    Completion completion;
  };
  struct Token {
    std::string authorization;  ///< header value; empty: none yet
    int64_t ends_ms = 0;        ///< of the steady clock
    bool asked_for = false;
    std::vector<Waiting> waiting;
  };

  void ask(const std::string& key, const OAuth2Options& options);
  void take(const std::string& key, const std::string& url, Result<HttpClientResponse> answer);
  void send_with(const std::string& authorization, Waiting waiting);

  mutable Mutex mutex_;
  std::map<std::string, Token> tokens_ GUARDED_BY(mutex_);  ///< by what they are asked for with
  std::unique_ptr<HttpClient> next_;                        ///< last: its thread uses the rest
};

}  // namespace prom5::io
