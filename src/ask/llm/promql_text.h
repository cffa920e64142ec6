#pragma once

#include <string>
#include <string_view>

namespace prom5::llm {

/// The PromQL of a question that is some, or has some in it: "explain rate(x[5m])". Empty where
/// there is none; it need not parse. Pure; any thread.
std::string promql_in(std::string_view text);

}  // namespace prom5::llm
