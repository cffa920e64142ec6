#include "app/api/mcp.h"

#include <gtest/gtest.h>

#include "app/api/mcp_api.h"
#include "io/codec/json.h"

namespace prom5::api {

namespace {

/// Adds numbers, fails when asked to, and gives back a list when asked for one.
class Adder final : public Tool {
 public:
  [[nodiscard]] ToolSpec spec() const override {
    return {"add",
            "Adds two numbers.",
            {{"type", "object"},
             {"properties",
              {{"a", {{"type", "number"}}},
               {"b", {{"type", "integer"}}},
               {"mode", {{"type", "string"}, {"enum", {"sum", "fail", "list", "throw"}}}}}},
             {"required", {"a", "b"}},
             {"additionalProperties", false}}};
  }
  Result<Json> call(const Json& arguments, const ToolContext& context) override {
    ++calls;
    stopped = context.stop.stop_requested();
    if (during) during();
    if (context.stop.stop_requested()) return fail(ErrorCode::Canceled, "given up");
    const std::string mode = arguments.value("mode", "sum");
    if (mode == "fail") return fail(ErrorCode::Execution, "it cannot be added");
    if (mode == "throw") return arguments.at("nothing");
    const double sum = arguments["a"].get<double>() + arguments["b"].get<double>();
    if (mode == "list") return Json::array({sum, sum});
    return Json{{"sum", sum}};
  }

  int calls = 0;
  bool stopped = false;
  std::function<void()> during;
};

class McpTest : public testing::Test {
 protected:
  std::optional<Json> say(const std::string& text, const std::string& revision = "2025-06-18") {
    return core_.answer_text(text, {.session = "s", .revision = revision, .stop = {}});
  }
  Json ask(const std::string& method, const Json& parameters = Json::object(),
           const std::string& revision = "2025-06-18") {
    const Json message{{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", parameters}};
    const Json answer = say(message.dump(), revision).value();
    EXPECT_EQ(answer["jsonrpc"], "2.0");
    EXPECT_EQ(answer["id"], 7);
    return answer;
  }
  Json call(const Json& arguments, const std::string& revision = "2025-06-18") {
    return ask("tools/call", {{"name", "add"}, {"arguments", arguments}}, revision)["result"];
  }
  int code(const std::string& text, const std::string& revision = "2025-06-18") {
    const auto answer = say(text, revision);
    return answer && answer->contains("error") ? (*answer)["error"]["code"].get<int>() : 0;
  }

  Adder adder_;
  ManualClock clock_{TimeMs{1'000'000}};
  MetricRegistry metrics_;
  McpCore core_{{&adder_},
                {{"prom5://numbers", "numbers", "All there are.",
                  [](const ToolContext&) -> Result<Json> { return Json{{"numbers", {1, 2}}}; }},
                 {"prom5://broken", "broken", "Cannot be read.",
                  [](const ToolContext&) -> Result<Json> {
                    return fail(ErrorCode::Io, "the disk is gone");
                  }}},
                clock_,
                metrics_,
                {.version = "1.2", .max_batch = 3, .max_calls = 1}};
};

TEST_F(McpTest, AgreesOnARevision) {
  const auto agreed = [&](const std::string& wanted) {
    return ask("initialize", {{"protocolVersion", wanted},
                              {"capabilities", Json::object()},
                              {"clientInfo", {{"name", "t"}, {"version", "1"}}}})["result"];
  };
  for (const char* known : {"2025-06-18", "2025-03-26", "2024-11-05"}) {
    EXPECT_EQ(agreed(known)["protocolVersion"], known);
  }
  EXPECT_EQ(agreed("2099-01-01")["protocolVersion"], "2025-06-18");
  const Json result = agreed("2025-06-18");
  EXPECT_EQ(result["serverInfo"]["name"], "prom5");
  EXPECT_EQ(result["serverInfo"]["version"], "1.2");
  for (const char* capability : {"tools", "resources", "prompts", "logging"}) {
    EXPECT_TRUE(result["capabilities"][capability].is_object()) << capability;
  }
  EXPECT_EQ(ask("initialize")["error"]["code"], McpCore::kInvalidParams);
}

TEST_F(McpTest, ListsTools) {
  const Json tools = ask("tools/list")["result"]["tools"];
  ASSERT_EQ(tools.size(), 1U);
  EXPECT_EQ(tools[0]["name"], "add");
  EXPECT_EQ(tools[0]["description"], "Adds two numbers.");
  EXPECT_EQ(tools[0]["inputSchema"]["required"], Json::array({"a", "b"}));
  EXPECT_EQ(tools[0]["annotations"]["readOnlyHint"], true);
  EXPECT_EQ(ask("tools/list", {{"cursor", "x"}})["error"]["code"], McpCore::kInvalidParams);
}

TEST_F(McpTest, CallsTools) {
  const Json result = call({{"a", 1.5}, {"b", 2}});
  EXPECT_EQ(result["isError"], false);
  ASSERT_EQ(result["content"].size(), 1U);
  EXPECT_EQ(result["content"][0]["type"], "text");
  EXPECT_EQ(result["content"][0]["text"], R"({"sum":3.5})");
  EXPECT_EQ(result["structuredContent"], Json({{"sum", 3.5}}));
  EXPECT_EQ(call({{"a", 1}, {"b", 2}, {"mode", "list"}})["structuredContent"],
            Json({{"result", {3.0, 3.0}}}));
  EXPECT_FALSE(call({{"a", 1}, {"b", 2}}, "2025-03-26").contains("structuredContent"));
}

TEST_F(McpTest, ErrorsOfToolsAreResults) {
  const auto failure = [&](const Json& arguments) {
    const Json result = call(arguments);
    EXPECT_EQ(result["isError"], true) << result;
    return result["content"][0]["text"].get<std::string>();
  };
  EXPECT_EQ(failure({{"a", 1}, {"b", 2}, {"mode", "fail"}}), "it cannot be added");
  EXPECT_EQ(failure({{"a", 1}, {"b", 2}, {"mode", "throw"}}),
            "the arguments are not what the tool takes");
  EXPECT_EQ(adder_.calls, 2);
  EXPECT_EQ(failure({{"a", 1}}), "argument \"b\" is missing");
  EXPECT_EQ(failure({{"a", "x"}, {"b", 1}}), "argument \"a\" must be of type \"number\"");
  EXPECT_EQ(failure({{"a", 1}, {"b", 1.5}}), "argument \"b\" must be of type \"integer\"");
  EXPECT_EQ(failure({{"a", 1}, {"b", 1}, {"c", 1}}), "there is no argument \"c\"");
  EXPECT_NE(failure({{"a", 1}, {"b", 1}, {"mode", "?"}}).find("must be one of"), std::string::npos);
  EXPECT_EQ(adder_.calls, 2) << "wrong arguments do not reach the tool";
}

TEST_F(McpTest, ErrorsOfTheProtocol) {
  EXPECT_EQ(code("{"), McpCore::kParseError);
  EXPECT_EQ(code("\xff"), McpCore::kParseError);
  for (const char* text :
       {"1", "\"x\"", "null", "{}", R"({"id":1,"method":"ping"})",
        R"({"jsonrpc":"1.0","id":1,"method":"ping"})", R"({"jsonrpc":"2.0","id":1})",
        R"({"jsonrpc":"2.0","id":null,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":{},"method":"ping"})",
        R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})"}) {
    EXPECT_EQ(code(text), McpCore::kInvalidRequest) << text;
  }
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"tools/grab"})"), McpCore::kMethodNotFound);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":5})"), McpCore::kMethodNotFound);
  for (const char* params :
       {R"([])", R"("x")", R"({})", R"({"name":5})", R"({"name":"none"})",
        R"({"name":"add","arguments":[]})", R"({"name":"add","arguments":"x"})"}) {
    EXPECT_EQ(code(std::string(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)") +
                   params + "}"),
              McpCore::kInvalidParams)
        << params;
  }
  EXPECT_EQ(adder_.calls, 0);
}

TEST_F(McpTest, NoticesAndAnswersGetNone) {
  for (const char* text : {R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
                           R"({"jsonrpc":"2.0","method":"notifications/unheard"})",
                           R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"add"}})",
                           R"({"jsonrpc":"2.0","id":3,"result":{}})",
                           R"({"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"m"}})"}) {
    EXPECT_FALSE(say(text)) << text;
  }
  EXPECT_EQ(adder_.calls, 0);
}

TEST_F(McpTest, BatchesWhereTheRevisionHasThem) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const std::string notice = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
  EXPECT_EQ(code("[" + ping + "]"), McpCore::kInvalidRequest);
  const Json both = say("[" + ping + "," + notice + ",5]", "2025-03-26").value();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0]["result"], Json::object());
  EXPECT_EQ(both[1]["error"]["code"], McpCore::kInvalidRequest);
  EXPECT_FALSE(say("[" + notice + "]", "2025-03-26"));
  EXPECT_EQ(code("[]", "2025-03-26"), McpCore::kInvalidRequest);
  EXPECT_EQ(code("[" + ping + "," + ping + "," + ping + "," + ping + "]", "2025-03-26"),
            McpCore::kInvalidRequest);
  const std::string first =
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"x"}})";
  EXPECT_EQ(say("[" + first + "]", "2025-03-26").value()[0]["error"]["code"],
            McpCore::kInvalidRequest);
}

TEST_F(McpTest, CallsAreCancelledAndLimited) {
  int busy = 0;
  adder_.during = [&] {
    // While one is at work: another is one too many, and this one is called off.
    busy = ask("tools/call", {{"name", "add"}, {"arguments", {{"a", 1}, {"b", 1}}}})["error"].value(
        "code", 0);
    say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  };
  const Json result = call({{"a", 1}, {"b", 1}});
  EXPECT_EQ(busy, McpCore::kBusy);
  EXPECT_EQ(result["isError"], true);
  EXPECT_EQ(result["content"][0]["text"], "given up");
  adder_.during = {};
  EXPECT_EQ(call({{"a", 1}, {"b", 1}})["isError"], false) << "the place is free again";
}

TEST_F(McpTest, ResourcesPromptsAndTheRest) {
  const Json resources = ask("resources/list")["result"]["resources"];
  ASSERT_EQ(resources.size(), 2U);
  EXPECT_EQ(resources[0]["uri"], "prom5://numbers");
  const Json read = ask("resources/read", {{"uri", "prom5://numbers"}})["result"]["contents"];
  EXPECT_EQ(read[0]["text"], R"({"numbers":[1,2]})");
  EXPECT_EQ(ask("resources/read", {{"uri", "prom5://x"}})["error"]["code"],
            McpCore::kResourceNotFound);
  EXPECT_EQ(ask("resources/read")["error"]["code"], McpCore::kInvalidParams);
  EXPECT_EQ(ask("resources/read", {{"uri", "prom5://broken"}})["error"]["message"],
            "the disk is gone");
  EXPECT_EQ(ask("resources/templates/list")["result"]["resourceTemplates"], Json::array());
  EXPECT_EQ(ask("prompts/list")["result"]["prompts"].size(), 2U);
  const Json prompt = ask("prompts/get", {{"name", "investigate"},
                                          {"arguments", {{"subject", "disk full"}}}})["result"];
  const std::string text = prompt["messages"][0]["content"]["text"];
  EXPECT_TRUE(text.starts_with("Investigate disk full.")) << text;
  EXPECT_EQ(ask("prompts/get", {{"name", "investigate"}})["error"]["code"],
            McpCore::kInvalidParams);
  EXPECT_EQ(ask("prompts/get", {{"name", "x"}})["error"]["code"], McpCore::kInvalidParams);
  EXPECT_EQ(ask("logging/setLevel", {{"level", "info"}})["result"], Json::object());
  EXPECT_EQ(ask("logging/setLevel", {{"level", "loud"}})["error"]["code"], McpCore::kInvalidParams);
  EXPECT_EQ(ask("ping")["result"], Json::object());
}

class McpHttpTest : public McpTest {
 protected:
  io::HttpResponse send(const std::string& method, const std::string& body,
                        const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    io::HttpRequest request;
    request.method = method;
    request.path = "/mcp";
    request.body = body;
    request.user = user_;
    request.headers.add("Host", "127.0.0.1:9090");
    request.headers.add("Content-Type", "application/json");
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    if (!session_.empty()) request.headers.add("Mcp-Session-Id", session_);
    return router_.route(request);
  }
  void SetUp() override { api_.add_routes(router_); }
  void begin(const std::string& revision = "2025-06-18") {
    const auto response = send("POST", R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":)"
                                       R"({"protocolVersion":")" +
                                           revision + R"("}})");
    ASSERT_EQ(response.status, 200);
    session_ = response.headers.get("Mcp-Session-Id");
    ASSERT_FALSE(session_.empty());
  }

  static constexpr const char* kPing = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  static constexpr const char* kNotice =
      R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
  McpApi api_{core_, clock_, metrics_, {.max_body_bytes = 500, .max_sessions = 2}};
  io::Router router_;
  std::string session_;
  std::string user_;
};

TEST_F(McpHttpTest, SessionFromBeginToEnd) {
  EXPECT_EQ(send("POST", kPing).status, 400) << "no session yet";
  begin();
  EXPECT_EQ(send("POST", kPing).status, 200);
  EXPECT_EQ(send("POST", kNotice).status, 202);
  EXPECT_EQ(send("POST", kNotice).body, "");
  EXPECT_EQ(send("GET", "").status, 405);
  EXPECT_EQ(send("DELETE", "").status, 204);
  EXPECT_EQ(send("DELETE", "").status, 404);
  EXPECT_EQ(send("POST", kPing).status, 404);
  session_.clear();
  EXPECT_EQ(send("DELETE", "").status, 400);
}

TEST_F(McpHttpTest, ASessionIsItsUsersAlone) {
  user_ = "ann";
  begin();
  user_ = "bob";
  EXPECT_EQ(send("POST", kPing).status, 404);
  EXPECT_EQ(send("DELETE", "").status, 404);
  user_ = "ann";
  EXPECT_EQ(send("POST", kPing).status, 200);
}

TEST_F(McpHttpTest, TheOldestSessionGoes) {
  begin();
  const std::string first = session_;
  session_.clear();
  begin();
  session_.clear();
  begin();
  EXPECT_EQ(send("POST", kPing).status, 200);
  session_ = first;
  EXPECT_EQ(send("POST", kPing).status, 404);
}

TEST_F(McpHttpTest, FormsOfAnswers) {
  begin();
  const auto plain = send("POST", kPing, {{"Accept", "application/json, text/event-stream"}});
  EXPECT_EQ(plain.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(plain.body, R"({"jsonrpc":"2.0","id":1,"result":{}})");
  const auto events = send("POST", kPing, {{"Accept", "text/event-stream"}});
  EXPECT_EQ(events.headers.get("Content-Type"), "text/event-stream");
  EXPECT_EQ(events.body, "event: message\ndata: " + plain.body + "\n\n");
  EXPECT_EQ(send("POST", kPing, {{"Accept", "text/html"}}).status, 406);
}

TEST_F(McpHttpTest, WhatIsTurnedAway) {
  begin();
  EXPECT_EQ(send("POST", kPing, {{"MCP-Protocol-Version", "2025-06-18"}}).status, 200);
  EXPECT_EQ(send("POST", kPing, {{"MCP-Protocol-Version", "1999-01-01"}}).status, 400);
  EXPECT_EQ(send("POST", kPing, {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(send("POST", std::string(501, ' ')).status, 413);
  EXPECT_EQ(send("POST", "{").status, 400);
  EXPECT_NE(send("POST", "{").body.find("-32700"), std::string::npos);
}

TEST_F(McpHttpTest, ASessionKeepsItsRevision) {
  begin("2025-03-26");
  const std::string batch = std::string("[") + kPing + "]";
  EXPECT_NE(send("POST", batch).body.find("result"), std::string::npos);
  session_.clear();
  begin("2025-06-18");
  EXPECT_NE(send("POST", batch).body.find("-32600"), std::string::npos);
}

}  // namespace

}  // namespace prom5::api
