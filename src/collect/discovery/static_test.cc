#include "collect/discovery/static.h"

#include <gtest/gtest.h>

namespace prom5::discovery {

TEST(StaticDiscovery, NothingGivesNothing) { EXPECT_TRUE(static_groups({}).empty()); }

TEST(StaticDiscovery, OneGroupForEachEntryInOrder) {
  const auto groups = static_groups({{{"a:1", "b:2"}, {{"env", "prod"}}}, {{"c:3"}, {}}, {{}, {}}});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].source, "0");
  EXPECT_EQ(groups[1].source, "1");
  EXPECT_EQ(groups[2].source, "2");
  ASSERT_EQ(groups[0].targets.size(), 2U);
  EXPECT_EQ(groups[0].targets[0], (Labels{{"__address__", "a:1"}}));
  EXPECT_EQ(groups[0].targets[1], (Labels{{"__address__", "b:2"}}));
  EXPECT_EQ(groups[0].labels, (Labels{{"env", "prod"}}));
  EXPECT_EQ(groups[1].labels, Labels{});
  EXPECT_TRUE(groups[2].targets.empty());
}

}  // namespace prom5::discovery
