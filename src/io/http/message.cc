#include "io/http/message.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace prom5::io {

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [n, v] : fields_) {
    if (equal_ignoring_case(n, name)) return v;
  }
  return {};
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](const auto& f) { return equal_ignoring_case(f.first, name); });
  fields_.emplace_back(name, std::move(value));
}

std::string_view HttpRequest::parameter(std::string_view name) const {
  for (const auto& [n, v] : parameters) {
    if (n == name) return v;
  }
  return {};
}

std::vector<std::string> HttpRequest::parameters_named(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [n, v] : parameters) {
    if (n == name) out.push_back(v);
  }
  return out;
}

HttpResponse HttpResponse::text(int status, std::string body) {
  HttpResponse out;
  out.status = status;
  out.headers.add("Content-Type", "text/plain; charset=utf-8");
  out.body = std::move(body);
  return out;
}

HttpResponse HttpResponse::json(int status, std::string body) {
  HttpResponse out;
  out.status = status;
  out.headers.add("Content-Type", "application/json");
  out.body = std::move(body);
  return out;
}

std::string_view reason_phrase(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 26> kPhrases = {{
      {101, "Switching Protocols"},
      {200, "OK"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {413, "Payload Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Entity"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
  }};
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

}  // namespace prom5::io
