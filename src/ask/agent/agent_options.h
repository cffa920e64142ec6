#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace prom5::agent {

/// What one question may take.
struct Budgets {
  size_t steps = 16;                          ///< turns of the model
  DurationMs time = DurationMs::seconds(30);  ///< from when a worker takes it
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
  /// Questions at once. The HTTP server has as many workers for questions, fewer than queries may
  /// run at one time; others wait for these without holding anything.
  size_t max_concurrent = 16;
  /// Of those who have come this far, and wait for a place as long as a question may take; others
  /// are turned away.
  size_t max_waiting = 1000;
  size_t max_waiting_each = 3;  ///< of one conversation, which is taken in order
  /// Where conversations and feedback are kept; empty: only in memory.
  std::string directory;
};

}  // namespace prom5::agent
