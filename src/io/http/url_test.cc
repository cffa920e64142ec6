#include "io/http/url.h"

#include <gtest/gtest.h>

namespace prom5::io {

TEST(Url, ShownWithoutPassword) {
  EXPECT_EQ(without_password("http://me:hush@a:1/b?c=d"), "http://me:xxxxx@a:1/b?c=d");
  EXPECT_EQ(without_password("http://me@a/b"), "http://me@a/b");
  EXPECT_EQ(without_password("http://a/b:c@d"), "http://a/b:c@d");
  EXPECT_EQ(without_password("me:hush@a"), "me:hush@a");
}

TEST(Url, ShownWithoutSecrets) {
  EXPECT_EQ(without_secrets("http://me:hush@a:1/b?token=c"), "http://me:xxxxx@a:1/b");
  EXPECT_EQ(without_secrets("https://a?token=c"), "https://a");
  EXPECT_EQ(without_secrets("http://a/b"), "http://a/b");
  // A name that somebody gave.
  EXPECT_EQ(without_secrets("long term?"), "long term?");
  EXPECT_EQ(without_secrets(""), "");
}

TEST(Url, PortsAreNumbersUpTo65535) {
  for (const char* good : {"http://a:0", "http://a:65535/b", "http://[::1]:9090", "http://a"}) {
    EXPECT_TRUE(parse_url(good)) << good;
  }
  for (const char* bad : {"http://a:65536", "http://a:99999/b", "http://a:", "http://a:-1",
                          "http://a:123456", "http://a:9o90", "http://[::1]:70000"}) {
    const auto got = parse_url(bad);
    ASSERT_FALSE(got) << bad;
    EXPECT_NE(got.error().message.find("the port is no number up to 65535"), std::string::npos)
        << got.error().message;
  }
}

}  // namespace prom5::io
