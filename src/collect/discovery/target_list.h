#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "collect/target_group.h"

namespace prom5::discovery {

/// How strictly a list is read: JSON is YAML, but what is no JSON is then refused, and texts are
/// texts.
enum class TargetListFormat : uint8_t { Yaml, Json };

/// Reads a list of {targets, labels}, as files and HTTP servers give it. Sources are "<source>:0"
/// and so on. BadData with line and column.
Result<std::vector<TargetGroup>> parse_target_list(std::string_view text, const std::string& source,
                                                   TargetListFormat format);

}  // namespace prom5::discovery
