#include "model/matcher.h"

#include <gtest/gtest.h>

namespace prom5 {

TEST(Matcher, Matches) {
  using enum MatchType;
  const auto is = [](MatchType type, std::string_view pattern, std::string_view text, bool want) {
    EXPECT_EQ(Matcher::make(type, "l", pattern).value().matches(text), want) << pattern << text;
  };
  is(Equal, "a", "a", true);
  is(Equal, "", "", true);
  is(NotEqual, "a", "a", false);
  is(Regex, "a", "ab", false);  // anchored
  is(Regex, "a.*", "abc", true);
  is(Regex, "b|c.", "abc", false);
  is(Regex, "a.b", "a\nb", true);
  is(Regex, "", "a", false);
  is(Regex, "a|", "", true);
  is(Regex, "(?i)AB", "ab", true);
  is(Regex, "a$|^b", "b", true);
  is(NotRegex, "a|b", "b", false);
  is(NotRegex, "a|b", "ab", true);
}

TEST(Matcher, MalformedRegexIsBadData) {
  for (const char* s : {"(", "[", "*", "a**", "(?=a)", "\\1"}) {
    const auto got = Matcher::make(MatchType::Regex, "l", s);
    ASSERT_FALSE(got) << s;
    EXPECT_EQ(got.error().code, ErrorCode::BadData);
  }
}

TEST(Matcher, Text) {
  EXPECT_EQ(Matcher::equal("job", "a\"b").to_string(), R"(job="a\"b")");
  EXPECT_EQ(Matcher::make(MatchType::NotRegex, "a.b", "x").value().to_string(), R"("a.b"!~"x")");
}

}  // namespace prom5
