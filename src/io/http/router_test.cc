#include "io/http/router.h"

#include <gtest/gtest.h>

namespace prom5::io {
namespace {

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    for (const char* pattern : {"/api/v1/query", "/api/v1/label/{name}/values", "/dir/", "/"}) {
      router_.add("GET|POST", pattern, "One.", [](const HttpRequest&, const PathArguments& names) {
        return HttpResponse::text(200, names.empty() ? "" : names[0]);
      });
    }
  }
  HttpResponse ask(std::string method, std::string path, std::string query = "") {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    return router_.route(request);
  }

  Router router_;
};

TEST_F(RouterTest, FindsRoutes) {
  EXPECT_EQ(ask("GET", "/api/v1/query").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/label/job/values").body, "job");
  EXPECT_EQ(ask("GET", "/dir/").status, 200);
  EXPECT_EQ(ask("GET", "/nothing").status, 404);
  const HttpResponse wrong = ask("PUT", "/api/v1/query");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, POST, OPTIONS");
  EXPECT_EQ(ask("OPTIONS", "/api/v1/query").status, 204);
}

TEST_F(RouterTest, SlashesTooManyLeadToTheRoute) {
  const auto leads = [&](const std::string& path, const std::string& query, std::string_view to) {
    const HttpResponse get = ask("GET", path, query);
    EXPECT_EQ(get.status, 301) << path;
    EXPECT_EQ(get.headers.get("Location"), to);
    const HttpResponse post = ask("POST", path, query);
    EXPECT_EQ(post.status, 308) << path << ": the method and the body stay";
    EXPECT_EQ(post.headers.get("Location"), to);
  };
  leads("//api/v1/query", "query=1", "/api/v1/query?query=1");
  leads("/api/v1/query/", "query=a%2Fb", "/api/v1/query?query=a%2Fb");
  leads("/api/v1/query//", "", "/api/v1/query/");
  leads("/api/v1/label/job/values/", "", "/api/v1/label/job/values");
  leads("/api/v1/label/a b/values/", "", "/api/v1/label/a%20b/values");
  leads("//evil.example/x/", "", "/evil.example/x/");
}

TEST_F(RouterTest, WhatIsNoPathIsNotFound) {
  EXPECT_EQ(ask("OPTIONS", "*").status, 204) << "what the server can do in general";
  EXPECT_EQ(ask("GET", "*").status, 404);
  EXPECT_EQ(ask("GET", "api/v1/query").status, 404);
  EXPECT_EQ(ask("GET", "").status, 404);
}

TEST_F(RouterTest, ASlashBehindNothingIsNothing) {
  for (const char* path : {"/nothing/", "/api/v1/", "/api/v1/query/x/", "/dir/x/"}) {
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  }
}

}  // namespace
}  // namespace prom5::io
