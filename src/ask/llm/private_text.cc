#include "ask/llm/private_text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "ask/llm/private_shapes.h"
#include "base/ascii.h"

namespace prom5::llm {

namespace {

/// Words that a secret's name ends with, letters only.
constexpr std::array kSecretNames = std::to_array<std::string_view>(
    {"password",      "passwd",     "passwort",        "pwd",        "passphrase",
     "secret",        "secretkey",  "token",           "apikey",     "accesskey",
     "accesskeyid",   "privatekey", "secretaccesskey", "accountkey", "sharedaccesskey",
     "encryptionkey", "signingkey", "authkey",         "credential", "credentials",
     "sessionid",     "sessionkey", "cookie",          "webhookurl", "otp",
     "signature"});

/// Names whose values are secret even when they look like a word or a small number.
constexpr std::array kPasswordNames =
    std::to_array<std::string_view>({"password", "passwd", "passwort", "pwd", "passphrase"});

constexpr std::array kNoSecrets = std::to_array<std::string_view>(
    {"", "true", "false", "yes", "no", "null", "nil", "none", "undefined", "<secret>", "***",
     "****", "*****", "******", "xxxxx", "redacted", "[redacted]"});

constexpr std::array kPlaceholderNames =
    std::to_array<std::string_view>({"email", "secret", "card", "iban", "phone", "ip", "text"});

std::string letters_of(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (is_alpha(c)) out += to_lower(c);
  }
  return out;
}

template <size_t N>
bool ends_with_any(std::string_view text, const std::array<std::string_view, N>& ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return text.ends_with(end); });
}

bool is_key_char(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

/// The end of a value that begins at `at`: its closing quote, or the first byte that cannot be in
/// an unquoted one.
size_t value_end(std::string_view text, size_t at) {
  constexpr std::string_view kEnds = " \t\r\n,;&\"'`<>(){}[]|\\";
  return std::min(text.find_first_of(kEnds, at), text.size());
}

struct Value {
  size_t begin = 0;
  size_t end = 0;
};

/// escaped: the quotes have backslashes, as in a JSON text within another.
std::optional<Value> quoted_value(std::string_view text, size_t quote, bool escaped) {
  const char mark = text[quote];
  if (escaped) {
    const size_t end = text.find('\\', quote);
    return Value{quote + 1, std::min(end, text.size())};
  }
  size_t end = quote + 1;
  while (end < text.size() && text[end] != mark && text[end] != '\n') {
    end += text[end] == '\\' && end + 1 < text.size() ? 2 : 1;
  }
  return Value{quote + 1, std::min(end, text.size())};
}

/// The value behind a key that ends at `key_end`: after "=", ":", "=>", "=~", " is ", or, for a
/// flag, a space.
std::optional<Value> value_behind(std::string_view text, size_t key_end, bool flag, bool password) {
  size_t at = key_end;
  const auto is_quote = [&](size_t i) {
    return i < text.size() && (text[i] == '"' || text[i] == '\'' || text[i] == '`');
  };
  if (at < text.size() && text[at] == '\\') ++at;  // of a JSON text in a text
  if (is_quote(at)) ++at;                          // the key's own
  const size_t before_blank = at;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  const std::string_view rest = text.substr(at);
  if (rest.starts_with('=') || rest.starts_with(':')) {
    ++at;
    while (at < text.size() && std::string_view("=>~:").find(text[at]) != std::string_view::npos) {
      ++at;
    }
  } else if (password && (rest.starts_with("is ") || rest.starts_with("was "))) {
    at += rest.find(' ');
  } else if (!flag || at == before_blank) {
    return std::nullopt;
  }
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  const bool escaped = at < text.size() && text[at] == '\\' && is_quote(at + 1);
  if (escaped) ++at;
  if (is_quote(at)) return quoted_value(text, at, escaped);
  const size_t end = value_end(text, at);
  return end > at ? std::optional(Value{at, end}) : std::nullopt;
}

bool is_plain_number(std::string_view text) {
  return !text.empty() && text.size() <= 12 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// "Authorization: Basic dXNlcjpwYXNz": everything behind the scheme's name, or all of it.
std::optional<PrivateSpan> authorization_at(std::string_view text, size_t at) {
  if (!starts_with_ignoring_case(text.substr(at), "authorization")) return std::nullopt;
  size_t begin = at + std::string_view("authorization").size();
  const size_t separator = text.find_first_not_of("\"' \t", begin);
  if (separator == std::string_view::npos || (text[separator] != ':' && text[separator] != '=')) {
    return std::nullopt;
  }
  begin = text.find_first_not_of(":=\"' \t", separator);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = std::min(text.find_first_of("\r\n\"'`,;}", begin), text.size());
  for (const std::string_view scheme : {"bearer ", "basic ", "token ", "digest ", "apikey "}) {
    if (starts_with_ignoring_case(text.substr(begin), scheme)) begin += scheme.size();
  }
  while (begin < end && text[begin] == ' ') ++begin;
  if (begin >= end || is_no_secret(text.substr(begin, end - begin))) return std::nullopt;
  return PrivateSpan{begin, end - begin, PrivateKind::Secret};
}

/// "Bearer abc123…" without the header's name. A word behind it is a sentence.
std::optional<PrivateSpan> bearer_at(std::string_view text, size_t at) {
  constexpr size_t kShortest = 8;
  constexpr size_t kLongerThanWords = 20;
  for (const std::string_view scheme : {"bearer ", "basic "}) {
    if (!starts_with_ignoring_case(text.substr(at), scheme)) continue;
    const size_t begin = at + scheme.size();
    size_t end = begin;
    while (end < text.size() &&
           (is_alnum(text[end]) || std::string_view("._~+/=-").contains(text[end]))) {
      ++end;
    }
    const std::string_view token = text.substr(begin, end - begin);
    const bool digit = std::ranges::any_of(token, is_digit);
    if (token.size() >= kShortest && (digit || token.size() >= kLongerThanWords)) {
      return PrivateSpan{begin, token.size(), PrivateKind::Secret};
    }
  }
  return std::nullopt;
}

/// The value of a key that is named like a secret.
std::optional<PrivateSpan> keyed_at(std::string_view text, size_t at) {
  constexpr size_t kLongestKey = 128;
  size_t end = at;
  while (end < text.size() && end - at < kLongestKey && is_key_char(text[end])) ++end;
  const std::string_view key = text.substr(at, end - at);
  if (!names_a_secret(key)) return std::nullopt;
  const bool password = ends_with_any(letters_of(key), kPasswordNames);
  const bool flag = key.starts_with("-");
  const auto value = value_behind(text, end, flag, password);
  if (!value) return std::nullopt;
  const std::string_view found = text.substr(value->begin, value->end - value->begin);
  if (is_no_secret(found) || (!password && is_plain_number(found))) return std::nullopt;
  // A placeholder of an earlier turn, which stands for itself.
  if (found.front() == '[') return std::nullopt;
  return PrivateSpan{value->begin, found.size(), PrivateKind::Secret};
}

/// Text that would be taken for a placeholder when it comes back.
std::optional<PrivateSpan> lookalike_at(std::string_view text, size_t at) {
  for (const std::string_view name : kPlaceholderNames) {
    if (!text.substr(at + 1).starts_with(name)) continue;
    size_t end = at + 1 + name.size();
    if (end >= text.size() || text[end] != ' ') continue;
    const size_t digits = ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == digits || end >= text.size() || text[end] != ']') continue;
    return PrivateSpan{at, end + 1 - at, PrivateKind::Text};
  }
  return std::nullopt;
}

/// What begins at a place where a word begins.
std::optional<PrivateSpan> word_at(std::string_view text, size_t at, PrivateOptions options) {
  if (auto found = authorization_at(text, at)) return found;
  if (auto found = bearer_at(text, at)) return found;
  if (auto found = keyed_at(text, at)) return found;
  if (auto found = token_at(text, at)) return found;
  if (auto found = email_at(text, at)) return found;
  if (auto found = iban_at(text, at)) return found;
  if (options.ip_addresses) {
    if (auto found = ip_at(text, at)) return found;
  }
  if (auto found = card_at(text, at)) return found;
  if (auto found = phone_at(text, at)) return found;
  return random_at(text, at);
}

bool begins_word(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  return !is_alnum(before) && before != '_';
}

}  // namespace

std::string_view to_string(PrivateKind kind) {
  return kPlaceholderNames[static_cast<size_t>(kind)];
}

bool names_a_secret(std::string_view key) {
  // Ends in letters: "tokens" and "token_bucket_2" are quantities.
  return !key.empty() && is_alnum(key.back()) && !is_digit(key.back()) &&
         ends_with_any(letters_of(key), kSecretNames);
}

bool is_no_secret(std::string_view value) {
  return std::ranges::any_of(
      kNoSecrets, [&](std::string_view word) { return equal_ignoring_case(value, word); });
}

std::vector<PrivateSpan> find_private(std::string_view text, PrivateOptions options) {
  std::vector<PrivateSpan> out;
  size_t at = 0;
  while (at < text.size()) {
    std::optional<PrivateSpan> found;
    const char c = text[at];
    if (c == '[') {
      found = lookalike_at(text, at);
    } else if (c == ':') {
      found = url_user_at(text, at);
    } else if (c == '-' && text.substr(at).starts_with("-----BEGIN ")) {
      found = pem_at(text, at);
    }
    const bool may_begin = is_alnum(c) || c == '+' || c == '(' || c == '-' || c == ':' ||
                           c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
    if (!found && may_begin && begins_word(text, at)) found = word_at(text, at, options);
    if (!found) {
      ++at;
      continue;
    }
    out.push_back(*found);
    at = found->begin + found->size;
  }
  return out;
}

}  // namespace prom5::llm
