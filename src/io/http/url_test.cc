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

}  // namespace prom5::io
