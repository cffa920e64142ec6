#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace prom5 {

TEST(BoundedQueue, FirstInFirstOut) {
  BoundedQueue<int> queue(3);
  const std::stop_source stop;
  for (const int i : {1, 2, 3}) EXPECT_TRUE(queue.try_push(i));
  for (const int i : {1, 2, 3}) EXPECT_EQ(queue.pop(stop.get_token()), i);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(BoundedQueue, FullTurnsAway) {
  BoundedQueue<int> queue(2);
  const std::stop_source stop;
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.pop(stop.get_token()), 1);
  EXPECT_TRUE(queue.try_push(4));
  EXPECT_EQ(queue.pop(stop.get_token()), 2);
  EXPECT_EQ(queue.pop(stop.get_token()), 4);
}

TEST(BoundedQueue, NoRoomAtAll) {
  BoundedQueue<int> queue(0);
  EXPECT_FALSE(queue.try_push(1));
  EXPECT_EQ(queue.size(), 0U);
}

TEST(BoundedQueue, StopDrainsAndThenEnds) {
  BoundedQueue<int> queue(2);
  std::stop_source stop;
  EXPECT_TRUE(queue.try_push(1));
  stop.request_stop();
  EXPECT_EQ(queue.pop(stop.get_token()), 1);
  EXPECT_EQ(queue.pop(stop.get_token()), std::nullopt);
}

TEST(BoundedQueue, HandsOverBetweenThreadsInOrder) {
  BoundedQueue<std::unique_ptr<int>> queue(4);
  std::vector<int> got;
  std::jthread reader([&](std::stop_token stop) {
    while (got.size() < 1000) {
      auto item = queue.pop(stop);
      if (!item) return;
      got.push_back(**item);
    }
  });
  for (int i = 0; i < 1000; ++i) {
    while (!queue.try_push(std::make_unique<int>(i))) std::this_thread::yield();
  }
  reader.join();
  ASSERT_EQ(got.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i);
}

}  // namespace prom5
