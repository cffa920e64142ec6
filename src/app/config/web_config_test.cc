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
    EXPECT_FALSE(config.user_of(header)) << header;
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
    EXPECT_EQ(config->user_of("Basic YWRtaW46c2VjcmV0"), "admin");
    EXPECT_EQ(config->user_of("Basic YWRtaW46d3Jvbmc="), std::nullopt);
    EXPECT_EQ(config->user_of("Basic bm9ib2R5OnNlY3JldA=="), std::nullopt);
  }
}

TEST(WebConfig, HashesThatCannotBeRight) {
  const std::string rest = "$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
  const auto says = [](const std::string& hash, std::string_view want) {
    const auto config = read("basic_auth_users:\n  admin: '" + hash + "'\n");
    if (want.empty()) {
      EXPECT_TRUE(config) << hash << "\nsaid: " << config.error().message;
      return;
    }
    ASSERT_FALSE(config) << hash;
    EXPECT_EQ(config.error().code, ErrorCode::BadData);
    EXPECT_NE(config.error().message.find(want), std::string::npos) << config.error().message;
    EXPECT_NE(config.error().message.find("web.yml:2:10: "), std::string::npos);
  };
  for (const std::string good : {"$2a$04", "$2b$10", "$2y$16"}) says(good + rest, "");
  for (const std::string bad : {"$2$10", "$2x$10", "$1$10", "$2b$1x", "$2b$100", "2b$10"}) {
    says(bad + rest, "expected a bcrypt hash");
  }
  says("$2b$10" + rest + "x", "expected a bcrypt hash");
  says("$2b$10" + rest.substr(0, 53), "expected a bcrypt hash");
  says("$2b$10" + rest.substr(0, 53) + "!", "expected a bcrypt hash");
  says("", "expected a bcrypt hash");
  says("$2b$03" + rest, "bcrypt's cost is 4 to 31, not 3");
  says("$2b$32" + rest, "bcrypt's cost is 4 to 31, not 32");
  says("$2b$17" + rest, "cost 17 makes a login take too long; 16 is the most");
}

TEST(WebConfig, FilesMustBeThere) {
  const auto config = read("tls_server_config:\n  cert_file: none.pem\n  key_file: none.key\n");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("web.yml:2:14: "), std::string::npos);
  EXPECT_NE(config.error().message.find("none.pem"), std::string::npos);
  EXPECT_NE(config.error().message.find("does not exist"), std::string::npos)
      << config.error().message;
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
