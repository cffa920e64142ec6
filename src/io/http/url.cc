#include "io/http/url.h"

#include <algorithm>

#include "base/ascii.h"

namespace prom5::io {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What Go's net/url says of a pair that it cannot read; empty for a good one.
std::string wrong_with(std::string_view pair) {
  if (pair.find(';') != std::string_view::npos) return "invalid semicolon separator in query";
  for (size_t i = pair.find('%'); i != std::string_view::npos; i = pair.find('%', i + 3)) {
    if (i + 2 >= pair.size() || hex_value(pair[i + 1]) < 0 || hex_value(pair[i + 2]) < 0) {
      return "invalid URL escape \"" + std::string(pair.substr(i, 3)) + "\"";
    }
  }
  return {};
}

}  // namespace

std::string percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = is_word_byte(c) || c == '-' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Parameters parse_form(std::string_view text, std::string* error) {
  Parameters out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (std::string wrong = wrong_with(pair); !wrong.empty()) {
      if (error != nullptr && error->empty()) *error = std::move(wrong);
      continue;
    }
    const size_t equal = std::min(pair.find('='), pair.size());
    out.emplace_back(percent_decode(pair.substr(0, equal), true),
                     percent_decode(pair.substr(std::min(equal + 1, pair.size())), true));
  }
  return out;
}

std::string Url::authority() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  const std::string name = ipv6 ? "[" + host + "]" : host;
  return port.empty() ? name : name + ":" + port;
}

std::string without_password(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t start = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", start), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  const size_t colon = url.find(':', start);
  if (at == std::string_view::npos || at < start || colon >= at) return std::string(url);
  return std::string(url.substr(0, colon + 1)) + "xxxxx" + std::string(url.substr(at));
}

std::string without_secrets(std::string_view url) {
  std::string out = without_password(url);
  if (out.find("://") != std::string::npos) out.resize(std::min(out.find('?'), out.size()));
  return out;
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::BadData, "invalid URL \"{}\": {}", without_password(text), why);
  };
  Url url;
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return bad("no scheme, expected http:// or https://");
  url.scheme = text.substr(0, scheme_end);
  if (url.scheme != "http" && url.scheme != "https") return bad("scheme is not http or https");
  std::string_view rest = text.substr(scheme_end + 3);
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  const size_t user_end = authority.rfind('@');
  if (user_end != std::string_view::npos) authority.remove_prefix(user_end + 1);
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("\"[\" without \"]\"");
    url.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority[0] != ':') return bad("text after the host");
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  if (url.host.empty()) return bad("no host");
  if (!authority.empty()) {
    url.port = authority.substr(1);
    const bool digits =
        !url.port.empty() && url.port.size() <= 5 &&
        std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || std::stoi(url.port) > 65535) return bad("the port is no number up to 65535");
  }
  return url;
}

}  // namespace prom5::io
