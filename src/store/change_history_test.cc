#include "store/change_history.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/rng.h"

namespace prom5 {

namespace {

TEST(ChangeHistory, NothingHasChanged) {
  ChangeHistory history;
  const auto mark = history.mark();
  EXPECT_EQ(history.since(mark), TimeMs::max());
  EXPECT_EQ(history.mark(), mark);
}

TEST(ChangeHistory, ChangesBeforeAMarkAreForgottenByIt) {
  ChangeHistory history;
  history.changed(TimeMs{5});
  const auto mark = history.mark();
  EXPECT_EQ(history.since(mark), TimeMs::max());
  history.changed(TimeMs{9});
  history.changed(TimeMs{7});
  history.changed(TimeMs{8});
  EXPECT_EQ(history.since(mark), TimeMs{7});
  EXPECT_EQ(history.since(0), TimeMs{5});
  const auto later = history.mark();
  history.changed(TimeMs{20});
  EXPECT_EQ(history.since(mark), TimeMs{7});
  EXPECT_EQ(history.since(later), TimeMs{20});
}

TEST(ChangeHistory, AMarkOfLongAgoIsNoLongerKnown) {
  ChangeHistory history;
  const auto old = history.mark();
  for (int i = 0; i < 10'000; ++i) {
    history.changed(TimeMs{1'000'000 + i});
    history.mark();
  }
  EXPECT_EQ(history.since(old), TimeMs::min());
  EXPECT_EQ(history.since(history.mark()), TimeMs::max());
}

TEST(ChangeHistory, IsTheLeastOfWhatCame) {
  Rng random(1);
  ChangeHistory history;
  std::vector<std::pair<ChangeHistory::Mark, int64_t>> marks;  // and the least change since
  for (int i = 0; i < 2000; ++i) {
    if (random.below(4) == 0) marks.emplace_back(history.mark(), TimeMs::max().ms);
    const auto from = static_cast<int64_t>(random.below(100'000));
    history.changed(TimeMs{from});
    for (auto& [mark, least] : marks) least = std::min(least, from);
    if (marks.size() > 50) marks.erase(marks.begin());
    for (const auto& [mark, least] : marks) ASSERT_EQ(history.since(mark).ms, least);
  }
}

}  // namespace

}  // namespace prom5
