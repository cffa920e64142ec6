#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ask/catalogue/embedder.h"
#include "ask/llm/breaker.h"
#include "ask/llm/embedding_options.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "io/http/http_client.h"

namespace prom5::llm {

/// A model of embeddings behind an HTTP API.
///
/// Texts are sent many at once, with placeholders for what is private (Scrubber), and what came
/// back is kept, by the hash of the text, the oldest going first. A request that fails is not
/// repeated: the caller has the built-in embedder, and each failure of embed() is counted as a
/// fallback. A Breaker keeps from asking what does not answer. Only the configured host is asked.
/// Any thread; the client, clock, registry and log must outlive it.
class HttpEmbedder final : public catalogue::Embedder {
 public:
  HttpEmbedder(EmbeddingOptions options, io::HttpClient& http, Clock& clock,
               MetricRegistry& metrics, const Log& log);

  Result<std::vector<catalogue::Embedding>> embed(std::span<const std::string> texts,
                                                  const std::stop_token& stop) override;

 private:
  Result<std::vector<catalogue::Embedding>> embed_all(std::span<const std::string> texts,
                                                      const std::stop_token& stop);
  /// Sends the texts of one request, which are not known yet, and keeps their vectors.
  Result<std::vector<catalogue::Embedding>> request(std::span<const std::string> texts,
                                                    const std::stop_token& stop);
  Result<std::vector<catalogue::Embedding>> exchange(std::span<const std::string> texts,
                                                     const std::stop_token& stop);
  void keep(uint64_t hash, const catalogue::Embedding& vector) REQUIRES(mutex_);

  const EmbeddingOptions options_;
  io::HttpClient& http_;
  Clock& clock_;
  const Log& log_;
  std::shared_ptr<const io::HttpClientSecurity> security_;
  Breaker breaker_;
  Mutex mutex_;
  std::unordered_map<uint64_t, catalogue::Embedding> known_ GUARDED_BY(mutex_);
  std::deque<uint64_t> order_ GUARDED_BY(mutex_);  // of known_, the oldest first
  size_t dimensions_ GUARDED_BY(mutex_) = 0;       // of the model; 0: not known yet

  Counter& requests_ok_;
  Counter& requests_failed_;
  Counter& fallbacks_;
  Counter& from_cache_;
  Counter& evicted_;
};

/// Null unless a model is configured. All arguments must outlive what is made.
std::unique_ptr<catalogue::Embedder> make_embedder(const EmbeddingOptions& options,
                                                   io::HttpClient& http, Clock& clock,
                                                   MetricRegistry& metrics, const Log& log);

}  // namespace prom5::llm
