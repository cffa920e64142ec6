#pragma once

#include <set>
#include <string>

#include "app/config/config.h"
#include "app/config/yaml_reader.h"

namespace prom5::config {

/// Reads one entry of scrape_configs. `jobs` holds the names so far, which must not repeat.
Result<scrape::ScrapeOptions> read_scrape_config(const YamlReader& reader, const YamlNode& node,
                                                 const GlobalConfig& global,
                                                 std::set<std::string>& jobs);

}  // namespace prom5::config
