#include "ask/texts/text_catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "ask/texts/languages.h"

namespace prom5::texts {

namespace {

Result<TextCatalogue> parsed(std::string_view yaml, std::string_view language = "de") {
  return TextCatalogue::parse(language, yaml, &english());
}

void bad(std::string_view yaml, std::string_view want, std::string_view language = "de") {
  const auto got = parsed(yaml, language);
  ASSERT_FALSE(got) << yaml;
  EXPECT_EQ(got.error().code, ErrorCode::BadData) << yaml;
  EXPECT_NE(got.error().message.find(want), std::string::npos) << yaml << "\n"
                                                               << got.error().message;
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

TEST(TextCatalogue, ShippedTextsAreWhole) {
  for (const std::string& tag : Languages::shipped().tags()) {
    EXPECT_TRUE(Languages::shipped().of(tag).missing().empty()) << tag;
    EXPECT_EQ(Languages::shipped().of(tag).language(), tag);
  }
  EXPECT_EQ(Languages::shipped().tags(), (std::vector<std::string>{"en", "de"}));
}

TEST(TextCatalogue, FillsPlaces) {
  const auto texts = parsed("name.of: '{thing}s {name}, {{nicht}}'");
  ASSERT_TRUE(texts) << texts.error().message;
  EXPECT_EQ(texts->say("name.of", {{"name", "Last"}, {"thing", "web-01"}}),
            "web-01s Last, {nicht}");
  // What fills a place is not looked into.
  EXPECT_EQ(english().say("name.of", {{"name", "{thing}"}, {"thing", "}{"}}), "{thing} of }{");
  EXPECT_EQ(english().say("problems.no_alert"), "No alert fires.");
}

TEST(TextCatalogue, ChoosesPluralForms) {
  const auto said = [](const TextCatalogue& texts, uint64_t down) {
    return texts.say("status.down", {{"down", down}, {"total", 9U}, {"names", "x"}});
  };
  EXPECT_EQ(said(english(), 1), "1 of 9 is down: x.");
  EXPECT_EQ(said(english(), 2), "2 of 9 are down: x.");
  const auto polish = parsed(R"(
status.down:
  one: '{names} nie działa (z {total}).'
  few: '{down} z {total} nie działają: {names}.'
  other: '{down} z {total} nie działa: {names}.')",
                             "pl");
  ASSERT_TRUE(polish) << polish.error().message;
  EXPECT_EQ(said(*polish, 1), "x nie działa (z 9).");
  EXPECT_EQ(said(*polish, 3), "3 z 9 nie działają: x.");
  EXPECT_EQ(said(*polish, 5), "5 z 9 nie działa: x.") << "there is no form \"many\" here";
  // One text does for all numbers.
  const auto plain = parsed("status.down: '{down}/{total}: {names}'");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(said(*plain, 1), "1/9: x");
}

TEST(TextCatalogue, WhatIsMissingIsSaidInTheFallback) {
  const auto texts = parsed("status.up: '{name} laeuft.'", "ja");
  ASSERT_TRUE(texts) << texts.error().message;
  EXPECT_EQ(texts->say("status.up", {{"name", "a"}}), "a laeuft.");
  // With the plural forms of its own language, though Japanese has no "one".
  EXPECT_EQ(texts->say("status.down", {{"down", 1U}, {"total", 2U}, {"names", "a"}}),
            "1 of 2 is down: a.");
  EXPECT_EQ(texts->missing().size(), kTexts.size() - 1);
  EXPECT_TRUE(parsed("").has_value()) << "nothing is translated";
  EXPECT_TRUE(parsed("# nothing\n").has_value());
  const auto alone = TextCatalogue::parse("en", "status.up: '{name}'", nullptr);
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("the text is missing"), std::string::npos);
}

TEST(TextCatalogue, SaysWhatIsWrongAndWhere) {
  bad("- a", "expected a mapping");
  bad("[", "1:");
  bad("\nstatus.upp: 'x'", "2:1: there is no text \"status.upp\"; did you mean");
  bad("status.upp: 'x'", "\"status.up\"?");
  bad("elephants: 'x'", "leave it out");
  bad("status.up: '{nam} ist da.'", "1:12: status.up: there is no place {nam}; there are: {name}");
  bad("problems.no_alert: '{}'", "there is no place {}; there are: none");
  bad("status.up: '{name'", "a brace without its other one");
  bad("status.up: 'name}'", "a brace without its other one");
  bad("status.up: '{name} {{x}'", "a brace without its other one");
  bad("status.up: '{na{me}'", "a brace without its other one");
  bad("status.up: 'Alles da.'", "{name} is left out");
  bad("status.up: ''", "the text is empty");
  bad("status.up:", "expected a text");
  bad("status.up: [a]", "expected a text");
  bad("status.up: {other: '{name}'}", "it counts nothing");
  bad("status.down: {one: '{total} {names}'}", "the form \"other\" is missing");
  bad("status.down: {other: '{total} {names}'}", "{down} is left out");
  bad("status.down: {one: '{total}', other: '{down} {total} {names}'}", "{names} is left out");
  bad("status.down: {few: 'x', other: 'x'}", "\"few\" is no plural form of de; it has one, other");
  bad("status.down: {some: 'x', other: 'x'}", "\"some\" is no plural form");
  bad("status.down: {one: [x], other: 'x'}", "one: expected a text");
  bad("status.down: {one: 'x', other: 'x'}", "no plural form of ja", "ja");
  bad("status.up: \"{name}\\n\"", "control character");
  bad("status.up: '" + std::string(3000, 'x') + "{name}'", "longer than 2000 bytes");
  bad("status.up: '{name}'\nstatus.up: '{name}'", "status.up");
}

TEST(TextCatalogue, AllMistakesAreTold) {
  const auto got = parsed(
      "status.upp: 'x'\nstatus.up: '{nam}'\nproblems.no_alert: 'fine'\nproblems.no_target_down: "
      "''\n"
      "status.down:\n  few: 'x'\n  one: ['y']\n");
  ASSERT_FALSE(got);
  std::vector<std::string> places;
  std::istringstream lines(got.error().message);
  for (std::string line; std::getline(lines, line);) places.push_back(line.substr(0, 4));
  EXPECT_EQ(places,
            (std::vector<std::string>{"1:1:", "2:12", "2:12", "4:26", "6:3:", "7:3:", "6:3:"}))
      << got.error().message;
  std::string many;
  for (int i = 0; i < 1000; ++i) many += fmt::format("k{}: x\n", i);
  const auto much = parsed(many);
  ASSERT_FALSE(much);
  EXPECT_TRUE(much.error().message.ends_with("\nand 900 mistakes more")) << much.error().message;
}

TEST(TextCatalogue, TellsTheWordsBesideNumbers) {
  const NumberWords de = Languages::shipped().of("de").number_words();
  EXPECT_NE(std::ranges::find(de.rest, std::pair<std::string, std::string>("und", "weitere")),
            de.rest.end());
  EXPECT_TRUE(has(de.counted, "gefunden"));
  EXPECT_TRUE(has(de.counted, "Zeitreihen"));
  EXPECT_TRUE(has(de.hours, "Stunden"));
  EXPECT_TRUE(has(de.years, "Jahre"));
  const NumberWords en = english().number_words();
  EXPECT_EQ(en.counted, (std::vector<std::string>{"found", "series"}));
  EXPECT_EQ(en.rest, (std::vector<std::pair<std::string, std::string>>{{"and", "more"}}));
}

TEST(TextCatalogue, NamesConcepts) {
  const auto own = TextCatalogue::parse(
      "de", "concepts: {CPU usage: Auslastung}\nquestion_words: [wie, viel]\n", &english());
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->name("CPU usage"), "Auslastung");
  EXPECT_EQ(own->name("memory usage"), "memory usage");
  EXPECT_TRUE(own->is_question_word("wie"));
  EXPECT_FALSE(own->is_question_word("how"));
  const auto more = TextCatalogue::parse("de-AT", "concepts: {memory usage: Speicher}\n", &*own);
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->name("CPU usage"), "Auslastung");
  EXPECT_EQ(more->name("memory usage"), "Speicher");
  EXPECT_TRUE(more->is_question_word("viel"));
  for (const char* bad :
       {"concepts: [a]", "concepts: {a: [b]}", "concepts: {a: \"\"}", "concepts: {a: \"x\\ny\"}",
        "question_words: a", "question_words: [[a]]"}) {
    EXPECT_FALSE(TextCatalogue::parse("de", bad, &english())) << bad;
  }
}

}  // namespace prom5::texts
