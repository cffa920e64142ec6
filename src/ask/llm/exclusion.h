#pragma once

#include <span>

#include "ask/llm/token.h"

namespace prom5::llm {

/// How many tokens from `at` on say that something is left out, which is named behind them, or
/// before them ("idle excluded"); 0 for none. Pure; any thread.
size_t exclusion_at(std::span<const Token> tokens, size_t at);

}  // namespace prom5::llm
