#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ask/language_model.h"
#include "ask/llm/http_model_options.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/http/http_client.h"

namespace prom5::llm {

struct FallbackOptions {
  std::string model;                                   ///< the first model's name, to be shown
  size_t max_steps = 10;                               ///< turns of it for one question
  DurationMs max_duration = DurationMs::seconds(120);  ///< of one question with it
};

/// Asks a first model, and the built-in one where the first cannot be reached, takes too long or
/// talks nonsense: then the whole question goes to the built-in model from its start, and none of
/// what the first one found counts.
///
/// It keeps nothing between turns; what it must remember is in the `content` of the turns that it
/// returns, which the caller keeps in the conversation:
///   "model"            "built-in", or the first model's name
///   "fallback_reason"  of the built-in model's turns: unavailable, timeout, nonsense, too_large,
///                      no_answer
///   "restart"          of the first of them: the caller drops the evidence so far
///   "asked_ms"         of the first model's: when the question came to it
/// The caller needs room for its own turns and the built-in model's: Budgets::steps should be
/// max_steps and 6. Any thread; what is passed must outlive it.
class FallbackModel final : public LanguageModel {
 public:
  FallbackModel(LanguageModel& first, LanguageModel& built_in, FallbackOptions options,
                const Clock& clock, MetricRegistry& metrics, const Log& log);

  /// Errors: Canceled, and those of the built-in model.
  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const ReplyLimits& limits) override;

 private:
  Result<Reply> ask_first(std::span<const Message> conversation, size_t question,
                          std::span<const ToolSpec> tools, const ReplyLimits& limits);
  Result<Reply> ask_built_in(std::span<const Message> conversation, size_t question,
                             std::span<const ToolSpec> tools, const ReplyLimits& limits,
                             const std::string& reason);
  void count(const std::string& reason);

  LanguageModel& first_;
  LanguageModel& built_in_;
  const FallbackOptions options_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  const Log& log_;
};

/// The model that the options ask for, with the built-in one behind it; null when they ask for none
/// (then the built-in one is asked by itself). All that is passed must outlive it.
std::unique_ptr<LanguageModel> make_language_model(const HttpModelOptions& options,
                                                   LanguageModel& built_in, io::HttpClient& http,
                                                   Clock& clock, MetricRegistry& metrics,
                                                   const Log& log);

}  // namespace prom5::llm
