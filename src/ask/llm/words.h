#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ask/llm/planner.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// What the tools gave, by the id of the call.
using Results = std::map<std::string, Json, std::less<>>;

/// A value with its unit as people say it: "87.3 %", "1.2 GiB", "3 h 20 min".
std::string say_value(double value, std::string_view unit);

/// "14:05" of today's question, with the date when it is another day. UTC.
std::string say_time(TimeMs time, TimeMs now);

/// " There is no data before 10:20.", where less than nine tenths of the time that the answer is
/// about have data; else empty.
std::string say_coverage(const Plan& plan, const Results& results, TimeMs now);

/// The answer in words, from the tools' results alone.
std::string say_answer(const Plan& plan, const Results& results, TimeMs now);

}  // namespace prom5::llm
