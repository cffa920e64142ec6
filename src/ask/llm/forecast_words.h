#pragma once

#include <string>

#include "ask/llm/telling.h"

namespace prom5::llm {

/// What will be, when something ends, or what ends within a time: of a plan of plan_forecast(). No
/// yes and no no that the plan's query does not give too, and neither of them from little data.
std::string say_forecast(const Telling& told);

}  // namespace prom5::llm
