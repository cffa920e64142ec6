#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "collect/scrape/target.h"
#include "store/tsdb/db.h"

namespace prom5::config {

struct GlobalConfig {
  DurationMs scrape_interval = DurationMs::minutes(1);
  DurationMs scrape_timeout = DurationMs::seconds(10);
  DurationMs evaluation_interval = DurationMs::minutes(1);
  std::vector<std::pair<std::string, std::string>> external_labels;
  size_t body_size_limit = size_t{64} << 20;
  uint64_t sample_limit = 0;
  uint64_t label_limit = 0;
  uint64_t label_name_length_limit = 0;
  uint64_t label_value_length_limit = 0;
  uint64_t target_limit = 0;
  std::string query_log_file;  ///< empty: no log
};

/// prometheus.yml, checked as a whole.
struct Config {
  std::string text;  ///< as it was read, secrets replaced, for /api/v1/status/config
  GlobalConfig global;
  std::vector<scrape::ScrapeOptions> scrapes;
  DurationMs out_of_order_time_window;
  /// Where given, instead of the flags.
  std::optional<DurationMs> retention;
  std::optional<uint64_t> retention_bytes;
  std::array<std::optional<DurationMs>, tsdb::kTiers> tier_retention;
  std::vector<tsdb::RetentionRule> retention_rules;
  uint64_t max_exemplars = tsdb::Db::kDefaultMaxExemplars;
  /// Keys that were read and have no effect yet, each with its place.
  std::vector<std::string> notes;
};

/// Reads a configuration. `file` is its path: it stands in errors, and relative paths in the
/// configuration start at its folder.
/// `named`: whether files that it names (passwords, certificates) must be there.
/// BadData with file, line, column and the fix where one is known.
enum class NamedFiles : uint8_t { Read, Ignore };
Result<Config> parse_config(std::string_view text, const std::string& file,
                            NamedFiles named = NamedFiles::Read);

/// The same from disk.
Result<Config> load_config(const std::string& file, NamedFiles named = NamedFiles::Read);

/// The configuration of a server that was given none: it scrapes itself and this host.
/// `address` is where the server listens, for itself to reach: "127.0.0.1:9090".
std::string embedded_config(std::string_view address, std::string_view host_name);

}  // namespace prom5::config
