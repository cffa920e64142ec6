#include "app/config/config_text.h"

#include <algorithm>
#include <array>

#include "io/codec/json_writer.h"
#include "io/http/url.h"

namespace prom5::config {

namespace {

using codec::YamlNode;

constexpr std::array kSecretKeys = std::to_array<std::string_view>(
    {"password", "credentials", "bearer_token", "client_secret", "secret_key", "secrets", "token",
     "auth_token", "key", "proxy_connect_header", "application_secret", "consumer_key",
     "application_credential_secret", "private_key", "service_account_key", "key_passphrase",
     "client_certificate_key", "api_key"});

bool is_secret_key(std::string_view key) {
  return std::find(kSecretKeys.begin(), kSecretKeys.end(), key) != kSecretKeys.end();
}

/// Plain where it reads back the same, else in double quotes.
std::string scalar_text(const YamlNode& node) {
  const std::string& text = node.scalar;
  const bool plain = !node.quoted && !text.empty() &&
                     text.find_first_of(":#,[]{}&*!|>'\"%@`\n\t\\") == std::string::npos &&
                     text.front() != ' ' && text.back() != ' ' && text.front() != '-' &&
                     text.front() != '?';
  if (plain) return text;
  std::string out;
  codec::append_json_string(out, text);
  return out;
}

/// A URL without the password in it.
std::string shown(const YamlNode& node) {
  YamlNode plain = node;
  plain.scalar = io::without_password(node.scalar);
  return scalar_text(plain);
}

/// The tree as YAML again, without comments and with "<secret>" in place of every secret, however
/// it was written.
void print_yaml(const YamlNode& node, size_t indent, bool secret, std::string& out) {
  const std::string margin(indent, ' ');
  switch (node.kind) {
    case YamlNode::Kind::Null: out += "\n"; break;
    case YamlNode::Kind::Scalar:
      out += fmt::format(" {}\n", secret ? "<secret>" : shown(node));
      break;
    case YamlNode::Kind::Sequence:
      out += node.items.empty() ? " []\n" : "\n";
      for (const YamlNode& item : node.items) {
        out += margin + "-";
        std::string text;
        print_yaml(item, indent + 2, secret, text);
        // A mapping begins on the line of its dash.
        const bool nested = item.kind == YamlNode::Kind::Mapping && !item.entries.empty();
        out += nested ? " " + text.substr(indent + 3) : text;
      }
      break;
    case YamlNode::Kind::Mapping:
      out += node.entries.empty() ? " {}\n" : "\n";
      for (const auto& [key, value] : node.entries) {
        out += margin + scalar_text(key) + ":";
        print_yaml(value, indent + 2, secret || is_secret_key(key.scalar), out);
      }
      break;
  }
}

}  // namespace

std::string without_secrets(const YamlNode& root) {
  std::string out;
  print_yaml(root, 0, false, out);
  return out.substr(std::min(out.find_first_not_of('\n'), out.size()));
}

}  // namespace prom5::config
