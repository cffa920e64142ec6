#include "model/labels.h"

#include <gtest/gtest.h>

namespace prom5 {

TEST(Labels, SortedUniqueAndWithoutEmptyValues) {
  const Labels l{{"b", "2"}, {"a", "1"}, {"c", ""}, {"b", "3"}};
  EXPECT_EQ(l.to_string(), R"({a="1", b="3"})");
  EXPECT_EQ(l.size(), 2U);
  EXPECT_EQ(l.get("b"), "3");
  EXPECT_FALSE(l.has("c"));
  EXPECT_EQ(l, (Labels{{"a", "1"}, {"b", "3"}}));
  EXPECT_EQ(l.hash(), (Labels{{"a", "1"}, {"b", "3"}}).hash());
  EXPECT_EQ(Labels().to_string(), "{}");
  EXPECT_EQ((Labels{{"a.b", "x\"\n"}}).to_string(), R"({"a.b"="x\"\n"})");
}

TEST(Labels, LongStrings) {
  for (const size_t n : {254, 255, 256, 70'000}) {
    const std::string text(n, 'x');
    const Labels l{{"a", text}, {"b", "1"}};
    EXPECT_EQ(l.get("a"), text);
    EXPECT_EQ(l.get("b"), "1");
    EXPECT_EQ(LabelsBuilder(l).build(), l);
  }
}

TEST(Labels, Order) {
  const auto less = [](const Labels& a, const Labels& b) {
    EXPECT_TRUE(a < b) << a.to_string() << b.to_string();
    EXPECT_TRUE(b > a);
  };
  less({}, {{"a", "1"}});
  less({{"a", "1"}}, {{"a", "1"}, {"b", "1"}});
  less({{"a", "1"}, {"z", "1"}}, {{"a", "2"}});
  less({{"a", "9"}}, {{"b", "1"}});
  less({{"a", "z"}}, {{"a", "\xC3\xA4"}});
  less({{"a", "10"}}, {{"a", "9"}});
}

TEST(Labels, LegacyNames) {
  EXPECT_TRUE(is_legacy_label_name("_a1"));
  for (const char* s : {"", "1a", "a:b", "a.b", "\xC3\xA4"}) EXPECT_FALSE(is_legacy_label_name(s));
  EXPECT_TRUE(is_legacy_metric_name("a:b"));
  EXPECT_FALSE(is_legacy_metric_name("a-b"));
}

}  // namespace prom5
