#include "app/api/origin.h"

#include <gtest/gtest.h>

namespace prom5::api {

TEST(Origin, OnlyOwnPages) {
  const OwnNames own{.names = {"monitor.example"}};
  const auto trusted = [&](std::string_view origin, std::string_view host) {
    return is_trusted_origin(origin, host, own);
  };
  EXPECT_TRUE(trusted("http://localhost:3000", "127.0.0.1:9090"));
  EXPECT_TRUE(trusted("http://127.0.0.1:9090", "127.0.0.1:9090"));
  EXPECT_TRUE(trusted("http://[::1]:9090", "[::1]:9090"));
  EXPECT_TRUE(trusted("http://10.0.0.5:9090", "10.0.0.5:9090"));
  EXPECT_TRUE(trusted("https://Monitor.example", "monitor.example"));
  EXPECT_FALSE(trusted("http://evil.example", "127.0.0.1:9090"));
  EXPECT_FALSE(trusted("http://evil.example:9090", "evil.example:9090")) << "a rebound name";
  EXPECT_FALSE(trusted("http://localhost.evil.example", "127.0.0.1:9090"));
  EXPECT_FALSE(trusted("http://127.0.0.1.evil.example", "127.0.0.1:9090"));
  EXPECT_FALSE(trusted("http://10.0.0.6", "10.0.0.5:9090"));
  EXPECT_FALSE(trusted("null", "127.0.0.1:9090"));
  EXPECT_FALSE(trusted("http://", ""));
}

TEST(Origin, WhereUsersLogInEveryNameIsItsOwn) {
  const OwnNames own{.any = true};
  EXPECT_TRUE(is_trusted_origin("https://prom5.example.com", "prom5.example.com", own));
  EXPECT_FALSE(is_trusted_origin("https://evil.example", "prom5.example.com", own));
  EXPECT_FALSE(is_trusted_origin("null", "prom5.example.com", own));
}

TEST(Origin, WhatIsGuarded) {
  const auto guarded = [](const std::string& method, const std::string& path) {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    return is_guarded(request);
  };
  EXPECT_TRUE(guarded("GET", "/ws"));
  EXPECT_TRUE(guarded("POST", "/mcp"));
  EXPECT_TRUE(guarded("DELETE", "/mcp"));
  EXPECT_TRUE(guarded("POST", "/api/v5/agent/text"));
  EXPECT_TRUE(guarded("DELETE", "/api/v5/agent/session/s"));
  EXPECT_FALSE(guarded("GET", "/api/v5/agent/session"));
  EXPECT_FALSE(guarded("OPTIONS", "/api/v5/agent/text"));
  EXPECT_FALSE(guarded("POST", "/api/v1/query")) << "as Prometheus has it";
}

TEST(Origin, JsonMustNotComeAsAnotherKind) {
  const auto code = [](const std::string& type, const std::string& body,
                       const std::string& coding = "") {
    io::HttpRequest request;
    if (!coding.empty()) request.headers.add("Content-Encoding", coding);
    if (!type.empty()) request.headers.add("Content-Type", type);
    request.body = body;
    const auto json = json_body(request);
    return json ? "" : std::string(to_string(json.error().code));
  };
  for (const char* type : {"", "application/json", "application/json; charset=utf-8",
                           "application/x-www-form-urlencoded"}) {
    EXPECT_EQ(code(type, "{}"), "") << type;
    EXPECT_EQ(code(type, "{"), "bad_data") << type;
  }
  const std::string refused(to_string(ErrorCode::UnsupportedMedia));
  for (const char* type :
       {"text/plain", "Text/Plain;charset=UTF-8", "multipart/form-data; boundary=x"}) {
    EXPECT_EQ(code(type, "{}"), refused) << type;
  }
  EXPECT_EQ(code("application/json", "{}", "Identity"), "");
  EXPECT_EQ(code("application/json", "\x1f\x8b", "gzip"), refused) << "and not that it is no JSON";
}

}  // namespace prom5::api
