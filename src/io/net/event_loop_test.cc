#include "io/net/event_loop.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <latch>

namespace prom5::io {

namespace {

class EventLoopTest : public testing::Test {
 protected:
  /// Runs it on the loop and waits for it.
  template <typename Work>
  auto on_loop(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto done = task.get_future();
    boost::asio::post(loop_.context(), std::move(task));
    return done.get();
  }
  /// Until the loop can be handed over; the other thread may be on its way to wait.
  void until_other_waits() {
    while (!on_loop([&] { return loop_.can_hand_over(); })) std::this_thread::yield();
  }

  EventLoop loop_;
};

TEST_F(EventLoopTest, GoesOnBesideWhatItHandedOverFrom) {
  loop_.start();
  std::array<std::thread::id, 4> ids;
  for (std::thread::id& runner : ids) {
    until_other_waits();
    std::latch may_end(1);
    std::promise<std::thread::id> left;
    boost::asio::post(loop_.context(), [&] {
      loop_.hand_over();
      may_end.wait();  // as long as the test wants
      left.set_value(std::this_thread::get_id());
    });
    runner = on_loop([] { return std::this_thread::get_id(); });
    EXPECT_FALSE(on_loop([&] { return loop_.can_hand_over(); })) << "both are taken";
    may_end.count_down();
    EXPECT_NE(left.get_future().get(), runner);
  }
  EXPECT_EQ(ids[0], ids[2]) << "they take turns";
  EXPECT_EQ(ids[1], ids[3]);
  EXPECT_NE(ids[0], ids[1]);
}

TEST_F(EventLoopTest, WhatIsPostedByWhoLeftIsDone) {
  loop_.start();
  for (int i = 0; i < 1000; ++i) {
    until_other_waits();
    std::promise<void> done;
    boost::asio::post(loop_.context(), [&] {
      loop_.hand_over();
      boost::asio::post(loop_.context(), [&] { done.set_value(); });
    });
    done.get_future().wait();
  }
}

TEST_F(EventLoopTest, StopsWhileBothAreBusy) {
  loop_.start();
  until_other_waits();
  std::promise<void> begun;
  std::latch may_end(1);
  boost::asio::post(loop_.context(), [&] {
    loop_.hand_over();
    begun.set_value();
    may_end.wait();
  });
  begun.get_future().wait();
  boost::asio::post(loop_.context(), [&] { may_end.wait(); });
  std::jthread ends([&] { may_end.count_down(); });
  loop_.stop();
}

TEST_F(EventLoopTest, NeedNotBeStarted) { loop_.stop(); }

}  // namespace

}  // namespace prom5::io
