#include "ask/llm/fallback_model.h"

#include <algorithm>

#include "ask/llm/http_model.h"

namespace prom5::llm {

namespace {

/// What is kept of a question's time for the built-in model.
constexpr DurationMs kMostReserve = DurationMs::seconds(3);
constexpr std::string_view kBuiltIn = "built-in";
constexpr std::string_view kFallbacks = "prom5_assistant_model_fallbacks_total";
constexpr std::string_view kFallbacksHelp =
    "Questions that the built-in model answered in place of the configured one, by why.";
constexpr std::string_view kReasons[] = {"unavailable", "timeout", "nonsense", "too_large",
                                         "no_answer"};

std::string text_in(const Message& message, const char* key) {
  if (!message.content.is_object()) return "";
  const auto found = message.content.find(key);
  return found != message.content.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string reason_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Timeout: return "timeout";
    case ErrorCode::LimitExceeded: return "too_large";
    case ErrorCode::Internal: return "nonsense";
    default: return "unavailable";
  }
}

size_t last_question(std::span<const Message> conversation) {
  for (size_t i = conversation.size(); i-- > 0;) {
    if (conversation[i].role == Role::User) return i;
  }
  return 0;
}

Json& content_of(Reply& reply) {
  if (!reply.message.content.is_object()) reply.message.content = Json::object();
  return reply.message.content;
}

/// The first model over the network and the built-in one, as one.
class OwningModel final : public LanguageModel {
 public:
  OwningModel(const HttpModelOptions& options, LanguageModel& built_in, io::HttpClient& http,
              Clock& clock, MetricRegistry& metrics, const Log& log)
      : first_(options, http, clock, metrics, log),
        both_(first_, built_in, {.model = options.model}, clock, metrics, log) {}

  Result<Reply> complete(std::span<const Message> conversation, std::span<const ToolSpec> tools,
                         const ReplyLimits& limits) override {
    return both_.complete(conversation, tools, limits);
  }

 private:
  HttpModel first_;
  FallbackModel both_;
};

}  // namespace

FallbackModel::FallbackModel(LanguageModel& first, LanguageModel& built_in, FallbackOptions options,
                             const Clock& clock, MetricRegistry& metrics, const Log& log)
    : first_(first),
      built_in_(built_in),
      options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      log_(log) {
  // All are there from the start, so that a rate of them has a beginning.
  for (const std::string_view reason : kReasons) {
    metrics_.counter(kFallbacks, kFallbacksHelp, {{"reason", std::string(reason)}});
  }
}

Result<Reply> FallbackModel::complete(std::span<const Message> conversation,
                                      std::span<const ToolSpec> tools, const ReplyLimits& limits) {
  const size_t question = last_question(conversation);
  for (const Message& turn : conversation.subspan(question)) {
    if (turn.role == Role::Assistant && text_in(turn, "model") == kBuiltIn) {
      return ask_built_in(conversation, question, tools, limits, text_in(turn, "fallback_reason"));
    }
  }
  auto reply = ask_first(conversation, question, tools, limits);
  if (reply || reply.error().code == ErrorCode::Canceled) return reply;
  // A step budget that is used up looks like any other error of the first model, but for its code.
  const std::string reason =
      reply.error().code == ErrorCode::Execution ? "no_answer" : reason_of(reply.error().code);
  count(reason);
  log_.warn("the built-in model answers in place of the configured one",
            {{"model", options_.model}, {"reason", reason}, {"error", reply.error().message}});
  return ask_built_in(conversation, question, tools, limits, reason);
}

Result<Reply> FallbackModel::ask_first(std::span<const Message> conversation, size_t question,
                                       std::span<const ToolSpec> tools, const ReplyLimits& limits) {
  size_t steps = 0;
  TimeMs asked = clock_.now();
  for (const Message& turn : conversation.subspan(question)) {
    if (turn.role != Role::Assistant) continue;
    if (steps++ == 0 && turn.content.is_object()) {
      asked = {turn.content.value("asked_ms", asked.ms)};
    }
  }
  if (steps >= options_.max_steps) {
    return fail(ErrorCode::Execution, "no answer after {} turns", steps);
  }
  if (clock_.now() - asked >= options_.max_duration) {
    return fail(ErrorCode::Timeout, "no answer within {}", format_duration(options_.max_duration));
  }
  // The built-in model is to have time for an answer, when this one has none.
  ReplyLimits own = limits;
  const int64_t left = (limits.deadline - clock_.now()).ms;
  const DurationMs reserve{std::min(kMostReserve.ms, left / 4)};
  own.deadline = std::min(asked + options_.max_duration, limits.deadline - reserve);
  Reply reply = TRY(first_.complete(conversation, tools, own));
  Json& content = content_of(reply);
  content["model"] = options_.model;
  if (!reply.message.calls.empty()) content["asked_ms"] = asked.ms;
  return reply;
}

Result<Reply> FallbackModel::ask_built_in(std::span<const Message> conversation, size_t question,
                                          std::span<const ToolSpec> tools,
                                          const ReplyLimits& limits, const std::string& reason) {
  // The question as it was asked, then the built-in model's own turns with what they gave.
  std::vector<Message> own(conversation.begin(),
                           conversation.begin() + static_cast<ptrdiff_t>(question) + 1);
  bool begun = false;
  for (const Message& turn : conversation.subspan(question + 1)) {
    begun = begun || (turn.role == Role::Assistant && text_in(turn, "model") == kBuiltIn);
    if (begun) own.push_back(turn);
  }
  Reply reply = TRY(built_in_.complete(own, tools, limits));
  Json& content = content_of(reply);
  content["model"] = std::string(kBuiltIn);
  content["fallback_reason"] = reason;
  if (!begun) content["restart"] = true;
  return reply;
}

void FallbackModel::count(const std::string& reason) {
  metrics_.counter(kFallbacks, kFallbacksHelp, {{"reason", reason}}).add();
}

std::unique_ptr<LanguageModel> make_language_model(const HttpModelOptions& options,
                                                   LanguageModel& built_in, io::HttpClient& http,
                                                   Clock& clock, MetricRegistry& metrics,
                                                   const Log& log) {
  if (options.provider == Provider::None) return nullptr;
  return std::make_unique<OwningModel>(options, built_in, http, clock, metrics, log);
}

}  // namespace prom5::llm
