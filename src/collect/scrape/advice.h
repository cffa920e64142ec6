#pragma once

#include <string_view>

namespace prom5::scrape {

/// What to do about a scrape that failed for this reason; empty when there is nothing to be said.
std::string_view advice_on(std::string_view error);

}  // namespace prom5::scrape
