#include "io/net/event_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <mutex>

#include "base/error.h"

namespace prom5::io {

void EventLoop::start() {
  for (size_t i = 0; i < threads_.size(); ++i) {
    threads_[i] = std::jthread([this, i] { take_turns(i); });
  }
}

void EventLoop::stop() {
  context_.stop();
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void EventLoop::hand_over() {
  {
    const MutexLock lock(mutex_);
    CHECK(other_waits_);
    other_waits_ = false;
    runner_ = 1 - runner_;
  }
  changed_.notify_one();
}

void EventLoop::take_turns(size_t self) NO_THREAD_SAFETY_ANALYSIS {
  const auto stays = boost::asio::make_work_guard(context_);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (runner_ != self) other_waits_ = true;
      changed_.wait(lock, [&]() REQUIRES(mutex_) { return runner_ == self || stopped_; });
      if (stopped_) return;
    }
    while (runner_.load(std::memory_order_relaxed) == self && !context_.stopped()) {
      context_.run_one();
    }
    if (context_.stopped()) return;
    // What this thread queued at last may be unknown to the other, which sleeps.
    boost::asio::post(context_, [] {});
  }
}

}  // namespace prom5::io
