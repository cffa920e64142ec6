#include "app/api/origin.h"

#include <algorithm>

#include "base/ascii.h"

namespace prom5::api {

namespace {

/// "[::1]:9090" and "localhost:9090" without the port, in lower case.
std::string host_part(std::string_view host) {
  const size_t size = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  return to_lower(host.substr(0, size));
}

/// An address cannot be made to mean another machine.
bool is_address(std::string_view host) {
  return host.starts_with('[') ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool is_localhost(std::string_view host) {
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_address(host));
}

}  // namespace

bool is_trusted_origin(std::string_view origin, std::string_view host, const OwnNames& own) {
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;  // "null", a file
  const std::string page = host_part(origin.substr(scheme + 3));
  if (is_localhost(page)) return true;
  if (page.empty() || page != host_part(host)) return false;
  return own.any || is_address(page) || std::ranges::find(own.names, page) != own.names.end();
}

bool is_guarded(const io::HttpRequest& request) {
  if (request.path == "/ws" || request.path == "/mcp") return true;
  const std::string& method = request.method;
  const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
  return !reads && request.path.starts_with("/api/v5/");
}

Result<Json> json_body(const io::HttpRequest& request) {
  const std::string_view type = request.headers.get("Content-Type");
  for (const std::string_view other : {"text/plain", "multipart/form-data"}) {
    if (!equal_ignoring_case(type.substr(0, other.size()), other)) continue;
    return fail(ErrorCode::UnsupportedMedia, "Content-Type is {}; send application/json", other);
  }
  const std::string_view coding = request.headers.get("Content-Encoding");
  if (!coding.empty() && !equal_ignoring_case(coding, "identity")) {
    return fail(ErrorCode::UnsupportedMedia, "Content-Encoding is {}; send JSON as it is",
                coding.substr(0, 200));
  }
  return codec::parse_json(request.body);
}

}  // namespace prom5::api
