#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "ask/llm/token.h"
#include "base/time.h"

namespace prom5::llm {

/// Whether the numbers at tokens `first` and `last` are hours of a day: "between 10 and 11", but
/// not "between 10 and 11 %", "grew from 2 to 4" and "hosts whose load is between 2 and 4". Where a
/// day is named they are. Pure; any thread.
bool mean_hours(std::span<const Token> tokens, size_t first, size_t last, bool day_named);

/// A bare hour, where nothing else is said: "and at 9?", "what about yesterday at 9".
struct BareHour {
  DurationMs since_midnight{0};
  size_t count = 0;
  bool yesterday = false;
};
/// That begins at token `at`; nothing where none does. Pure; any thread.
std::optional<BareHour> bare_hour_at(std::span<const Token> tokens, size_t at);

}  // namespace prom5::llm
