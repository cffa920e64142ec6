#include "io/codec/number.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace prom5::codec {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

std::string sample_value(double v) {
  std::string out;
  append_sample_value(out, v);
  return out;
}

}  // namespace

TEST(Number, Fixed) {
  const auto is = [](double v, std::string_view want) { EXPECT_EQ(format_fixed(v), want); };
  is(0, "0");
  is(-0.0, "-0");
  is(0.1, "0.1");
  is(100, "100");
  is(1e-7, "0.0000001");
  is(1.5, "1.5");
  is(1e21, "1000000000000000000000");
  is(kNan, "NaN");
  is(kInf, "+Inf");
  is(-kInf, "-Inf");
}

TEST(Number, FewDecimalsAreWrittenAsToCharsDoes) {
  Rng rng(11);
  constexpr std::array<double, 7> kPowers = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
  for (int i = 0; i < 200'000; ++i) {
    double value = static_cast<double>(rng.below(uint64_t{1} << rng.below(52))) /
                   kPowers[rng.below(kPowers.size())];
    if (rng.below(4) == 0) value = -value;
    if (rng.below(4) == 0) value = std::nextafter(value, kInf);
    std::array<char, 400> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::fixed);
    ASSERT_EQ(format_fixed(value), std::string_view(buffer.data(), end.ptr));
  }
}

TEST(Number, General) {
  const auto is = [](double v, std::string_view want) { EXPECT_EQ(format_general(v), want); };
  is(0, "0");
  is(0.0001, "0.0001");
  is(0.00001, "1e-05");
  is(1e-7, "1e-07");
  is(1e20, "100000000000000000000");
  is(1e21, "1e+21");
  is(-1.5e300, "-1.5e+300");
  is(5e-324, "5e-324");
  is(kNan, "NaN");
  is(-kInf, "-Inf");
}

TEST(Number, SampleValue) {
  const auto is = [](double v, std::string_view want) { EXPECT_EQ(sample_value(v), want); };
  is(0.00001, "0.00001");
  is(0.000001, "0.000001");
  is(1e-7, "1e-07");
  is(1e21, "1e+21");
  is(kInf, "+Inf");
}

/// Go's strconv.FormatFloat(v, 'f', -1, 64) fills up with zeros after the shortest digits.
TEST(Number, WholeNumbersBeyondTheMantissaEndInZeros) {
  EXPECT_EQ(format_fixed(9007199254740992.0), "9007199254740992");
  EXPECT_EQ(format_fixed(0x1p60), "1152921504606847000");
  EXPECT_EQ(format_general(0x1p60), "1152921504606847000");
  EXPECT_EQ(sample_value(0x1p63), "9223372036854776000");
}

TEST(Number, ReadsBackTheSameBits) {
  const uint64_t seed = 14;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 5000; ++i) {
    const double v = std::bit_cast<double>(rng.next());
    if (std::isnan(v)) continue;
    for (const std::string& text : {format_fixed(v), format_general(v), sample_value(v)}) {
      const auto back = parse_double(text);
      ASSERT_TRUE(back) << text;
      EXPECT_EQ(std::bit_cast<uint64_t>(*back), std::bit_cast<uint64_t>(v)) << text;
    }
  }
}

TEST(Number, Parse) {
  const auto ok = [](std::string_view s, double want) {
    const auto got = parse_double(s);
    ASSERT_TRUE(got) << s;
    EXPECT_EQ(*got, want) << s;
  };
  const auto bad = [](std::string_view s) { EXPECT_FALSE(parse_double(s)) << s; };
  ok("0", 0);
  ok("1", 1);
  ok("+1", 1);
  ok("-1.5", -1.5);
  ok(".5", 0.5);
  ok("5.", 5);
  ok("1e3", 1000);
  ok("1E+3", 1000);
  ok("1e-400", 0);
  ok("0x1F", 31);
  ok("0x1p4", 16);
  ok("inf", kInf);
  ok("+Inf", kInf);
  ok("-INFINITY", -kInf);
  EXPECT_TRUE(std::isnan(parse_double("NaN").value()));
  EXPECT_TRUE(std::isnan(parse_double("nan").value()));
  bad("");
  bad("+");
  bad("-");
  bad("--1");
  bad("+-1");
  bad(" 1");
  bad("1 ");
  bad("1x");
  bad("1e");
  bad("e5");
  bad(".");
  bad("0x");
  bad("0xg");
  bad("1_000");
  bad("infin");
  bad("nan(1)");
  bad("1,5");
  bad("1e400");
  bad("-1e400");
}

TEST(Number, HexPrefixTakesOnlyHexDigits) {
  const auto bad = [](std::string_view s) { EXPECT_FALSE(parse_double(s)) << s; };
  bad("0x-1");
  bad("0xinf");
  bad("0xnan");
  bad("-0x-1");
}

TEST(Number, TooLargeIsNotZero) {
  EXPECT_FALSE(parse_double("01e400"));
  EXPECT_FALSE(parse_double("1" + std::string(400, '0') + "e-5"));
  EXPECT_EQ(parse_double("0." + std::string(400, '0') + "1"), 0.0);
}

}  // namespace prom5::codec
