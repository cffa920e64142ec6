#pragma once

#include <vector>

#include "ask/llm/token.h"

namespace prom5::llm {

/// A question without those who do what it asks about: "can people reach the shop" asks nothing of
/// people, "do users pay with card" nothing of users. Pure; any thread.
std::vector<Token> without_askers(std::vector<Token> tokens);

}  // namespace prom5::llm
