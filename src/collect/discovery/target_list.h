#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "collect/target_group.h"

namespace prom5::discovery {

/// Reads a list of {targets, labels}, as files and HTTP servers give it; JSON is YAML. Sources are
/// "<source>:0" and so on. BadData with line and column.
Result<std::vector<TargetGroup>> parse_target_list(std::string_view text,
                                                   const std::string& source);

}  // namespace prom5::discovery
