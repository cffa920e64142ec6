#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/http/http_client.h"

namespace prom5::llm {

/// Whose protocol a language model speaks.
enum class Provider : uint8_t {
  None,    ///< nothing is asked over the network
  OpenAi,  ///< chat completions, as OpenAI and many others serve them
  Ollama,  ///< /api/chat
};

/// Which model is asked, how, and what it may take.
struct HttpModelOptions {
  Provider provider = Provider::None;
  std::string base_url;  ///< "https://api.openai.com/v1"; empty: the provider's own
  std::string model;
  io::Secret api_key;  ///< empty: no Authorization header
  /// Proxy, certificates. Redirects are not followed, whatever it says; null: nothing special.
  std::shared_ptr<const io::HttpClientSecurity> security;

  DurationMs connect_timeout = DurationMs::seconds(5);
  DurationMs timeout = DurationMs::seconds(60);  ///< of one turn, with all its tries
  uint64_t max_retries = 2;                      ///< after the first try, of one turn
  DurationMs min_backoff = DurationMs::millis(500);
  DurationMs max_backoff = DurationMs::seconds(10);
  uint64_t breaker_failures = 5;  ///< one after another, until it is not asked for a while
  DurationMs breaker_pause = DurationMs::seconds(30);

  uint64_t max_tokens = 2000;  ///< of one turn; 0: the provider's limit
  std::optional<double> temperature;
  size_t max_response_bytes = size_t{1} << 20;
  size_t max_request_bytes = size_t{256} << 10;  ///< of the conversation; the oldest turns go first
  size_t max_result_bytes = size_t{16} << 10;    ///< of one tool's result, as it is sent
  uint64_t max_corrections = 2;  ///< how often a turn that cannot be used is sent back

  double price_input_per_million = 0;  ///< in any currency; of tokens
  double price_output_per_million = 0;
  bool send_ip_addresses = false;
};

}  // namespace prom5::llm
