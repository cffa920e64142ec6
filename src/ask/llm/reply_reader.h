#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ask/language_model.h"
#include "ask/llm/chat_protocol.h"
#include "ask/llm/scrub.h"

namespace prom5::llm {

/// Why a model's turn cannot be used, in words for the model.
struct Complaint {
  std::string text;                   ///< of the turn as a whole
  std::vector<std::string> of_calls;  ///< one for each call of the turn; empty where it was right
};

/// Checks a model's turn and gives it the form that the agent's loop reads, originals put back:
/// calls of tools that there are, with arguments of the right types; or a final answer, when
/// final_answer was called alone. Of that the query must have run, the numbers must be found in
/// results, and the text becomes plain text. Proposals of actions are not taken. Pure.
std::variant<Message, Complaint> read_reply(const ChatReply& reply,
                                            std::span<const Message> conversation,
                                            std::span<const ToolSpec> tools,
                                            const Scrubber& scrubber);

}  // namespace prom5::llm
