#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/mutex.h"

namespace prom5::config {

/// Passwords that were checked before: bcrypt is slow on purpose, and dashboards ask all the time.
/// Holds keyed digests, no passwords. Any thread.
class VerdictCache {
 public:
  VerdictCache();
  std::optional<bool> find(std::string_view pair, std::string_view hash) const;
  void keep(std::string_view pair, std::string_view hash, bool right);

 private:
  static constexpr size_t kMaxVerdicts = 100;
  [[nodiscard]] std::string key_of(std::string_view pair, std::string_view hash) const;

  std::string secret_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, bool> verdicts_ GUARDED_BY(mutex_);
};

/// --web.config.file: TLS and users, in Prometheus' format.
struct WebConfig {
  std::string certificate_file;
  std::string key_file;
  std::map<std::string, std::string> users;  ///< name to bcrypt hash

  [[nodiscard]] bool tls() const { return !certificate_file.empty(); }
  [[nodiscard]] bool authenticates() const { return !users.empty(); }

  /// The user to whom the header value of Authorization belongs; nothing when it is nobody's.
  [[nodiscard]] std::optional<std::string> user_of(std::string_view authorization) const;

 private:
  // Shared by copies of the same configuration.
  std::shared_ptr<VerdictCache> cache_ = std::make_shared<VerdictCache>();
};

/// BadData with file, line and column. Relative paths start at the file's folder.
Result<WebConfig> load_web_config(const std::string& file);

}  // namespace prom5::config
