#pragma once

#include <string>
#include <string_view>

#include "ask/llm/planner.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// A value with its unit as people say it: "87.3 %", "1.2 GiB", "3 h 20 min".
std::string say_value(double value, std::string_view unit);

/// The answer in words, from the query's result alone (resultType and result of the API).
std::string say_answer(const Plan& plan, const Json& result);

}  // namespace prom5::llm
