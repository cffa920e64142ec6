#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace prom5 {

/// A JSON document, keys in the order in which they were put. For bodies of requests and answers
/// of moderate size; query results are written with JsonWriter.
using Json = nlohmann::ordered_json;

namespace codec {

/// BadData with the byte position when the text is not JSON or nests deeper than 64.
Result<Json> parse_json(std::string_view text);

/// Compact text; invalid UTF-8 in strings is replaced, never thrown about.
std::string dump_json(const Json& json);

}  // namespace codec
}  // namespace prom5
