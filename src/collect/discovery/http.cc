#include "collect/discovery/http.h"

#include "base/ascii.h"
#include "collect/discovery/target_list.h"

namespace prom5::discovery {

namespace {

/// application/json, alone or said to be in UTF-8.
bool is_json(std::string_view type) {
  std::string compact;
  for (const char c : type) {
    if (c != ' ' && c != '"') compact += c;
  }
  return equal_ignoring_case(compact, "application/json") ||
         equal_ignoring_case(compact, "application/json;charset=utf-8");
}

}  // namespace

Result<std::vector<TargetGroup>> HttpDiscoverer::refresh(const std::stop_token& stop) {
  auto groups = ask(stop);
  if (!groups && !stop.stop_requested()) failures_.add();
  return groups;
}

Result<std::vector<TargetGroup>> HttpDiscoverer::ask(const std::stop_token& stop) {
  io::HttpClientRequest request;
  request.url = options_.url;
  request.security = options_.security;
  request.timeout_ms = interval_.ms;
  request.headers.add("Accept", "application/json");
  request.headers.add("X-Prometheus-Refresh-Interval-Seconds",
                      fmt::format("{}", interval_.as_seconds()));
  const io::HttpClientResponse answer = TRY(fetch(services_.http, std::move(request), stop));
  if (answer.status != 200) {
    return fail(ErrorCode::Unavailable, "server returned HTTP status {} {}", answer.status,
                io::reason_phrase(answer.status));
  }
  const std::string_view type = answer.headers.get("Content-Type");
  if (!is_json(type)) {
    return fail(ErrorCode::BadData, "unsupported content type \"{}\"; application/json is needed",
                type);
  }
  auto groups = parse_target_list(answer.body, options_.url, TargetListFormat::Json);
  if (!groups) return groups;
  for (TargetGroup& group : *groups) {
    group.labels = LabelsBuilder(group.labels).set("__meta_url", options_.url).build();
  }
  return groups;
}

}  // namespace prom5::discovery
