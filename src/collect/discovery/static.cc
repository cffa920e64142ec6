#include "collect/discovery/static.h"

namespace prom5::discovery {

std::vector<TargetGroup> static_groups(const std::vector<StaticConfig>& configs) {
  std::vector<TargetGroup> out;
  for (const StaticConfig& config : configs) {
    TargetGroup group;
    group.source = std::to_string(out.size());
    for (const std::string& address : config.addresses) {
      group.targets.push_back(Labels{{"__address__", address}});
    }
    LabelsBuilder labels;
    for (const auto& [name, value] : config.labels) labels.set(name, value);
    group.labels = labels.build();
    out.push_back(std::move(group));
  }
  return out;
}

}  // namespace prom5::discovery
