#include "app/config/web_config.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <random>

#include "app/config/yaml_reader.h"
#include "base/ascii.h"
#include "base/loop_turn.h"
#include "io/codec/base64.h"
#include "io/file/file_system.h"

namespace prom5::config {

namespace {

// Compared when there is no such user, so that the time taken does not tell which names exist.
constexpr const char* kNobody = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

// A login's time doubles with each step: a second or two at 15, minutes at 22, a day at 31.
constexpr int kMaxCost = 16;

/// What is wrong with a hash of bcrypt: "$2b$", its cost of two digits, "$", and salt and digest in
/// 53 characters. Empty: nothing. crypt() would refuse such a hash at each login, and say nothing.
std::string wrong_with_hash(std::string_view hash) {
  constexpr size_t kCostAt = 4;
  constexpr size_t kSaltAt = 7;
  constexpr size_t kSize = kSaltAt + 53;
  constexpr std::string_view kAlphabet =
      "./0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const bool known =
      hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
  const bool whole = known && hash.size() == kSize && is_digit(hash[kCostAt]) &&
                     is_digit(hash[kCostAt + 1]) && hash[kSaltAt - 1] == '$' &&
                     hash.find_first_not_of(kAlphabet, kSaltAt) == std::string_view::npos;
  if (!whole) {
    return "expected a bcrypt hash, which begins with $2a$, $2b$ or $2y$ and has 60 characters; "
           "make one with: htpasswd -nBC 10 \"\"";
  }
  const int cost = 10 * (hash[kCostAt] - '0') + (hash[kCostAt + 1] - '0');
  if (cost < 4 || cost > 31) {
    return fmt::format("bcrypt's cost is 4 to 31, not {}; make a hash with: htpasswd -nBC 10 \"\"",
                       cost);
  }
  if (cost <= kMaxCost) return "";
  return fmt::format(
      "a bcrypt hash of cost {} makes a login take too long; {} is the most: make "
      "one with: htpasswd -nBC 10 \"\"",
      cost, kMaxCost);
}

}  // namespace

std::string VerdictCache::key_of(std::string_view pair, std::string_view hash) const {
  std::string text = secret_;
  text.append(pair).append(1, '\0').append(hash);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

VerdictCache::VerdictCache() {
  std::random_device random;
  for (int i = 0; i < 8; ++i) secret_ += fmt::format("{:08x}", random());
}

std::optional<bool> VerdictCache::find(std::string_view pair, std::string_view hash) const {
  const std::string key = key_of(pair, hash);
  const MutexLock lock(mutex_);
  const auto found = verdicts_.find(key);
  return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
}

void VerdictCache::keep(std::string_view pair, std::string_view hash, bool right) {
  std::string key = key_of(pair, hash);
  const MutexLock lock(mutex_);
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  verdicts_.emplace(std::move(key), right);
}

std::optional<std::string> WebConfig::user_of(std::string_view authorization) const {
  constexpr std::string_view kBasic = "Basic ";
  if (!authorization.starts_with(kBasic)) return std::nullopt;
  const std::string pair = codec::base64_decode(authorization.substr(kBasic.size())).value_or("");
  const size_t colon = pair.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto user = users.find(pair.substr(0, colon));
  const auto name_if = [&](bool right) {
    return right && user != users.end() ? std::optional(user->first) : std::nullopt;
  };
  const std::string hash = user == users.end() ? kNobody : user->second;
  if (const auto known = cache_->find(pair, hash)) return name_if(*known);
  leave_event_loop();  // a good hash takes a tenth of a second
  crypt_data data{};
  const char* made = crypt_r(pair.c_str() + colon + 1, hash.c_str(), &data);
  const std::string_view result = made == nullptr ? "" : made;
  const bool right =
      result.size() == hash.size() && CRYPTO_memcmp(result.data(), hash.data(), hash.size()) == 0;
  cache_->keep(pair, hash, right);
  return name_if(right);
}

Result<WebConfig> load_web_config(const std::string& file) {
  io::PosixFileSystem files;
  const auto text = files.read(file);
  if (!text) return fail(ErrorCode::BadData, "web configuration file: {}", text.error().message);
  const auto root = codec::parse_yaml(*text);
  if (!root) return fail(ErrorCode::BadData, "{}:{}", file, root.error().message);
  const YamlReader reader(file);
  WebConfig config;
  if (root->kind == YamlNode::Kind::Null) return config;
  const auto ignored = [](const YamlNode&) -> Result<void> { return {}; };
  const auto min_version = [&](const YamlNode& node) -> Result<void> {
    const std::string version = TRY(reader.string(node));
    if (version == "TLS12") return {};
    return reader.error(node, "min_version: TLS12 is the only choice of this version");
  };
  const std::vector<Key> tls_keys = {{"cert_file", reader.path_into(config.certificate_file)},
                                     {"key_file", reader.path_into(config.key_file)},
                                     {"min_version", min_version}};
  const std::vector<Key> http_keys = {{"http2", ignored}};
  const std::vector<Key> keys = {
      {"tls_server_config",
       [&](const YamlNode& n) { return reader.mapping(n, "tls_server_config", tls_keys); }},
      {"http_server_config",
       [&](const YamlNode& n) { return reader.mapping(n, "http_server_config", http_keys); }},
      {"basic_auth_users", [&](const YamlNode& n) -> Result<void> {
         // Anything but names and hashes must not leave the door open.
         if (n.kind != YamlNode::Kind::Mapping || n.entries.empty()) {
           return reader.error(n, "basic_auth_users: expected at least one \"name: hash\"");
         }
         for (const auto& [name, hash] : n.entries) {
           config.users[name.scalar] = TRY(reader.string(hash));
           const std::string wrong = wrong_with_hash(hash.scalar);
           if (!wrong.empty()) return reader.error(hash, wrong);
         }
         return {};
       }}};
  TRY(reader.mapping(*root, "the web configuration", keys));
  if (config.certificate_file.empty() != config.key_file.empty()) {
    return fail(ErrorCode::BadData, "{}: tls_server_config needs both cert_file and key_file",
                file);
  }
  return config;
}

}  // namespace prom5::config
