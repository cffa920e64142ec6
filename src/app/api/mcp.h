#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "ask/tool.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace prom5::api {

/// Something that a client of the Model Context Protocol may read.
struct McpResource {
  std::string uri;
  std::string name;
  std::string description;
  std::function<Result<Json>(const ToolContext&)> read;  ///< any thread
};

struct McpOptions {
  std::string version;  ///< of this program
  size_t max_batch = 50;
  size_t max_calls = 4;  ///< of tools, at one time: each holds a worker of the HTTP server
  DurationMs call_time = DurationMs::seconds(30);
  uint64_t call_samples = 100'000'000;  ///< read by all queries of one call
};

/// The Model Context Protocol's messages (JSON-RPC 2.0), whichever way they come: revisions
/// 2025-06-18, 2025-03-26 and 2024-11-05. Offers the tools, the resources and a few prompts; asks
/// nothing of the client. Any thread.
/// Source: modelcontextprotocol.io/specification/2025-06-18.
class McpCore {
 public:
  /// `tools` outlive this.
  McpCore(std::vector<Tool*> tools, std::vector<McpResource> resources, const Clock& clock,
          MetricRegistry& metrics, McpOptions options);

  /// From whom a message comes.
  struct Peer {
    std::string session;   ///< apart from others'; names in it what "notifications/cancelled" ends
    std::string revision;  ///< as agreed; empty before "initialize"
    std::stop_token stop;  ///< requested when nobody waits for the answer any more
  };

  /// The answer to one message or batch, as text that was sent. Nothing when none is due:
  /// notifications and answers. What is no message gets an error of JSON-RPC.
  std::optional<Json> answer_text(std::string_view text, const Peer& peer);
  /// The same of what is parsed already.
  std::optional<Json> answer(const Json& message, const Peer& peer);

  /// The revision that "initialize" with those parameters agrees on.
  static std::string agreed_revision(const Json& parameters);
  static bool knows_revision(std::string_view revision);
  /// Whether this is a request to "initialize".
  static bool is_initialize(const Json& message);

  /// JSON-RPC's codes of errors.
  enum ErrorNumber : int {
    kParseError = -32700,
    kInvalidRequest = -32600,
    kMethodNotFound = -32601,
    kInvalidParams = -32602,
    kInternalError = -32603,
    kBusy = -32000,
    kResourceNotFound = -32002,
  };
  static Json error_message(const Json& id, int code, std::string_view message);

 private:
  struct RpcError {
    int code;
    std::string message;
  };
  using Outcome = std::expected<Json, RpcError>;
  struct Method;
  static const std::vector<Method>& methods();

  std::optional<Json> answer_one(const Json& message, const Peer& peer);
  std::optional<Json> answer_batch(const Json& batch, const Peer& peer);
  void notice(const std::string& method, const Json& parameters, const Peer& peer);

  static RpcError unknown_cursor();
  Outcome initialize(const Json& parameters);
  Outcome list_tools(const Json& parameters);
  Outcome call_tool(const Json& parameters, const Json& id, const Peer& peer);
  Outcome list_resources(const Json& parameters);
  Outcome read_resource(const Json& parameters, const Peer& peer);
  Outcome get_prompt(const Json& parameters);
  Json run_tool(Tool& tool, const Json& arguments, const Peer& peer, const std::stop_token& stop);

  struct NamedTool {
    ToolSpec spec;
    Tool* tool = nullptr;
  };
  std::vector<NamedTool> tools_;
  const std::vector<McpResource> resources_;
  const Clock& clock_;
  const McpOptions options_;

  Mutex mutex_;
  /// Calls under way, by session and id.
  std::map<std::string, std::stop_source> calls_ GUARDED_BY(mutex_);

  Counter& messages_;
  Counter& tool_calls_;
  Counter& failed_calls_;
  Counter& refused_;
};

}  // namespace prom5::api
