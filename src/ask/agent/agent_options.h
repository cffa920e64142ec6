#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace prom5::agent {

/// What one question may take.
struct Budgets {
  size_t steps = 16;                          ///< turns of the model
  DurationMs time = DurationMs::seconds(30);  ///< from its coming, waiting included
  uint64_t samples = 100'000'000;             ///< read by all of its queries
  uint64_t tokens = 200'000;                  ///< of a language model on the network
};

/// Which conversations are remembered, and for how long.
struct ConversationOptions {
  size_t max_sessions = 1000;                ///< the least recently used go first
  size_t max_turns = 20;                     ///< of a conversation; the oldest go first
  DurationMs max_age = DurationMs::days(7);  ///< without a question
  size_t max_bytes = size_t{16} << 20;       ///< of all of them; the least recently used go first
};

struct AgentOptions {
  Budgets budgets;
  ConversationOptions sessions;
  size_t max_concurrent = 64;  ///< questions at once; others wait, as long as a question may take
  size_t max_waiting = 1000;   ///< others are turned away
  /// Where conversations and feedback are kept; empty: only in memory.
  std::string directory;
};

}  // namespace prom5::agent
