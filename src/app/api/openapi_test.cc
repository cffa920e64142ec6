#include "app/api/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "app/api/api_v1.h"
#include "app/api/assistant_api.h"
#include "app/api/features_api.h"
#include "app/api/federation.h"
#include "app/api/live_api.h"
#include "app/api/mcp_api.h"
#include "app/api/notifications.h"
#include "app/api/pack_api.h"
#include "app/api/query_api.h"
#include "app/api/remote_read.h"
#include "app/api/search_api.h"
#include "app/api/self_metrics.h"
#include "app/api/tsdb_api.h"
#include "io/codec/json.h"
#include "io/codec/yaml.h"
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
    api_v1_.add_routes(router_);
    search_api_.add_routes(router_);
    tsdb_api_.add_routes(router_);
    remote_read_.add_routes(router_);
    notifications_.add_routes(router_);
    add_self_metrics_route(router_, metrics_);
    add_openapi_routes(router_);
    for (const char* path : {"/api/v5/discovery", "/api/v1/targets", "/api/v1/targets/metadata",
                             "/api/v1/targets/relabel_steps", "/api/v1/scrape_pools",
                             "/api/v1/scrape_pools/config", "/api/v1/metrics", "/api/v1/status"}) {
      router_.add("GET", path, "Added by others.", nullptr);
    }
    router_.add("POST", "/api/v1/otlp/v1/metrics", "Added by the server.", nullptr);
    router_.add("PUT", "/api/v1/admin/wipe", "Added by the server.", nullptr);
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
  Log log_{LogLevel::Error, LogFormat::Logfmt};
  std::unique_ptr<tsdb::Db> db_ = tsdb::Db::open({}, clock_, files_, metrics_, log_).value();
  ApiV1 api_v1_{{*db_, storage_, engine_, nullptr, clock_}, {}};
  SearchApi search_api_{storage_, clock_, 10'000};
  TsdbApi tsdb_api_{*db_, false, log_};
  RemoteRead remote_read_{storage_, 1, [] { return Federation::ExternalLabels(); }, metrics_};
  Notifications notifications_{clock_, metrics_, 1};
  io::Router router_;
};

TEST_F(OpenApiTest, EveryRouteIsDescribed) {
  EXPECT_EQ(undescribed_routes(router_), std::vector<std::string>{});
  router_.add("GET|POST", "/api/v5/new", "Something new.", nullptr);
  router_.add("PUT", "/api/v1/query", "Something new.", nullptr);
  router_.add("GET", "/metrics", "No part of the API.", nullptr);
  EXPECT_EQ(undescribed_routes(router_),
            (std::vector<std::string>{"PUT /api/v1/query", "GET /api/v5/new", "POST /api/v5/new"}));
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

/// The text as JSON; its scalars are quoted where they are texts.
Json json_of(const codec::YamlNode& node) {
  if (node.kind == codec::YamlNode::Kind::Mapping) {
    Json out = Json::object();
    for (const auto& entry : node.entries) out[entry.key.scalar] = json_of(entry.value);
    return out;
  }
  if (node.kind == codec::YamlNode::Kind::Sequence) {
    Json out = Json::array();
    for (const auto& item : node.items) out.push_back(json_of(item));
    return out;
  }
  if (node.kind == codec::YamlNode::Kind::Null) return nullptr;
  return node.quoted ? Json(node.scalar) : codec::parse_json(node.scalar).value();
}

TEST_F(OpenApiTest, TheYamlHasTheRoutesBelowV1) {
  const Json whole = codec::parse_json(describe_routes(router_)).value();
  const Json yaml = json_of(codec::parse_yaml(describe_v1_routes(router_, "")).value());
  EXPECT_EQ(yaml["openapi"], "3.1.0");
  EXPECT_EQ(yaml["servers"], Json::array({{{"url", "/api/v1"}}}));
  Json paths = Json::object();
  for (const auto& [path, item] : whole["paths"].items()) {
    if (path.starts_with("/api/v1/")) paths[path.substr(7)] = item;
  }
  EXPECT_GT(paths.size(), 30U);
  EXPECT_EQ(yaml["paths"], paths);
  // Nothing is missing that is referred to, and nothing there that is not.
  for (const auto& [kind, parts] : yaml["components"].items()) {
    for (const auto& [name, part] : parts.items()) {
      EXPECT_EQ(part, whole["components"][kind][name]) << name;
    }
  }
  EXPECT_TRUE(yaml["components"]["schemas"].contains("Success"));
  EXPECT_FALSE(yaml["components"]["schemas"].contains("AgentAnswer"));
  EXPECT_TRUE(describe_v1_routes(router_, "3.2").starts_with("openapi: \"3.2.0\"\n"));
}

TEST_F(OpenApiTest, APostTakesTheParametersAsAForm) {
  const Json document = codec::parse_json(describe_routes(router_)).value();
  const Json& item = document["paths"]["/api/v1/series"];
  EXPECT_EQ(item["get"]["operationId"], "series");
  EXPECT_EQ(item["get"]["parameters"].size(), 4U);
  const Json& post = item["post"];
  EXPECT_EQ(post["operationId"], "seriesPost");
  EXPECT_FALSE(post.contains("parameters"));
  EXPECT_EQ(post["responses"], item["get"]["responses"]);
  const Json& form = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
  EXPECT_EQ(form["required"], Json::array({"match[]"}));
  EXPECT_EQ(form["properties"].size(), 4U);
  EXPECT_EQ(form["properties"]["match[]"]["type"], "array");
  EXPECT_EQ(form["properties"]["limit"]["minimum"], 0);
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
