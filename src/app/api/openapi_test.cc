#include "app/api/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "app/api/assistant_api.h"
#include "app/api/features_api.h"
#include "app/api/live_api.h"
#include "app/api/mcp_api.h"
#include "app/api/pack_api.h"
#include "app/api/query_api.h"
#include "io/codec/json.h"
#include "io/file/memory_file_system.h"
#include "store/memory_storage.h"

namespace prom5::api {

namespace {

class SilentAgent final : public Agent {
 public:
  Result<Answer> ask(const Question&, const Follower&) override {
    return fail(ErrorCode::Unavailable, "silent");
  }
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string&) const override { return {}; }
  [[nodiscard]] std::optional<Json> session(const std::string&, const std::string&) const override {
    return std::nullopt;
  }
  bool forget(const std::string&, const std::string&) override { return false; }
};

class OpenApiTest : public testing::Test {
 protected:
  void SetUp() override {
    assistant_.add_routes(router_);
    pack_.add_routes(router_);
    live_api_.add_routes(router_);
    mcp_api_.add_routes(router_);
    query_api_.add_routes(router_);
    add_features_route(router_, {});
    for (const char* path : {"/api/v5/discovery", "/api/v5/openapi.json"}) {
      router_.add("GET", path, "Added by the server.", nullptr);
    }
  }

  MemoryStorage storage_;
  ManualClock clock_{TimeMs{0}};
  MetricRegistry metrics_;
  query::Engine engine_{storage_, {}, metrics_, clock_};
  SilentAgent agent_;
  AssistantApi assistant_{agent_, clock_};
  io::MemoryFileSystem files_;
  PackApi pack_{agent_, files_, {}};
  LiveUpdates live_{engine_, clock_, metrics_, {}};
  LiveApi live_api_{agent_, live_, clock_};
  McpCore mcp_{{}, {}, clock_, metrics_, {}};
  McpApi mcp_api_{mcp_, clock_, metrics_, {}};
  QueryApi query_api_{storage_, engine_, clock_};
  io::Router router_;
};

TEST_F(OpenApiTest, EveryRouteIsDescribed) {
  EXPECT_EQ(undescribed_routes(router_), std::vector<std::string>{});
  router_.add("GET|POST", "/api/v5/new", "Something new.", nullptr);
  router_.add("GET", "/api/v1/old", "Not of our own.", nullptr);
  EXPECT_EQ(undescribed_routes(router_),
            (std::vector<std::string>{"GET /api/v5/new", "POST /api/v5/new"}));
}

TEST_F(OpenApiTest, NothingIsDescribedThatIsNoRoute) {
  std::set<std::string> routed;
  const Json document = codec::parse_json(describe_routes(router_)).value();
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(c & ~0x20);
      routed.insert(upper + " " + path);
    }
  }
  for (const std::string& described : described_routes()) {
    EXPECT_TRUE(routed.contains(described)) << described;
  }
}

/// Calls `visit` with every reference below.
void walk(const Json& json, const std::function<void(const std::string&)>& visit) {
  if (json.is_object() && json.contains("$ref")) visit(json["$ref"].get<std::string>());
  if (!json.is_structured()) return;
  for (const Json& inner : json) walk(inner, visit);
}

TEST_F(OpenApiTest, TheDocumentHangsTogether) {
  const Json document = codec::parse_json(describe_routes(router_)).value();
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> used;
  walk(document, [&](const std::string& reference) {
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
    used.insert(reference);
  });
  // Named in words alone, as OpenAPI has no frames.
  const std::set<std::string> of_frames = {"SocketFrameIn", "SocketFrameOut", "MetricsUpdate",
                                           "AlertChange"};
  for (const auto& [kind, parts] : document["components"].items()) {
    for (const auto& [name, part] : parts.items()) {
      if (of_frames.contains(name)) continue;
      EXPECT_TRUE(used.contains("#/components/" + kind + "/" + name)) << "unused: " << name;
    }
  }
  const Json& session = document["paths"]["/api/v5/agent/session/{id}"];
  EXPECT_EQ(session["parameters"][0]["name"], "id");
  EXPECT_EQ(session["delete"]["summary"], "Forgets a conversation.");
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters" || !operation.contains("operationId")) continue;
      EXPECT_TRUE(ids.insert(operation["operationId"].get<std::string>()).second) << path;
    }
  }
}

}  // namespace

}  // namespace prom5::api
