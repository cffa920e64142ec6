#include "ask/llm/breaker.h"

namespace prom5::llm {

bool Breaker::admit(TimeMs now) {
  const MutexLock lock(mutex_);
  if (state_ == State::Closed) return true;
  if (state_ == State::HalfOpen || now < open_until_) return false;
  state_ = State::HalfOpen;
  return true;
}

void Breaker::succeeded() {
  const MutexLock lock(mutex_);
  state_ = State::Closed;
  in_a_row_ = 0;
}

void Breaker::failed(TimeMs now) {
  const MutexLock lock(mutex_);
  ++in_a_row_;
  // One that was admitted before the breaker opened does not make the pause longer.
  if (state_ == State::Open) return;
  if (state_ == State::Closed && in_a_row_ < failures_) return;
  state_ = State::Open;
  open_until_ = now + pause_;
}

void Breaker::undecided() {
  const MutexLock lock(mutex_);
  if (state_ == State::HalfOpen) state_ = State::Open;
}

Breaker::State Breaker::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

TimeMs Breaker::open_until() const {
  const MutexLock lock(mutex_);
  return open_until_;
}

}  // namespace prom5::llm
