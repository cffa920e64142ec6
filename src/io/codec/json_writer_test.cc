#include "io/codec/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "io/codec/json.h"

namespace prom5::codec {

TEST(JsonWriter, CommasAndNesting) {
  std::string out;
  JsonWriter w(out);
  w.begin_object().field("a", "x").key("b").begin_array().integer(-1).number(2.5).begin_object();
  w.end_object().boolean(true).boolean(false).null().raw("[7]").end_array().key("c").begin_array();
  w.end_array().field("d", "").end_object();
  EXPECT_EQ(out, R"({"a":"x","b":[-1,2.5,{},true,false,null,[7]],"c":[],"d":""})");
}

TEST(JsonWriter, NumbersWithoutJsonFormAreNull) {
  std::string out;
  JsonWriter w(out);
  w.begin_array().number(std::nan("")).number(std::numeric_limits<double>::infinity());
  w.number(1e21).end_array();
  EXPECT_EQ(out, "[null,null,1e+21]");
}

TEST(JsonWriter, Escapes) {
  const auto is = [](std::string_view s, std::string_view want) {
    std::string out;
    append_json_string(out, s);
    EXPECT_EQ(out, want);
  };
  is("", R"("")");
  is("a\"b\\c", R"("a\"b\\c")");
  is("\n\r\t", R"("\n\r\t")");
  is(std::string_view("\0\x1F", 2), R"("\u0000\u001f")");
  is("\xC3\xA4", "\"\xC3\xA4\"");
  is("\xFF"
     "a\xC3",
     R"("\ufffda\ufffd")");
}

TEST(JsonWriter, AnyBytesAreJson) {
  const uint64_t seed = 16;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 1000; ++i) {
    std::string text(rng.below(20), '\0');
    for (char& c : text) c = static_cast<char>(rng.next());
    std::string out;
    append_json_string(out, text);
    EXPECT_TRUE(parse_json(out)) << out;
  }
}

}  // namespace prom5::codec
