#include "base/clock.h"

#include <chrono>

namespace prom5 {

TimeMs SystemClock::now() const {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

bool SystemClock::wait_until(TimeMs deadline, std::stop_token stop) {
  using namespace std::chrono;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  // The wall clock may be set back while we wait; waiting in slices of a second bounds the error.
  while (!stop.stop_requested()) {
    const DurationMs left = deadline - now();
    if (left.ms <= 0) return true;
    wake.wait_for(lock, stop, milliseconds(std::min<int64_t>(left.ms, 1000)), [] { return false; });
  }
  return false;
}

TimeMs ManualClock::now() const {
  const MutexLock lock(mutex_);
  return now_;
}

bool ManualClock::wait_until(TimeMs deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, stop, [&]() REQUIRES(mutex_) { return now_ >= deadline; });
  return now_ >= deadline;
}

void ManualClock::advance(DurationMs by) {
  {
    const MutexLock lock(mutex_);
    now_ = now_ + by;
  }
  moved_.notify_all();
}

}  // namespace prom5
