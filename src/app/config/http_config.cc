#include "app/config/http_config.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "io/http/url.h"

namespace prom5::config {

namespace {

constexpr std::array kTlsVersions =
    std::to_array<std::string_view>({"TLS10", "TLS11", "TLS12", "TLS13"});

/// Headers that the client sets itself; prometheus common/config/headers.go.
constexpr std::array kReservedHeaders =
    std::to_array<std::string_view>({"accept",
                                     "accept-charset",
                                     "accept-encoding",
                                     "authorization",
                                     "connection",
                                     "content-encoding",
                                     "content-length",
                                     "content-type",
                                     "cookie",
                                     "date",
                                     "expect",
                                     "host",
                                     "keep-alive",
                                     "max-forwards",
                                     "origin",
                                     "proxy-authenticate",
                                     "proxy-authorization",
                                     "range",
                                     "referer",
                                     "te",
                                     "trailer",
                                     "transfer-encoding",
                                     "upgrade",
                                     "user-agent",
                                     "via",
                                     "www-authenticate",
                                     "x-prometheus-remote-read-version",
                                     "x-prometheus-remote-write-version",
                                     "x-prometheus-scrape-timeout-seconds"});

constexpr std::array kSignatureAlgorithms =
    std::to_array<std::string_view>({"RS256", "RS384", "RS512"});

/// Of proxies; those that Prometheus' client knows.
constexpr std::array kProxySchemes =
    std::to_array<std::string_view>({"http", "https", "socks5", "socks5h"});

/// The URL of a proxy, or nothing. One that cannot be used would show at the first request only.
Read proxy_url(const YamlReader& reader, std::string& target) {
  return [&reader, &target](const YamlNode& node) -> Result<void> {
    target = TRY(reader.string(node));
    if (target.empty()) return {};
    const std::string shown = io::without_password(target);
    const size_t end = target.find("://");
    if (end == 0) {
      return reader.error(node, fmt::format("proxy_url: missing protocol scheme in \"{}\"", shown));
    }
    if (std::ranges::find(kProxySchemes, target.substr(0, end)) == kProxySchemes.end()) {
      return reader.error(node, fmt::format("proxy_url: \"{}\" does not begin with http, https, "
                                            "socks5 or socks5h and ://",
                                            shown));
    }
    // What comes behind is the same for all schemes.
    if (io::parse_url("http" + target.substr(end))) return {};
    return reader.error(
        node, fmt::format("proxy_url: \"{}\" has no host, or a port that is no number", shown));
  };
}

}  // namespace

std::vector<Key> HttpConfigReader::keys() {
  io::HttpClientSecurity& s = security_;
  std::vector<Key> out = {
      {"basic_auth", [this](const YamlNode& n) { return read_basic_auth(n); }},
      {"authorization", [this](const YamlNode& n) { return read_authorization(n); }},
      {"oauth2", [this](const YamlNode& n) { return read_oauth2(n); }},
      {"bearer_token", reader_.into(bearer_token_)},
      {"bearer_token_file", reader_.secret_file(bearer_token_)},
      {"tls_config", [this](const YamlNode& n) { return read_tls(n, security_.tls); }},
      {"follow_redirects", reader_.into(s.follow_redirects)},
      // Prometheus' own client may speak HTTP/2; libcurl takes what the server offers.
      {"enable_http2",
       [this](const YamlNode& n) -> Result<void> {
         TRY(reader_.boolean(n));
         return {};
       }},
      {"http_headers", [this](const YamlNode& n) { return read_headers(n); }},
  };
  for (Key& key : proxy_keys(s.proxy)) out.push_back(std::move(key));
  return out;
}

Result<HttpConfigReader::Security> HttpConfigReader::finish(const YamlNode& node) {
  TRY(reader_.at_most_one(
      node, {"basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"}));
  TRY(check_proxy(node, security_.proxy));
  if (!bearer_token_.empty()) security_.credentials = bearer_token_;
  return std::make_shared<const io::HttpClientSecurity>(std::move(security_));
}

Result<void> HttpConfigReader::read_basic_auth(const YamlNode& node) {
  io::HttpClientSecurity& s = security_;
  const std::vector<Key> keys = {{"username", reader_.into(s.user)},
                                 {"username_file", reader_.secret_file(s.user)},
                                 {"password", reader_.into(s.password)},
                                 {"password_file", reader_.secret_file(s.password)}};
  TRY(reader_.at_most_one(node, {"username", "username_file"}));
  TRY(reader_.at_most_one(node, {"password", "password_file"}));
  return reader_.mapping(node, "basic_auth", keys);
}

Result<void> HttpConfigReader::read_authorization(const YamlNode& node) {
  io::HttpClientSecurity& s = security_;
  const std::vector<Key> keys = {{"type", reader_.into(s.authorization_type)},
                                 {"credentials", reader_.into(s.credentials)},
                                 {"credentials_file", reader_.secret_file(s.credentials)}};
  TRY(reader_.at_most_one(node, {"credentials", "credentials_file"}));
  TRY(reader_.mapping(node, "authorization", keys));
  if (s.authorization_type.empty()) s.authorization_type = "Bearer";
  if (s.authorization_type == "basic" || s.authorization_type == "Basic") {
    return reader_.error(node, "authorization: for type \"basic\" use basic_auth");
  }
  return {};
}

Result<void> HttpConfigReader::read_oauth2(const YamlNode& node) {
  io::OAuth2Options o;
  std::string grant;
  const auto params = [&](const YamlNode& n) {
    return reader_.dictionary(
        n, "endpoint_params", [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
          o.endpoint_params.emplace_back(name.scalar, TRY(reader_.string(value)));
          return {};
        });
  };
  std::vector<Key> keys = {
      {"client_id", reader_.into(o.client_id)},
      {"client_secret", reader_.into(o.client_secret)},
      {"client_secret_file", reader_.secret_file(o.client_secret)},
      {"token_url", reader_.url_into(o.token_url)},
      {"scopes", reader_.into(o.scopes)},
      {"endpoint_params", params},
      {"tls_config", [&](const YamlNode& n) { return read_tls(n, o.tls); }},
      {"grant_type",
       [&](const YamlNode& n) -> Result<void> {
         constexpr std::array kGrants = std::to_array<std::string_view>(
             {"", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"});
         grant = TRY(reader_.word(n, "grant_type", kGrants));
         return grant.size() > 20 ? reader_.not_yet(n, "the JWT grant of oauth2") : Result<void>();
       }},
      {"signature_algorithm",
       [&](const YamlNode& n) -> Result<void> {
         TRY(reader_.word(n, "signature_algorithm", kSignatureAlgorithms));
         return {};
       }},
  };
  for (const std::string_view name : {"client_certificate_key", "client_certificate_key_file",
                                      "client_certificate_key_id", "iss", "audience", "claims"}) {
    keys.push_back({name, reader_.not_yet_unless_empty(name)});
  }
  for (Key& key : proxy_keys(o.proxy)) keys.push_back(std::move(key));
  TRY(reader_.mapping(node, "oauth2", keys));
  TRY(reader_.required(node, "oauth2", {"client_id", "token_url"}));
  TRY(reader_.at_most_one(node, {"client_secret", "client_secret_file"}));
  TRY(check_proxy(node, o.proxy));
  security_.oauth2 = std::move(o);
  return {};
}

Result<void> HttpConfigReader::read_tls(const YamlNode& node, io::TlsClientOptions& tls) const {
  const auto version = [&](io::TlsVersion& target) -> Read {
    return [&target, this](const YamlNode& n) -> Result<void> {
      const std::string name = TRY(reader_.word(n, "TLS version", kTlsVersions));
      for (size_t i = 0; i < kTlsVersions.size(); ++i) {
        if (name == kTlsVersions[i]) target = static_cast<io::TlsVersion>(i + 1);
      }
      return {};
    };
  };
  const std::vector<Key> keys = {{"ca", reader_.into(tls.ca)},
                                 {"ca_file", reader_.path_into(tls.ca_file)},
                                 {"cert", reader_.into(tls.certificate)},
                                 {"cert_file", reader_.path_into(tls.certificate_file)},
                                 {"key", reader_.into(tls.key)},
                                 {"key_file", reader_.path_into(tls.key_file)},
                                 {"server_name", reader_.into(tls.server_name)},
                                 {"insecure_skip_verify", reader_.into(tls.insecure_skip_verify)},
                                 {"min_version", version(tls.min_version)},
                                 {"max_version", version(tls.max_version)}};
  TRY(reader_.mapping(node, "tls_config", keys));
  TRY(reader_.at_most_one(node, {"ca", "ca_file"}));
  TRY(reader_.at_most_one(node, {"cert", "cert_file"}));
  TRY(reader_.at_most_one(node, {"key", "key_file"}));
  const bool certificate = !tls.certificate.empty() || !tls.certificate_file.empty();
  const bool key = !tls.key.empty() || !tls.key_file.empty();
  if (certificate != key) {
    const std::string_view given = certificate ? "cert" : "key";
    const YamlNode* at = node.find(fmt::format("{}_file", given));
    if (at == nullptr) at = node.find(given);
    return reader_.error(*at, certificate
                                  ? "tls_config: a client certificate (cert_file) needs its key: "
                                    "add key_file"
                                  : "tls_config: a client key (key_file) needs its certificate: "
                                    "add cert_file");
  }
  if (tls.max_version != io::TlsVersion::Default && tls.max_version < tls.min_version) {
    return reader_.error(node, "tls_config: max_version is below min_version");
  }
  return {};
}

Result<void> HttpConfigReader::read_named(const YamlNode& node, std::string_view what,
                                          io::NamedSecrets& out) const {
  return reader_.dictionary(node, what,
                            [&](const YamlNode& name, const YamlNode& values) -> Result<void> {
                              for (std::string& value : TRY(reader_.strings(values))) {
                                out.emplace_back(name.scalar, io::Secret{std::move(value), ""});
                              }
                              return {};
                            });
}

Result<void> HttpConfigReader::read_headers(const YamlNode& node) {
  return reader_.dictionary(
      node, "http_headers", [&](const YamlNode& name, const YamlNode& content) -> Result<void> {
        const std::string lower = to_lower(name.scalar);
        for (const std::string_view reserved : kReservedHeaders) {
          if (lower != reserved) continue;
          return reader_.error(
              name,
              fmt::format("http_headers: setting header \"{}\" is not allowed{}", name.scalar,
                          lower == "authorization" ? "; use authorization or basic_auth" : ""));
        }
        const Read add = [&](const YamlNode& n) -> Result<void> {
          for (std::string& v : TRY(reader_.strings(n))) {
            security_.headers.emplace_back(name.scalar, io::Secret{std::move(v), ""});
          }
          return {};
        };
        const Read add_files = [&](const YamlNode& n) -> Result<void> {
          return reader_.sequence(n, "files", [&](const YamlNode& item) -> Result<void> {
            security_.headers.emplace_back(name.scalar, io::Secret{"", TRY(reader_.path(item))});
            return {};
          });
        };
        const std::vector<Key> keys = {{"values", add}, {"secrets", add}, {"files", add_files}};
        return reader_.mapping(content, "http_headers", keys);
      });
}

std::vector<Key> HttpConfigReader::proxy_keys(io::ProxyOptions& proxy) const {
  return {
      {"proxy_url", proxy_url(reader_, proxy.url)},
      {"no_proxy", reader_.into(proxy.no_proxy)},
      {"proxy_from_environment", reader_.into(proxy.from_environment)},
      {"proxy_connect_header",
       [this, &proxy](const YamlNode& n) {
         return read_named(n, "proxy_connect_header", proxy.connect_headers);
       }},
  };
}

Result<void> HttpConfigReader::check_proxy(const YamlNode& node,
                                           const io::ProxyOptions& proxy) const {
  const YamlNode* at = node.find("proxy_from_environment");
  if (proxy.from_environment && !proxy.url.empty()) {
    return reader_.error(*at, "at most one of proxy_url and proxy_from_environment may be given");
  }
  if (proxy.from_environment && !proxy.no_proxy.empty()) {
    return reader_.error(*at, "no_proxy cannot stand beside proxy_from_environment");
  }
  if (proxy.url.empty() && !proxy.no_proxy.empty()) {
    return reader_.error(*node.find("no_proxy"), "no_proxy needs proxy_url");
  }
  if (!proxy.connect_headers.empty() && proxy.url.empty() && !proxy.from_environment) {
    return reader_.error(*node.find("proxy_connect_header"),
                         "proxy_connect_header needs proxy_url or proxy_from_environment");
  }
  return {};
}

}  // namespace prom5::config
