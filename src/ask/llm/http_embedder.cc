#include "ask/llm/http_embedder.h"

#include <algorithm>
#include <atomic>

#include "ask/catalogue/word_features.h"
#include "ask/llm/chat_protocol.h"
#include "ask/llm/embedding_protocol.h"
#include "ask/llm/model_security.h"
#include "ask/llm/scrub.h"

namespace prom5::llm {

namespace {

using catalogue::Embedding;

constexpr std::string_view kRequests = "prom5_assistant_embedding_requests_total";
constexpr std::string_view kRequestsHelp =
    "Requests to the configured model of embeddings by how they ended.";

/// The beginning of a text, without half a character at its end.
std::string_view beginning(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

HttpEmbedder::HttpEmbedder(EmbeddingOptions options, io::HttpClient& http, Clock& clock,
                           MetricRegistry& metrics, const Log& log)
    : options_(std::move(options)),
      http_(http),
      clock_(clock),
      log_(log),
      security_(model_security(options_.security, options_.api_key)),
      breaker_(options_.breaker_failures, options_.breaker_pause),
      requests_ok_(metrics.counter(kRequests, kRequestsHelp, {{"outcome", "ok"}})),
      requests_failed_(metrics.counter(kRequests, kRequestsHelp, {{"outcome", "failed"}})),
      fallbacks_(metrics.counter("prom5_assistant_embedding_fallbacks_total",
                                 "How often the built-in embeddings took the place of the "
                                 "configured model's.")),
      from_cache_(metrics.counter("prom5_assistant_embedding_cache_hits_total",
                                  "Texts whose embeddings were known already.")),
      evicted_(metrics.counter("prom5_assistant_embedding_cache_evictions_total",
                               "Embeddings that made room for newer ones.")) {}

Result<std::vector<Embedding>> HttpEmbedder::embed(std::span<const std::string> texts,
                                                   const std::stop_token& stop) {
  auto out = embed_all(texts, stop);
  if (!out && out.error().code != ErrorCode::Canceled) fallbacks_.add();
  return out;
}

Result<std::vector<Embedding>> HttpEmbedder::embed_all(std::span<const std::string> texts,
                                                       const std::stop_token& stop) {
  std::vector<Embedding> out(texts.size());
  std::vector<size_t> places;  // of those that are not known
  {
    const MutexLock lock(mutex_);
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto found = known_.find(catalogue::feature_hash(texts[i]));
      if (found == known_.end()) {
        places.push_back(i);
      } else {
        out[i] = found->second;
      }
    }
  }
  from_cache_.add(texts.size() - places.size());
  for (size_t at = 0; at < places.size(); at += options_.batch) {
    const auto some = std::span(places).subspan(at, std::min(options_.batch, places.size() - at));
    std::vector<std::string> batch;
    for (const size_t place : some) batch.push_back(texts[place]);
    const std::vector<Embedding> vectors = TRY(request(batch, stop));
    for (size_t i = 0; i < some.size(); ++i) out[some[i]] = vectors[i];
  }
  return out;
}

Result<std::vector<Embedding>> HttpEmbedder::request(std::span<const std::string> texts,
                                                     const std::stop_token& stop) {
  if (!breaker_.admit(clock_.now())) {
    return fail(ErrorCode::Unavailable,
                "the model of embeddings failed {} times; it is not asked until {}",
                options_.breaker_failures, format_rfc3339(breaker_.open_until()));
  }
  auto vectors = exchange(texts, stop);
  if (!vectors && (stop.stop_requested() || vectors.error().code == ErrorCode::Canceled)) {
    breaker_.undecided();
    return fail(ErrorCode::Canceled, "the embeddings were given up");
  }
  if (!vectors) {
    requests_failed_.add();
    const bool was_open = breaker_.state() == Breaker::State::Open;
    breaker_.failed(clock_.now());
    if (!was_open && breaker_.state() == Breaker::State::Open) {
      log_.warn("model of embeddings is not asked for a while",
                {{"model", options_.model},
                 {"pause", format_duration(options_.breaker_pause)},
                 {"error", vectors.error().message}});
    }
    return vectors;
  }
  breaker_.succeeded();
  requests_ok_.add();
  const MutexLock lock(mutex_);
  for (size_t i = 0; i < texts.size(); ++i) {
    keep(catalogue::feature_hash(texts[i]), (*vectors)[i]);
  }
  return vectors;
}

Result<std::vector<Embedding>> HttpEmbedder::exchange(std::span<const std::string> texts,
                                                      const std::stop_token& stop) {
  const std::string key = TRY(options_.api_key.read());
  Scrubber scrubber({.ip_addresses = !options_.send_ip_addresses}, {key});
  for (const std::string& text : texts) scrubber.learn(text);
  std::vector<std::string> sent;
  for (const std::string& text : texts) {
    sent.emplace_back(beginning(scrubber.scrub(text), options_.max_text_bytes));
    if (sent.back().empty()) sent.back() = "?";  // servers refuse texts without anything
  }
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = embedding_url(options_);
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Accept", "application/json");
  request.body = embedding_request(options_, sent);
  request.timeout_ms = options_.timeout.ms;
  request.connect_timeout_ms = std::min(options_.connect_timeout.ms, options_.timeout.ms);
  request.max_body_bytes = options_.max_response_bytes;
  request.security = security_;
  // Shared with the client, which looks at it while the request is on its way.
  const auto canceled = std::make_shared<std::atomic<bool>>(stop.stop_requested());
  request.canceled = canceled;
  const std::stop_callback on_stop(stop, [&] { canceled->store(true); });
  const io::HttpClientResponse response = TRY(http_.send(std::move(request)));
  if (response.status != 200) {
    // A provider may repeat the key in what it says.
    const std::string said = Scrubber({}, {key}).scrub(chat_error(response.body));
    return fail(ErrorCode::Unavailable, "the model of embeddings answers with status {}{}{}",
                response.status, said.empty() ? "" : ": ", said);
  }
  const auto vectors = TRY(parse_embeddings(options_.provider, response.body, texts.size()));
  {
    // Another model behind the same name: its vectors say nothing beside those of before.
    const MutexLock lock(mutex_);
    if (dimensions_ == 0) dimensions_ = vectors.front().size();
    if (dimensions_ != vectors.front().size()) {
      return fail(ErrorCode::Unavailable,
                  "the model of embeddings gave {} dimensions before and {} now", dimensions_,
                  vectors.front().size());
    }
  }
  std::vector<Embedding> out;
  for (const auto& vector : vectors) out.push_back(to_embedding(vector));
  return out;
}

void HttpEmbedder::keep(uint64_t hash, const Embedding& vector) {
  if (!known_.insert_or_assign(hash, vector).second) return;
  order_.push_back(hash);
  if (order_.size() <= options_.cache_entries) return;
  known_.erase(order_.front());
  order_.pop_front();
  evicted_.add();
}

std::unique_ptr<catalogue::Embedder> make_embedder(const EmbeddingOptions& options,
                                                   io::HttpClient& http, Clock& clock,
                                                   MetricRegistry& metrics, const Log& log) {
  if (options.provider == Provider::None) return nullptr;
  return std::make_unique<HttpEmbedder>(options, http, clock, metrics, log);
}

}  // namespace prom5::llm
