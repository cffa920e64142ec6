#include "ask/texts/plural.h"

#include <gtest/gtest.h>

namespace prom5::texts {

TEST(Plural, Each) {
  const auto is = [](std::string_view tag, uint64_t number, std::string_view want) {
    const PluralRule& rule = plural_rule(tag);
    const Plural got = rule.of(number);
    EXPECT_EQ(kPlurals[static_cast<size_t>(got)], want) << tag << " " << number;
    EXPECT_TRUE(rule.has[static_cast<size_t>(got)]) << tag << " " << number;
  };
  is("en", 0, "other"), is("en", 1, "one"), is("en", 2, "other");
  is("de", 1, "one"), is("de-AT", 1, "one"), is("DE", 1, "one"), is("de", 21, "other");
  is("fr", 0, "one"), is("fr", 1, "one"), is("fr", 2, "other"), is("fr", 2'000'000, "many");
  is("es", 0, "other"), is("es", 1, "one"), is("es", 1'000'000, "many");
  is("cs", 1, "one"), is("cs", 4, "few"), is("cs", 5, "other"), is("cs", 22, "other");
  is("pl", 1, "one"), is("pl", 2, "few"), is("pl", 12, "many"), is("pl", 22, "few");
  is("pl", 21, "many"), is("pl", 0, "many"), is("pl", 112, "many");
  is("ru", 1, "one"), is("ru", 11, "many"), is("ru", 21, "one"), is("ru", 3, "few");
  is("ru", 14, "many"), is("ru", 111, "many"), is("uk", 101, "one");
  is("hr", 5, "other"), is("hr", 31, "one"), is("hr", 32, "few");
  is("sl", 101, "one"), is("sl", 2, "two"), is("sl", 104, "few"), is("sl", 5, "other");
  is("lt", 21, "one"), is("lt", 11, "other"), is("lt", 9, "few"), is("lt", 20, "other");
  is("lv", 0, "zero"), is("lv", 21, "one"), is("lv", 11, "zero"), is("lv", 5, "other");
  is("ro", 0, "few"), is("ro", 1, "one"), is("ro", 19, "few"), is("ro", 20, "other");
  is("ro", 101, "few"), is("ro", 100, "other");
  is("he", 2, "two"), is("he", 3, "other");
  is("ar", 0, "zero"), is("ar", 2, "two"), is("ar", 103, "few"), is("ar", 11, "many");
  is("ar", 100, "other"), is("ar", 102, "other");
  is("ja", 1, "other"), is("zh-Hant", 1, "other");
  is("xx", 1, "one"), is("", 1, "one"), is("xx", 0, "other");
}

}  // namespace prom5::texts
