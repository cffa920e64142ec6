#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "ask/language_model.h"
#include "ask/llm/breaker.h"
#include "ask/llm/chat_protocol.h"
#include "ask/llm/http_model_options.h"
#include "ask/llm/reply_reader.h"
#include "ask/llm/scrub.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/http/http_client.h"

namespace prom5::llm {

/// A language model behind an HTTP API.
///
/// Nothing private leaves the machine (Scrubber), and nothing that the model says counts before it
/// was checked (read_reply): a turn that cannot be used is sent back a few times. Words reach the
/// TokenSink only then, all at once: a half answer may yet turn out wrong, and the built-in model's
/// would follow it. So the stream is read when it has ended; it is asked for all the same, because
/// proxies drop connections on which nothing moves.
///
/// Only the configured host is asked: redirects are not followed. Failures that may pass
/// (transport, 408, 429, 5xx) are tried again, as Retry-After says; a Breaker stops asking a model
/// that keeps failing. Any thread; the client, clock, registry and log must outlive it.
class HttpModel final : public LanguageModel {
 public:
  HttpModel(HttpModelOptions options, io::HttpClient& http, Clock& clock, MetricRegistry& metrics,
            const Log& log);

  /// Errors beside those of LanguageModel: Timeout; LimitExceeded for an answer that is too large;
  /// Io and NotFound for a key file that cannot be read.
  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const ReplyLimits& limits) override;

 private:
  /// How one HTTP exchange ended, as requests are counted.
  enum class Outcome : uint8_t {
    Ok,
    RateLimited,
    ServerError,
    ClientError,
    Timeout,
    Transport,
    Malformed,
    TooLarge,
    Canceled,
    BreakerOpen,
  };
  static constexpr size_t kOutcomes = 10;

  struct Try {
    Outcome outcome = Outcome::Transport;
    Result<ChatReply> reply = fail(ErrorCode::Unavailable, "not tried");
    std::optional<DurationMs> retry_after;
    bool again = false;  ///< with the request changed, at once
  };

  /// What one turn is asked with.
  struct Turn {
    std::vector<ChatTurn> messages;
    std::vector<ToolSpec> tools;
    TimeMs deadline;
    std::stop_token stop;
  };

  std::vector<ChatTurn> to_turns(std::span<const Message> conversation, Scrubber& scrubber) const;
  Result<ChatReply> exchange(const Turn& turn);
  Result<void> wait(const Turn& turn, uint64_t tried, const Try& last);
  Try try_once(const Turn& turn);
  Try judge(Result<io::HttpClientResponse> response, bool stopped);
  void settle(const Try& done);
  void count_usage(const ChatReply& reply);
  void count_redactions(const Scrubber& scrubber);

  const HttpModelOptions options_;
  io::HttpClient& http_;
  Clock& clock_;
  const Log& log_;
  std::shared_ptr<const io::HttpClientSecurity> security_;
  Breaker breaker_;
  std::atomic<TokenLimitField> limit_field_{TokenLimitField::MaxTokens};

  std::vector<Counter*> requests_;  // by Outcome
  Counter& retries_;
  Counter& corrections_;
  Counter& input_tokens_;
  Counter& output_tokens_;
  Counter& cost_;
  Gauge& breaker_state_;
  std::vector<Counter*> redactions_;  // by PrivateKind
};

}  // namespace prom5::llm
