#include "query/part_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <stdexcept>

namespace prom5::query {
namespace {

class Threads : public testing::TestWithParam<size_t> {};

TEST_P(Threads, TakeEveryPartOnceInOrder) {
  PartWorkers workers(GetParam());
  constexpr size_t kParts = 1000;
  std::vector<size_t> squares(kParts);
  std::vector<size_t> taken;
  const auto done = workers.run(
      kParts,
      [&](size_t i) -> Result<void> {
        squares[i] += i * i + 1;
        return {};
      },
      [&](size_t i) -> Result<void> {
        EXPECT_EQ(squares[i], i * i + 1);
        taken.push_back(i);
        return {};
      });
  EXPECT_TRUE(done);
  std::vector<size_t> all(kParts);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(taken, all);
}

TEST_P(Threads, TheFirstErrorInOrderEndsTheWork) {
  PartWorkers workers(GetParam());
  std::atomic<size_t> begun = 0;
  size_t taken = 0;
  const auto done = workers.run(
      100'000,
      [&](size_t i) -> Result<void> {
        ++begun;
        if (i == 7 || i == 9) return fail(ErrorCode::Execution, "part {}", i);
        return {};
      },
      [&](size_t) -> Result<void> {
        ++taken;
        return {};
      });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "part 7");
  EXPECT_EQ(taken, 7u);
  EXPECT_LE(begun.load(), 7 + 2 * (GetParam() + 1));
}

TEST_P(Threads, WhoTakesMayEndIt) {
  PartWorkers workers(GetParam());
  const auto done = workers.run(
      1000, [](size_t) -> Result<void> { return {}; },
      [](size_t i) -> Result<void> {
        if (i == 3) return fail(ErrorCode::LimitExceeded, "enough");
        return {};
      });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "enough");
}

TEST_P(Threads, WhatIsThrownIsAnError) {
  PartWorkers workers(GetParam());
  const auto good = [](size_t) -> Result<void> { return {}; };
  const auto bad = [](size_t i) -> Result<void> {
    if (i == 5) throw std::length_error("too long");
    return {};
  };
  for (const auto& done : {workers.run(50, bad, good), workers.run(50, good, bad)}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::Internal);
    EXPECT_NE(done.error().message.find("too long"), std::string::npos);
  }
  EXPECT_TRUE(workers.run(50, good, good));
}

TEST_P(Threads, ManyAskAtOnce) {
  PartWorkers workers(GetParam());
  std::atomic<size_t> sum = 0;
  {
    std::vector<std::jthread> askers;
    for (size_t a = 0; a < 8; ++a) {
      askers.emplace_back([&] {
        for (size_t round = 0; round < 50; ++round) {
          size_t own = 0;
          const auto done = workers.run(
              20, [](size_t) -> Result<void> { return {}; },
              [&](size_t i) -> Result<void> {
                own += i;
                return {};
              });
          EXPECT_TRUE(done);
          sum += own;
        }
      });
    }
  }
  EXPECT_EQ(sum.load(), 8u * 50 * 190);
}

INSTANTIATE_TEST_SUITE_P(Of, Threads, testing::Values(0, 1, 3));

TEST(PartWorkers, TwoPartsAreDoneAtOnce) {
  PartWorkers workers(1);
  std::latch both(2);
  // Each waits for the other to have begun.
  const auto done = workers.run(
      2,
      [&](size_t) -> Result<void> {
        both.arrive_and_wait();
        return {};
      },
      [](size_t) -> Result<void> { return {}; });
  EXPECT_TRUE(done);
}

TEST(PartWorkers, NoParts) {
  PartWorkers workers(1);
  const auto never = [](size_t) -> Result<void> { return fail(ErrorCode::Internal, "none"); };
  EXPECT_TRUE(workers.run(0, never, never));
}

}  // namespace
}  // namespace prom5::query
