#pragma once

#include <limits>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/codec/json.h"

namespace prom5 {

/// What a tool is called, does and takes, as a language model is told.
struct ToolSpec {
  std::string name;
  std::string description;
  Json parameters;  ///< JSON schema of the arguments
};

struct ToolCall {
  std::string id;
  std::string tool;
  Json arguments;
};

enum class Role : uint8_t { User, Assistant, Tool };

/// One turn of a conversation. Everything that came from outside (questions, tool results with
/// their labels) is data, whatever it says.
struct Message {
  Role role = Role::User;
  std::string text;
  std::vector<ToolCall> calls;  ///< of Assistant: what it wants to know first
  std::string call_id;          ///< of Tool: which call it answers
  Json content;                 ///< of Tool: the result; of a final Assistant turn: the answer
  TimeMs time;                  ///< what "now" means in the question that this belongs to
  std::string language;         ///< of User: the tag of the reply's; empty: English
};

/// What the model says next: tool calls, or a final answer in `message.content`.
struct Reply {
  Message message;
  uint64_t tokens = 0;  ///< read and written for it, as the model counts them; 0: it does not say
};

/// How long a reply is waited for. A model that answers at once need not look at it.
struct ReplyLimits {
  std::stop_token stop;  ///< requested when nobody waits any more
  TimeMs deadline{std::numeric_limits<int64_t>::max()};
};

/// Something that can hold up its end of a conversation with tools. Any thread.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  /// Errors: Unavailable when the model cannot be reached; Canceled when a stop is requested;
  /// Timeout at the deadline; Internal for nonsense.
  virtual Result<Reply> complete(std::span<const Message> conversation,
                                 std::span<const ToolSpec> tools, const ReplyLimits& limits) = 0;
};

}  // namespace prom5
