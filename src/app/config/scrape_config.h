#pragma once

#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/config/yaml_reader.h"

namespace prom5::config {

/// The keys that stand both under global and in a scrape configuration.
std::vector<Key> shared_scrape_keys(const YamlReader& reader, scrape::ScrapeOptions& options);
/// What they are together.
Result<void> check_names(const YamlReader& reader, const YamlNode& node,
                         scrape::ScrapeOptions& options, bool escaping_given);

/// Reads one entry of scrape_configs.
Result<ScrapeJob> read_scrape_config(const YamlReader& reader, const YamlNode& node,
                                     const GlobalConfig& global, const ScrapeLimits& limits);

}  // namespace prom5::config
