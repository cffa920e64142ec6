#include "base/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace prom5 {

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock({100});
  EXPECT_EQ(clock.now(), TimeMs{100});
  EXPECT_EQ(clock.now(), TimeMs{100});
  clock.advance(DurationMs::seconds(1));
  EXPECT_EQ(clock.now(), TimeMs{1100});
}

TEST(ManualClock, PastDeadlineDoesNotWait) {
  ManualClock clock({100});
  const std::stop_source stop;
  EXPECT_TRUE(clock.wait_until({100}, stop.get_token()));
  EXPECT_TRUE(clock.wait_until({50}, stop.get_token()));
}

TEST(ManualClock, StopEndsTheWait) {
  ManualClock clock({100});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(clock.wait_until({101}, stop.get_token()));
}

TEST(ManualClock, AdvanceWakesWaiters) {
  ManualClock clock({0});
  std::atomic<bool> reached{false};
  std::jthread waiter([&](std::stop_token stop) { reached = clock.wait_until({10}, stop); });
  clock.advance({4});
  clock.advance({6});
  waiter.join();
  EXPECT_TRUE(reached);
}

TEST(SystemClock, StopIsSeenAtOnce) {
  SystemClock clock;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(clock.wait_until(clock.now() + DurationMs::hours(1), stop.get_token()));
  EXPECT_GT(clock.now(), TimeMs{1'600'000'000'000});
}

}  // namespace prom5
