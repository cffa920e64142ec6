#include "io/http/router.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace prom5::io {

namespace {

std::string_view take_segment(std::string_view& path) {
  const size_t slash = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(std::min(slash + 1, path.size()));
  return segment;
}

std::optional<PathArguments> match(std::string_view pattern, std::string_view path) {
  PathArguments arguments;
  if (const size_t rest = pattern.find("…}"); rest != std::string_view::npos) {
    const std::string_view front = pattern.substr(0, pattern.rfind('{'));
    if (!path.starts_with(front) || path.size() == front.size()) return std::nullopt;
    return PathArguments{std::string(path.substr(front.size()))};
  }
  if (std::count(pattern.begin(), pattern.end(), '/') !=
      std::count(path.begin(), path.end(), '/')) {
    return std::nullopt;
  }
  while (!pattern.empty() || !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted.starts_with('{')) {
      arguments.emplace_back(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  return arguments;
}

/// Without empty and "." segments.
std::string cleaned(std::string_view path) {
  std::string out;
  const std::string_view trailing = path.ends_with('/') ? "/" : "";
  while (!path.empty()) {
    const std::string_view segment = take_segment(path);
    if (!segment.empty() && segment != ".") out.append("/").append(segment);
  }
  return out.empty() ? "/" : out.append(trailing);
}

bool allows(std::string_view methods, std::string_view method) {
  if (method == "HEAD") method = "GET";
  while (!methods.empty()) {
    const size_t bar = std::min(methods.find('|'), methods.size());
    if (methods.substr(0, bar) == method) return true;
    methods.remove_prefix(std::min(bar + 1, methods.size()));
  }
  return false;
}

}  // namespace

void Router::add(std::string methods, std::string pattern, std::string summary, Handler handler) {
  routes_.push_back(
      {std::move(methods), std::move(pattern), std::move(summary), std::move(handler)});
}

/// "//api/v1/query" is what a base URL with a slash at its end makes, "/api/v1/query/" what people
/// write who have seen other servers.
HttpResponse Router::elsewhere(const HttpRequest& request) const {
  HttpResponse not_found = HttpResponse::text(404, "404 page not found\n");
  if (!request.path.starts_with('/')) return not_found;
  std::string clean = cleaned(request.path);
  if (clean == request.path) {
    if (!clean.ends_with('/')) return not_found;
    clean.pop_back();
    const bool known = std::ranges::any_of(
        routes_, [&](const Route& route) { return match(route.pattern, clean).has_value(); });
    if (!known) return not_found;
  }
  HttpResponse moved = HttpResponse::text(request.method == "GET" ? 301 : 308, "");
  std::string location;
  for (std::string_view rest = std::string_view(clean).substr(1); !rest.empty();) {
    location += "/" + percent_encode(take_segment(rest));
  }
  if (clean.ends_with('/')) location += '/';
  if (!request.query.empty()) location += "?" + request.query;
  moved.headers.add("Location", std::move(location));
  return moved;
}

HttpResponse Router::route(const HttpRequest& request) const {
  std::string allowed;
  for (const Route& route : routes_) {
    const auto arguments = match(route.pattern, request.path);
    if (!arguments) continue;
    if (allows(route.methods, request.method)) {
      const auto begun = std::chrono::steady_clock::now();
      HttpResponse answer = route.handler(request, *arguments);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      if (observer_) observer_(route.pattern, answer.status, took.count());
      return answer;
    }
    for (const char c : (allowed.empty() ? "" : "|") + route.methods) {
      allowed += c == '|' ? std::string(", ") : std::string(1, c);
    }
  }
  if (request.path == "*" && request.method == "OPTIONS") allowed = "GET";  // of all there is
  if (allowed.empty()) return elsewhere(request);
  allowed += ", OPTIONS";
  HttpResponse response = request.method == "OPTIONS"
                              ? HttpResponse{}
                              : HttpResponse::text(405, "Method Not Allowed\n");
  if (request.method == "OPTIONS") response.status = 204;
  response.headers.add("Allow", allowed);
  return response;
}

}  // namespace prom5::io
