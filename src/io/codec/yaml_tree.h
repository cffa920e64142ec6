#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "io/codec/yaml.h"

namespace prom5::codec {

/// A tree as bytes, for data that the program carries within itself: reading these takes a
/// hundredth of the time that parsing its text would take at each start.
/// A node is its kind (one byte), line and column, then a scalar's text and whether it is quoted,
/// or the number of items or entries and these; numbers are varints.
std::string flatten(const YamlNode& tree);

/// Corruption when these bytes are no such tree.
Result<YamlNode> unflatten(std::string_view bytes);

}  // namespace prom5::codec
