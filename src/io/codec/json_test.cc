#include "io/codec/json.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace prom5::codec {

TEST(JsonText, Parse) {
  const auto ok = [](std::string_view s, std::string_view want) {
    const auto got = parse_json(s);
    ASSERT_TRUE(got) << s;
    EXPECT_EQ(dump_json(*got), want);
  };
  const auto bad = [](std::string_view s) {
    const auto got = parse_json(s);
    ASSERT_FALSE(got) << s;
    EXPECT_EQ(got.error().code, ErrorCode::BadData) << s;
  };
  ok("null", "null");
  ok(" true ", "true");
  ok("[1, 2.5, -3]", "[1,2.5,-3]");
  ok(R"({"b": 1, "a": 2})", R"({"b":1,"a":2})");
  ok(R"("\u00e4\n")", "\"\xC3\xA4\\n\"");
  bad("");
  bad(" ");
  bad("nul");
  bad("{");
  bad("[1,]");
  bad("{\"a\":}");
  bad("{a:1}");
  bad("1 2");
  bad("\"\x01\"");
  bad("\"\xFF\"");
  bad("\"\\ud800\"");
  bad("01");
  bad("+1");
  bad("1e999");
  bad("// c\n1");
}

TEST(JsonText, ErrorNamesTheByte) {
  EXPECT_EQ(parse_json("[1,x]").error().message, "not valid JSON at byte 4");
}

TEST(JsonText, DepthIsLimited) {
  const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json(nested(64)));
  EXPECT_FALSE(parse_json(nested(65)));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
  EXPECT_FALSE(parse_json(std::string(1'000'000, ']') + std::string(1'000'000, '[')));
  EXPECT_TRUE(parse_json("\"" + std::string(100, '[') + "\""));
  EXPECT_TRUE(parse_json("\"\\\"" + std::string(100, '{') + "\""));
}

TEST(JsonText, DumpReplacesInvalidUtf8) {
  const Json json = {{"a", "x\xFFy"}};
  EXPECT_EQ(dump_json(json), "{\"a\":\"x\xEF\xBF\xBDy\"}");
}

TEST(JsonText, DamagedTextNeverCrashes) {
  const uint64_t seed = 15;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string good = R"({"a":[1,2,{"b":"\u00e4x"}],"c":null,"d":-1.5e3})";
  for (int i = 0; i < 3000; ++i) {
    std::string text = good.substr(0, rng.below(good.size() + 1));
    if (!text.empty()) text[rng.below(text.size())] = static_cast<char>(rng.next());
    const auto once = parse_json(text);
    if (!once) continue;
    const auto twice = parse_json(dump_json(*once));
    ASSERT_TRUE(twice) << text;
    EXPECT_EQ(dump_json(*twice), dump_json(*once));
  }
}

}  // namespace prom5::codec
