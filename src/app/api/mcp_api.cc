#include "app/api/mcp_api.h"

#include <algorithm>
#include <random>

#include "base/ascii.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

constexpr std::string_view kSessionHeader = "Mcp-Session-Id";
constexpr std::string_view kRevisionHeader = "MCP-Protocol-Version";

std::string new_session_id() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) out += fmt::format("{:08x}", random());
  return out;
}

HttpResponse refusal(int status, int code, std::string_view message) {
  return HttpResponse::json(status,
                            codec::dump_json(McpCore::error_message(nullptr, code, message)));
}

/// Which form of an answer a client takes.
enum class Form : uint8_t { Json, Events, None };

Form accepted_form(std::string_view accept) {
  const auto has = [&](std::string_view type) {
    return accept.find(type) != std::string_view::npos;
  };
  if (accept.empty() || has("application/json") || has("*/*") || has("application/*")) {
    return Form::Json;
  }
  return has("text/event-stream") ? Form::Events : Form::None;
}

HttpResponse answer_with(const std::optional<Json>& answer, Form form) {
  HttpResponse response;
  if (!answer) {
    response.status = 202;
    return response;
  }
  const std::string text = codec::dump_json(*answer);
  if (form == Form::Json) return HttpResponse::json(200, text);
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.body = "event: message\ndata: " + text + "\n\n";
  return response;
}

}  // namespace

McpApi::McpApi(McpCore& core, const Clock& clock, MetricRegistry& metrics, McpHttpOptions options)
    : core_(core),
      clock_(clock),
      options_(std::move(options)),
      refused_(metrics.counter("prom5_mcp_refused_total",
                               "MCP messages and sessions turned away by a limit.")) {
  metrics.on_collect("prom5_mcp_sessions", "Sessions of the Model Context Protocol over HTTP.",
                     MetricRegistry::Type::Gauge, [this] {
                       const MutexLock lock(mutex_);
                       return static_cast<double>(sessions_.size());
                     });
}

void McpApi::add_routes(io::Router& router) {
  using io::PathArguments;
  router.add("POST", "/mcp", "Takes messages of the Model Context Protocol.",
             [this](const HttpRequest& r, const PathArguments&) { return post(r); });
  router.add("DELETE", "/mcp", "Ends a session of the Model Context Protocol.",
             [this](const HttpRequest& r, const PathArguments&) { return end(r); });
}

std::string McpApi::open_session(std::string user, std::string revision) {
  const TimeMs now = clock_.now();
  const MutexLock lock(mutex_);
  while (!sessions_.empty() && (sessions_.size() >= options_.max_sessions ||
                                now - sessions_.back().last_used > options_.session_idle)) {
    if (sessions_.size() >= options_.max_sessions) refused_.add();
    sessions_.pop_back();
  }
  sessions_.push_front({new_session_id(), std::move(user), std::move(revision), now});
  return sessions_.front().id;
}

std::optional<std::string> McpApi::revision_of(const HttpRequest& request) {
  const std::string_view id = request.headers.get(kSessionHeader);
  const TimeMs now = clock_.now();
  const MutexLock lock(mutex_);
  const auto found = std::ranges::find_if(
      sessions_, [&](const Session& s) { return s.id == id && s.user == request.user; });
  if (found == sessions_.end() || now - found->last_used > options_.session_idle) {
    return std::nullopt;
  }
  found->last_used = now;
  sessions_.splice(sessions_.begin(), sessions_, found);
  return sessions_.front().revision;
}

HttpResponse McpApi::begin(const HttpRequest& request, const Json& message) {
  const auto parameters = message.find("params");
  const std::string revision = McpCore::agreed_revision(
      parameters != message.end() && parameters->is_object() ? *parameters : Json::object());
  const auto answer = core_.answer(message, {.session = "", .revision = "", .stop = request.stop});
  HttpResponse response = answer_with(answer, accepted_form(request.headers.get("Accept")));
  if (answer && answer->contains("result")) {
    response.headers.add(std::string(kSessionHeader), open_session(request.user, revision));
  }
  return response;
}

HttpResponse McpApi::post(const HttpRequest& request) {
  if (request.body.size() > options_.max_body_bytes) {
    refused_.add();
    return refusal(413, McpCore::kInvalidRequest,
                   fmt::format("a message may have {} bytes", options_.max_body_bytes));
  }
  constexpr std::string_view kJson = "application/json";
  if (!equal_ignoring_case(request.headers.get("Content-Type").substr(0, kJson.size()), kJson)) {
    return refusal(415, McpCore::kInvalidRequest, "Content-Type must be application/json");
  }
  const Form form = accepted_form(request.headers.get("Accept"));
  if (form == Form::None) {
    return refusal(406, McpCore::kInvalidRequest,
                   "Accept must have application/json or text/event-stream");
  }
  const std::string_view named = request.headers.get(kRevisionHeader);
  if (!named.empty() && !McpCore::knows_revision(named)) {
    return refusal(400, McpCore::kInvalidRequest, "the revision of the protocol is not known");
  }
  const auto message = codec::parse_json(request.body);
  if (!message) {
    return refusal(400, McpCore::kParseError, "not JSON: " + message.error().message);
  }
  if (McpCore::is_initialize(*message)) return begin(request, *message);
  const std::string session(request.headers.get(kSessionHeader));
  if (session.empty()) {
    return refusal(400, McpCore::kInvalidRequest,
                   "Mcp-Session-Id is missing: \"initialize\" gives one");
  }
  // What was agreed on counts, whether the header says so or not.
  auto revision = revision_of(request);
  if (!revision) return refusal(404, McpCore::kInvalidRequest, "the session is not known");
  const auto answer = core_.answer(
      *message, {.session = session, .revision = *std::move(revision), .stop = request.stop});
  return answer_with(answer, form);
}

HttpResponse McpApi::end(const HttpRequest& request) {
  const std::string_view session = request.headers.get(kSessionHeader);
  if (session.empty()) return refusal(400, McpCore::kInvalidRequest, "Mcp-Session-Id is missing");
  const MutexLock lock(mutex_);
  const auto is_meant = [&](const Session& s) { return s.id == session && s.user == request.user; };
  if (std::erase_if(sessions_, is_meant) == 0) {
    return refusal(404, McpCore::kInvalidRequest, "the session is not known");
  }
  HttpResponse done;
  done.status = 204;
  return done;
}

}  // namespace prom5::api
