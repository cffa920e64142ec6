#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::query {

/// How alike two names are, 0 to 1: by spelling, and by the words in them ("http_request_total"
/// has those of "http_requests_total", "requests_http_total" too). 0 for very long ones.
double similarity(std::string_view a, std::string_view b);

/// Those that may have been meant by `name`, the likeliest first, at most `most`.
std::vector<std::string> similar(std::string_view name, std::span<const std::string> candidates,
                                 size_t most);

}  // namespace prom5::query
