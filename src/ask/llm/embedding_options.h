#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ask/llm/http_model_options.h"

namespace prom5::llm {

/// Which model turns texts into vectors, how it is asked, and what it may take.
struct EmbeddingOptions {
  Provider provider = Provider::None;
  std::string base_url;  ///< "https://api.openai.com/v1"; empty: the provider's own
  std::string model;
  io::Secret api_key;  ///< empty: no Authorization header
  /// Proxy, certificates. Redirects are not followed, whatever it says; null: nothing special.
  std::shared_ptr<const io::HttpClientSecurity> security;

  DurationMs connect_timeout = DurationMs::seconds(2);
  DurationMs timeout = DurationMs::seconds(10);  ///< of one request
  size_t batch = 64;                             ///< texts of one request
  size_t max_text_bytes = 2000;                  ///< of one text, as it is sent
  size_t max_response_bytes = size_t{16} << 20;
  size_t cache_entries = 20'000;  ///< vectors kept, each a kilobyte
  uint64_t breaker_failures = 3;  ///< one after another, until it is not asked for a while
  DurationMs breaker_pause = DurationMs::seconds(60);
  bool send_ip_addresses = false;
};

}  // namespace prom5::llm
