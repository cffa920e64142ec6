#pragma once

#include <string>

#include "ask/llm/telling.h"

namespace prom5::llm {

/// How often and how long targets were down, and when last: of a plan with the wording "outages".
std::string say_outages(const Telling& told);

/// Since when targets are down, or up: of a plan with the wording "since".
std::string say_since(const Telling& told);

/// Since when targets are down, and what their scrapes failed with; behind it `causes`, where there
/// are some or nothing else is known. Of a plan with the wording "why_down".
std::string say_why_down(const Telling& told, const std::string& causes);

/// What started anew, and when: of a plan with the wording "restarts".
std::string say_restarts(const Telling& told);

}  // namespace prom5::llm
