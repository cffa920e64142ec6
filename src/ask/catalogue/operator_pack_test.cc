#include "ask/catalogue/operator_pack.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace prom5::catalogue {

namespace {

ConceptPack merged(std::string_view yaml) {
  ConceptPack pack = shipped_pack();
  const auto done = merge(pack, yaml);
  EXPECT_TRUE(done) << done.error().message << "\n" << yaml;
  return pack;
}

void bad(std::string_view yaml, std::string_view message) {
  ConceptPack pack = shipped_pack();
  const size_t before = pack.concepts.size();
  const auto done = merge(pack, yaml);
  ASSERT_FALSE(done) << yaml;
  EXPECT_EQ(done.error().code, ErrorCode::BadData);
  EXPECT_NE(done.error().message.find(message), std::string::npos) << done.error().message;
  EXPECT_EQ(pack.concepts.size(), before);
  EXPECT_EQ(pack.lexicon.canonical("blech"), "blech");
}

bool has_phrase(const Concept& one, std::vector<std::string> words) {
  std::ranges::sort(words);
  return std::ranges::find(one.phrases, words) != one.phrases.end();
}

}  // namespace

TEST(OperatorPack, WordsAndConceptsComeBesideThoseShipped) {
  const ConceptPack pack = merged(R"(
means: {host: [blech]}
kinds: {shelf: [shelf_id]}
concepts:
  - name: belt speed
    phrases: [belt speed, blech belt]
    recipes: [{promql: avg(belt_metres_per_second), unit: per_second}]
  - name: CPU usage
    phrases: [oomph]
    recipes: [{promql: own_cpu_percent, unit: percent}]
)");
  EXPECT_EQ(pack.lexicon.canonical("blech"), "host");
  EXPECT_NE(pack.lexicon.kind("shelf"), nullptr);
  EXPECT_NE(pack.lexicon.kind("host"), nullptr);
  const Concept* belt = pack.find("belt speed");
  ASSERT_NE(belt, nullptr);
  EXPECT_TRUE(has_phrase(*belt, {"host", "belt"}));
  const Concept* cpu = pack.find("CPU usage");
  const Concept* shipped = shipped_pack().find("CPU usage");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(cpu->recipes.front().promql, "own_cpu_percent");
  EXPECT_EQ(cpu->recipes.size(), shipped->recipes.size() + 1);
  EXPECT_EQ(cpu->phrases.size(), shipped->phrases.size() + 1);
  EXPECT_TRUE(cpu->alert.has_value());
  EXPECT_EQ(pack.concepts.size(), shipped_pack().concepts.size() + 1);
}

TEST(OperatorPack, AWordThatPhrasesHaveMayComeToMeanAnother) {
  ConceptPack pack = shipped_pack();
  ASSERT_TRUE(merge(pack, "concepts: [{name: a, phrases: [frob level], recipes: [{promql: m}]}]"));
  ASSERT_TRUE(merge(pack, "means: {widget: [frob]}"));
  EXPECT_TRUE(has_phrase(*pack.find("a"), {"widget", "level"}));
}

TEST(OperatorPack, WhatIsWrongChangesNothing) {
  EXPECT_EQ(merged("").concepts.size(), shipped_pack().concepts.size());
  bad("[a]", "mapping");
  bad("menas: {host: [blech]}", "menas");
  bad("means: [blech]", "means");
  bad("means: {host: blech}", "list of words");
  bad("means: {host: [blech]}\nconcepts: [{name: x}]", "phrases");
  bad("means: {host: [blech]}\nconcepts: [{phrases: [x]}]", "name");
  bad("means: {host: [blech]}\nconcepts: [{name: CPU usage, recipes: [{promql: '1'}]}]", "metric");
  bad("means: {host: [blech]", ":");
}

TEST(OperatorPack, SynonymsAreLearned) {
  std::string yaml = with_synonym("", shipped_pack(), "Blech", "servers").value();
  EXPECT_EQ(merged(yaml).lexicon.canonical("blech"), "host");
  yaml = with_synonym(yaml, shipped_pack(), "kasten", "host").value();
  yaml = with_synonym(yaml, shipped_pack(), "how it's sweating", "cpu usage").value();
  const ConceptPack pack = merged(yaml);
  EXPECT_EQ(pack.lexicon.canonical("blech"), "host");
  EXPECT_EQ(pack.lexicon.canonical("kasten"), "host");
  EXPECT_EQ(pack.find("CPU usage")->phrases.size(),
            shipped_pack().find("CPU usage")->phrases.size() + 1);
  EXPECT_FALSE(with_synonym(yaml, shipped_pack(), "blech", "host"));
  EXPECT_FALSE(with_synonym(yaml, shipped_pack(), "", "host"));
  EXPECT_FALSE(with_synonym(yaml, shipped_pack(), "two words", "host"));
  EXPECT_FALSE(with_synonym(yaml, shipped_pack(), "x: [y", "host"));
  EXPECT_FALSE(with_synonym("means: x", shipped_pack(), "a", "host"));
}

TEST(OperatorPack, RecipesMustParse) {
  const auto refused = [](std::string_view recipe, std::string_view says) {
    ConceptPack pack = shipped_pack();
    const auto done = merge_checked(
        pack,
        fmt::format("concepts:\n  - name: foo\n    phrases: [foo]\n    recipes:\n      - {}\n",
                    recipe));
    ASSERT_FALSE(done) << recipe;
    EXPECT_NE(done.error().message.find("line 5"), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find(says), std::string::npos) << done.error().message;
  };
  refused("promql: 'sum(rate(a[5m]'", "parse error");
  refused("promql: 'sum(rate(a[5m])) by (job)'", "by");
  refused("{promql: a, unit: bananas}", "unit");
  refused("{promql: a, join: mean}", "join");
  refused("{promql: a, by: job}", "list");
  ConceptPack pack = shipped_pack();
  EXPECT_TRUE(merge_checked(pack, ""));
  EXPECT_FALSE(merge_checked(pack, "[1]"));
  EXPECT_FALSE(merge_checked(pack, "concepts: {a: 1}"));
}

TEST(OperatorPack, LessonsAreLearned) {
  const Lesson lesson{"Show me the belt's speed", "avg(belt_mps{line='1'})", "Said: it's fast."};
  std::string yaml = with_lesson("means: {host: [blech]}", shipped_pack(), lesson).value();
  yaml = with_lesson(yaml, shipped_pack(), lesson).value();
  const ConceptPack pack = merged(yaml);
  EXPECT_EQ(pack.lexicon.canonical("blech"), "host");
  ASSERT_EQ(pack.concepts.size(), shipped_pack().concepts.size() + 1);
  const Concept& learned = pack.concepts.back();
  ASSERT_EQ(learned.recipes.size(), 1U);
  EXPECT_EQ(learned.recipes[0].promql, lesson.promql);
  EXPECT_EQ(learned.recipes[0].explain, lesson.explain);
  EXPECT_FALSE(with_lesson("", shipped_pack(), {"belt speed", "1 + 1", ""}));
  EXPECT_FALSE(with_lesson("", shipped_pack(), {"the", "up", ""}));
  // What cannot be asked by the hour or by another label would break questions later.
  for (const char* fixed : {"sum(rate(belt_m_total[5m])) by (line)", "belt_mps offset 5m"}) {
    const auto learned = with_lesson("", shipped_pack(), {"belt speed", fixed, ""});
    ASSERT_FALSE(learned) << fixed;
    EXPECT_NE(learned.error().message.find("belt_m"), std::string::npos) << learned.error().message;
  }
}

}  // namespace prom5::catalogue
