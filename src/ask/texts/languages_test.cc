#include "ask/texts/languages.h"

#include <gtest/gtest.h>

namespace prom5::texts {

TEST(Languages, AreChosenByTheHeader) {
  Languages languages = Languages::shipped();
  ASSERT_TRUE(languages.add("pt-BR", "status.up: 'a {name}'"));
  ASSERT_TRUE(languages.add("zh-Hant", "status.up: 'b {name}'"));
  const auto is = [&](std::string_view header, std::string_view want) {
    EXPECT_EQ(languages.choose(header).language(), want) << header;
  };
  is("", "en");
  is("de", "de"), is("DE", "de"), is("de-AT", "de"), is("de-Latn-DE-1996", "de");
  is("en-GB, de;q=0.5", "en"), is("de;q=0.5, en-GB", "en"), is("de, en;q=0.9", "de");
  is("en;q=0.5,de;q=0.6", "de"), is("en;q=0.6,de;q=0.6", "en"), is("de;q=0.6,en;q=0.6", "de");
  is("fr, de;q=0.2", "de"), is("fr", "en"), is("fr;q=1, it", "en");
  // Weight 0 is none.
  is("de;q=0", "en"), is("de;q=0.0, en", "en"), is("de-AT, de;q=0", "en"), is("en;q=0", "en");
  is("en;q=0, de;q=0.1", "de"), is("de-AT;q=0, de", "de");
  // Anything: English, unless it is refused.
  is("*", "en"), is("*;q=0.1", "en"), is("en;q=0, *", "de"), is("*;q=0", "en");
  is("*, de;q=0.5", "de"), is("fr, *;q=0.3", "en"), is("en;q=0, de;q=0, *", "pt-BR");
  is("en;q=0, de;q=0, pt-BR;q=0, zh-Hant;q=0, *", "en");
  // A region is not taken for all of its language.
  is("pt", "en"), is("pt-BR", "pt-BR"), is("pt-br", "pt-BR"), is("pt-PT", "en");
  is("zh-Hant-TW", "zh-Hant"), is("zh", "en"), is("zh-Hant-x-private", "zh-Hant");
  is(" de ; q=0.7 , en;q=0.3", "de"), is("de ;Q=1", "de");
  // What is malformed is left out.
  is("de;q=2", "en"), is("de;q=-1", "en"), is("de;q=nan", "en"), is("de;q=", "en");
  is("de;level=1", "en"), is(";;;,,,", "en"), is("d, de", "de"), is("de--AT", "en");
  is("-de", "en"), is("123456789", "en"), is("\xff\xfe, de", "de"), is("de\n", "de");
  is(std::string(10'000, ','), "en"), is(std::string(3000, ' ') + "de", "en");
}

TEST(Languages, OwnTextsComeBeforeThoseShipped) {
  Languages languages = Languages::shipped();
  ASSERT_TRUE(languages.add("de", "status.up: '{name} läuft.'"));
  ASSERT_TRUE(languages.add("de-AT", "problems.no_alert: 'Eh nix.'"));
  ASSERT_TRUE(languages.add("de-AT-1996", "ask.what: 'Wos?'"));
  ASSERT_TRUE(languages.add("fr", "ask.what: 'Quoi ?'"));
  const TextCatalogue& austria = languages.choose("de-AT");
  EXPECT_EQ(austria.language(), "de-AT");
  EXPECT_EQ(austria.say("problems.no_alert"), "Eh nix.");
  EXPECT_EQ(austria.say("status.up", {{"name", "a"}}), "a läuft.") << "the operator's own \"de\"";
  EXPECT_EQ(austria.say("problems.no_target_down"), "Kein Ziel ist ausgefallen.");
  EXPECT_EQ(languages.of("de").say("problems.no_alert"), "Kein Alarm ist ausgelöst.");
  EXPECT_EQ(languages.of("de-at-1996").say("problems.no_alert"), "Eh nix.");
  EXPECT_EQ(languages.of("fr").say("problems.no_alert"), "No alert fires.");
  EXPECT_EQ(languages.of("it").language(), "en");
  EXPECT_EQ(Languages::shipped().of("fr").language(), "en") << "the shipped ones stay";
}

TEST(Languages, TagsAreChecked) {
  const auto good = [](std::string_view tag) { EXPECT_TRUE(is_language_tag(tag)) << tag; };
  const auto bad = [](std::string_view tag) {
    EXPECT_FALSE(is_language_tag(tag)) << tag;
    Languages languages = Languages::shipped();
    const auto added = languages.add(tag, "");
    ASSERT_FALSE(added) << tag;
    EXPECT_EQ(added.error().code, ErrorCode::BadData);
  };
  good("de"), good("pt-BR"), good("zh-Hant-TW"), good("de-1996"), good("ast"), good("de-x-y");
  bad(""), bad("d"), bad("de-"), bad("-de"), bad("de--AT"), bad("de_AT"), bad("1a"), bad("de ");
  bad("abcdefghi"), bad("de-abcdefghi"), bad("../de"), bad("\xc3\xa4\xc3\xa4");
}

TEST(Languages, LocalesAreTags) {
  const auto is = [](std::string_view locale, std::string_view want) {
    EXPECT_EQ(tag_of_locale(locale), want) << locale;
  };
  is("C", "en"), is("POSIX", "en"), is("C.UTF-8", "en"), is("", "en"), is("en_US.UTF-8", "en-US");
  is("de", "de"), is("de_AT.UTF-8", "de-AT"), is("de_DE@euro", "de-DE"), is("sr_RS@latin", "sr-RS");
  is("../x", "en"), is("POSIX.UTF-8", "en");
}

}  // namespace prom5::texts
