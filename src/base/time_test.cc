#include "base/time.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace prom5 {

TEST(Duration, Parse) {
  const auto ok = [](std::string_view s, int64_t want_ms) {
    const auto got = parse_duration(s);
    ASSERT_TRUE(got) << s << ": " << got.error().message;
    EXPECT_EQ(got->ms, want_ms) << s;
  };
  const auto bad = [](std::string_view s) {
    const auto got = parse_duration(s);
    ASSERT_FALSE(got) << s;
    EXPECT_EQ(got.error().code, ErrorCode::BadData) << s;
  };
  ok("0", 0);
  ok("0s", 0);
  ok("0ms", 0);
  ok("1ms", 1);
  ok("324ms", 324);
  ok("3s", 3'000);
  ok("5m", 300'000);
  ok("1h", 3'600'000);
  ok("4d", 345'600'000);
  ok("3w", 1'814'400'000);
  ok("10y", 315'360'000'000);
  ok("1h30m", 5'400'000);
  ok("4d1h", 349'200'000);
  ok("14d", 1'209'600'000);
  ok("3w2d1h", 1'990'800'000);
  ok("8w5d", 5'270'400'000);
  ok("1y2w3d4h5m6s7ms", 33'019'506'007);
  ok("1m1ms", 60'001);
  ok("90m", 5'400'000);
  bad("");
  bad("1");
  bad("5");
  bad("00");
  bad("-1w");
  bad("+1w");
  bad("1.5d");
  bad("d");
  bad("294y");
  bad("200y10400w");
  bad("107675d");
  bad("2584200h");
  bad("99999999999y");
  bad("99999999999999999999s");
  bad("30m1h");
  bad("1m1m");
  bad("1ms1s");
  bad("5 m");
  bad(" 5m");
  bad("5m ");
  bad("5M");
  bad("1h-5m");
}

TEST(Duration, Format) {
  const auto is = [](int64_t ms, std::string_view want) { EXPECT_EQ(format_duration({ms}), want); };
  is(0, "0s");
  is(1, "1ms");
  is(1'000, "1s");
  is(300'000, "5m");
  is(5'400'000, "1h30m");
  is(-10'000, "-10s");
  is(86'400'000, "1d");
  is(604'800'000, "1w");
  is(30 * int64_t{86'400'000}, "30d");
  is(31'536'000'000, "1y");
  is(3'661'001, "1h1m1s1ms");
}

TEST(Duration, FormatParsesBack) {
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto ms = static_cast<int64_t>(rng.below(uint64_t{1} << (1 + rng.below(42))));
    const std::string text = format_duration({ms});
    const auto back = parse_duration(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(back->ms, ms) << text;
  }
}

TEST(Rfc3339, Format) {
  const auto is = [](int64_t ms, std::string_view want) { EXPECT_EQ(format_rfc3339({ms}), want); };
  is(0, "1970-01-01T00:00:00Z");
  is(-1, "1969-12-31T23:59:59.999Z");
  is(1, "1970-01-01T00:00:00.001Z");
  is(1'768'478'400'250, "2026-01-15T12:00:00.25Z");
  is(951'782'400'000, "2000-02-29T00:00:00Z");
  is(4'107'542'400'000, "2100-03-01T00:00:00Z");
}

TEST(Rfc3339, Parse) {
  const auto ok = [](std::string_view s, int64_t want_ms) {
    const auto got = parse_rfc3339(s);
    ASSERT_TRUE(got) << s;
    EXPECT_EQ(got->ms, want_ms) << s;
  };
  const auto bad = [](std::string_view s) { EXPECT_FALSE(parse_rfc3339(s)) << s; };
  ok("1970-01-01T00:00:00Z", 0);
  ok("1970-01-01T01:00:00+01:00", 0);
  ok("1969-12-31T18:30:00-05:30", 0);
  ok("2026-01-15T12:00:00.25Z", 1'768'478'400'250);
  ok("2026-01-15T12:00:00.250999Z", 1'768'478'400'250);
  ok("2024-02-29T00:00:00Z", 1'709'164'800'000);
  bad("");
  bad("2026-01-15");
  bad("2026-01-15T12:00:00");
  bad("2026-01-15T12:00:00.Z");
  bad("2026-01-15T12:00Z");
  bad("2026-1-15T12:00:00Z");
  bad("2026-13-15T12:00:00Z");
  bad("2026-00-15T12:00:00Z");
  bad("2026-01-00T12:00:00Z");
  bad("2026-01-32T12:00:00Z");
  bad("2026-01-15T24:00:00Z");
  bad("2026-01-15T12:60:00Z");
  bad("2026-01-15T12:00:61Z");
  bad("2026-01-15T12:00:00+0100");
  bad("2026-01-15T12:00:00Zx");
  bad("-026-01-15T12:00:00Z");
}

TEST(Rfc3339, DaysThatTheMonthLacks) {
  const auto bad = [](std::string_view s) { EXPECT_FALSE(parse_rfc3339(s)) << s; };
  bad("2026-02-29T00:00:00Z");
  bad("2026-02-31T00:00:00Z");
  bad("2026-04-31T00:00:00Z");
  bad("1900-02-29T00:00:00Z");
}

TEST(Rfc3339, ZonesOutOfRange) {
  const auto bad = [](std::string_view s) { EXPECT_FALSE(parse_rfc3339(s)) << s; };
  bad("2026-01-15T12:00:00+99:00");
  bad("2026-01-15T12:00:00+01:60");
}

TEST(Rfc3339, FormatParsesBack) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    // Years 0000 to 9999.
    const int64_t ms = -62'167'219'200'000 + static_cast<int64_t>(rng.below(315'569'520'000'000));
    const std::string text = format_rfc3339({ms});
    const auto back = parse_rfc3339(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(back->ms, ms) << text;
  }
}

TEST(TimeRange, BothEndsAreInside) {
  const TimeRange r{{10}, {20}};
  EXPECT_TRUE(r.contains({10}));
  EXPECT_TRUE(r.contains({20}));
  EXPECT_FALSE(r.contains({9}));
  EXPECT_FALSE(r.contains({21}));
  EXPECT_TRUE(r.overlaps({{20}, {30}}));
  EXPECT_TRUE(r.overlaps({{0}, {10}}));
  EXPECT_TRUE(r.overlaps({}));
  EXPECT_FALSE(r.overlaps({{21}, {30}}));
}

TEST(TimeMs, Arithmetic) {
  EXPECT_EQ(TimeMs{5} + DurationMs::seconds(1), TimeMs{1005});
  EXPECT_EQ(TimeMs{5} - TimeMs{7}, DurationMs{-2});
  EXPECT_EQ(DurationMs::minutes(2) * 3, DurationMs::seconds(360));
  EXPECT_EQ(DurationMs::days(1), DurationMs::hours(24));
  EXPECT_DOUBLE_EQ(TimeMs{1500}.as_seconds(), 1.5);
}

}  // namespace prom5
