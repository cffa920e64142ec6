#include "store/tsdb/memory_budget.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace prom5::tsdb {

TEST(MemoryBudget, IsPassedByWhatTheProcessHas) {
  EXPECT_TRUE(MemoryBudget(1).exceeded());
  EXPECT_FALSE(MemoryBudget(uint64_t{1} << 50).exceeded());
}

TEST(MemoryBudget, AutomaticIsAPartOfTheMachine) {
  const MemoryBudget budget(0);
  EXPECT_GT(budget.bytes(), uint64_t{64} << 20);
  EXPECT_LT(budget.bytes(), uint64_t{1} << 50);
}

TEST(MemoryBudget, IsLookedAtAgain) {
  constexpr size_t kBudget = size_t{512} << 20;
  MemoryBudget budget(kBudget);
  EXPECT_FALSE(budget.exceeded());
  const std::vector<char> memory(kBudget, 1);
  bool seen = false;
  for (int i = 0; i < 1000; ++i) seen = budget.exceeded() || seen;
  EXPECT_TRUE(seen);
}

}  // namespace prom5::tsdb
