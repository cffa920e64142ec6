#include "model/relabel.h"

#include <gtest/gtest.h>

namespace prom5 {

namespace {

const Labels kIn{{"a", "foo"}, {"b", "bar"}, {"c", "Baz"}};
using enum RelabelAction;

RelabelConfig config(RelabelAction action, std::vector<std::string> sources, const char* regex,
                     std::string target = "", std::string replacement = "$1") {
  RelabelConfig out;
  out.action = action;
  out.source_labels = std::move(sources);
  if (regex != nullptr) out.regex = Regex::compile(regex).value();
  out.target_label = std::move(target);
  out.replacement = std::move(replacement);
  return out;
}

std::string run(const RelabelConfig& c, const Labels& in = kIn) {
  LabelsBuilder labels(in);
  return relabel({&c, 1}, labels) ? labels.build().to_string() : "dropped";
}

}  // namespace

TEST(Relabel, Actions) {
  const std::string same = kIn.to_string();
  EXPECT_EQ(run(config(Replace, {"a", "b"}, "f(.*);(.*)r", "d", "${1}-$2")),
            R"({a="foo", b="bar", c="Baz", d="oo-ba"})");
  EXPECT_EQ(run(config(Replace, {"a"}, "o", "d")), same);
  EXPECT_EQ(run(config(Replace, {"a"}, "(.*)", "b", "")), R"({a="foo", c="Baz"})");
  EXPECT_EQ(run(config(Replace, {"a"}, "(f).*", "${1}x", "1")),
            R"({a="foo", b="bar", c="Baz", fx="1"})");
  EXPECT_EQ(run(config(Keep, {"a"}, "fo")), "dropped");
  EXPECT_EQ(run(config(Keep, {"a"}, "fo+")), same);
  EXPECT_EQ(run(config(Drop, {"a"}, "fo+")), "dropped");
  EXPECT_EQ(run(config(KeepEqual, {"a"}, nullptr, "b")), "dropped");
  EXPECT_EQ(run(config(DropEqual, {"a"}, nullptr, "b")), same);
  EXPECT_EQ(run(config(LabelMap, {}, "(a)", "", "x_$1")),
            R"({a="foo", b="bar", c="Baz", x_a="foo"})");
  EXPECT_EQ(run(config(LabelDrop, {}, "a|b")), R"({c="Baz"})");
  EXPECT_EQ(run(config(LabelKeep, {}, "a|b")), R"({a="foo", b="bar"})");
  EXPECT_EQ(run(config(Lowercase, {"c"}, nullptr, "c")), R"({a="foo", b="bar", c="baz"})");
  EXPECT_EQ(run(config(Uppercase, {"c"}, nullptr, "c")), R"({a="foo", b="bar", c="BAZ"})");
}

TEST(Relabel, HashModIsThatOfPrometheus) {
  RelabelConfig c = config(HashMod, {"c"}, nullptr, "d");
  c.modulus = 1000;
  EXPECT_EQ(run(c, {{"c", "baz"}}), R"({c="baz", d="976"})");
  EXPECT_EQ(run(c, {{"c", "foo\nbar"}}), R"({c="foo\nbar", d="734"})");
}

TEST(Relabel, Validate) {
  EXPECT_TRUE(config(Replace, {"a"}, nullptr, "b").validate());
  EXPECT_FALSE(config(Replace, {"a"}, nullptr).validate());
  EXPECT_FALSE(config(HashMod, {"a"}, nullptr, "b").validate());
  EXPECT_FALSE(config(KeepEqual, {"a"}, "x", "b").validate());
  EXPECT_FALSE(config(LabelDrop, {"a"}, "x").validate());
  EXPECT_FALSE(config(Lowercase, {"a"}, nullptr, "$1").validate());
  EXPECT_EQ(parse_relabel_action("LabelMap"), LabelMap);
  EXPECT_EQ(parse_relabel_action("none"), std::nullopt);
}

}  // namespace prom5
