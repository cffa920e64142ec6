#include "base/loop_turn.h"

#include <utility>

#include "base/error.h"

namespace prom5 {

namespace {

/// Of this thread, as long as it has not left.
thread_local LoopTurn* current_turn = nullptr;

}  // namespace

LoopTurn::LoopTurn(std::function<void()> hand_over) : hand_over_(std::move(hand_over)) {
  CHECK(current_turn == nullptr);
  current_turn = this;
}

LoopTurn::~LoopTurn() { current_turn = nullptr; }

void leave_event_loop() {
  // First, because handing over may wait for a Mutex.
  LoopTurn* turn = std::exchange(current_turn, nullptr);
  if (turn == nullptr) return;
  turn->left_ = true;
  turn->hand_over_();
}

void leave_event_loop_when_long(std::chrono::steady_clock::time_point now) {
  if (current_turn != nullptr && now - current_turn->began_ > LoopTurn::kLong) leave_event_loop();
}

void leave_event_loop_when_long() {
  if (current_turn != nullptr) leave_event_loop_when_long(std::chrono::steady_clock::now());
}

}  // namespace prom5
