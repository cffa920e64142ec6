#include <fmt/core.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <optional>
#include <thread>

#include "app/cli/client.h"
#include "app/cli/command.h"
#include "base/bounded_queue.h"
#include "base/mutex.h"

// The Model Context Protocol's stdio transport: a message a line. Each goes to a running server's
// /mcp, and what it answers comes out. Standard output bears messages and nothing else.

namespace prom5::cli {

namespace {

constexpr std::array kFlags = std::to_array<Flag>({
    {"url", FlagKind::Text, "http://127.0.0.1:9090", "The server whose tools are offered."},
});

constexpr size_t kWorkers = 8;  // messages that may be under way at one time
constexpr size_t kWaitingLines = 64;
constexpr int64_t kTimeoutMs = 300'000;
constexpr int kParseError = -32700;
constexpr int kServerFailure = -32603;
constexpr const char* kSession = "Mcp-Session-Id";

std::string error_line(const Json& id, int code, const std::string& message) {
  return codec::dump_json(
      {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

/// The id of a request, null of anything else; nothing for what wants no answer.
std::optional<Json> id_of(const Json& message) {
  if (!message.is_object()) return Json();
  if (!message.contains("method") || !message.contains("id")) return std::nullopt;
  return message["id"];
}

bool is_initialize(const Json& message) {
  const auto method = message.is_object() ? message.find("method") : message.end();
  return message.is_object() && method != message.end() && *method == "initialize";
}

/// What is agreed with the server. Any thread.
class Bridge {
 public:
  /// `shown`: the server as it may be told of, without a password.
  Bridge(io::HttpClient& client, std::string url, std::string shown)
      : client_(client), url_(std::move(url)), shown_(std::move(shown)) {}

  /// Sends a message and prints the answer, if there is one.
  void pass_on(const Json& message) {
    const auto answer = is_initialize(message) ? begin(message) : send_in_session(message);
    if (answer) {
      if (!answer->empty()) print(*answer);
      return;
    }
    std::fputs(fmt::format("prom5: {}: {}\n", shown_, answer.error().message).c_str(), stderr);
    if (const auto id = id_of(message)) {
      print(error_line(*id, kServerFailure, shown_ + ": " + answer.error().message));
    }
  }

  void print(const std::string& line) {
    const MutexLock lock(output_);
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

  /// Tells the server that nobody comes any more.
  void end() {
    const Agreed agreed = this->agreed();
    if (agreed.session.empty()) return;
    auto request = make_request(agreed);
    if (!request) return;
    request->method = "DELETE";
    request->timeout_ms = 5000;
    // Whether it hears of it or not: it forgets by itself.
    static_cast<void>(client_.send(*std::move(request)));
  }

 private:
  struct Agreed {
    std::string session;
    std::string revision;
    Json initialize;  ///< the message that began it
  };

  Agreed agreed() {
    const MutexLock lock(mutex_);
    return agreed_;
  }

  Result<io::HttpClientRequest> make_request(const Agreed& agreed) {
    io::HttpClientRequest request = TRY(request_to(url_, "/mcp"));
    request.method = "POST";
    request.timeout_ms = kTimeoutMs;
    request.headers.add("Content-Type", "application/json");
    request.headers.add("Accept", "application/json");
    if (!agreed.session.empty()) request.headers.add(kSession, agreed.session);
    if (!agreed.revision.empty()) request.headers.add("MCP-Protocol-Version", agreed.revision);
    return request;
  }

  Result<io::HttpClientResponse> send(const Json& message, const Agreed& agreed) {
    io::HttpClientRequest request = TRY(make_request(agreed));
    request.body = codec::dump_json(message);
    return client_.send(std::move(request));
  }

  /// The answer as one line; empty when there is none.
  static Result<std::string> line_of(const io::HttpClientResponse& response) {
    if (response.status == 202) return std::string();
    const auto answer = codec::parse_json(response.body);
    if (answer && (answer->is_array() || answer->contains("jsonrpc"))) {
      return codec::dump_json(*answer);
    }
    if (response.status == 401) {
      return fail(ErrorCode::Unavailable,
                  "the server wants a user and a password: --url=http://user:password@host:port");
    }
    return fail(ErrorCode::Unavailable, "the server answered {}{}", response.status,
                response.status == 404 ? "; is it prom5?" : "");
  }

  Result<std::string> begin(const Json& message) {
    const io::HttpClientResponse response = TRY(send(message, {}));
    const auto answer = codec::parse_json(response.body);
    if (answer && answer->contains("result")) {
      Agreed agreed;
      agreed.session = response.headers.get(kSession);
      agreed.revision = (*answer)["result"].value("protocolVersion", "");
      agreed.initialize = message;
      const MutexLock lock(mutex_);
      agreed_ = std::move(agreed);
    }
    return line_of(response);
  }

  /// A server that was started anew knows no session: it gets the first message once more.
  Result<std::string> send_in_session(const Json& message) {
    const Agreed before = agreed();
    io::HttpClientResponse response = TRY(send(message, before));
    if (response.status == 404 && !before.session.empty()) {
      {
        const MutexLock lock(renewing_);
        if (agreed().session == before.session) TRY(begin(before.initialize));
      }
      response = TRY(send(message, agreed()));
    }
    return line_of(response);
  }

  io::HttpClient& client_;
  const std::string url_;
  const std::string shown_;
  Mutex mutex_;
  Agreed agreed_ GUARDED_BY(mutex_);
  Mutex renewing_;  ///< one after the other; taken before mutex_
  Mutex output_;
};

}  // namespace

const std::span<const Flag> kMcpFlags = kFlags;

int run_mcp(const Flags& flags) {
  const std::string url = flags.text("url");
  const auto request = request_to(url, "/mcp");
  if (!request) return complain("--url: " + request.error().message, kWrongUse);
  const auto client = io::make_http_client("prom5-mcp");
  Bridge bridge(*client, url, request->url);
  BoundedQueue<Json> waiting(kWaitingLines);
  {
    std::vector<std::jthread> workers;
    for (size_t i = 0; i < kWorkers; ++i) {
      workers.emplace_back([&](const std::stop_token& stop) {
        while (auto message = waiting.pop(stop)) bridge.pass_on(*message);
      });
    }
    std::string line;
    while (std::getline(std::cin, line) && std::ferror(stdout) == 0) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      auto message = codec::parse_json(line);
      if (!message) {
        bridge.print(error_line(nullptr, kParseError, "not JSON: " + message.error().message));
      } else if (is_initialize(*message)) {
        bridge.pass_on(*message);  // nothing else goes before it
      } else {
        waiting.push(*std::move(message));
      }
    }
  }  // what waits is still answered
  bridge.end();
  return kGood;
}

}  // namespace prom5::cli
