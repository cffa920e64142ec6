#include "app/cli/flags.h"

#include <gtest/gtest.h>

namespace prom5::cli {

namespace {

constexpr Flag kFlags[] = {{"server.address", FlagKind::Text, "localhost", "Where."},
                           {"verbose", FlagKind::Switch, "false", "More."},
                           {"wait.time", FlagKind::Duration, "5m", "How long."},
                           {"max.size", FlagKind::Size, "1KB", "How large."},
                           {"max.count", FlagKind::Number, "7", "How many."},
                           {"match", FlagKind::List, "", "What."},
                           {"old", FlagKind::Text, "", "", "It is over."},
                           {"old.deadline", FlagKind::Duration, "", "", "It is over."},
                           {"old.ratio", FlagKind::Real, "", "", "It is over."},
                           {"wait", FlagKind::Duration, "", "Before.", "", "wait.time"}};

using Words = std::vector<std::string>;

Flags good(const Words& words) {
  auto flags = Flags::parse(kFlags, words);
  EXPECT_TRUE(flags) << flags.error().message;
  return flags ? *std::move(flags) : Flags{};
}

void bad(const Words& words, std::string_view message) {
  const auto flags = Flags::parse(kFlags, words);
  ASSERT_FALSE(flags) << words.at(0);
  EXPECT_EQ(flags.error().code, ErrorCode::BadData);
  EXPECT_NE(flags.error().message.find(message), std::string::npos) << flags.error().message;
}

}  // namespace

TEST(Flags, Fallbacks) {
  const Flags flags = good({});
  EXPECT_EQ(flags.text("server.address"), "localhost");
  EXPECT_FALSE(flags.on("verbose"));
  EXPECT_EQ(flags.duration("wait.time"), DurationMs::minutes(5));
  EXPECT_EQ(flags.number("max.size"), 1024U);
  EXPECT_TRUE(flags.list("match").empty());
  EXPECT_FALSE(flags.given("verbose"));
}

TEST(Flags, Values) {
  EXPECT_EQ(good({"--server.address=a"}).text("server.address"), "a");
  EXPECT_EQ(good({"--server.address", "a"}).text("server.address"), "a");
  EXPECT_EQ(good({"--server.address="}).text("server.address"), "");
  EXPECT_EQ(good({"--server.address=a=b"}).text("server.address"), "a=b");
  EXPECT_TRUE(good({"--verbose"}).on("verbose"));
  EXPECT_FALSE(good({"--verbose", "--no-verbose"}).on("verbose"));
  EXPECT_EQ(good({"--match=a", "--match", "b"}).list("match"), (Words{"a", "b"}));
  EXPECT_EQ(good({"x", "--", "--verbose"}).arguments(), (Words{"x", "--verbose"}));
  EXPECT_TRUE(good({"--verbose"}).given("verbose"));
}

TEST(Flags, SizesHaveUnits) {
  EXPECT_EQ(good({"--max.size=5B"}).number("max.size"), 5U);
  EXPECT_EQ(good({"--max.size=2KB"}).number("max.size"), 2048U);
  EXPECT_EQ(good({"--max.size=0"}).number("max.size"), 0U);
}

TEST(Flags, Refused) {
  bad({"--server.adress=a"}, "did you mean --server.address?");
  bad({"--zzz"}, "unknown flag --zzz");
  bad({"--no-max.count"}, "unknown flag");
  bad({"--wait.time=5"}, "--wait.time: ");
  bad({"--wait.time=soon"}, "--wait.time: ");
  bad({"--max.size=5XB"}, "--max.size: ");
  bad({"--max.size=5"}, "--max.size: \"5\" has no unit; expected a size with a unit");
  bad({"--max.count=many"}, "--max.count: \"many\" is not a whole number");
  bad({"--max.count=-1"}, "--max.count: ");
  bad({"--max.count=5GB"}, "--max.count: \"5GB\" is not a whole number");
  bad({"--verbose=maybe"}, "neither true nor false");
  bad({"--server.address"}, "--server.address needs a value");
}

TEST(Flags, FormerNames) {
  EXPECT_EQ(good({"--wait=1h"}).duration("wait.time"), DurationMs::hours(1));
  EXPECT_EQ(good({"--wait=1h", "--wait.time=2h"}).duration("wait.time"), DurationMs::hours(2));
  EXPECT_EQ(good({"--wait.time=2h", "--wait=1h"}).duration("wait.time"), DurationMs::hours(2));
  EXPECT_FALSE(good({"--wait=1h"}).given("wait.time"));
  bad({"--wait=soon"}, "--wait: ");
}

TEST(Flags, WithoutEffect) {
  EXPECT_TRUE(good({"--old=1"}).given("old"));
  EXPECT_TRUE(good({"--old.deadline=1m", "--old.ratio=0.9"}).given("old.ratio"));
  bad({"--old.deadline=soon"}, "--old.deadline: ");
  bad({"--old.ratio=much"}, "--old.ratio: \"much\" is not a number");
  const std::string help = flags_help(kFlags);
  EXPECT_LT(help.find("--match"), help.find("taken without effect"));
  EXPECT_LT(help.find("taken without effect"), help.find("--old\n        It is over."));
}

TEST(Flags, Sizes) {
  const auto is = [](std::string_view text, uint64_t want) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, want) << text;
  };
  is("0", 0);
  is("512", 512);
  is("5B", 5);
  is("1KB", 1024);
  is("512MiB", uint64_t{512} << 20);
  is("1GB", uint64_t{1} << 30);
  for (const std::string_view text : {"", "GB", "-1", "1.5GB", "1 GB", "1gb", "99999999TB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

}  // namespace prom5::cli
