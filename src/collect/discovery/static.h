#pragma once

#include <string>
#include <vector>

#include "collect/target_group.h"

namespace prom5::discovery {

/// One entry of static_configs.
struct StaticConfig {
  std::vector<std::string> addresses;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// Groups named "0", "1", … in the order of the configuration.
std::vector<TargetGroup> static_groups(const std::vector<StaticConfig>& configs);

}  // namespace prom5::discovery
