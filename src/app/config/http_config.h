#pragma once

#include <memory>
#include <vector>

#include "app/config/yaml_reader.h"
#include "io/http/http_client.h"

namespace prom5::config {

/// Reads the keys of <http_config>, which stand among other keys of a mapping: how requests are
/// authenticated, what they trust, through which proxy they go.
class HttpConfigReader {
 public:
  explicit HttpConfigReader(const YamlReader& reader) : reader_(reader) {}

  /// What to put beside the mapping's own keys.
  [[nodiscard]] std::vector<Key> keys();
  /// To be called when the mapping `node` was read: checks what its keys are together.
  using Security = std::shared_ptr<const io::HttpClientSecurity>;
  Result<Security> finish(const YamlNode& node);

 private:
  Result<void> read_basic_auth(const YamlNode& node);
  Result<void> read_authorization(const YamlNode& node);
  Result<void> read_oauth2(const YamlNode& node);
  Result<void> read_tls(const YamlNode& node, io::TlsClientOptions& tls) const;
  Result<void> read_headers(const YamlNode& node);
  [[nodiscard]] std::vector<Key> proxy_keys(io::ProxyOptions& proxy) const;
  Result<void> check_proxy(const YamlNode& node, const io::ProxyOptions& proxy) const;
  Result<void> read_named(const YamlNode& node, std::string_view what, io::NamedSecrets& out) const;

  const YamlReader& reader_;
  io::HttpClientSecurity security_;
  io::Secret bearer_token_;
};

}  // namespace prom5::config
