#pragma once

#include <span>
#include <string_view>

#include "ask/llm/reading.h"

namespace prom5::llm {

/// Sets what kind of answer a reading wants, from its words alone; and whether it goes on from
/// before, asks for a change, or is small talk.
void find_intent(Reading& reading);

/// Whether a word only says what kind of answer is wanted, and nothing of what it is about.
bool is_cue(std::string_view word, Intent intent);

/// All such words.
std::span<const std::string_view> cues();

}  // namespace prom5::llm
