#pragma once

#include <string>

#include "ask/llm/telling.h"

namespace prom5::llm {

/// Which way each series goes, how fast, and when that ends: of a plan of plan_direction().
std::string say_direction(const Telling& told);

/// Since when each is beyond the plan's limit, or when it was last: of a plan of plan_crossing().
std::string say_crossing(const Telling& told);

}  // namespace prom5::llm
