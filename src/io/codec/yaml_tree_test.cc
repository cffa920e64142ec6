#include "io/codec/yaml_tree.h"

#include <gtest/gtest.h>

namespace prom5::codec {
namespace {

constexpr std::string_view kText = R"(
name: disk full
quoted: "12"
empty:
list: [1, {a: b}, []]
map: {x: {y: [z, "ü"]}}
)";

void expect_equal(const YamlNode& a, const YamlNode& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.scalar, b.scalar);
  EXPECT_EQ(a.quoted, b.quoted);
  EXPECT_EQ(a.line, b.line);
  EXPECT_EQ(a.column, b.column);
  ASSERT_EQ(a.items.size(), b.items.size());
  for (size_t i = 0; i < a.items.size(); ++i) expect_equal(a.items[i], b.items[i]);
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (size_t i = 0; i < a.entries.size(); ++i) {
    expect_equal(a.entries[i].key, b.entries[i].key);
    expect_equal(a.entries[i].value, b.entries[i].value);
  }
}

TEST(YamlTree, ComesBackAsItWas) {
  const YamlNode tree = *parse_yaml(kText);
  const auto back = unflatten(flatten(tree));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->entries.size(), 5u);
  expect_equal(*back, tree);
}

TEST(YamlTree, EachCutIsCorruption) {
  const std::string bytes = flatten(*parse_yaml(kText));
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = unflatten(std::string_view(bytes).substr(0, length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code, ErrorCode::Corruption);
  }
  EXPECT_FALSE(unflatten(bytes + '\0'));
}

TEST(YamlTree, NoSizeIsBelievedThatTheBytesCannotHold) {
  const std::string many = {2, 1, 1, '\xFF', '\xFF', '\xFF', '\x7F'};
  EXPECT_FALSE(unflatten(many));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += {2, 1, 1, 1};
  EXPECT_FALSE(unflatten(deep));
}

}  // namespace
}  // namespace prom5::codec
