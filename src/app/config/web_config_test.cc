#include "app/config/web_config.h"

#include <gtest/gtest.h>

#include "io/file/file_system.h"

namespace prom5::config {

TEST(WebConfig, NobodyIsAcceptedWithoutUsers) {
  const WebConfig config;
  EXPECT_FALSE(config.tls());
  EXPECT_FALSE(config.authenticates());
  for (const std::string_view header :
       {"", "Basic", "Basic ", "Basic !!!", "Basic dTpw", "Bearer dTpw"}) {
    EXPECT_FALSE(config.accepts(header)) << header;
  }
}

TEST(WebConfig, AnAbsentFileIsAnError) {
  const auto loaded = load_web_config("/no/such/web.yml");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::BadData);
}

namespace {

/// A configuration file with this text, read.
Result<WebConfig> read(std::string_view text) {
  const std::string path = testing::TempDir() + "/web.yml";
  io::PosixFileSystem files;
  EXPECT_TRUE(files.write_atomically(path, text));
  return load_web_config(path);
}

}  // namespace

TEST(WebConfig, UsersAndTheirPasswords) {
  // htpasswd -nbB -C 4 admin secret
  const auto config = read(
      "basic_auth_users:\n  admin: "
      "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->authenticates());
  for (int twice = 0; twice < 2; ++twice) {  // the second time from the cache
    EXPECT_TRUE(config->accepts("Basic YWRtaW46c2VjcmV0"));
    EXPECT_FALSE(config->accepts("Basic YWRtaW46d3Jvbmc="));
    EXPECT_FALSE(config->accepts("Basic bm9ib2R5OnNlY3JldA=="));
  }
}

TEST(WebConfig, WhatIsNoListOfUsersLeavesNoDoorOpen) {
  for (const std::string_view text :
       {"basic_auth_users: [admin]\n", "basic_auth_users: admin\n", "basic_auth_users:\n",
        "basic_auth_users: {}\n", "basic_auth_users: {admin: plain}\n",
        "tls_server_config: {min_version: TLS13}\n", "tls_server_config: {cert_file: a}\n"}) {
    const auto config = read(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::BadData);
  }
}

}  // namespace prom5::config
