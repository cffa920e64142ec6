#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/language_model.h"
#include "ask/llm/http_model_options.h"

namespace prom5::llm {

// What goes over the wire to a model and back.
//
//   OpenAi  POST {base}/chat/completions, JSON; answered by server-sent events, one JSON "chunk" in
//           each, with choices[0].delta: parts of `content` and of `tool_calls`, whose parts are
//           put together by their `index`; `usage` in the last one; then "data: [DONE]". A server
//           that does not stream answers with one JSON object instead.
//   Ollama  POST {base}/api/chat, JSON; answered by one JSON object a line, with `message`; tool
//           calls come whole, without an id; the last has "done": true and the counts of tokens.
//
// Pure; any thread.

struct ChatCall {
  std::string id;
  std::string tool;
  std::string arguments;  ///< JSON, as the model wrote it: not checked
};

/// One message as it is sent.
struct ChatTurn {
  enum class Kind : uint8_t { System, User, Assistant, Tool };
  Kind kind = Kind::User;
  std::string text;
  std::vector<ChatCall> calls;  ///< of Assistant
  std::string call_id;          ///< of Tool
  std::string tool;             ///< likewise
};

struct ChatReply {
  std::string text;
  std::vector<ChatCall> calls;
  std::string finish;  ///< "stop", "tool_calls", "length", …
  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
};

/// What OpenAI's newer models call the limit of tokens; its older ones and others know "max_tokens"
/// only.
enum class TokenLimitField : uint8_t { MaxTokens, MaxCompletionTokens };

/// "openai", "ollama", "none".
std::string_view to_string(Provider provider);

/// Where requests go.
std::string chat_url(const HttpModelOptions& options);

std::string chat_request(const HttpModelOptions& options, std::span<const ChatTurn> turns,
                         std::span<const ToolSpec> tools, TokenLimitField limit);

/// Unavailable when the answer is cut short, is no answer or says an error.
Result<ChatReply> parse_chat(Provider provider, std::string_view body);

/// What the body of a failed request says is wrong, cut to a line.
std::string chat_error(std::string_view body);

}  // namespace prom5::llm
