#pragma once

#include <vector>

#include "app/config/yaml_reader.h"
#include "model/relabel.h"

namespace prom5::config {

/// Reads a list of <relabel_config>; `what` is the key it stands under.
Read relabel_configs(const YamlReader& reader, std::string_view what,
                     std::vector<RelabelConfig>& out);

}  // namespace prom5::config
