#pragma once

#include <vector>

#include "app/config/yaml_reader.h"
#include "store/remote/options.h"

namespace prom5::config {

/// Reads remote_write and remote_read.
Result<std::vector<remote::WriteOptions>> read_remote_writes(const YamlReader& reader,
                                                             const YamlNode& node);
Result<std::vector<remote::ReadOptions>> read_remote_reads(const YamlReader& reader,
                                                           const YamlNode& node);

}  // namespace prom5::config
