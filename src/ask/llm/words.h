#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ask/llm/planner.h"
#include "ask/llm/value_words.h"
#include "ask/texts/languages.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// What the tools gave, by the id of the call.
using Results = std::map<std::string, Json, std::less<>>;

/// The answer in words, from the tools' results alone. What tools say themselves (help texts, why a
/// result is empty, what a query computes) stays as it is.
std::string say_answer(const Plan& plan, const Results& results, TimeMs now,
                       const texts::TextCatalogue& texts = texts::english());

/// "a and b and c"
std::string say_and(const std::vector<std::string>& words, const texts::TextCatalogue& texts);

}  // namespace prom5::llm
