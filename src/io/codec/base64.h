#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prom5::codec {

std::string base64_encode(std::string_view bytes);

/// The standard alphabet or the one for URLs, padded or not; nothing for anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace prom5::codec
