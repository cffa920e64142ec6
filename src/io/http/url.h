#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace prom5::io {

/// Names and values in order; a name may come more than once.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// application/x-www-form-urlencoded, as query strings and form bodies have it. As Go does, which
/// Prometheus' clients know, pairs with a malformed escape or a semicolon are left out.
/// `error`, where given, says what is wrong with the first of them.
Parameters parse_form(std::string_view text, std::string* error = nullptr);

/// "%41" to "A"; with `plus` also "+" to a space.
std::string percent_decode(std::string_view text, bool plus);
/// Everything but letters, digits and "-_.~" as %XX.
std::string percent_encode(std::string_view text);

/// The URL with "xxxxx" for a password in it, to be shown; any other text as it is.
std::string without_password(std::string_view url);

/// The same without the query, which may hold a token.
std::string without_secrets(std::string_view url);

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;
  std::string port;    ///< digits; empty when not given
  std::string target;  ///< path and query; at least "/"

  [[nodiscard]] std::string authority() const;
};

/// Passes over user and password. BadData when it is no http or https URL with a host.
Result<Url> parse_url(std::string_view text);

}  // namespace prom5::io
