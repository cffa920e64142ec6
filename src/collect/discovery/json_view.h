#pragma once

#include <string>
#include <string_view>

#include "io/codec/json.h"

namespace prom5::discovery {

// Looks into documents of others, of which any part may be missing or of another type.

/// The member, or null.
inline const Json& member(const Json& json, std::string_view name) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(std::string(name));
  return found == json.end() ? kNull : *found;
}

/// The text of a member; of a number or truth value, how it is written; else empty.
inline std::string text(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return "";
}

}  // namespace prom5::discovery
