#include "base/loop_turn.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/mutex.h"

namespace prom5 {

namespace {

TEST(LoopTurn, IsHandedOverOnce) {
  int times = 0;
  LoopTurn turn([&] { ++times; });
  EXPECT_FALSE(turn.left());
  leave_event_loop();
  leave_event_loop();
  EXPECT_TRUE(turn.left());
  EXPECT_EQ(times, 1);
}

TEST(LoopTurn, NothingHappensWithoutOne) {
  int times = 0;
  {
    const LoopTurn turn([&] { ++times; });
  }
  leave_event_loop();
  EXPECT_EQ(times, 0);
}

TEST(LoopTurn, IsLongAfterItsTime) {
  const auto began = std::chrono::steady_clock::now();
  const LoopTurn turn([] {});
  leave_event_loop_when_long(began + LoopTurn::kLong / 2);
  EXPECT_FALSE(turn.left());
  leave_event_loop_when_long(std::chrono::steady_clock::now() + 2 * LoopTurn::kLong);
  EXPECT_TRUE(turn.left());
}

TEST(LoopTurn, OtherThreadsHaveNone) {
  const LoopTurn turn([] {});
  std::thread([] { leave_event_loop(); }).join();
  EXPECT_FALSE(turn.left());
}

/// The lock is given back when the turn is handed over, so that a wait without that never ends.
template <typename LockType>
bool leaves_to_wait_for() NO_THREAD_SAFETY_ANALYSIS {
  LockType mutex;
  mutex.lock();
  const LoopTurn turn([&] { mutex.unlock(); });
  mutex.lock();
  mutex.unlock();
  return turn.left();
}

TEST(LoopTurn, WhoWaitsForALockLeaves) {
  EXPECT_TRUE(leaves_to_wait_for<Mutex>());
  EXPECT_TRUE(leaves_to_wait_for<ByteMutex>());
}

TEST(LoopTurn, AFreeLockIsNoReason) {
  Mutex mutex;
  const LoopTurn turn([] {});
  {
    const MutexLock lock(mutex);
  }
  EXPECT_FALSE(turn.left());
}

}  // namespace

}  // namespace prom5
