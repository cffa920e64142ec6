#pragma once

#include <string>
#include <vector>

#include "app/config/yaml_reader.h"
#include "collect/discovery/options.h"
#include "collect/target_group.h"

namespace prom5::config {

/// Where the targets of one scrape configuration, or the Alertmanagers of one entry, are found.
struct Sources {
  std::vector<TargetGroup> static_groups;
  /// Of each target of each group: "prometheus.yml:5:19".
  std::vector<std::vector<std::string>> static_places;
  std::vector<discovery::DiscoveryConfig> discoveries;
  /// A target with a slash in it, which is an error unless relabelling makes an address of it.
  const YamlNode* url_target = nullptr;
};

/// The keys static_configs and *_sd_configs, to be put among a mapping's others.
std::vector<Key> source_keys(const YamlReader& reader, Sources& sources);
/// Refuses URLs as targets where no relabelling changes them.
Result<void> check_targets(const YamlReader& reader, const Sources& sources, bool relabels);

/// A text that is the same for the same tree, for telling whether a part changed.
std::string fingerprint(const YamlNode& node);

}  // namespace prom5::config
