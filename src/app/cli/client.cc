#include "app/cli/client.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "app/api/parameters.h"
#include "app/cli/command.h"
#include "base/clock.h"
#include "io/http/http_client.h"

namespace prom5::cli {

namespace {

/// Takes "user:password@" out of the URL: it goes into a header.
void take_user(io::HttpClientRequest& request) {
  const size_t scheme = request.url.find("://");
  if (scheme == std::string::npos) return;
  const size_t start = scheme + 3;
  const size_t at = request.url.substr(0, request.url.find('/', start)).rfind('@');
  if (at == std::string::npos || at < start) return;
  const std::string user = request.url.substr(start, at - start);
  const size_t colon = std::min(user.find(':'), user.size());
  auto security = std::make_shared<io::HttpClientSecurity>();
  security->user.text = io::percent_decode(user.substr(0, colon), false);
  security->password.text =
      io::percent_decode(colon == user.size() ? "" : user.substr(colon + 1), false);
  request.security = std::move(security);
  request.url.erase(start, at + 1 - start);
}

std::string join(const std::string& server, const std::string& path) {
  return (server.ends_with('/') ? server.substr(0, server.size() - 1) : server) + path;
}

Result<Json> send(io::HttpClientRequest request) {
  constexpr int64_t kTimeoutMs = 120'000;
  request.timeout_ms = kTimeoutMs;
  const auto client = io::make_http_client("prom5-cli");
  auto sent = client->send(std::move(request));
  if (!sent && sent.error().message.ends_with(std::generic_category().message(ECONNREFUSED))) {
    sent.error().message +=
        "; no server listens there: start one with \"prom5 serve\", or name another with --url";
  }
  const io::HttpClientResponse response = TRY(std::move(sent));
  auto body = codec::parse_json(response.body);
  if (!body) {
    std::string why = fmt::format("the server answered {} and no JSON", response.status);
    if (response.status == 401) {
      why = "the server wants a user and a password: --url=http://user:password@host:port";
    } else if (response.status == 404) {
      why = "the server does not know this request; is it prom5?";
    }
    return fail(ErrorCode::Unavailable, "{}", why);
  }
  if (response.status / 100 != 2 && body->is_object() && body->contains("error") &&
      (*body)["error"].is_string()) {
    return fail(ErrorCode::Execution, "{}", (*body)["error"].get<std::string>());
  }
  return *std::move(body);
}

}  // namespace

Result<io::HttpClientRequest> request_to(const std::string& server, const std::string& path) {
  io::HttpClientRequest request;
  request.url = join(server, path);
  if (request.url.find("://") == std::string::npos) request.url.insert(0, "http://");
  take_user(request);
  TRY(io::parse_url(request.url));
  return request;
}

Result<Json> ask_api(const std::string& server, const std::string& path,
                     const io::Parameters& parameters, Json* notes) {
  io::HttpClientRequest request = TRY(request_to(server, path));
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    request.url += separator + io::percent_encode(name) + "=" + io::percent_encode(value);
    separator = '&';
  }
  Json body = TRY(send(std::move(request)));
  if (!body.is_object() || body.value("status", "") != "success" || !body.contains("data")) {
    return fail(ErrorCode::Unavailable, "{} does not answer like a Prometheus server", server);
  }
  if (notes != nullptr) {
    *notes = body.value("warnings", Json::array());
    for (const Json& info : body.value("infos", Json::array())) notes->push_back(info);
  }
  return body["data"];
}

Result<TimeMs> parse_when(std::string_view text, TimeMs now) {
  std::string_view rest = text;
  const bool relative = rest.starts_with("now");
  if (relative) rest.remove_prefix(3);
  if (relative && rest.empty()) return now;
  if (rest.starts_with('-') || (relative && rest.starts_with('+'))) {
    const auto distance = parse_duration(rest.substr(1));
    // "-5" alone is a number of seconds since 1970.
    const bool number = rest.find_first_not_of("0123456789.", 1) == std::string_view::npos;
    if (distance && (relative || !number)) {
      return rest[0] == '-' ? now - *distance : now + *distance;
    }
  }
  if (const auto time = api::parse_time(text); !relative && time) return *time;
  if (const auto day = parse_rfc3339(std::string(text) + "T00:00:00Z")) return *day;
  return fail(ErrorCode::BadData,
              "\"{}\" is no time: write Unix seconds, 2026-01-15T12:00:00Z, 2026-01-15, now or -5m",
              text);
}

Result<void> add_times(const Flags& flags, std::span<const std::string_view> names,
                       io::Parameters& parameters) {
  const TimeMs now = SystemClock().now();
  for (const std::string_view name : names) {
    if (flags.text(name).empty()) continue;
    const auto time = parse_when(flags.text(name), now);
    if (!time) return fail(ErrorCode::BadData, "--{}: {}", name, time.error().message);
    parameters.emplace_back(name, fmt::format("{:.3f}", time->as_seconds()));
  }
  return {};
}

int complain_of(const Error& error, const std::string& server) {
  // What the server itself says is about the question.
  const bool about_server =
      error.code != ErrorCode::Execution && error.message.find(server) == std::string::npos;
  return complain(about_server ? server + ": " + error.message : error.message, kFailure);
}

Result<Json> get_json(const std::string& server, const std::string& path) {
  Json answer = TRY(send(TRY(request_to(server, path))));
  if (!answer.is_object()) {
    return fail(ErrorCode::Unavailable, "{} does not answer like prom5", server);
  }
  return answer;
}

Result<Json> post_json(const std::string& server, const std::string& path, const Json& body,
                       const std::string& languages) {
  io::HttpClientRequest request = TRY(request_to(server, path));
  request.method = "POST";
  if (!languages.empty()) request.headers.add("Accept-Language", languages);
  request.headers.add("Content-Type", "application/json");
  request.body = codec::dump_json(body);
  Json answer = TRY(send(std::move(request)));
  if (!answer.is_object()) {
    return fail(ErrorCode::Unavailable, "{} does not answer like prom5", server);
  }
  return answer;
}

}  // namespace prom5::cli
