#include "io/codec/yaml.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5::codec {

using Kind = YamlNode::Kind;

TEST(Yaml, Tree) {
  const auto root = parse_yaml("a: 1\nb:\n  - x\n  - \"2\"\nc: {d: e}\nf:\n");
  ASSERT_TRUE(root);
  ASSERT_EQ(root->kind, Kind::Mapping);
  ASSERT_EQ(root->entries.size(), 4U);
  EXPECT_EQ(root->find("a")->scalar, "1");
  EXPECT_FALSE(root->find("a")->quoted);
  ASSERT_EQ(root->find("b")->kind, Kind::Sequence);
  ASSERT_EQ(root->find("b")->items.size(), 2U);
  EXPECT_TRUE(root->find("b")->items[1].quoted);
  EXPECT_EQ(root->find("c")->find("d")->scalar, "e");
  EXPECT_EQ(root->find("f")->kind, Kind::Null);
  EXPECT_EQ(root->find("none"), nullptr);
}

TEST(Yaml, EmptyDocumentIsNull) {
  for (const std::string_view s : {"", "\n", "# only a comment\n"}) {
    const auto root = parse_yaml(s);
    ASSERT_TRUE(root) << s;
    EXPECT_EQ(root->kind, Kind::Null) << s;
  }
}

TEST(Yaml, LineAndColumn) {
  const auto root = parse_yaml("a: 1\n\nb:\n  c: x\n  d:\n    - y\n    -  z\n");
  ASSERT_TRUE(root);
  const auto at = [](const YamlNode& node, int line, int column) {
    EXPECT_EQ(node.line, line) << node.scalar;
    EXPECT_EQ(node.column, column) << node.scalar;
  };
  at(root->entries[0].key, 1, 1);
  at(*root->find("a"), 1, 4);
  at(root->entries[1].key, 3, 1);
  const YamlNode& b = *root->find("b");
  at(b.entries[0].key, 4, 3);
  at(*b.find("c"), 4, 6);
  at(b.find("d")->items[0], 6, 7);
  at(b.find("d")->items[1], 7, 8);
}

TEST(Yaml, MalformedNamesThePlace) {
  const auto bad = [](std::string_view s, std::string_view start) {
    const auto got = parse_yaml(s);
    ASSERT_FALSE(got) << s;
    EXPECT_EQ(got.error().code, ErrorCode::BadData) << s;
    EXPECT_TRUE(got.error().message.starts_with(start)) << s << " -> " << got.error().message;
  };
  bad("a: 1\nb: 2\na: 3\n", "3:1: key \"a\" is given twice");
  bad("x:\n  a: 1\n  a: 1\n", "3:3: key \"a\" is given twice");
  bad("{a: 1, a: 2}", "1:8: key \"a\" is given twice");
  bad("a: b: c", "1:");
  bad("a: [1, 2", "1:");
  bad("a: {b", "1:");
  bad("a: *nowhere", "1:");
  bad("a: 1\n b: 2\n", "2:");
  bad("\tb: 2\n", "1:");
}

TEST(Yaml, AQuoteThatIsNotClosedIsNamedWhereItOpens) {
  const auto bad = [](const std::string& s, std::string_view start) {
    // The end of the text is found in a line or behind one.
    for (const std::string_view end :
         {"", "\n", "\n  ", "\n\n", "\n\t", "\n# more\n", "\n  x: y\n"}) {
      const auto got = parse_yaml(s + std::string(end));
      ASSERT_FALSE(got) << s << end;
      EXPECT_EQ(got.error().code, ErrorCode::BadData);
      const std::string& message = got.error().message;
      EXPECT_TRUE(message.starts_with(start)) << s << end << " -> " << message;
      EXPECT_NE(message.find("is not closed; "), std::string::npos) << message;
    }
  };
  bad("job_name: \"x", "1:11: the quote \"");
  bad("job_name: 'x", "1:11: the quote '");
  bad("a: 1\nb:\n  - c: \"x\\\"", "3:8: the quote \"");
  bad("a: 'it''s", "1:4: the quote '");
  bad("a: 'it''", "1:4: the quote '");
  bad("a: \"ü\"\nüb: 'x", "2:6: the quote '");  // columns are bytes
  bad("a: [\"x\", \"y", "1:10: the quote \"");
  bad("a: {b: \"y", "1:8: the quote \"");
  bad("\"a", "1:1: the quote \"");
  bad("a: !!str \"x", "1:4: the quote");
  bad("- &name \"x", "1:3: the quote");
  const auto good = [](std::string_view s, std::string_view want) {
    const auto got = parse_yaml(s);
    ASSERT_TRUE(got) << s << " -> " << got.error().message;
    EXPECT_EQ(got->find("a")->scalar, want) << s;
  };
  good("a: \"x\n  y\"\n", "x y");
  good("a: \"x\"\n# \"\n", "x");
  good("a: \"x\"\n  ", "x");
  good("a: 5\" of rain\n", "5\" of rain");
  good("a: it's\n\n", "it's");
  good("a: |\n  \"x\n", "\"x\n");
  good("a: |+\n  'x\n\n", "'x\n\n");
  good("a: |\n  'x\n  ", "'x\n");
  good("a: >-\n  'x\n\n", "'x");
  good("a: \"x\"\n...\n", "x");
  good("a: \"x\"\n---\nb: 1\n", "x");
}

TEST(Yaml, NestingIsLimited) {
  const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_yaml(nested(100)));
  EXPECT_FALSE(parse_yaml(nested(102)));
  EXPECT_FALSE(parse_yaml(std::string(100'000, '[')));
}

TEST(Yaml, AliasBombIsRefused) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? ",*a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_FALSE(parse_yaml(text));
}

TEST(Yaml, LargeMappingsAreMerged) {
  constexpr int kKeys = 50'000;  // many seconds, if each were compared with each
  std::string text = "base: &base\n";
  for (int i = 0; i < kKeys; ++i) text += fmt::format("  a{}: {}\n", i, i);
  text += "one:\n  <<: *base\n";
  for (int i = kKeys / 2; i < kKeys + 10; ++i) text += fmt::format("  a{}: own\n", i);
  const auto root = parse_yaml(text);
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->find("one")->entries.size(), size_t{kKeys} + 10);
  EXPECT_EQ(root->find("one")->find("a1")->scalar, "1");
  EXPECT_EQ(root->find("one")->find("a49999")->scalar, "own");
}

TEST(Yaml, MergeKeys) {
  const auto root = parse_yaml(
      "base: &base\n  a: 1\n  b: 2\nmore: &more {b: 3, c: 4}\n"
      "one:\n  <<: *base\n  b: own\ntwo:\n  d: 5\n  <<: [*more, *base]\n"
      "three: {<<: {<<: *base, e: 6}}\nfour: {\"<<\": x}\n");
  ASSERT_TRUE(root) << root.error().message;
  const auto is = [&](std::string_view mapping, std::string_view key, std::string_view want) {
    const YamlNode* value = root->find(mapping)->find(key);
    ASSERT_NE(value, nullptr) << mapping << " " << key;
    EXPECT_EQ(value->scalar, want) << mapping << " " << key;
  };
  is("one", "a", "1");
  is("one", "b", "own");
  is("two", "a", "1");
  is("two", "b", "3");
  is("two", "c", "4");
  is("two", "d", "5");
  is("three", "a", "1");
  is("three", "e", "6");
  is("four", "<<", "x");
  EXPECT_EQ(root->find("one")->find("<<"), nullptr);
  EXPECT_EQ(root->find("one")->entries.size(), 2U);
  EXPECT_EQ(root->find("one")->find("a")->line, 2);
  const auto bad = [](std::string_view s, std::string_view start) {
    const auto got = parse_yaml(s);
    ASSERT_FALSE(got) << s;
    EXPECT_TRUE(got.error().message.starts_with(start)) << s << " -> " << got.error().message;
  };
  bad("a: &a 1\nb:\n  <<: *a\n", "1:");
  bad("b:\n  <<: [{a: 1}, x]\n", "2:");
  bad("b:\n  <<: {a: 1}\n  <<: {b: 1}\n", "3:3: key \"<<\" is given twice");
}

TEST(Yaml, MergeBombIsRefused) {
  std::string text = "a0: &a0 {x0: 1, x1: 1, x2: 1, x3: 1}\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? "," : "") + before;
    text += "]}\n";
  }
  const auto got = parse_yaml(text);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("too large"), std::string::npos) << got.error().message;
}

TEST(Yaml, DamagedTextNeverCrashes) {
  const uint64_t seed = 17;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string good = "a: &x [1, 'b', \"c\\n\"]\nd: {e: *x, f: |\n  text\n }\n- g\n";
  int errors = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string text = good.substr(0, rng.below(good.size() + 1));
    if (!text.empty()) text[rng.below(text.size())] = static_cast<char>(rng.next() & 0x7F);
    const auto got = parse_yaml(text);
    if (got) continue;
    ++errors;
    EXPECT_EQ(got.error().code, ErrorCode::BadData);
    EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(got.error().message[0])))
        << got.error().message;
  }
  EXPECT_GT(errors, 0);
}

}  // namespace prom5::codec
