#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ask/llm/token.h"

namespace prom5::llm {

/// A time that cannot be, and what is near to it.
struct OddTime {
  enum class Kind : uint8_t {
    Clock,   ///< "25:00", "14:75", "15 am"
    Date,    ///< "february 30", "2026-13-01"
    Length,  ///< "last 0 minutes", "last -5 minutes"
  };
  size_t first = 0;  ///< tokens covered, without prepositions
  size_t count = 0;
  Kind kind = Kind::Clock;
  std::vector<std::string> instead;  ///< to stand in its place
};

/// The first time of a question that cannot be. Pure; any thread.
std::optional<OddTime> find_odd_time(std::span<const Token> tokens);

}  // namespace prom5::llm
