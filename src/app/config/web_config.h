#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::config {

/// --web.config.file: TLS and users, in Prometheus' format.
struct WebConfig {
  std::string certificate_file;
  std::string key_file;
  std::map<std::string, std::string> users;  ///< name to bcrypt hash

  [[nodiscard]] bool tls() const { return !certificate_file.empty(); }
  [[nodiscard]] bool authenticates() const { return !users.empty(); }

  /// Whether the header value of Authorization belongs to one of the users.
  [[nodiscard]] bool accepts(std::string_view authorization) const;
};

/// BadData with file, line and column. Relative paths start at the file's folder.
Result<WebConfig> load_web_config(const std::string& file);

}  // namespace prom5::config
