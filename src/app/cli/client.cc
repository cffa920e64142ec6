#include "app/cli/client.h"

#include "io/http/http_client.h"

namespace prom5::cli {

namespace {

Result<Json> send(io::HttpClientRequest request) {
  TRY(io::parse_url(request.url));
  constexpr int64_t kTimeoutMs = 120'000;
  request.timeout_ms = kTimeoutMs;
  const auto client = io::make_http_client("prom5-cli");
  const io::HttpClientResponse response = TRY(client->send(std::move(request)));
  auto body = codec::parse_json(response.body);
  if (!body) {
    return fail(ErrorCode::Unavailable, "the server answered {} and no JSON", response.status);
  }
  if (response.status / 100 != 2 && body->is_object() && body->contains("error") &&
      (*body)["error"].is_string()) {
    return fail(ErrorCode::Execution, "{}", (*body)["error"].get<std::string>());
  }
  return *std::move(body);
}

std::string join(const std::string& server, const std::string& path) {
  return (server.ends_with('/') ? server.substr(0, server.size() - 1) : server) + path;
}

}  // namespace

Result<Json> ask_api(const std::string& server, const std::string& path,
                     const io::Parameters& parameters) {
  io::HttpClientRequest request;
  request.url = join(server, path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    request.url += separator + io::percent_encode(name) + "=" + io::percent_encode(value);
    separator = '&';
  }
  Json body = TRY(send(std::move(request)));
  if (!body.is_object() || body.value("status", "") != "success" || !body.contains("data")) {
    return fail(ErrorCode::Unavailable, "{} does not answer like a Prometheus server", server);
  }
  return body["data"];
}

Result<Json> post_json(const std::string& server, const std::string& path, const Json& body) {
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = join(server, path);
  request.headers.add("Content-Type", "application/json");
  request.body = codec::dump_json(body);
  return send(std::move(request));
}

}  // namespace prom5::cli
