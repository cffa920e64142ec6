#include "app/config/translation_files.h"

#include <gtest/gtest.h>

#include "io/file/memory_file_system.h"

namespace prom5::config {
namespace {

class TranslationFilesTest : public testing::Test {
 protected:
  TranslationFilesTest() { EXPECT_TRUE(files_.make_directories("/t")); }

  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(files_.write_atomically("/t/" + name, text));
  }
  Result<TranslationFiles> read() {
    languages_ = texts::Languages::shipped();
    return read_translations(files_, "/t", languages_);
  }
  std::string mistakes() {
    const auto got = read();
    EXPECT_FALSE(got);
    return got ? "" : got.error().message;
  }

  io::MemoryFileSystem files_;
  texts::Languages languages_;
};

using Lines = std::vector<std::string>;

TEST_F(TranslationFilesTest, BothEndingsAreRead) {
  write("fr.yml", "problems.no_alert: Rien.");
  write("pt-BR.yaml", "problems.no_alert: Nada.\nask.what: 'O quê?'");
  write("de-AT.yaml", "problems.no_alert: Eh nix.");
  write("de.yml", "ask.what: Was ist?");
  const auto got = read();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(languages_.tags(), (Lines{"en", "de", "de-AT", "fr", "pt-BR"}));
  EXPECT_EQ(languages_.of("fr").say("problems.no_alert"), "Rien.");
  EXPECT_EQ(languages_.of("de-AT").say("ask.what"), "Was ist?");
  Lines found;
  for (const auto& file : got->files) {
    found.push_back(fmt::format("{} {} {}", file.path, file.tag, file.texts));
  }
  EXPECT_EQ(found, (Lines{"/t/de.yml de 1", "/t/de-AT.yaml de-AT 1", "/t/fr.yml fr 1",
                          "/t/pt-BR.yaml pt-BR 2"}));
  EXPECT_EQ(got->notes, Lines{});
  EXPECT_EQ(read()->fingerprint, got->fingerprint);
  write("fr.yml", "problems.no_alert: Rien du tout.");
  EXPECT_NE(read()->fingerprint, got->fingerprint);
}

TEST_F(TranslationFilesTest, NamesThatAreNoTagsAreRefused) {
  write("german.yaml", "");
  write("de_DE.yaml", "");
  write("francais!.yml", "");
  write(".yaml", "");
  const std::string told = mistakes();
  for (const char* line :
       {"/t/german.yaml: \"german\" is no language tag; name the file by one of two or three "
        "letters",
        "/t/de_DE.yaml: \"de_DE\" is no language tag; rename the file to de-DE.yaml",
        "/t/francais!.yml: \"francais!\" is no language tag"}) {
    EXPECT_NE(told.find(line), std::string::npos) << told;
  }
  EXPECT_EQ(told.find("/t/.yaml"), std::string::npos) << "a hidden file: " << told;
}

TEST_F(TranslationFilesTest, TwoFilesOfALanguageAreRefused) {
  write("fr.yml", "");
  write("fr.yaml", "");
  EXPECT_EQ(mistakes(), "/t/fr.yml: there is /t/fr.yaml for the same language; remove one of them");
}

TEST_F(TranslationFilesTest, AllMistakesOfAllFilesAreTold) {
  write("fr.yaml", "status.up: '{nom} marche.'\nnothing: x\n");
  write("it.yml", "a: \"x\n");
  write("de_DE.yaml", "");
  EXPECT_EQ(mistakes(),
            "/t/de_DE.yaml: \"de_DE\" is no language tag; rename the file to de-DE.yaml\n"
            "/t/fr.yaml:1:12: status.up: there is no place {nom}; there are: {name}\n"
            "/t/fr.yaml:1:12: status.up: {name} is left out; say it, or the reply loses it\n"
            "/t/fr.yaml:2:1: there is no text \"nothing\"; leave it out\n"
            "/t/it.yml:1:4: the quote \" that opens here is not closed; write another \" where the "
            "value ends");
}

TEST_F(TranslationFilesTest, WhatLooksLikeATranslationAndIsNotReadIsNoted) {
  for (const char* name : {"README", "README.md", "fr", "it.json", "es_ES.properties", "nl.YAML",
                           "pl.yaml.bak", ".de.yaml.swp", "sv.yaml~", "notes.txt"}) {
    write(name, "x");
  }
  const auto got = read();
  ASSERT_TRUE(got) << got.error().message;
  Lines noted;
  for (const std::string& note : got->notes) noted.push_back(note.substr(0, note.find(' ')));
  EXPECT_EQ(noted, (Lines{"/t/es_ES.properties", "/t/fr", "/t/it.json", "/t/nl.YAML",
                          "/t/pl.yaml.bak", "/t/sv.yaml~", "/t"}));
  EXPECT_EQ(got->notes[1], "/t/fr is not read; translations are named TAG.yaml or TAG.yml");
  EXPECT_EQ(got->notes.back(), "/t has no translation: no file TAG.yaml or TAG.yml, as fr.yaml is");
}

}  // namespace
}  // namespace prom5::config
