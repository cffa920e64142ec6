#pragma once

#include <optional>
#include <span>
#include <string>

#include "ask/catalogue/lexicon.h"
#include "ask/language_model.h"
#include "ask/llm/planner.h"

namespace prom5::llm {

/// What a question goes on from.
struct Before {
  Json frame;            ///< of the turn before; or null
  std::string question;  ///< what is asked: the turn itself, or one that is asked anew
};

/// A turn that is of the turns before: "undo", "what?", "again".
struct PastTurn {
  std::optional<Plan> plan;  ///< what it says; nothing where a question is asked anew
  Before again;              ///< that question
};

/// The frame of the turn before the last message; null where there is none.
Json frame_before(std::span<const Message> conversation);

/// What the last message does with the turns before it; nothing where it is a question by itself.
/// Pure; any thread.
std::optional<PastTurn> past_turn(std::span<const Message> conversation,
                                  const catalogue::Lexicon& lexicon,
                                  const texts::TextCatalogue& texts);

}  // namespace prom5::llm
