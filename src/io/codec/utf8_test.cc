#include "io/codec/utf8.h"

#include <gtest/gtest.h>

namespace prom5::codec {

TEST(Utf8, Valid) {
  const auto ok = [](std::string_view s) { EXPECT_TRUE(utf8_valid(s)) << s; };
  const auto bad = [](std::string_view s) { EXPECT_FALSE(utf8_valid(s)) << s; };
  ok("");
  ok("abc");
  ok(std::string_view("\0", 1));
  ok("\xC2\x80");
  ok("\xDF\xBF");
  ok("\xE0\xA0\x80");
  ok("\xED\x9F\xBF");
  ok("\xEE\x80\x80");
  ok("\xEF\xBF\xBF");
  ok("\xF0\x90\x80\x80");
  ok("\xF4\x8F\xBF\xBF");
  bad("\x80");
  bad("\xBF");
  bad("\xC0\x80");          // overlong
  bad("\xC1\xBF");          // overlong
  bad("\xE0\x9F\xBF");      // overlong
  bad("\xED\xA0\x80");      // surrogate
  bad("\xED\xBF\xBF");      // surrogate
  bad("\xF0\x8F\xBF\xBF");  // overlong
  bad("\xF4\x90\x80\x80");  // past U+10FFFF
  bad("\xF5\x80\x80\x80");
  bad("\xFF");
  bad("\xC2");
  bad("\xC2"
      "a");
  bad("\xE2\x82");
  bad("\xF0\x9F\x98");
  bad("a\xE2\x28\xA1");
}

TEST(Utf8, EveryScalarRoundTrips) {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string s;
    utf8_append(s, c);
    ASSERT_EQ(utf8_sequence_length(s), s.size()) << c;
    ASSERT_EQ(utf8_sequence_length(s.substr(0, s.size() - 1)), 0U) << c;
  }
}

TEST(Utf8, LengthOfTheFirstSequence) {
  EXPECT_EQ(utf8_sequence_length(""), 0U);
  EXPECT_EQ(utf8_sequence_length("ab"), 1U);
  EXPECT_EQ(utf8_sequence_length("\xC3\xA4"
                                 "b"),
            2U);
  EXPECT_EQ(utf8_sequence_length("\xFF"
                                 "b"),
            0U);
}

}  // namespace prom5::codec
