#pragma once

#include <string>
#include <string_view>

namespace prom5 {

/// `text` in double quotes with Go's escapes (strconv.Quote), the way Prometheus prints label
/// values and PromQL strings.
void append_quoted(std::string& out, std::string_view text);
std::string quoted(std::string_view text);

}  // namespace prom5
